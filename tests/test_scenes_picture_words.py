"""What a picture asks for where nobody has said it."""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clips import even_times, make_clip
from phonofilm import Phonofilm
from phonofilm.cues import Cue, CueCurves, CueSheet
from phonofilm.encoders.heard import KINDS, ExpectedSounds, HeardTable, NamedShot, load_table
from phonofilm.evaluate.meaning import judge
from phonofilm.evaluate.run import load_listener
from phonofilm.mix.loudness import integrated_lufs
from phonofilm.scenes import mini
from phonofilm.scenes.guide import Sight
from phonofilm.scenes.picture_words import (
    AMBIENCE_LUFS,
    CONTACT_SHARE,
    CONTACT_WORDS,
    FAINT_LUFS,
    FULL_LUFS,
    HANDLED_LUFS,
    ROOM_TONE_LUFS,
    STILL_WORDS,
    STRUCK_WORDS,
    Asked,
    asked_for,
    asked_in_shots,
    elsewhere,
    levels_of,
)
from phonofilm.types import ClipInfo, VideoStream, Waveform

LENGTH_S = 8


def sight(label: str = "", kind: str = "silence", hits: int = 0, edited: bool = False) -> Sight:
    """A picture of 8 s that names `label`, with so many hits."""
    picture = VideoStream("h264", 64, 48, 0, Fraction(25))
    clip = ClipInfo(Path("clip.mp4"), "mp4", Fraction(0), Fraction(LENGTH_S), picture, None, "")
    still = np.zeros(10, np.float32)
    cues = tuple(Cue(k / 2, k / 2, 1.0) for k in range(hits))
    sheet = CueSheet("clip.mp4", LENGTH_S, "", cues)
    return Sight(clip, CueCurves(Fraction(1), still, still, still), sheet, edited, (), label=label, kind=kind)


def asked(seen: Sight, prompt: str = "", known: float = 1.0, quiet: bool = False, lasts: bool = False) -> Asked:
    return asked_for(prompt, seen, known, quiet, lambda _: lasts)


@given(st.sampled_from(KINDS), st.integers(0, 15), st.booleans(), st.booleans(), st.floats(0, 1))
def test_a_prompt_is_taken_as_it_is(kind: str, hits: int, edited: bool, quiet: bool, known: float) -> None:
    assert asked(sight("a dog barking", kind, hits, edited), "rain", known, quiet) == Asked("rain", seen=False)


@given(st.sampled_from(KINDS), st.integers(0, 15), st.booleans(), st.booleans())
def test_nothing_goes_on_in_an_edited_sheet_against_its_hits(kind: str, hits: int, quiet: bool, lasts: bool) -> None:
    assert not asked(sight("something", kind, hits, edited=True), quiet=quiet, lasts=lasts).lasts


@pytest.mark.parametrize("kind", ["animal", "music", "signal"])
@pytest.mark.parametrize("hits", [0, 3])
def test_what_calls_by_itself_is_asked_for_by_name(kind: str, hits: int) -> None:
    assert asked(sight("a dog barking", kind, hits)) == Asked("a dog barking", seen=True)


def test_an_event_is_heard_when_it_is_seen_to_happen() -> None:
    assert asked(sight("a hammer hitting a nail", "event", 3)) == Asked("a hammer hitting a nail", seen=True)
    assert asked(sight("a hammer hitting a nail", "event", 0)).words == STILL_WORDS
    assert asked(sight("a fan whirring", "event", 0), lasts=True) == Asked("a fan whirring", seen=True, lasts=True)


@pytest.mark.parametrize(
    ("label", "kind", "level"),
    [
        ("a car engine revving", "vehicle", None),
        ("waves rolling on a beach", "ambience", AMBIENCE_LUFS),
        ("quiet forest, a bird calls", "ambience", FAINT_LUFS),
        ("quiet room tone of a theatre hall", "ambience", ROOM_TONE_LUFS),
    ],
)
def test_places_and_vehicles_go_on_whatever_strikes(label: str, kind: str, level: float | None) -> None:
    assert asked(sight(label, kind, 9)) == Asked(label, seen=True, lasts=True, loudest_lufs=level)


def test_a_picture_that_names_nothing() -> None:
    assert asked(sight(hits=6)) == Asked(STRUCK_WORDS, seen=False)
    assert asked(sight(hits=1)) == Asked(STILL_WORDS, seen=False, loudest_lufs=HANDLED_LUFS)
    assert asked(sight()) == Asked(STILL_WORDS, seen=False, loudest_lufs=ROOM_TONE_LUFS)
    talks = asked(sight(hits=6), quiet=True)
    assert talks == Asked(STILL_WORDS, seen=False, still=True, loudest_lufs=ROOM_TONE_LUFS)
    assert asked(sight("a dog barking", "animal", 6), known=0.1).words == STRUCK_WORDS


@given(st.integers(5, 15), st.integers(0, 15))
def test_hits_of_one_kind_are_asked_for_by_it(hits: int, steps: int) -> None:
    film = sight(hits=hits)
    cues = [replace(cue, label="step" if k < steps else "strike") for k, cue in enumerate(film.sheet.cues)]
    mixed = replace(film, sheet=replace(film.sheet, cues=tuple(cues)))
    assert (asked(mixed).words == CONTACT_WORDS["step"]) == (min(steps, hits) >= CONTACT_SHARE * hits)


def test_shots_that_name_something_else_ask_for_it() -> None:
    """Short ones, unknown ones, and those that ask for the same do not; only a shot's own hits are its own."""
    film = sight("a dog barking", "animal", hits=6)  # at 0 to 2.5 s
    shots = [
        NamedShot(0, 1, "a dog barking", "animal", 1.0),
        NamedShot(1, 3, "a hammer hitting a nail", "event", 1.0),
        NamedShot(3, 5, "a hammer hitting a nail", "event", 1.0),
        NamedShot(5, 6, "sea waves", "ambience", 0.4),
        NamedShot(6, 6.5, "sea waves", "ambience", 1.0),
        NamedShot(6.5, 8, "waves on a beach", "ambience", 1.0),
        NamedShot(8, 10, "", "silence", 0.0),
    ]
    asked = asked_in_shots(Asked("a dog barking", seen=True), film, shots, False, lambda _: False)
    assert [(shot.start_s, one.words) for shot, one in asked] == [
        (1, "a hammer hitting a nail"),
        (3, STILL_WORDS),
        (6.5, "waves on a beach"),
        (8, STILL_WORDS),
    ]
    assert levels_of(Asked("a dog barking", seen=True), asked, 10) == (
        None,
        ((3, 5, ROOM_TONE_LUFS - FULL_LUFS), (6.5, 8, AMBIENCE_LUFS - FULL_LUFS), (8, 10, ROOM_TONE_LUFS - FULL_LUFS)),
    )


def test_a_film_of_places_is_as_loud_as_the_loudest_of_them() -> None:
    waves, room = Asked("waves", seen=True, loudest_lufs=-26.0), Asked("room", seen=True, loudest_lufs=-46.0)
    shots = [(NamedShot(2, 4, "waves", "ambience", 1.0), waves)]
    assert levels_of(room, shots, 9) == (-26.0, ((0.0, 2, -20.0), (4, math.inf, -20.0)))
    assert levels_of(room, shots, 4) == (-26.0, ((0.0, 2, -20.0),))


def test_a_film_of_one_shot_is_what_it_is_as_a_whole() -> None:
    film = sight("a car engine revving", "vehicle")
    shots = [NamedShot(0, 8, "", "silence", 0.0)]
    assert asked_in_shots(Asked("a car engine revving", seen=True), film, shots, False, lambda _: False) == []


@given(st.lists(st.integers(1, 79), unique=True, max_size=8).map(sorted), st.booleans())
def test_every_instant_is_heard_once(edges: list[int], ends: bool) -> None:
    """What no shot asks for by words of its own has those of the film, and only that."""
    cuts = [0, *edges, 80] if ends else [0, *edges]
    asked = Asked("rain", seen=True, loudest_lufs=AMBIENCE_LUFS)
    shots = [(NamedShot(a / 10, b / 10, "rain", "ambience", 1.0), asked) for a, b in list(pairwise(cuts))[::2]]
    spans = [*((shot.start_s, shot.end_s) for shot, _ in shots), *elsewhere(shots, 8.0)]
    for tenth in range(80):
        assert sum(first <= tenth / 10 + 0.05 < end for first, end in spans) == 1
    whole = Asked("sea", seen=True)
    assert (levels_of(whole, shots, 8.0)[0] is None) == bool(elsewhere(shots, 8.0))


def named(name: str, table: HeardTable) -> tuple[str, str]:
    which = table.names.index(name)
    return table.sentences[which], table.kinds[which]


@pytest.mark.thorough
def test_two_shots_sound_like_two_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dog for three seconds, then the sea, quieter."""

    def shots(rows: torch.Tensor, table: HeardTable, *_: object) -> tuple[NamedShot, ...]:
        dog, sea = named("golden retriever", table), named("seashore", table)
        return NamedShot(0, 3, *dog, 1.0), NamedShot(3, 6, *sea, 1.0)

    def whole(rows: torch.Tensor, table: HeardTable) -> ExpectedSounds:
        dog = table.vectors[table.names.index("golden retriever")]
        features = dog.expand(len(rows), -1) * len(dog) ** 0.5
        return ExpectedSounds(features, torch.ones(len(rows)), *named("golden retriever", table), 1.0)

    monkeypatch.setattr(mini, "expected_sounds", whole)
    monkeypatch.setattr(mini, "named_shots", shots)
    rate_hz = Fraction(12)
    clip = make_clip(tmp_path / "film.mp4", even_times(72, rate_hz), rate_hz=rate_hz, number_mask=0)
    (take,) = Phonofilm.load("mini").add_sound(clip, tmp_path / "take.wav", audio_only=True)
    listener, samples = load_listener(), take.sound.samples
    middle = 3 * take.sound.rate_hz
    dog, sea = (Waveform(part, take.sound.rate_hz) for part in (samples[:, :middle], samples[:, middle:]))
    assert judge(dog, listener).score("dog") > 0.5 > judge(sea, listener).score("dog")
    assert judge(sea, listener).score("sea waves") > 0.5 > judge(dog, listener).score("sea waves")
    assert integrated_lufs(sea) < integrated_lufs(dog) - 2


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "heard", "least"),
    [("golden retriever", "dog", 0.5), ("cock", "rooster", 0.6), ("seashore", "sea waves", 0.6)],
)
def test_what_a_still_picture_names_is_what_is_heard(
    name: str, heard: str, least: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The classifier's opinion of takes nobody has prompted."""

    def whole(rows: torch.Tensor, table: HeardTable) -> ExpectedSounds:
        vector = table.vectors[table.names.index(name)]
        features = vector.expand(len(rows), -1) * len(vector) ** 0.5
        return ExpectedSounds(features, torch.ones(len(rows)), *named(name, table), 1.0)

    monkeypatch.setattr(mini, "expected_sounds", whole)
    monkeypatch.setattr(mini, "named_shots", lambda *_: ())
    rate_hz = Fraction(12)
    clip = make_clip(tmp_path / "still.mp4", even_times(48, rate_hz), rate_hz=rate_hz, number_mask=0)
    takes = Phonofilm.load("mini").add_sound(clip, tmp_path / "take.wav", audio_only=True, takes=2)
    assert {take.words for take in takes} == {named(name, load_table())[0]}
    listener = load_listener()
    assert np.mean([judge(take.sound, listener).score(heard) for take in takes]) > least
    if heard == "sea waves":
        assert all(integrated_lufs(take.sound) < AMBIENCE_LUFS + 0.5 for take in takes)
