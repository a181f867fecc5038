"""Faces found and followed, mouths read: on drawn faces whose mouths move as told."""

from fractions import Fraction

import numpy as np
import pytest

from voice_parts import drawn_face, mouth_of, talking

pytest.importorskip("cv2")

from phonofilm.types import VideoStream
from phonofilm.voice.faces import find_faces, overlap
from phonofilm.voice.lip_reader import FILE, load_reader, on_clock
from phonofilm.voice.lips import Mouth, MouthWatcher, speaking_segments
from phonofilm.voice.mouth import MEASURES, PIECE_HEIGHT, PIECE_WIDTH, measure_mouth

WIDTH, HEIGHT, SIZE = 240, 160, 72
TALK = (0.8, 2.2)


def _opening(time_s: float, span: tuple[float, float]) -> float:
    """Half-open and wide about four times a second in the span, shut elsewhere."""
    if not span[0] <= time_s < span[1]:
        return 0.0
    return 0.5 - 0.5 * float(np.cos(2 * np.pi * 4.2 * (time_s - span[0])))


def _watch(times: list[Fraction], spans: list[tuple[float, float]]) -> tuple[Mouth, ...]:
    """The mouths of drawn faces that stand side by side and sway a little; one span for each."""
    wide = WIDTH * len(spans)
    watcher = MouthWatcher(VideoStream("h264", wide, HEIGHT, 0, Fraction(25)))
    random = np.random.default_rng(5)
    for time_s in times:
        sway = 2.0 * float(np.sin(1.7 * float(time_s)))
        faces = [
            drawn_face(WIDTH, HEIGHT, (WIDTH / 2 + sway, HEIGHT / 2 + sway / 2), SIZE, _opening(float(time_s), span))
            for span in spans
        ]
        picture = np.concatenate(faces, axis=1) + random.normal(0, 1.5, (HEIGHT, wide, 3))
        watcher.add(np.clip(picture, 0, 255).astype(np.uint8), time_s)
    return watcher.mouths()


@pytest.fixture(scope="module")
def uneven() -> list[Fraction]:
    """Instants of a variable rate, about 24 to 30 a second."""
    random = np.random.default_rng(3)
    steps = random.choice([Fraction(1, 24), Fraction(1, 30), Fraction(1, 25)], 84)
    return [Fraction(0), *np.cumsum(steps)]


@pytest.fixture(scope="module")
def pair(uneven: list[Fraction]) -> tuple[Mouth, ...]:
    return _watch(uneven, [TALK, (9.0, 9.0)])


def test_two_faces_are_found_at_their_places(pair: tuple[Mouth, ...], uneven: list[Fraction]) -> None:
    assert len(pair) == 2
    assert pair[0].place == pytest.approx(-0.5, abs=0.06)
    assert pair[1].place == pytest.approx(0.5, abs=0.06)
    assert pair[0].times_s == tuple(uneven)
    assert 0.15 < pair[0].width < 0.25


def test_the_opening_follows_the_mouth(pair: tuple[Mouth, ...]) -> None:
    times = np.array([float(time) for time in pair[0].times_s])
    truth = [_opening(time, TALK) for time in times]
    assert np.corrcoef(truth, pair[0].opening)[0, 1] > 0.5
    talks = (times > TALK[0]) & (times < TALK[1])
    assert pair[0].opening[talks].mean() > pair[0].opening[~talks].mean() + 0.05


def test_the_one_who_speaks_is_told_from_the_one_who_does_not(pair: tuple[Mouth, ...]) -> None:
    segments = speaking_segments(pair)
    assert {segment.mouth for segment in segments} == {0}
    assert segments[0].start_s == pytest.approx(TALK[0], abs=0.2)
    assert segments[-1].end_s == pytest.approx(TALK[1], abs=0.25)
    assert pair[1].speaking.max() < 0.5


def test_an_empty_room_has_no_mouth() -> None:
    watcher = MouthWatcher(VideoStream("h264", WIDTH, HEIGHT, 0, Fraction(25)))
    noise = np.random.default_rng(0)
    for index in range(20):
        watcher.add(noise.integers(90, 110, (HEIGHT, WIDTH, 3), np.uint8), Fraction(index, 25))
    assert watcher.mouths() == ()


def test_frames_in_a_hurry_are_passed_over() -> None:
    times = [Fraction(index, 60) for index in range(66)]
    (mouth,) = _watch(times, [(0.2, 0.9)])
    assert len(mouth.times_s) == 33


def test_pieces_of_a_long_clip_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phonofilm.voice.lips.CHUNK_FRAMES", 12)
    times = [Fraction(index, 25) for index in range(30)]
    (mouth,) = _watch(times, [(0.2, 0.9)])
    assert mouth.times_s == tuple(times)


def test_a_cut_ends_a_face() -> None:
    face = drawn_face(WIDTH, HEIGHT, (90, 80), SIZE, 0.0)[..., 1]
    other = np.full_like(face, 90)
    grey = np.stack([face] * 20 + [other] * 10)
    (found,) = find_faces(grey, [Fraction(index, 25) for index in range(30)])
    assert (found.first, len(found.boxes)) == (0, 20)
    assert overlap(found.boxes[0], found.boxes[-1]) > 0.95
    assert overlap(np.array([0.0, 0, 2]), np.array([1.0, 0, 2])) == pytest.approx(1 / 3)


def test_measures_do_not_depend_on_light_or_contrast() -> None:
    random = np.random.default_rng(1)
    smooth = np.kron(random.integers(60, 140, (12, PIECE_HEIGHT // 10, PIECE_WIDTH // 10)), np.ones((1, 10, 10)))
    pieces = (2 * (smooth // 2)).astype(np.uint8)
    times = np.arange(12) / 25
    one, other = measure_mouth(pieces, times), measure_mouth((pieces // 2 + 70).astype(np.uint8), times)
    assert one.shape == (12, len(MEASURES))
    np.testing.assert_allclose(one[:, :4], other[:, :4], atol=0.15)


def test_reading_works_on_the_frames_own_times() -> None:
    reader = load_reader()
    random = np.random.default_rng(2)
    times = np.arange(50) / 25
    measures = random.normal(0, 1, (50, len(MEASURES)))
    opening, speaking = reader.read(measures, times)
    assert opening.shape == speaking.shape == (50,)
    assert 0 <= opening.min() <= opening.max() <= 1
    assert 0 <= speaking.min() <= speaking.max() <= 1
    clock, even = on_clock(measures, times)
    np.testing.assert_allclose(clock, times, atol=1e-9)
    np.testing.assert_allclose(even, measures, atol=1e-9)
    assert FILE.stat().st_size < 4096


def test_lone_frames_are_no_speech() -> None:
    times = np.arange(0, 2, 0.04)
    chance = np.full(len(times), 0.2)
    chance[[10, 30]] = 0.6
    assert speaking_segments([mouth_of(times, chance, chance)]) == ()
    segments = speaking_segments([talking(3.0, [(1.0, 2.0)]), talking(3.0, [(0.0, 0.6)])])
    assert [(segment.mouth, segment.start_s) for segment in segments] == [(1, 0.0), (0, 1.0)]
    assert segments[1].end_s == pytest.approx(2.0, abs=0.05)
