"""Simulated films on disk: in step with their truth, made once, the same whoever makes them."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clips import click_time, click_track, numbers, picture
from phonofilm.cues import read_cue_sheet
from phonofilm.data.simulate import files
from phonofilm.data.simulate.files import (
    MANIFEST,
    RATES_HZ,
    SIZES,
    FilmRow,
    frame_times,
    read_manifest,
    read_truth,
    shooting,
    simulate,
    truth_cues,
)
from phonofilm.data.simulate.scene import compose
from phonofilm.errors import InputError, OptionError, OutputError
from phonofilm.evaluate.truth_sync import onsets_of_sound
from phonofilm.media.audio import read_clip_audio
from phonofilm.media.encode import write_film
from phonofilm.media.frames import decode_frames
from phonofilm.media.probe import probe
from phonofilm.timeline import grid_count
from phonofilm.types import FrameRequest, Waveform

pytestmark = pytest.mark.thorough

SEED = 4_000_000


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films of 64 x 36 at 8 frames a second: quick to make."""

    def tiny(seed: int, damage_share: float) -> files.Shooting:
        return replace(shooting(seed, damage_share), width=64, height=36, rate_hz=Fraction(8), shutter=0.0)

    monkeypatch.setattr(files, "shooting", tiny)


Made = Callable[..., list[FilmRow]]


@pytest.fixture
def made(small: None, tmp_path: Path) -> Made:
    def make(count: int, *, silent: bool = True, **wanted: object) -> list[FilmRow]:
        return simulate(tmp_path / "films", count, SEED, silent=silent, **wanted)  # type: ignore[arg-type]

    return make


@pytest.mark.parametrize("rate_hz", [Fraction(8), Fraction(25, 2), Fraction(24000, 1001), Fraction(60)])
def test_pictures_and_sound_are_in_the_file_where_they_were_put(tmp_path: Path, rate_hz: Fraction) -> None:
    count = grid_count(Fraction(2), rate_hz)
    sound = Waveform(click_track(2, 0.75, 2, 44100), 44100)
    pictures = ((picture(index), index / rate_hz) for index in range(count))
    write_film(tmp_path / "film.mp4", pictures, count / rate_hz, sound)
    clip = probe(tmp_path / "film.mp4")
    (frames,) = decode_frames(clip, [FrameRequest(None, None, None)])
    assert numbers(frames.pixels) == list(range(count))
    assert max(abs(time_s - index / rate_hz) for index, time_s in enumerate(frames.times_s)) < 1e-5
    assert abs(clip.duration_s - count / rate_hz) < 1e-5
    heard = read_clip_audio(clip, 44100)
    assert heard is not None
    assert click_time(heard.samples, 44100) == pytest.approx(0.75, abs=5e-4)


def test_uneven_frames_keep_their_times(tmp_path: Path) -> None:
    times_s, end_s = frame_times(None, Fraction(2), 7)
    write_film(tmp_path / "film.mp4", ((picture(index & 255), t) for index, t in enumerate(times_s)), end_s, None)
    clip = probe(tmp_path / "film.mp4")
    (frames,) = decode_frames(clip, [FrameRequest(None, None, None)])
    assert frames.times_s == tuple(times_s)
    assert (clip.duration_s, clip.audio) == (end_s, None)


@settings(max_examples=50)
@given(st.one_of(st.none(), st.sampled_from(RATES_HZ)), st.integers(1000, 9000), st.integers(0, 10**6))
def test_frames_cover_the_whole_scene(rate_hz: Fraction | None, length_ms: int, seed: int) -> None:
    length_s = Fraction(length_ms, 1000)
    times_s, end_s = frame_times(rate_hz, length_s, seed)
    assert times_s[0] == 0
    assert times_s[-1] < length_s <= end_s
    steps = [after - before for before, after in pairwise([*times_s, end_s])]
    assert min(steps) > 0
    assert max(steps) <= Fraction(1, 8)
    assert rate_hz is None or set(steps) == {1 / rate_hz}


def test_shootings_take_every_size_and_rate() -> None:
    drawn = [shooting(seed, 0.3) for seed in range(600)]
    assert {(how.width, how.height) for how in drawn} == set(SIZES)
    assert {how.rate_hz for how in drawn} == {None, *RATES_HZ}
    assert np.mean([bool(how.damages) for how in drawn]) == pytest.approx(0.3, abs=0.06)
    assert drawn == [shooting(seed, 0.3) for seed in range(600)]


def test_films_lie_beside_their_truth(made: Made, tmp_path: Path) -> None:
    (row,) = made(1, plot="hammer")
    clip = probe(tmp_path / "films" / row.file)
    assert (clip.video.codec, clip.video.width, clip.audio) == ("h264", 64, None)
    truth = read_truth(tmp_path / "films" / row.truth)
    assert truth == compose(SEED, plot="hammer").truth
    assert row.captions == truth.captions
    sheet = read_cue_sheet(tmp_path / "films" / row.truth, clip)
    assert [cue.start_s for cue in sheet.cues] == pytest.approx([cue.start_s for cue in truth_cues(truth)], abs=1e-4)
    assert len(sheet.events) == len(truth.events) == row.events > 0
    assert read_manifest(tmp_path / "films") == [row]


@pytest.mark.parametrize("plot", ["hammer", "footsteps"])
def test_the_sound_in_the_film_is_in_time(made: Made, tmp_path: Path, plot: str) -> None:
    (row,) = made(1, silent=False, plot=plot)
    heard = read_clip_audio(probe(tmp_path / "films" / row.file), 44100)
    assert heard is not None
    onsets_s = onsets_of_sound(heard).times_s
    truth = read_truth(tmp_path / "films" / row.truth)
    strong = [event.time_s for event in truth.events if event.strength > 0.5]
    assert strong
    assert np.mean([np.abs(onsets_s - time_s).min() < 0.04 for time_s in strong]) > 0.7


def test_what_is_there_is_not_made_again_and_the_count_may_grow(made: Made, tmp_path: Path) -> None:
    first = made(2)
    times_ns = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "films").glob("scene-*")}
    shares: list[float] = []
    grown = made(3, progress=lambda stage, share: shares.append(share))
    assert grown[:2] == first
    assert shares == [1.0]
    assert all((tmp_path / "films" / name).stat().st_mtime_ns == time_ns for name, time_ns in times_ns.items())
    assert [row.seed for row in read_manifest(tmp_path / "films")] == [SEED, SEED + 1, SEED + 2]
    made(1)
    assert len(read_manifest(tmp_path / "films")) == 3


def test_cut_short_and_half_made_films_are_made_again(made: Made, tmp_path: Path) -> None:
    first = made(3)
    folder = tmp_path / "films"
    whole = (folder / first[0].file).read_bytes()
    (folder / first[0].file).write_bytes(whole[:100])
    (folder / first[1].truth).unlink()
    (folder / first[2].truth).write_text("{}")
    (folder / f".scene-{SEED:09d}.1.partial.mp4").write_bytes(b"left behind")
    (folder / MANIFEST).write_text("damaged")
    assert made(3) == first
    assert (folder / first[0].file).read_bytes() == whole
    assert read_manifest(folder) == first
    assert not list(folder.glob(".*"))


def test_several_workers_make_the_same_files(tmp_path: Path) -> None:
    wanted = {"silent": True, "plot": "silent still", "damage_share": 0.0}
    rows = [simulate(tmp_path / str(n), 2, SEED + 5, workers=n, **wanted) for n in (1, 2)]  # type: ignore[arg-type]
    assert rows[0] == rows[1]
    assert {row.sha256 for row in rows[0]} == {row.sha256 for row in rows[1]}


@pytest.mark.thorough
def test_told_to_end_nothing_half_made_is_left(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "phonofilm", "data", "simulate", "--out", tmp_path / "w", "--count", "30"]
    process = subprocess.Popen([*line, "--workers", "2"], stderr=subprocess.PIPE)
    end_s = time.monotonic() + 120
    while not list(tmp_path.glob("w/.*.partial.*")):
        assert time.monotonic() < end_s
        time.sleep(0.02)
    process.terminate()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert b"Traceback" not in said
    assert not list(tmp_path.glob("w/.*"))


def test_other_wishes_need_another_folder(made: Made) -> None:
    made(1, plot="hammer")
    with pytest.raises(OptionError, match=r"made with plot hammer, .*now plot knocking"):
        made(1, plot="knocking")


def test_bad_values_are_told_in_one_line(made: Made, tmp_path: Path) -> None:
    for wanted, words in (
        ({"damage_share": 1.5}, "damage share is 1.5"),
        ({"workers": 0}, "workers is 0"),
        ({"plot": "opera"}, "no plot is called 'opera'"),
    ):
        with pytest.raises(OptionError, match=words):
            made(1, **wanted)
    with pytest.raises(OptionError, match="count is 0"):
        made(0)
    with pytest.raises(InputError, match=r"no index\.tsv"):
        made(1, sounds=tmp_path)
    (tmp_path / "films").write_text("a file")
    with pytest.raises(OutputError, match="cannot make the folder"):
        made(1)


def test_a_truth_that_is_none_is_told(made: Made, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_truth(tmp_path / "none.json")
    with pytest.raises(InputError, match="no manifest"):
        read_manifest(tmp_path)
    (row,) = made(1)
    sheet = tmp_path / "films" / row.truth
    data = json.loads(sheet.read_text())
    data["clip"]["scene"]["colour"] = "red"
    sheet.write_text(json.dumps(data))
    with pytest.raises(InputError, match="not the truth of a simulated film"):
        read_truth(sheet)


FULL = """
import resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from phonofilm.errors import OutputError
from phonofilm.media.encode import write_film
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
noise = np.random.default_rng(0).integers(0, 255, (20, 180, 320, 3)).astype(np.uint8)
try:
    write_film(Path(sys.argv[1]), ((picture, k / 25) for k, picture in enumerate(noise)), Fraction(1), None)
except OutputError as error:
    print(error)
"""


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "film.mp4")], capture_output=True, text=True, check=True
    )
    assert "cannot write" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_is_plain_json(made: Made, tmp_path: Path) -> None:
    (row,) = made(1)
    (line,) = (tmp_path / "films" / MANIFEST).read_text().splitlines()
    assert json.loads(line) == json.loads(json.dumps(asdict(row)))
