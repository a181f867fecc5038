"""The report: one page and one file from a model, clips and recordings; nothing loaded from elsewhere."""

import dataclasses
import json
import re
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import phonofilm.evaluate.report as report_module
from phonofilm.cli import main as cli
from phonofilm.codec.listener import SENTENCE_WIDTH, Listener, ListenerConfig
from phonofilm.cues import Cue, CueSheet
from phonofilm.data.simulate.damage import DAMAGES
from phonofilm.data.simulate.truth import Event, Truth
from phonofilm.data.sound_classes import OTHERS, THIRTY
from phonofilm.errors import InputError, MediaError
from phonofilm.evaluate.page import Bars, Section, Table, Tile, page
from phonofilm.evaluate.quality import compare_class
from phonofilm.evaluate.recordings import Archive, piece
from phonofilm.evaluate.report import SIZES, report
from phonofilm.evaluate.robustness import JudgedFilm
from phonofilm.evaluate.sections import unseen
from phonofilm.evaluate.unwanted import stillness, uninvited
from phonofilm.media.audio import write_audio
from phonofilm.media.probe import probe
from phonofilm.pipeline import Take
from phonofilm.types import Waveform

RATE_HZ = 44_100
LABELS = ("dog", "rain", "sea waves", "baby cry", "clock tick", "person sneeze", "helicopter", "chainsaw", "rooster",
          "crackling", "chirping", "cricket", "tiger roar", "thunder", "laughter", "chewing", "footsteps long",
          "door shut", "glass break", "keyboard", "train", "car engine", "drill", "piano", "conga", "beer pour",
          "rifle fire", "explosion", "alarm", "ping pong")  # fmt: skip

CATEGORIES = {"conga": "music_instruments", "chewing": "human_nonspeech", "drill": "vehicles_machines",
              "tiger roar": "animals", "explosion": "weapons_explosions"}  # fmt: skip


def noise(seconds: float, seed: int) -> Waveform:
    return Waveform(
        np.random.default_rng(seed).normal(0, 0.1, (1, round(seconds * RATE_HZ))).astype(np.float32), RATE_HZ
    )


class Film:
    """Stands for a model: noise for every prompt, and stereo noise with two cues for every clip."""

    model = "stand-in"

    def make(self, prompt: str, output: Path, *, seconds: float, takes: int = 1, mono: bool = False) -> list[Take]:
        return [
            Take(output, k, noise(min(seconds, 0.5), len(prompt) + k), None, {}, "0000", False) for k in range(takes)
        ]

    def spot(self, clip: Path) -> CueSheet:
        return CueSheet(clip.name, 9.0, "", tuple(Cue(s, s, 1.0, 0.0) for s in (0.26, 0.48, 0.9)))

    def add_sound(self, clip: Path, output: Path, *, audio_only: bool, takes: int) -> list[Take]:
        if clip.stem == "broken":
            raise MediaError("this clip is broken; give another")
        sheet = CueSheet(clip.name, 1.0, "", (Cue(0.2, 0.2, 1.0, 0.5), Cue(0.6, 0.6, 1.0, -0.5)))
        sound = Waveform(np.repeat(noise(1.0, 3).samples, 2, axis=0), RATE_HZ)
        return [
            Take(output, k, sound, sheet if clip.stem != "still" else CueSheet("", 1.0, "", ()), {}, "0000", False)
            for k in range(takes)
        ]


def judged(seed: int) -> JudgedFilm:
    """A second of grain in which something is said to strike at a quarter, a half and three quarters; the first is
    without."""
    pixels = np.random.default_rng(seed).integers(0, 255, (12, 32, 32, 3), np.uint8)
    film = [(picture, Fraction(k, 12)) for k, picture in enumerate(pixels)]
    times_s = (0.25, 0.5, 0.75) if seed else ()
    events = tuple(Event(time_s, 0.8, 0.0, "strike", "wood", 0.3, 0) for time_s in times_s)
    truth = Truth("hammer", seed, 1.0, events, (), (), "", ("a hammer",), (), (), ((),))
    return JudgedFilm(f"hammer {seed}", lambda: film, Fraction(1), truth)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A size of its own, a small listener, and clips that need no picture: the stem of the path is their sound."""
    tiny = dataclasses.replace(
        SIZES["quick"], takes_ten=2, takes_other=1, splits=2, plain=2, recordings=4, films=3, damaged=2
    )
    monkeypatch.setitem(SIZES, "quick", tiny)
    config = ListenerConfig((*THIRTY, *OTHERS), 128, 2, (2,), 8, 0.0, 7.0, 215, 4)
    monkeypatch.setattr(report_module, "load_listener", lambda: Listener(config).eval().requires_grad_(False))
    monkeypatch.setattr(report_module, "probe", lambda clip: clip)
    monkeypatch.setattr(report_module, "unseen_films", lambda count: map(judged, range(count)))
    monkeypatch.setattr(report_module, "striking_films", lambda count: map(judged, range(count)))
    own = {"loud": noise(1.0, 9), "mute": Waveform(np.zeros((1, RATE_HZ), np.float32), RATE_HZ)}
    monkeypatch.setattr(report_module, "read_clip_audio", lambda clip, rate_hz: own.get(clip.stem))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four short recordings of four sources for each of the thirty classes."""
    folder = tmp_path_factory.mktemp("sounds")
    lines = ["path\tlabel\tcaption\tcategory\ttier\tsource_repo\tsource_ref"]
    for number, label in enumerate(LABELS):
        for take in range(4):
            name = f"{number}_{take}.wav"
            write_audio(noise(0.3, 10 * number + take), folder / name)
            kind = CATEGORIES.get(label, "nature")
            lines.append(f"{name}\t{label}\t{label}\t{kind}\t1\there{take}\tnowhere")
    (folder / "index.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


class Links(HTMLParser):
    """Collects what a page would load, and checks that tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [str(v) for k, v in attrs if k in ("src", "href") and not str(v).startswith("#")]
        if tag not in ("meta", "br", "line", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "rect"):
            assert self.open.pop() == tag


def check(html: str) -> None:
    parser = Links()
    parser.feed(html)
    assert parser.loads == []
    assert parser.open == []
    assert "<script" not in html
    assert "url(" not in html
    assert len(html.encode()) < 300_000


@pytest.mark.thorough
@pytest.mark.usefixtures("small")
def test_everything_that_applies_is_measured(tmp_path: Path, archive: Path) -> None:
    clips = [Path(f"{name}.mp4") for name in ("loud", "mute", "still", "broken")]
    film: Any = Film()
    result = report(
        film, tmp_path / "out", clips=clips, sounds=archive, encode=lambda texts: torch.ones(len(texts), SENTENCE_WIDTH)
    )
    written = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert written == result
    assert written["model"] == "stand-in"
    assert written["failed"] == ["broken.mp4: this clip is broken; give another"]
    assert written["takes"] == 10 * 2 + 20 + 3
    assert written["measures"]["truth"]["films"] == 3
    assert written["measures"]["truth"]["f1"] == pytest.approx(8 / 15)  # 4 of 6 hit, 9 found
    assert written["measures"]["truth"]["median_error_ms"] == pytest.approx(15, abs=0.1)
    assert written["measures"]["truth"]["invented_a_minute"] == 180
    assert written["measures"]["damage"]["clean_f1"] == pytest.approx(4 / 9)
    assert len(written["measures"]["damage"]["ratios"]) == len(DAMAGES)
    wanted = {"sync", "truth", "damage", "meaning", "labels", "quality", "technical", "variety", "unwanted", "stereo"}
    assert wanted <= set(written["measures"])
    for name, figures in written["measures"].items():
        assert figures["does_not_see"], name
    assert len(written["measures"]["quality"]["classes"]) == 10
    assert written["measures"]["stereo"]["fold_down_db"] == pytest.approx(0, abs=0.01)
    assert written["measures"]["sync"]["clips"].keys() == {"loud"}
    assert len(written["measures"]["unwanted"]["without_events"]) == 1
    check((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))


@pytest.mark.thorough
@pytest.mark.usefixtures("small")
def test_without_clips_and_recordings_less_is_measured(tmp_path: Path) -> None:
    film: Any = Film()
    extra = Section("elsewhere", "Against the truth", "A measure from elsewhere.", "much", {"f1": float("nan")})
    result = report(film, tmp_path, more=[extra])
    assert result["measures"]["elsewhere"] == {"f1": None, "does_not_see": "much"}
    assert not {"sync", "quality", "variety", "stereo", "seams"} & set(result["measures"])
    check((tmp_path / "report.html").read_text(encoding="utf-8"))


def test_the_page_holds_every_figure_and_escapes_words() -> None:
    section = Section(
        "a", "A <b> title", "says & means", "", {}, [Tile("of", "0.25", "x")],
        [Bars("plot", [("<one>", 0.5, 1.0), ("none", float("nan"), None)], "floor")],
        [Table("more", ("h",), [("cell <i>",)])],
    )  # fmt: skip
    html = page("T", [("model", "mini")], [section], "the end")
    check(html)
    assert "&lt;one&gt;" in html
    assert "A &lt;b&gt; title" in html
    assert "0.50" in html
    assert "prefers-color-scheme:dark" in html
    widths = [float(w) for w in re.findall(r'class="bar"[^>]*width="([\d.]+)"', html)]
    assert widths == [200.0, 0.0]


def test_blind_spots_come_from_docstrings() -> None:
    text = unseen(uninvited, stillness)
    assert "under other sounds" in text
    assert "fits the place" in text
    assert "Raises" not in unseen(*[compare_class, uninvited])
    assert "`" not in text


def test_the_archive_draws_by_source_and_cuts_around_the_loudest(archive: Path) -> None:
    recorded = Archive(archive).of_class("dog", 3, 0.2)
    assert len(recorded.sounds) == 3
    assert len(set(recorded.groups)) == 3
    assert all(sound.duration_s <= 0.2 for sound in recorded.sounds)
    assert {name for name in THIRTY if Archive(archive).of_class(name, 1, 0.1).sounds} == set(THIRTY)
    plain = Archive(archive).without(("music", "rain"), 200, 0.1, held_out=False)
    assert len(plain.sounds) == 27 * 4  # 30 classes without rain, piano and drums
    wave = np.zeros((2, 10 * RATE_HZ), np.float32)
    wave[:, 6 * RATE_HZ] = 1
    cut = piece(Waveform(wave, RATE_HZ), 5.0)
    assert cut.samples.shape == (1, 5 * RATE_HZ)
    assert cut.samples[0, RATE_HZ] == 1
    with pytest.raises(InputError, match=r"no folder"):
        Archive(archive / "nowhere")


@pytest.mark.thorough
@pytest.mark.usefixtures("small")
def test_a_clip_that_cannot_be_read_is_said_once_and_the_rest_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("no film")
    monkeypatch.setattr(report_module, "probe", lambda clip: probe(clip) if clip == bad else clip)
    monkeypatch.setattr("phonofilm.pipeline.Phonofilm.load", lambda *_, **__: Film())
    words = ["evaluate", "report", "loud.mp4", str(bad), "-o", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["phonofilm", *words])
    monkeypatch.setattr("phonofilm.cli.evaluate.start_logging", lambda _: None)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path / 'out' / 'report.html'}\n"
    assert printed.err.startswith(
        "phonofilm: 1 of 2 clips could not be measured, and the report is about the rest: bad"
    )
    assert printed.err.count("bad.mp4") == printed.err.count("\n") == 1
    written = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert written["measures"]["sync"]["clips"].keys() == {"loud"}
    assert (len(written["failed"]), written["left_out"]) == (1, [])
