"""Files whose clock jumps: joined by their bytes, begun anew, or run over. Every picture and sound keeps its place."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import CODEC_OPTIONS, click_time, click_track, even_times, make_clip, numbers
from phonofilm.errors import MediaError
from phonofilm.media.audio import read_clip_audio
from phonofilm.media.clock import FollowingClock, LeadingClock
from phonofilm.media.frames import decode_frames
from phonofilm.media.mux import mux
from phonofilm.media.probe import probe
from phonofilm.timeline import samples
from phonofilm.types import ClipInfo, FrameRequest, Waveform

RATE_HZ = 48_000
MS = Fraction(1, 1000)
WRAP_S = Fraction(2**33, 90_000)
"""When the clock of a transport stream begins again, 26.5 hours."""
EVERY = FrameRequest(None, 64, 48)


def joined(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def part(path: Path, first_s: Fraction = Fraction(0), **how: Any) -> Path:
    return make_clip(
        path, even_times(25, Fraction(25), first_s), sound="click", click_s=0.6, sound_first_s=float(first_s), **how
    )


def packet(pts: int, dts: int, position: int, key: bool = False) -> Any:
    return SimpleNamespace(pts=pts, dts=dts, pos=position, is_keyframe=key, duration=40)


def pictures(count: int, first: int, position: int) -> list[Any]:
    """A key frame, and pairs of which the second is shown before the first."""
    order = [0, *(k + turn for k in range(1, count, 2) for turn in (1, 0) if k + turn < count)]
    return [packet(first + 40 * k, first + 40 * (n - 1), position + n, key=n == 0) for n, k in enumerate(order)]


@given(st.lists(st.tuples(st.integers(10, 60), st.integers(0, 9000)), min_size=1, max_size=5))
def test_parts_follow_one_another_without_a_gap(parts: list[tuple[int, int]]) -> None:
    """Parts of any length whose clocks each begin before the last one ended."""
    clock, stamps, sounds, first = LeadingClock(MS, True), [], [], 10_000
    for number, (count, earlier) in enumerate(parts):
        for picture in pictures(count, first, 1000 * number):
            clock.lift(picture)
            stamps.append((picture.pts, picture.dts))
        sounds += [packet(first + 20 * k, first + 20 * k, 1000 * number + k // 2) for k in range(2 * count)]
        first = max(0, first + 40 * count - max(200, earlier))
    shown = sorted(pts for pts, _ in stamps)
    assert shown == [10_000 + 40 * k for k in range(len(shown))]
    assert all(a < b for (_, a), (_, b) in pairwise(stamps))
    assert len(clock.jumps) == len(parts) - 1
    follower = FollowingClock(MS, clock.jumps)
    for sound in sounds:
        follower.lift(sound)
    assert [sound.pts for sound in sounds] == [10_000 + 20 * k for k in range(len(sounds))]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40), st.integers(-5000, 5000), st.booleans())
def test_a_clock_that_rises_stays_as_it_is(gaps: list[int], first: int, in_order: bool) -> None:
    clock, stamp = LeadingClock(MS, in_order), first
    for gap in gaps:
        stamp += gap
        here = packet(stamp, stamp - 3, 0, key=gap % 2 == 0)
        clock.lift(here)
        assert (here.pts, here.dts) == (stamp, stamp - 3)
    assert not clock.jumps


def check(clip: ClipInfo, parts: int, folder: Path) -> None:
    """A film of several parts of a second each, all alike: pictures, sound and copy."""
    assert abs(clip.duration_s - parts) <= Fraction(parts, 500)
    frames = decode_frames(clip, [EVERY])[0]
    assert numbers(frames.pixels) == list(range(25)) * parts
    assert max(abs(t - k / Fraction(25)) for k, t in enumerate(frames.times_s)) <= Fraction(parts, 500)
    heard = read_clip_audio(clip, RATE_HZ)
    assert heard is not None
    for number in range(parts):
        second = heard.samples[:, number * RATE_HZ : (number + 1) * RATE_HZ]
        # Sound is moved where it is more than its jitter of 20 ms away.
        assert click_time(second, RATE_HZ) == pytest.approx(0.6, abs=0.02 if number else 0.004), f"part {number + 1}"
    new = Waveform(click_track(float(clip.duration_s), parts - 0.3, 1)[:, : samples(clip.duration_s, RATE_HZ)], RATE_HZ)
    for suffix in (".mp4", ".mkv"):
        written = mux(clip, new, folder / f"new{suffix}", metadata={})
        with av.open(str(written)) as file:
            stamps = [p.dts for p in file.demux(video=0) if p.size and p.dts is not None]
        assert suffix == ".mkv" or all(a < b for a, b in pairwise(stamps))
        copied = decode_frames(probe(written), [EVERY])[0]
        assert np.array_equal(copied.pixels, frames.pixels)
        assert max(abs(a - b) for a, b in zip(copied.times_s, frames.times_s, strict=True)) <= MS
        sound = read_clip_audio(probe(written), RATE_HZ)
        assert sound is not None
        assert click_time(sound.samples, RATE_HZ) == pytest.approx(parts - 0.3, abs=0.002)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".ts", "libx264"), (".ts", "mpeg2video"), (".mkv", "libx264"), (".mpg", "mpeg1video")]
)
def test_a_film_joined_to_itself(tmp_path: Path, suffix: str, codec: str, caplog: pytest.LogCaptureFixture) -> None:
    one = part(tmp_path / f"one{suffix}", codec=codec)
    clip = probe(joined(tmp_path / f"joined{suffix}", one, one))
    assert "clock jumps once" in caplog.text
    check(clip, 2, tmp_path)


def test_sound_does_not_slip_with_every_part(tmp_path: Path) -> None:
    one = part(tmp_path / "one.ts")
    check(probe(joined(tmp_path / "joined.ts", *[one] * 4)), 4, tmp_path)


@pytest.mark.parametrize("starts_s", [(300, 0), (0, 5000), (0, 300, 0), (5000, 20, 7000), (0, 40_000, 3)])
def test_clocks_that_fall_or_leap(tmp_path: Path, starts_s: tuple[int, ...]) -> None:
    parts = [part(tmp_path / f"{n}.ts", Fraction(start_s)) for n, start_s in enumerate(starts_s)]
    if 300 in starts_s[1:]:
        # A pause of minutes may be one; the clock is believed.
        clip = probe(joined(tmp_path / "joined.ts", *parts))
        assert float(clip.duration_s) == pytest.approx(302, abs=0.1)
        return
    check(probe(joined(tmp_path / "joined.ts", *parts)), len(parts), tmp_path)


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 0, 1)])
def test_parts_with_and_without_reordered_frames(
    tmp_path: Path, order: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other parameter sets, other delay from decoding to showing.
    parts = [part(tmp_path / "reordered.ts")]
    monkeypatch.setitem(CODEC_OPTIONS, "libx264", {"preset": "ultrafast", "tune": "zerolatency", "cabac": "1"})
    parts.append(part(tmp_path / "plain.ts"))
    check(probe(joined(tmp_path / "joined.ts", *(parts[number] for number in order))), len(order), tmp_path)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_parts_of_another_size_are_refused(tmp_path: Path, order: tuple[int, int]) -> None:
    parts = [part(tmp_path / f"{width}.ts", size=(width, 48)) for width in (64, 96)]
    path = joined(tmp_path / "joined.ts", *(parts[number] for number in order))
    with pytest.raises(MediaError, match=r"parts of different kinds .* from 1\.0 s on .* one by one") as caught:
        probe(path)
    assert "\n" not in str(caught.value)


def test_only_one_part_has_sound(tmp_path: Path) -> None:
    mute, loud = make_clip(tmp_path / "mute.ts", codec="libx264"), part(tmp_path / "loud.ts")
    clip = probe(joined(tmp_path / "joined.ts", loud, mute))
    heard = read_clip_audio(clip, RATE_HZ)
    assert heard is not None
    assert clip.duration_s == 2
    assert click_time(heard.samples, RATE_HZ) == pytest.approx(0.6, abs=0.004)
    assert np.abs(heard.samples[:, round(1.1 * RATE_HZ) :]).max() < 0.01


@pytest.mark.parametrize("before_s", [Fraction(1, 2), Fraction(2, 5), Fraction(17, 10)])
def test_the_clock_of_a_transport_stream_runs_over(tmp_path: Path, before_s: Fraction) -> None:
    check(probe(part(tmp_path / "clip.ts", WRAP_S - before_s)), 1, tmp_path)


def test_the_clock_runs_over_long_after_the_beginning(tmp_path: Path) -> None:
    # FFmpeg lifts what comes after the end of the clock, or lowers what comes before, by where the file begins.
    times_s = even_times(30, Fraction(1, 20), WRAP_S - 300)
    clip = probe(make_clip(tmp_path / "clip.ts", times_s))
    frames = decode_frames(clip, [EVERY])[0]
    assert numbers(frames.pixels) == list(range(30))
    assert list(frames.times_s) == even_times(30, Fraction(1, 20))


def test_joined_where_the_clock_runs_over(tmp_path: Path) -> None:
    one = part(tmp_path / "one.ts", WRAP_S - Fraction(1, 2))
    check(probe(joined(tmp_path / "joined.ts", one, one, part(tmp_path / "two.ts"))), 3, tmp_path)
