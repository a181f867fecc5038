"""Cue curves against scenes whose truth is known: when something touches, and that nothing else is an event."""

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from phonofilm.cues import CueCurves, peaks
from phonofilm.encoders.cue_curves import cue_request, find_cues
from phonofilm.encoders.motion import cut_times, find_motion
from phonofilm.types import ClipInfo, Frames, VideoStream

RATE_HZ = Fraction(44100, 512)
WIDTH, HEIGHT = 160, 90
Scene = Callable[[float], np.ndarray]
FRAME_RATES = [Fraction(12), Fraction(24000, 1001), Fraction(30), Fraction(60)]


def texture(seed: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(height, width) grey levels 40..200 with structure a few pixels wide."""
    noise = np.random.default_rng(seed).normal(size=(height // 5 + 2, width // 5 + 2))
    fine = np.kron(noise, np.ones((5, 5)))[:height, :width]
    fine = (fine + np.roll(fine, 1, 0) + np.roll(fine, 1, 1) + np.roll(fine, 2, 0) + np.roll(fine, 2, 1)) / 5
    return np.asarray((120 + 35 * fine).clip(40, 200))


BACKGROUND = texture(1)


def film(scene: Scene, length_s: float, frame_hz: Fraction, noise: float = 0.0, first: int = 0) -> Frames:
    """Frames of a scene (time → (H, W) grey levels) with exact instants and, if wanted, grain."""
    generator = np.random.default_rng(3)
    times = tuple(Fraction(k) / frame_hz for k in range(first, int(length_s * frame_hz)))
    pictures = [scene(float(t)) + noise * generator.normal(size=(HEIGHT, WIDTH)) for t in times]
    pixels = np.stack([np.repeat(p.clip(0, 255).round()[..., None], 3, -1) for p in pictures]).astype(np.uint8)
    return Frames(pixels, tuple(t - times[0] for t in times))


def disc(x: float, y: float, radius: float = 9.0, ground: np.ndarray = BACKGROUND) -> np.ndarray:
    """The ground with a soft-edged bright disc on it."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    distance = np.hypot(columns - x, rows - y)
    share = (radius - distance + 0.5).clip(0, 1)
    pattern = 220 - 60 * (np.sin((columns - x) * 0.7) * np.sin((rows - y) * 0.7))
    return np.asarray(ground * (1 - share) + pattern * share)


def cues(frames: Frames) -> CueCurves:
    return find_cues(frames, RATE_HZ, int(float(frames.times_s[-1]) * RATE_HZ) + 1)


def events(frames: Frames) -> np.ndarray:
    return peaks(cues(frames).onset, RATE_HZ)[0]


@cache
def scene_events(scene: Scene, length_s: float, frame_hz: Fraction) -> np.ndarray:
    return events(film(scene, length_s, frame_hz, noise=1.0))


CONTACTS_S = (0.537, 1.471, 2.386)
HITS_S = (0.513, 1.297, 2.034, 2.822)


def bouncing_ball(time_s: float) -> np.ndarray:
    """A ball that touches the floor at CONTACTS_S, thrown up by each contact just far enough to reach the next."""
    starts = (CONTACTS_S[0] - 0.9, *CONTACTS_S)
    k = max(i for i, start in enumerate(starts) if start <= time_s)
    end = starts[k + 1] if k + 1 < len(starts) else starts[k] + 0.9
    share = (time_s - starts[k]) / (end - starts[k])
    return disc(80, 75 - 55 * 4 * share * (1 - share))


def hammer(time_s: float) -> np.ndarray:
    """Raised in 0.4 s, held, brought down in 0.12 s ever faster, and stopped dead at HITS_S."""
    height = 0.0
    for hit in HITS_S:
        until = hit - time_s
        if 0 <= until < 0.12:
            height = 1 - (1 - until / 0.12) ** 2
        elif 0.12 <= until < 0.2:
            height = 1.0
        elif 0.2 <= until < 0.6:
            height = 0.5 + 0.5 * np.cos(np.pi * (until - 0.2) / 0.4)
        if until >= 0:
            break
    return disc(60, 70 - 45 * height, radius=11)


@pytest.mark.parametrize("frame_hz", FRAME_RATES)
def test_ball_sounds_when_it_touches_the_floor(frame_hz: Fraction) -> None:
    found = scene_events(bouncing_ball, 2.9, frame_hz)
    assert len(found) == len(CONTACTS_S)
    assert np.abs(found - CONTACTS_S).max() < max(0.02, 0.5 / float(frame_hz))


@pytest.mark.thorough
@pytest.mark.parametrize("frame_hz", FRAME_RATES[1:])  # at 12 Hz the whole blow lies between two frames
def test_hammer_sounds_when_it_stops(frame_hz: Fraction) -> None:
    found = scene_events(hammer, 3.4, frame_hz)
    assert len(found) == len(HITS_S)
    assert np.abs(found - HITS_S).max() < max(0.025, 0.6 / float(frame_hz))


def test_eight_frames_a_second_still_find_the_contacts() -> None:
    found = events(film(bouncing_ball, 2.9, Fraction(8)))
    assert len(found) == len(CONTACTS_S)
    assert np.abs(found - CONTACTS_S).max() < 0.08


@pytest.mark.thorough
def test_frame_rate_does_not_move_events() -> None:
    for scene, length_s in ((bouncing_ball, 2.9), (hammer, 3.4)):
        found = [scene_events(scene, length_s, rate) for rate in FRAME_RATES[1:]]
        assert np.abs(found[0] - found[1]).max() < 0.025
        assert np.abs(found[1] - found[2]).max() < 0.025


def test_repeated_frames_change_nothing() -> None:
    frames = film(bouncing_ball, 2.9, Fraction(24), noise=1.0)
    order = [k * 4 // 5 for k in range(len(frames.times_s) * 5 // 4)]
    doubled = Frames(frames.pixels[order], tuple(Fraction(k, 30) for k in range(len(order))))
    assert np.abs(events(doubled) - CONTACTS_S).max() < 0.045


def test_variable_rate_follows_the_timestamps() -> None:
    frames = film(bouncing_ball, 2.9, Fraction(60), noise=1.0)
    generator = np.random.default_rng(5)
    kept = np.cumsum(generator.integers(1, 4, 200))
    kept = kept[kept < len(frames.times_s)]
    frames = Frames(frames.pixels[kept], tuple(frames.times_s[k] - frames.times_s[kept[0]] for k in kept))
    offset_s = kept[0] / 60
    assert np.abs(events(frames) + offset_s - CONTACTS_S).max() < 0.03


WIDE = texture(2, 800, 400)


def window(x: float, y: float) -> np.ndarray:
    """The wide picture seen from a camera at x, y, bilinear."""
    column, row = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - column, y - row
    part = WIDE[row : row + HEIGHT + 1, column : column + WIDTH + 1]
    part = part[:, :-1] * (1 - fx) + part[:, 1:] * fx
    return np.asarray(part[:-1] * (1 - fy) + part[1:] * fy)


def shake(time_s: float) -> np.ndarray:
    return window(200 + 5 * np.sin(23 * time_s) + 3 * np.sin(41 * time_s), 100 + 4 * np.sin(31 * time_s + 1))


def stopped_pan(time_s: float) -> np.ndarray:
    """A fast pan that ends at once: the camera's business, not an event."""
    return window(100 + 120 * min(time_s, 1.2), 100 + 30 * min(time_s, 1.2))


def fade(time_s: float) -> np.ndarray:
    return BACKGROUND * min(1, time_s / 0.5) * min(1.0, max(0, (1.9 - time_s) / 0.5))


def soft_walk(time_s: float) -> np.ndarray:
    """Smooth motion from left to right."""
    return disc(20 + 40 * time_s, 45)


SILENT_SCENES: dict[str, tuple[Scene, float]] = {
    "still": (lambda t: BACKGROUND, 0.0),
    "grain": (lambda t: BACKGROUND, 6.0),
    "pan": (lambda t: window(100 + 60 * t, 100), 1.0),
    "stopped pan": (stopped_pan, 1.0),
    "shake": (shake, 1.0),
    "fade": (fade, 1.0),
    "cut": (lambda t: BACKGROUND if t < 1.51 else texture(7), 1.0),
    "soft motion": (soft_walk, 1.0),
    "flicker": (lambda t: BACKGROUND + (4 if int(t * 2) % 2 else 0), 1.0),
}


@pytest.mark.parametrize("name", SILENT_SCENES)
def test_nothing_is_heard_where_nothing_strikes(name: str) -> None:
    scene, noise = SILENT_SCENES[name]
    assert len(events(film(scene, 2.2, Fraction(25), noise=noise))) == 0


def test_cuts_are_named() -> None:
    scene, _ = SILENT_SCENES["cut"]
    assert cut_times(find_motion(film(scene, 2.2, Fraction(25), noise=1.0))) == [pytest.approx(1.52)]


def test_a_strike_is_found_on_a_shaking_camera() -> None:
    def scene(time_s: float) -> np.ndarray:
        ground = window(200 + 2 * np.sin(9 * time_s), 100 + 2 * np.sin(7 * time_s))
        return np.where(np.abs(hammer(time_s) - BACKGROUND) > 1e-6, hammer(time_s), ground)

    found = events(film(scene, 3.4, Fraction(30), noise=1.0))
    assert all(np.abs(found - hit).min() < 0.05 for hit in HITS_S)


def test_a_flash_is_an_event_at_its_first_frame() -> None:
    def scene(time_s: float) -> np.ndarray:
        return BACKGROUND + 60 * (1.2 <= time_s < 1.27)

    frames = film(scene, 2.5, Fraction(30), noise=1.0)
    assert events(frames) == pytest.approx([1.2], abs=0.02)
    assert cut_times(find_motion(frames)) == []


def test_place_follows_an_object_from_left_to_right() -> None:
    curves = cues(film(lambda t: disc(15 + 45 * t, 45), 3.0, Fraction(30), noise=1.0))
    place = curves.place[10:-10]
    assert place[0] < -0.6
    assert place[-1] > 0.6
    assert np.diff(place).min() > -0.02


def test_activity_tells_motion_from_stillness_and_stays_in_range() -> None:
    curves = cues(film(lambda t: disc(80 + 40 * np.sin(12 * max(0, t - 1.5)), 45), 3.0, Fraction(30), noise=1.0))
    times_s = curves.times_s()
    assert curves.activity[times_s < 1.2].max() < 0.05
    assert curves.activity[times_s > 1.8].min() > 0.1
    for curve, low in ((curves.onset, 0), (curves.activity, 0), (curves.place, -1)):
        assert curve.dtype == np.float32
        assert curve.min() >= low
        assert curve.max() <= 1


@pytest.mark.parametrize("frame_count", [1, 2, 3])
def test_very_short_clips_give_silent_curves(frame_count: int) -> None:
    frames = film(bouncing_ball, 1.0, Fraction(25))
    curves = find_cues(Frames(frames.pixels[:frame_count], frames.times_s[:frame_count]), RATE_HZ, 12)
    assert curves.onset.shape == (12,)
    assert np.all(curves.onset == 0)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1080, 1920), (361, 289), (4096, 512), (16, 16)])
def test_request_keeps_the_shape_and_asks_for_every_frame(width: int, height: int) -> None:
    video = VideoStream("h264", width, height, 0, Fraction(30))
    request = cue_request(ClipInfo(Path("a.mp4"), "mp4", Fraction(0), Fraction(1), video, None, ""))
    assert request.rate_hz is None
    assert not request.crop
    assert request.width * request.height < 25_000
    assert min(request.width, request.height) >= 32
