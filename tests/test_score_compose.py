"""Composed pieces: the same for a seed, others for other seeds and styles, playable, with the picture."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from phonofilm.errors import OptionError
from phonofilm.score.compose import compose
from phonofilm.score.instruments import BY_NAME
from phonofilm.score.mood import Mood
from phonofilm.score.piece import Hit, Score
from phonofilm.score.styles import STYLES
from phonofilm.score.tempo import bars_on
from phonofilm.score.theory import NAMES
from score_requests import mood_reader, request

WORDS = {style.name: style.sentences[0] for style in STYLES}


@pytest.fixture(scope="module")
def mood() -> Callable[[str], Mood]:
    return mood_reader()


@pytest.fixture(scope="module")
def pieces(mood: Callable[[str], Mood]) -> dict[str, Score]:
    hits = (Hit(6.2, 0.95), Hit(15.0, 0.7), Hit(17.1, 0.3))
    return {name: compose(request(hits=hits), mood(words), 1) for name, words in WORDS.items()}


@pytest.mark.parametrize("name", sorted(WORDS))
def test_every_style_is_playable(name: str, pieces: dict[str, Score]) -> None:
    piece = pieces[name]
    assert piece.style == name
    assert len(piece.chords) == len(piece.tempo.bars) + 1
    assert piece.parts
    for part in piece.parts:
        player = BY_NAME[part.name.removesuffix(" (hits)")]
        assert part.programme == player.programme
        sounding: dict[int, float] = {}
        for note in part.notes:
            assert 0 <= note.start_s < note.end_s <= 20
            assert 1 <= note.velocity <= 127
            assert player.drums or player.low - 12 <= note.pitch <= player.high
            if "(hits)" not in part.name:
                assert sounding.get(note.pitch, 0.0) <= note.start_s + 1e-9
            sounding[note.pitch] = note.end_s
    last_s = max(note.end_s for part in piece.parts for note in part.notes)
    assert last_s == pytest.approx(20.0, abs=1e-6) or name == "drums"
    assert np.mean(bars_on(piece.tempo, (4.3, 9.1, 13.7), 0.08)) >= 0.6


def test_the_same_seed_composes_the_same_piece(mood: Callable[[str], Mood]) -> None:
    asked = request()
    one, again, other = (compose(asked, mood("tense strings, slow build"), seed) for seed in (7, 7, 8))
    assert one.parts == again.parts
    assert one.key != other.key
    assert one.motif != other.motif
    assert one.tempo_bpm != other.tempo_bpm


def test_styles_differ_in_tempo_mode_and_instruments(pieces: dict[str, Score]) -> None:
    assert pieces["action"].tempo_bpm > 1.5 * pieces["horror"].tempo_bpm
    assert pieces["comedy"].mode in ("major", "mixolydian")
    assert pieces["thriller"].mode in ("minor", "harmonic minor", "phrygian")
    assert len({piece.instruments for piece in pieces.values()}) == len(pieces)


def test_named_instruments_play_and_forbidden_ones_do_not(mood: Callable[[str], Mood]) -> None:
    for words, wanted in (
        ("thriller with harpsichord and cello", {"harpsichord", "cello"}),
        ("happy banjo", {"banjo"}),
        ("epic choir and french horn", {"choir", "french horn"}),
        ("lofi with saxophone", {"saxophone"}),
    ):
        assert wanted <= set(compose(request(30.0), mood(words), 2).instruments)
    assert set(compose(request(), mood("solo cello"), 0).instruments) == {"cello"}
    assert "drums" not in " ".join(compose(request(), mood("rock music, no drums"), 0).instruments)


def test_strong_hits_are_met_exactly(pieces: dict[str, Score]) -> None:
    for name in ("thriller", "action", "comedy"):
        starts = {note.start_s for part in pieces[name].parts if "(hits)" in part.name for note in part.notes}
        assert 6.2 in starts, name
        assert 17.1 not in starts


def test_the_motif_is_stated_and_returns(mood: Callable[[str], Mood]) -> None:
    piece = compose(request(60.0, ()), mood("romantic strings"), 5)
    melody = piece.parts[piece.instruments.index("violin")] if "violin" in piece.instruments else piece.parts[1]
    rhythms = {}
    for section in piece.sections:
        bar = piece.tempo.bars[section.first]
        notes = [note for note in melody.notes if bar.start_s - 0.05 <= note.start_s < bar.end_s - 0.05]
        rhythms[section.name] = [round(2 * (note.start_s - bar.start_s) / bar.beat_s) for note in notes]
    assert rhythms["statement"]
    assert set(rhythms["statement"]) <= set(rhythms["return"])


def test_loudness_follows_the_picture(mood: Callable[[str], Mood]) -> None:
    piece = compose(request(40.0), mood("action music"), 1)
    notes = [note for part in piece.parts for note in part.notes]
    halves = [sum(note.velocity for note in notes if low <= note.start_s < low + 18) for low in (0, 18)]
    assert halves[1] > halves[0]


@pytest.mark.parametrize("duration_s", [0.5, 1.0, 2.2, 4.0])
def test_short_pictures_get_short_music(duration_s: float, mood: Callable[[str], Mood]) -> None:
    for name in ("thriller", "drums", "comedy", "solo piano", "horror"):
        piece = compose(request(duration_s, ()), mood(WORDS[name]), 0)
        assert any(part.notes for part in piece.parts), name
        assert all(note.end_s <= duration_s for part in piece.parts for note in part.notes)


def test_pictures_without_activity_or_of_impossible_length(mood: Callable[[str], Mood]) -> None:
    asked = request(12.0)
    assert compose(replace(asked, activity=np.zeros(0, np.float32)), mood("sad"), 0).key in NAMES
    with pytest.raises(OptionError, match=r"forbid music \(none\)"):
        request(0.2)
