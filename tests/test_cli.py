"""The command line: what it writes, what it prints where, and its exit codes. Errors are one line on stderr."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clips import even_times, make_clip, tiny_film
from phonofilm import __version__
from phonofilm.cli import main as cli
from phonofilm.cli import sound
from phonofilm.media.audio import SOUND_SUFFIXES, SOUNDFILE_FORMATS, read_audio
from phonofilm.media.probe import probe
from phonofilm.pipeline import Phonofilm


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Call = Callable[..., Result]


@pytest.fixture
def phonofilm(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the command in this process; the tiny model is loaded once for all."""
    load = Phonofilm.load

    def loaded(model: str = "mini", device: str = "auto", **others: Any) -> Phonofilm:
        return tiny_film() if (model, device) in (("tiny", "auto"), ("tiny", "cpu")) else load(model, device)

    monkeypatch.setattr(Phonofilm, "load", staticmethod(loaded))

    def call(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["phonofilm", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = capsys.readouterr()
        code = caught.value.code
        assert "Traceback" not in printed.err
        return Result(code if isinstance(code, int) else int(code is not None), printed.out, printed.err)

    return call


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", even_times(13, Fraction(25)), sound="click", click_s=0.2)


def copied(path: Path, to: Path) -> Path:
    to.write_bytes(path.read_bytes())
    return to


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fails(result: Result, words: str) -> None:
    """One line on stderr, exit code 1, nothing on stdout."""
    assert result.code == 1, result
    assert result.out == ""
    assert result.err.startswith("phonofilm: ")
    assert result.err.count("\n") == 1
    assert words in result.err


def test_add_prints_the_path_and_nothing_else(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    result = phonofilm("add", clip, "--model", "tiny", "--prompt", "rain")
    assert result == Result(0, f"{tmp_path / 'clip.sound.mp4'}\n", "")
    assert names(tmp_path) == ["clip.mp4", "clip.sound.mp4"]


@pytest.mark.parametrize(
    ("codec", "name", "written", "said"),
    [
        ("gif", "a.gif", "a.sound.mp4", "writing it as H.264"),
        ("mpeg1video", "a.mpg", "a.sound.mkv", "no kind of film that is written here"),
    ],
)
def test_another_container_is_said(
    tmp_path: Path, phonofilm: Call, codec: str, name: str, written: str, said: str
) -> None:
    path = make_clip(tmp_path / name, even_times(13, Fraction(25)), codec=codec)
    result = phonofilm("add", path, "--model", "tiny", "--prompt", "rain")
    assert result.code == 0
    assert result.out == f"{tmp_path / written}\n"
    assert result.err.startswith("phonofilm: ")
    assert result.err.count("\n") == 1
    assert said in result.err


def test_add_json(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    result = phonofilm(
        "add", clip, "--model", "tiny", "--takes", 2, "--seed", 7, "--json", "--mono", "--prompt", "rain"
    )
    (row,) = json.loads(result.out)
    assert result.err == ""
    assert row["clip"] == str(clip)
    assert [take["seed"] for take in row["takes"]] == [7, 8]
    for take in row["takes"]:
        assert Path(take["file"]).exists()
        assert take["duration_s"] == pytest.approx(0.52, abs=1e-4)
        assert take["channels"] == 1
        assert take["rate_hz"] == 44_100
        assert isinstance(take["cues"], list)
        assert take["seconds"]["sample"] >= 0


@pytest.mark.thorough
def test_the_command_is_the_library_call(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    words = ["--prompt", "steps on gravel", "--negative", "music", "--seed", "3", "--steps", "3", "--guidance", "2.5"]
    more = ["--sync", "0.5", "--loudness", "-20", "--keep-original", "--original-db", "-12"]
    output = tmp_path / "command.wav"
    assert phonofilm("add", clip, "--model", "tiny", "--audio-only", "-o", output, *words, *more).code == 0
    options: dict[str, Any] = {"prompt": "steps on gravel", "negative": "music", "seed": 3, "steps": 3, "guidance": 2.5}
    options |= {"sync": 0.5, "loudness": "-20", "keep_original": True, "original_db": -12.0}
    tiny_film().add_sound(clip, tmp_path / "call.wav", audio_only=True, **options)
    assert np.array_equal(read_audio(output).samples, read_audio(tmp_path / "call.wav").samples)


@pytest.mark.thorough
def test_edits_in_a_folder_go_on_from_each_other(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    assert phonofilm("add", clip, "--model", "tiny").code == 0
    again = ["add", clip, "--model", "tiny", "--out-dir", tmp_path / "out", "--redo"]
    assert phonofilm(*again, "0-0.2").out == f"{tmp_path / 'out' / 'clip.redo.mp4'}\n"
    result = phonofilm(*again, "0.3-0.5")
    assert result.out == f"{tmp_path / 'out' / 'clip.redo2.mp4'}\n"
    assert result.err.count("going on from") == 1
    assert f"going on from {tmp_path / 'out' / 'clip.redo.mp4'}" in result.err
    fails(phonofilm(*again, "0-0.2", "--take", clip, "--loudness", "cinema"), "leave loudness out")


def test_many_clips_go_into_a_folder_and_a_bad_one_does_not_stop_them(
    tmp_path: Path, phonofilm: Call, clip: Path
) -> None:
    bad, last = tmp_path / "bad.mp4", make_clip(tmp_path / "last.webm", codec="libvpx-vp9")
    bad.write_text("no film")
    folder = tmp_path / "made" / "here"
    clips = (clip, bad, tmp_path / "nowhere.mp4", last)
    result = phonofilm("add", *clips, "--out-dir", folder, "--model", "tiny", "--prompt", "rain")
    assert result.code == 1
    assert result.out.split() == [str(folder / "clip.sound.mp4"), str(folder / "last.sound.webm")]
    assert names(folder) == ["clip.sound.mp4", "last.sound.webm"]
    errors = result.err.splitlines()
    assert len(errors) == 2
    assert all(line.startswith("phonofilm: ") for line in errors)
    assert "bad.mp4" in errors[0]
    assert "nowhere.mp4" in errors[1]


@pytest.mark.thorough
def test_what_was_made_here_is_left_out_of_many_and_taken_alone(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    """`*.mp4` names the results too, the second time."""
    phonofilm("add", clip, "--model", "tiny")
    made = tmp_path / "clip.sound.mp4"
    result = phonofilm("add", clip, made, "--model", "tiny")
    assert (result.code, result.out) == (0, f"{made}\n")
    assert f"{made} has its sound from phonofilm already and is left out" in result.err
    fails(phonofilm("add", made, made, "--model", "tiny"), "all 2 clips have their sound")
    alone = phonofilm("add", made, "--model", "tiny")
    assert (alone.code, alone.out) == (0, f"{tmp_path / 'clip.sound.sound.mp4'}\n")


def test_what_is_seen_is_said(tmp_path: Path, phonofilm: Call, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = tiny_film().seeing("tiger")
    monkeypatch.setattr(sound, "_load", lambda *_: film)
    result = phonofilm("add", clip, "--model", "tiny")
    assert result.out == f"{tmp_path / 'clip.sound.mp4'}\n"
    said = "heard as 'a tiger growling and roaring', by what is seen; --prompt says otherwise"
    assert result.err == f"phonofilm: {clip}: {said}\n"
    assert phonofilm("add", clip, "--prompt", "rain", "--model", "tiny").err == ""


@pytest.mark.thorough
def test_words_that_were_never_learnt_are_said(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    result = phonofilm("make", "xyzzy", "--seconds", 0.5, "-o", tmp_path / "x.wav", "--model", "tiny")
    assert result.code == 0
    assert "is called like 'xyzzy'" in result.err
    result = phonofilm("add", clip, "--prompt", "собака лает", "--model", "tiny")
    assert result.code == 0
    assert "name a sound, in English" in result.err


@pytest.mark.parametrize(
    "line", [["make", "rain", "--loudness", "99"], ["spot", "{folder}/none.mp4"], ["add", "{clip}", "--loudness", "99"]]
)
def test_json_tells_what_stopped_a_verb(tmp_path: Path, phonofilm: Call, clip: Path, line: list[str]) -> None:
    result = phonofilm(*(part.format(folder=tmp_path, clip=clip) for part in line), "--json")
    assert result.code == 1
    assert result.err == f"phonofilm: {json.loads(result.out)['error']}\n"


def test_json_tells_of_the_bad_ones_too(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    result = phonofilm("add", tmp_path / "nowhere.mp4", clip, "--model", "tiny", "--json")
    assert result.code == 1
    first, second = json.loads(result.out)
    assert "does not exist" in first["error"]
    assert len(second["takes"]) == 1


def test_two_clips_that_would_meet(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    (tmp_path / "other").mkdir()
    others = [copied(clip, tmp_path / name) for name in ("other/clip.mp4", "clip.mpg", "clip.mkv", "clip.mov")]
    before = {path: path.read_bytes() for path in (clip, *others)}
    for pair, more in (
        ([clip, others[0]], ["--out-dir", tmp_path / "out"]),
        (others[1:3], []),  # both become clip.sound.mkv
        ([clip, others[3]], ["--audio-only"]),
        ([clip, others[3]], ["--stems"]),  # clip.sound.effects.wav of which?
        ([clip, clip], []),
    ):
        fails(phonofilm("add", *pair, *more, "--model", "tiny"), "two clips would be written")
    assert {path: path.read_bytes() for path in before} == before
    assert names(tmp_path) == ["clip.mkv", "clip.mov", "clip.mp4", "clip.mpg", "other"]


@pytest.mark.parametrize(
    ("first", "second", "more"),
    [
        ("a.mp4", "a.sound.mp4", []),
        ("film", "film.sound.mkv", []),
        ("a.mp4", "a.sound.2.mp4", ["--takes", "2"]),
        ("a.mp4", "{out}/a.sound.mp4", ["--out-dir", "{out}"]),
        ("Scene 1.5 final", "Scene 1.5 final.sound.mkv", []),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_no_clip_of_a_batch_is_overwritten(
    tmp_path: Path, phonofilm: Call, clip: Path, first: str, second: str, more: list[str], swapped: bool
) -> None:
    (tmp_path / "out").mkdir()
    one, other = copied(clip, tmp_path / first), copied(clip, tmp_path / second.format(out="out"))
    before = names(tmp_path)
    clips = [other, one] if swapped else [one, other]
    result = phonofilm("add", *clips, *(word.format(out=tmp_path / "out") for word in more), "--model", "tiny")
    fails(result, f"{one} would be written to {other}, which is the clip {other}")
    assert names(tmp_path) == before
    assert other.read_bytes() == clip.read_bytes()


def test_a_name_without_an_ending_takes_nobody_elses(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    film, other = copied(clip, tmp_path / "film"), copied(clip, tmp_path / "film.mkv")
    fails(phonofilm("add", film, other, "--model", "tiny"), "two clips would be written")
    result = phonofilm("add", film, "--model", "tiny", "--stems")
    assert result.out == f"{tmp_path / 'film.sound.mkv'}\n"
    assert names(tmp_path) == sorted(
        ["clip.mp4", "film", "film.mkv", "film.sound.mkv", "film.sound.effects.wav", "film.sound.mix.wav"]
    )
    assert other.read_bytes() == clip.read_bytes()
    (tmp_path / "precious.xyz.mkv").write_text("dear to somebody")
    fails(phonofilm("add", clip, "-o", tmp_path / "precious.xyz", "--model", "tiny"), "is there already")
    assert (tmp_path / "precious.xyz.mkv").read_text() == "dear to somebody"


def test_another_container_in_a_folder_is_said_once_and_replaced(tmp_path: Path, phonofilm: Call) -> None:
    path = make_clip(tmp_path / "a.wmv", even_times(13, Fraction(25)), codec="wmv2")
    for _ in range(2):
        result = phonofilm("add", path, "--out-dir", tmp_path / "out", "--model", "tiny")
        assert result.out == f"{tmp_path / 'out' / 'a.sound.avi'}\n"
        assert result.err.count("is no kind of film that is written here") == 1
    assert names(tmp_path / "out") == ["a.sound.avi"]


@pytest.mark.parametrize("name", ["clip.mp4", "other.mp4", "cues.txt", "cues", "link.json"])
def test_a_cue_sheet_is_written_over_no_film(tmp_path: Path, phonofilm: Call, clip: Path, name: str) -> None:
    other = copied(clip, tmp_path / "other.mp4")
    (tmp_path / "link.json").symlink_to(clip)
    words = "is the clip itself" if name in ("clip.mp4", "link.json") else "ends in .json"
    fails(phonofilm("spot", clip, "-o", tmp_path / name), words)
    assert clip.read_bytes() == other.read_bytes()
    assert names(tmp_path) == ["clip.mp4", "link.json", "other.mp4"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "{folder}/no.mp4"],
        ["add", "{folder}/no.mp4", "{folder}/neither.mp4"],
        ["add", "{clip}", "-o", "{folder}/no/a.mp4"],
        ["add", "{clip}", "-o", "{clip}"],
        ["add", "{clip}", "--model", "huge"],
        ["add", "{clip}", "--device", "abacus"],
        ["add", "{clip}", "--precision", "int4"],
        ["add", "{clip}", "--redo", "7-3"],
        ["add", "{clip}", "--redo", "0.1-77"],
        ["add", "{clip}", "--redo", "0.1-0.3"],
        ["add", "{clip}", "--voices", "ANNA=f2"],
        ["add", "{clip}", "--dialogue", "{lines}", "--voices", "ANNNA=f2"],
        ["add", "{clip}", "--dialogue", "{lines}", "--voices", "ANNA=f22"],
        ["add", "{clip}", "--redo", "0.1-0.3", "--take", "{clip}", "-o", "{clip}"],
        ["add", "{clip}", "--cues", "{folder}/no.json"],
        ["add", "{clip}", "--audio-only", "-o", "{folder}/a.xyz"],
        *(["add", "{clip}", flag, "{folder}/no.file"] for flag in ("--take", "--dialogue", "--key")),
        ["add", "{clip}", "--certificate", "{folder}/no.pem", "--certificate-key", "{clip}"],
        ["make", "rain", "--key", "{folder}/no.file", "-o", "{folder}/a.wav"],
        ["spot", "{folder}/no.mp4"],
        ["spot", "{clip}", "-o", "{folder}/no/cues.json"],
        ["make", "", "-o", "{folder}/a.wav"],
        ["make", "rain", "-o", "{folder}/a.mp4"],
        ["make", "rain", "-o", "{folder}/no/a.wav"],
        ["make", "rain", "--model", "huge"],
        ["evaluate", "sync", "{clip}", "--model", "huge"],
        ["evaluate", "meaning", "--device", "abacus"],
        ["evaluate", "report", "--out", "{clip}"],
    ],
)
def test_what_is_wrong_is_told_before_a_model_is_loaded(
    tmp_path: Path, phonofilm: Call, clip: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object, **__: object) -> Phonofilm:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(Phonofilm, "load", staticmethod(load))
    lines = tmp_path / "lines.txt"
    if "{lines}" in arguments:
        pytest.importorskip("espeakng_loader")
        lines.write_text("ANNA: Hello", encoding="utf-8")
    result = phonofilm(*(argument.format(clip=clip, folder=tmp_path, lines=lines) for argument in arguments))
    assert result.code == 1
    assert result.err.startswith("phonofilm: ")
    lines.unlink(missing_ok=True)
    assert names(tmp_path) == ["clip.mp4"]


def test_nothing_wrong_waits_for_torch() -> None:
    """The check itself imports nothing that takes seconds."""
    words = "import sys, phonofilm.cli.main, phonofilm.cli.plan; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


def test_wrong_combinations(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    fails(phonofilm("add", clip, clip.with_name("b.mp4"), "-o", "x.mp4", "--model", "tiny"), "--out-dir")
    fails(phonofilm("add", clip, "-o", "x.mp4", "--out-dir", tmp_path, "--model", "tiny"), "give one of them")
    fails(phonofilm("add", clip, clip.with_name("b.mp4"), "--cues", "c.json", "--model", "tiny"), "one by one")
    (tmp_path / "file").write_text("")
    fails(phonofilm("add", clip, "--out-dir", tmp_path / "file", "--model", "tiny"), "cannot make the folder")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "{clip}", "--model", "huge"], "no model is called 'huge'"),
        (["add", "{clip}", "--device", "abacus"], "device is 'abacus'"),
        (["add", "{clip}", "--prompt", "x" * 10_000], "10,000 characters"),
        (["add", "{clip}", "--takes", "0"], "takes is 0"),
        (["add", "{clip}", "--guidance", "nan"], "guidance is nan"),
        (["add", "{clip}", "--loudness", "loud"], "loudness is 'loud'"),
        (["add", "{clip}", "-o", "{clip}"], "is the clip itself"),
        (["add", "{clip}", "-o", "{folder}"], "is a folder"),
        (["add", "{clip}", "-o", ""], "output . is a folder; give a file name"),
        (["add", "{clip}", "-o", ".", "--audio-only", "--takes", "2"], "output . is a folder; give a file name"),
        (["spot", "{clip}", "-o", ""], "output . is a folder; give a file name"),
        (["make", "rain", "-o", "", "--takes", "2"], "output . is a folder; give a file name"),
        (["add", "{clip}", "--dialogue", "{folder}"], "is a folder; name a file"),
        (["add", "{clip}", "--redo", "3-4", "--take", "{clip}"], "begin before that"),
        (["studio", "--model", "own"], "is one that you trained; give its folder"),
        (["studio", "--weights-dir", "{folder}/none"], "is no folder"),
        (["add", "{clip}", "-o", "{folder}/no/a.mp4"], "does not exist"),
        (["add", "{clip}", "-o", "{folder}/a.wav"], "(audio-only)"),
        (["add", "{clip}", "--audio-only", "-o", "{folder}/a.xyz"], "cannot write sound as"),
        (["add", "{clip}", "--cues", "{folder}/no.json"], "cannot be read"),
        (["add", "{folder}"], "is a folder"),
        (["add", "{folder}/no.mp4"], "does not exist"),
        (["spot", "{folder}/no.mp4"], "does not exist"),
        (["spot", "{clip}", "-o", "{folder}/no/cues.json"], "does not exist"),
        (["make", "rain", "-o", "{folder}/a.mp4"], "cannot write sound as"),
        (["make", "", "-o", "{folder}/a.wav"], "prompt is empty"),
        (["make", "!!!???", "-o", "{folder}/a.wav"], "no word in it"),
        (["make", "\U0001f436", "-o", "{folder}/a.wav"], "emoji are not understood"),
        (["make", "rain", "--seconds", "0", "-o", "{folder}/a.wav"], "seconds is 0"),
    ],
)
def test_errors_are_one_line(tmp_path: Path, phonofilm: Call, clip: Path, arguments: list[str], words: str) -> None:
    filled = [argument.format(clip=clip, folder=tmp_path) for argument in arguments]
    if arguments[0] != "spot" and "--model" not in arguments:
        filled += ["--model", "tiny"]
    fails(phonofilm(*filled), words)
    assert names(tmp_path) == ["clip.mp4"]


def test_a_sheet_with_nan(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    sheet = tmp_path / "cues.json"
    sheet.write_text('{"phonofilm_cue_sheet": 1, "clip": {"duration_s": 0.5}, "cues": [{"start_s": NaN}]}')
    fails(phonofilm("add", clip, "--cues", sheet, "--model", "tiny"), "start_s is nan")


def test_spot_prints_json_in_a_pipe_and_writes_it(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    printed = phonofilm("spot", clip)
    assert printed.code == 0
    assert printed.err == ""
    assert json.loads(printed.out)["clip"]["fingerprint"] == probe(clip).fingerprint
    written = phonofilm("spot", clip, "-o", tmp_path / "cues.json")
    assert written.out == f"{tmp_path / 'cues.json'}\n"
    assert (tmp_path / "cues.json").read_text() == printed.out
    assert phonofilm("add", clip, "--cues", tmp_path / "cues.json", "--model", "tiny").code == 0


def test_spot_prints_a_table_on_a_terminal(phonofilm: Call, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phonofilm.cli.sound.sys.stdout.isatty", lambda: True)
    result = phonofilm("spot", clip)
    assert result.code == 0
    assert "strength" in result.out


def test_make(tmp_path: Path, phonofilm: Call) -> None:
    output = tmp_path / "rain.ogg"
    result = phonofilm("make", "rain on a tin roof", "--seconds", 1.5, "-o", output, "--model", "tiny", "--json")
    assert result.err == ""
    (take,) = json.loads(result.out)["takes"]
    assert take["file"] == str(output)
    assert take["duration_s"] == 1.5
    assert read_audio(output).channels == 2


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("rain on a tin roof", ()),
        ("no speech, footsteps, a crowd talking", ()),
        ("piano music, slow and sad", ("asks for music", "--music 'piano music, slow and sad'")),
        ("a woman says hello", ("asks for speech", "--dialogue")),
        ("a narrator, soft piano", ("asks for music and speech", "--music 'soft piano'", "--dialogue")),
    ],
)
def test_make_says_once_what_words_alone_do_not_make(
    tmp_path: Path, phonofilm: Call, prompt: str, words: tuple[str, ...]
) -> None:
    result = phonofilm("make", prompt, "--seconds", 0.5, "-o", tmp_path / "a.wav", "--takes", 2, "--model", "tiny")
    assert result.code == 0
    assert result.err.count("words alone make neither") == bool(words)
    assert all(word in result.err for word in words)


def test_models(phonofilm: Call) -> None:
    rows = json.loads(phonofilm("models", "--json").out)
    assert [row["name"] for row in rows][:3] == ["mini", "tiny", "mmaudio-small-16k"]
    assert all(row["weights_licence"] and row["code_licence"] for row in rows)
    table = phonofilm("models").out
    assert "mini" in table
    assert "licence" in table


@pytest.mark.parametrize(
    ("arguments", "stage"),
    [
        (["add", "{clip}", "--model", "tiny"], "phonofilm.media.mux.av.open"),
        (["add", "{clip}", "--model", "tiny"], "os.replace"),
        (["make", "rain", "-o", "{folder}/a.wav", "--seconds", "1", "--model", "tiny"], "os.replace"),
        (["spot", "{clip}"], "phonofilm.scenes.mini.stream_frames"),
    ],
)
def test_an_interrupt_is_130_and_leaves_nothing(
    tmp_path: Path, phonofilm: Call, clip: Path, arguments: list[str], stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, interrupt)
    assert phonofilm(*(argument.format(clip=clip, folder=tmp_path) for argument in arguments)).code == 130
    assert names(tmp_path) == ["clip.mp4"]


@pytest.mark.thorough
def test_verbose_tells_on_stderr_and_stdout_stays_clean(tmp_path: Path, phonofilm: Call, clip: Path) -> None:
    result = phonofilm("add", clip, "--model", "tiny", "-v")
    assert result.out == f"{tmp_path / 'clip.sound.mp4'}\n"
    assert "took" in result.err
    assert phonofilm("add", clip, "--model", "tiny", "--prompt", "rain").err == ""


@pytest.mark.parametrize(
    "arguments", [["add"], ["add", "a.mp4", "--nonsense"], ["dance"], ["add", "a.mp4", "--takes", "x"]]
)
def test_wrong_usage_is_2(phonofilm: Call, arguments: list[str]) -> None:
    assert phonofilm(*arguments).code == 2


def test_every_option_has_a_flag_with_its_help(phonofilm: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from phonofilm.settings import AddOptions, MakeOptions, option_table

    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("TERMINAL_WIDTH", "300")
    for verb, record in (("add", AddOptions), ("make", MakeOptions)):
        page = phonofilm(verb, "--help").out
        for flag, _, help_text in option_table(record):
            assert flag in page
            assert help_text.split(";")[0].split(":")[0][:30] in " ".join(page.split())


def test_help_tells_ranges_and_all_that_can_be_written(phonofilm: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("TERMINAL_WIDTH", "300")
    added, made = (" ".join(phonofilm(verb, "--help").out.split()) for verb in ("add", "make"))
    assert "at its loudness. (-60 to 12)" in added
    assert "Length in seconds. (0.5 to 3600)" in made
    assert "NAME.mix.wav" in added
    for page in (added, made):
        assert all(suffix[1:] in page for suffix in SOUND_SUFFIXES)
    assert set(SOUNDFILE_FORMATS) < set(SOUND_SUFFIXES)


@pytest.mark.thorough
def test_the_module_runs_as_a_command(tmp_path: Path) -> None:
    environment = {**os.environ, "COLUMNS": "120"}
    help_page = subprocess.run(
        [sys.executable, "-m", "phonofilm", "--help"], capture_output=True, text=True, env=environment, check=False
    )
    assert help_page.returncode == 0
    assert help_page.stderr == ""
    for verb in ("add", "spot", "make", "models", "evaluate"):
        assert verb in help_page.stdout
    bad = tmp_path / "bad.mp4"
    bad.write_text("no film")
    failed = subprocess.run(
        [sys.executable, "-m", "phonofilm", "spot", bad], capture_output=True, text=True, env=environment, check=False
    )
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith(f"phonofilm: {bad} is no film or sound")
    assert failed.stderr.count("\n") == 1


def test_the_version(phonofilm: Call) -> None:
    result = phonofilm("--version")
    assert (result.code, result.out) == (0, f"phonofilm {__version__}\n")
