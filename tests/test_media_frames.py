"""The single decode pass against a rule that anyone can check by hand: the last frame not after the instant."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clips import cut_by_edit_list, even_times, make_clip, numbers, shown_packets
from phonofilm.errors import MediaError
from phonofilm.media.frames import decode_frames, stream_frames
from phonofilm.media.probe import probe
from phonofilm.timeline import grid_count
from phonofilm.types import ByteArray, FrameRequest

RATES = [Fraction(rate) for rate in ("8", "15", "24000/1001", "24", "25", "30000/1001", "30", "60")]
CLOCKS = [Fraction(4), Fraction(8), Fraction(25), Fraction(24), Fraction(30000, 1001), Fraction(100)]
EVERY = FrameRequest(None, 64, 48)


def by_hand(times_s: list[Fraction], rate_hz: Fraction, end_s: Fraction) -> list[int]:
    """For each k / rate in [0, end): the number of the last frame that has begun; times rise from zero."""
    points = [k / rate_hz for k in range(grid_count(end_s, rate_hz))]
    return [max(i for i, time_s in enumerate(times_s) if time_s <= point) for point in points]


def stored_times(path: Path) -> list[Fraction]:
    return sorted(time_s for time_s, _ in shown_packets(path))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("rate_hz", RATES)
def test_picks_of_constant_rates(tmp_path: Path, rate_hz: Fraction, suffix: str) -> None:
    path = make_clip(tmp_path / f"clip{suffix}", even_times(round(rate_hz * 5 / 4), rate_hz), rate_hz=rate_hz)
    clip = probe(path)
    times_s = stored_times(path)
    requests = [EVERY, *(FrameRequest(clock, 64, 48) for clock in CLOCKS)]
    every, *picked = decode_frames(clip, requests)
    assert numbers(every.pixels) == list(range(len(times_s)))
    assert list(every.times_s) == times_s
    for clock, frames in zip(CLOCKS, picked, strict=True):
        assert numbers(frames.pixels) == by_hand(times_s, clock, clip.duration_s), f"clock {clock}"
        assert list(frames.times_s) == [k / clock for k in range(grid_count(clip.duration_s, clock))]


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    gaps_ms=st.lists(st.integers(5, 400), min_size=1, max_size=20),
    first_ms=st.integers(0, 3000),
    clock=st.sampled_from(CLOCKS),
    suffix=st.sampled_from([".mp4", ".mkv"]),
)
def test_picks_of_variable_rates(
    tmp_path: Path, gaps_ms: list[int], first_ms: int, clock: Fraction, suffix: str
) -> None:
    stamps = [Fraction(first_ms + sum(gaps_ms[:k]), 1000) for k in range(len(gaps_ms) + 1)]
    path = make_clip(tmp_path / f"clip{suffix}", stamps)
    clip = probe(path)
    times_s = [stamp - stamps[0] for stamp in stamps]
    assert abs(clip.start_s - stamps[0]) <= Fraction(1, 1000)
    every, picked = decode_frames(clip, [EVERY, FrameRequest(clock, 64, 48)])
    assert list(every.times_s) == times_s
    assert numbers(picked.pixels) == by_hand(times_s, clock, clip.duration_s)


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        ("libx265", ".mp4"),
        ("libvpx", ".webm"),
        ("libvpx-vp9", ".mkv"),
        ("libsvtav1", ".mp4"),
        ("mpeg1video", ".mpg"),
        ("mpeg4", ".mp4"),
        ("prores_ks", ".mov"),
        ("gif", ".gif"),
    ],
)
def test_picks_of_every_codec(tmp_path: Path, codec: str, suffix: str) -> None:
    clip = probe(make_clip(tmp_path / f"clip{suffix}", codec=codec))
    every, picked = decode_frames(clip, [EVERY, FrameRequest(Fraction(8), 64, 48)])
    times_s = even_times(25, Fraction(25))
    assert numbers(every.pixels) == list(range(25))
    assert list(every.times_s) == times_s
    assert numbers(picked.pixels) == by_hand(times_s, Fraction(8), Fraction(1))


@pytest.mark.parametrize("size", [(63, 47), (47, 63), (48, 128), (33, 17)])
def test_odd_sizes_and_portrait(tmp_path: Path, size: tuple[int, int]) -> None:
    path = make_clip(tmp_path / "clip.webm", codec="libvpx-vp9", size=size)
    clip = probe(path)
    assert (clip.video.width, clip.video.height) == size
    for width, height in ((size[0], size[1]), (31, 21), (160, 90)):
        frames = decode_frames(clip, [FrameRequest(None, width, height)])[0]
        assert frames.pixels.shape == (25, height, width, 3)
        assert numbers(frames.pixels) == list(range(25))


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_clips_come_out_upright(tmp_path: Path, rotation: int) -> None:
    clip = probe(make_clip(tmp_path / "clip.mp4", rotation=rotation, size=(48, 80)))
    for crop in (False, True):
        frames = decode_frames(clip, [FrameRequest(None, 48, 80, crop=crop)])[0]
        assert frames.pixels.shape == (25, 80, 48, 3)
        assert numbers(frames.pixels) == list(range(25))


def test_crop_takes_the_centre_and_keeps_the_aspect(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "clip.mp4", even_times(9, Fraction(25)), size=(128, 48)))
    cropped, squeezed = decode_frames(clip, [FrameRequest(None, 48, 48, crop=True), FrameRequest(None, 48, 48)])
    assert numbers(squeezed.pixels) == list(range(9))
    # The outer columns of blocks are cut off: frame 1 has its only white block there, frame 2 in the middle.
    assert cropped.pixels[1].max() < 60
    assert cropped.pixels[2].max() > 180


def test_an_edit_list_hides_what_it_hides(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", even_times(50, Fraction(25)))
    cut_by_edit_list(path, 0.4)
    every = decode_frames(probe(path), [EVERY])[0]
    assert numbers(every.pixels) == list(range(10, 50))
    assert list(every.times_s) == even_times(40, Fraction(25))


def test_decoding_stops_at_the_end_asked_for(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "clip.mp4", even_times(100, Fraction(25))))
    shares: list[float] = []
    requests = [EVERY, FrameRequest(Fraction(8), 64, 48)]
    every, picked = decode_frames(
        clip,
        requests,
        start_s=Fraction(1, 2),
        end_s=Fraction(1),
        progress=lambda _stage, share: shares.append(share),
    )
    assert numbers(every.pixels) == list(range(13, 25))
    assert numbers(picked.pixels) == [12, 15, 18, 21]
    assert list(picked.times_s) == [Fraction(1, 2) + k / Fraction(8) for k in range(4)]
    assert list(every.times_s) == [k / Fraction(25) for k in range(13, 25)]
    assert len(shares) <= 26
    assert shares == sorted(shares)


def test_together_is_the_same_as_one_by_one(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "clip.mp4"))
    requests = [EVERY, FrameRequest(Fraction(4), 32, 32, crop=True), FrameRequest(Fraction(30), 20, 10)]
    for request, frames in zip(requests, decode_frames(clip, requests), strict=True):
        alone = decode_frames(clip, [request])[0]
        assert np.array_equal(alone.pixels, frames.pixels)
        assert alone.times_s == frames.times_s


def test_damaged_packets_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = make_clip(tmp_path / "clip.mp4", even_times(40, Fraction(25)), codec="mpeg4")
    data = bytearray(path.read_bytes())
    payloads = [payload for _, payload in shown_packets(path)]
    place = data.index(payloads[20])
    data[place : place + len(payloads[20])] = bytes(len(payloads[20]))
    path.write_bytes(data)
    every, even = decode_frames(probe(path), [EVERY, FrameRequest(Fraction(25), 64, 48)])
    assert 30 <= len(every.times_s) <= 40
    assert len(even.times_s) == 40
    assert numbers(every.pixels)[:20] == list(range(20))


def test_nothing_that_decodes(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", codec="mpeg4")
    clip = probe(path)
    data = bytearray(path.read_bytes())
    for _, payload in shown_packets(path):
        place = data.index(payload)
        data[place : place + len(payload)] = bytes(len(payload))
    path.write_bytes(data)
    with pytest.raises(MediaError, match="no frame that can be decoded"):
        decode_frames(clip, [EVERY])
    with pytest.raises(MediaError, match="no frame that can be decoded"):
        probe(path)


PEAK = """
import resource, sys
from fractions import Fraction
from pathlib import Path
from phonofilm.media.frames import decode_frames, stream_frames
from phonofilm.media.probe import probe
from phonofilm.types import ByteArray, FrameRequest

clip, rate = probe(Path(sys.argv[1])), None if sys.argv[2] == "every" else Fraction(sys.argv[2])
decode_frames(clip, [FrameRequest(rate, 64, 48)])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
frames = decode_frames(clip, [FrameRequest(rate, 320, 240)])[0]
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / frames.pixels.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is counted in other units")
@pytest.mark.parametrize("rate", ["every", "100"])
def test_frames_are_held_once(tmp_path: Path, rate: str) -> None:
    # In a process of its own: FFmpeg's memory shows in no Python tool, and the peak of a process never falls.
    path = make_clip(tmp_path / "clip.mp4", even_times(400, Fraction(100)), rate_hz=Fraction(100))
    run = subprocess.run([sys.executable, "-c", PEAK, str(path), rate], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 1.5


def next_by_hand(times_s: list[Fraction], rate_hz: Fraction, end_s: Fraction) -> list[int]:
    """For each k / rate in [0, end): the number of the first frame that begins then or later, or of the last."""
    points = [k / rate_hz for k in range(grid_count(end_s, rate_hz))]
    return [next((i for i, time_s in enumerate(times_s) if time_s >= point), len(times_s) - 1) for point in points]


@pytest.mark.parametrize("rate_hz", RATES)
def test_next_frames(tmp_path: Path, rate_hz: Fraction) -> None:
    path = make_clip(tmp_path / "clip.mp4", even_times(round(rate_hz * 5 / 4), rate_hz), rate_hz=rate_hz)
    clip = probe(path)
    requests = [EVERY, *(FrameRequest(clock, 64, 48, pick="next") for clock in CLOCKS)]
    every, *picked = decode_frames(clip, requests)
    assert numbers(every.pixels) == list(range(len(every.times_s)))
    for clock, frames in zip(CLOCKS, picked, strict=True):
        assert numbers(frames.pixels) == next_by_hand(stored_times(path), clock, clip.duration_s), f"clock {clock}"


@pytest.mark.parametrize("rate", ["10", "15", "24", "24000/1001", "25", "30000/1001", "30", "50", "60"])
def test_the_float_clock_picks_as_mmaudio_does(tmp_path: Path, rate: str) -> None:
    """Published picks of the first two seconds, slips included; the exact clock differs nowhere but there.

    A sum of floats can only be wrong where a frame begins exactly at an instant; it then takes the next frame.
    """
    published = json.loads((Path(__file__).parent / "data" / "frame_selection_2s.json").read_text())[rate]
    rate_hz = Fraction(rate)
    path = make_clip(tmp_path / "clip.mp4", even_times(round(rate_hz * 5 / 2), rate_hz), rate_hz=rate_hz)
    clip = probe(path)
    clocks = {"clip8": Fraction(8), "sync25": Fraction(25)}
    slipping = [FrameRequest(clock, 64, 48, pick="next-float") for clock in clocks.values()]
    exact = [FrameRequest(clock, 64, 48, pick="next") for clock in clocks.values()]
    pictures = [numbers(frames.pixels) for frames in decode_frames(clip, [*slipping, *exact])]
    slips = 0
    for (name, clock), found, exactly in zip(clocks.items(), pictures[:2], pictures[2:], strict=True):
        known = published[name]
        assert found[: len(known)] == known
        for k, (theirs, ours) in enumerate(zip(known, exactly, strict=False)):
            slips += theirs != ours
            assert theirs == ours or (theirs == ours + 1 and ours / rate_hz == k / clock)
    assert slips > 0 or rate != "25"
    assert slips == 0 or "/" not in rate


def test_frames_are_streamed_in_order_and_repeats_are_one_object(tmp_path: Path) -> None:
    rate_hz = Fraction(10)
    clip = probe(make_clip(tmp_path / "clip.mp4", even_times(12, rate_hz), rate_hz=rate_hz))
    native: list[tuple[int, Fraction]] = []
    shapes = set()

    def keep(picture: ByteArray, time_s: Fraction) -> None:
        native.append((id(picture), time_s))
        alive.append(picture)
        shapes.add(picture.shape)

    alive: list[ByteArray] = []
    stream_frames(clip, [(FrameRequest(Fraction(20), None, None), keep)])
    assert [time_s for _, time_s in native] == [Fraction(k, 20) for k in range(24)]
    assert len({name for name, _ in native}) == 12
    assert shapes == {(clip.video.height, clip.video.width, 3)}


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_frames_of_their_own_size_are_upright_and_not_scaled(tmp_path: Path, rotation: int) -> None:
    clip = probe(make_clip(tmp_path / "clip.mp4", rotation=rotation, size=(48, 80)))
    native, asked = decode_frames(clip, [FrameRequest(None, None, None), FrameRequest(None, 48, 80)])
    assert native.pixels.shape == (25, 80, 48, 3)
    assert numbers(native.pixels) == list(range(25))
    assert native.times_s == asked.times_s


def test_a_picture_that_changes_its_size_keeps_the_first(tmp_path: Path) -> None:
    parts = [make_clip(tmp_path / f"{width}.mpg", codec="mpeg1video", size=(width, 48)) for width in (64, 96)]
    path = tmp_path / "both.m1v"
    path.write_bytes(b"".join(payload for part in parts for _, payload in shown_packets(part)))
    native = decode_frames(probe(path), [FrameRequest(None, None, None)])[0]
    assert native.pixels.shape[1:] == (48, 64, 3)
    found = numbers(native.pixels)
    # FFmpeg's MPEG-1 decoder loses the last frame before a change of size.
    assert found[:24] == list(range(24))
    assert found[-25:] == list(range(25))
