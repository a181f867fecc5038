"""A few seconds of a marked sound that say something else, or that are not ours at all."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from phonofilm.cli.detect import _seconds, _sentence
from phonofilm.detection import Verdict
from phonofilm.mark import detect as detecting
from phonofilm.mark.detect import Detection, Span, detect
from phonofilm.mark.embed import mark
from phonofilm.mark.gaps import Gaps
from phonofilm.types import FloatArray, Waveform
from test_mark_watermark import OTHER, OWN_KEY, PAYLOAD, coded, plain, scene

RATE_HZ = 44_100


def set_in(inner: Waveform, start_s: float, length_s: float) -> Waveform:
    """8 s of a take with as much of another sound in it."""
    sound = mark(scene(8, seed=1), PAYLOAD).sound.samples.copy()
    here = slice(round(start_s * RATE_HZ), round((start_s + length_s) * RATE_HZ))
    sound[:, here] = inner.samples[:, here]
    return Waveform(sound, RATE_HZ)


def seconds_of(found: Detection) -> set[int]:
    return {second for span in found.spans for second in range(int(span.start_s), round(span.end_s))}


@pytest.mark.thorough
@pytest.mark.parametrize(("start_s", "length_s"), [(1, 1), (1, 2), (3.2, 1.3), (6.6, 1.4)])
@pytest.mark.parametrize("codec", ["", pytest.param("aac", marks=pytest.mark.thorough)])
def test_a_span_of_another_take_is_marked_too(start_s: float, length_s: float, codec: str) -> None:
    sound = set_in(mark(scene(8, seed=2), OTHER).sound, start_s, length_s)
    found = detect(coded(sound, codec, 256_000) if codec else sound)
    assert found.payload == PAYLOAD
    if start_s != 3.2:  # there the seconds before and after hold both marks, and half of what they say is alike
        assert {span.payload for span in found.spans} == {PAYLOAD, OTHER}
    if start_s == 3.2 and codec and 3 not in seconds_of(found):  # AAC took a little from it; then that is said
        assert _seconds(found.spans, 8.0) == "at least in seconds 0-3.0, 4-8.0"
        return
    assert seconds_of(found) >= set(range(8))
    assert _seconds(found.spans, 8.0) == "in seconds 0-8.0"


@pytest.mark.thorough
@pytest.mark.parametrize("start_s", [0, 1, 2.5, 3.2, 4.7, 6])
@pytest.mark.parametrize("codec", ["", "aac"])
def test_a_span_that_is_not_ours_is_not_claimed(start_s: float, codec: str) -> None:
    sound = set_in(scene(8, seed=3), start_s, 2)
    found = detect(coded(sound, codec, 256_000) if codec else sound)
    inside = set(range(round(start_s + 0.3), round(start_s + 1.7)))
    assert {span.payload for span in found.spans} == {PAYLOAD}
    assert not seconds_of(found) & inside
    assert _seconds(found.spans, 8.0).startswith("at least in seconds ")


@pytest.mark.thorough
def test_the_verdict_does_not_depend_on_the_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = set_in(mark(scene(8, seed=2), OTHER).sound, 1, 1)
    found = detect(sound)
    monkeypatch.setattr(Gaps, "marks", lambda _: iter(()))
    without = detect(sound)
    assert without.spans != found.spans
    assert dataclasses.replace(found, spans=()) == dataclasses.replace(without, spans=())


def test_unmarked_sound_is_not_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: Gaps) -> Iterator[tuple[detecting.Sighting, FloatArray]]:
        raise AssertionError

    monkeypatch.setattr(Gaps, "marks", never)
    assert not detect(plain()).marked


@pytest.mark.thorough
def test_a_second_key_finds_its_seconds_beside_the_first() -> None:
    sound = set_in(mark(scene(8, seed=2), OTHER, OWN_KEY).sound, 2, 4)
    found = detect(sound, (OWN_KEY, detecting.PUBLIC_KEY))
    assert {span.payload for span in found.spans} == {PAYLOAD, OTHER}


def test_spans_that_touch_are_told_as_one() -> None:
    spans = [Span(0, 3, PAYLOAD), Span(3, 5, OTHER), Span(8, 10.04, None)]
    assert _seconds(spans, 10.05) == "in seconds 0-5.0, 8-10.0"
    assert _seconds(spans[1:], 12.0) == "at least in seconds 3-5.0, 8-10.0"


def test_a_mark_whose_place_is_not_known_is_told_without_a_place() -> None:
    found = Detection(True, -12.0, 9.0, "public", None, 1.1, 0.0, ())
    said = _sentence(Verdict(Path("fast.wav"), 7.3, found, None))
    assert said.endswith("1.10 times as fast, +0.0 semitones; in seconds that cannot be told, of 7.3")
