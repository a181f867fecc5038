"""From a request to a piece: the order in which a composer decides, top to bottom."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from phonofilm.score.drums import drums, swells, timpani
from phonofilm.score.form import plan_bars, sections_of
from phonofilm.score.ground import Event, Ground
from phonofilm.score.harmony import chords_of, lead
from phonofilm.score.hitpoints import chosen_hits, hit_parts
from phonofilm.score.melody import Motif, make_motif, tune
from phonofilm.score.mood import Mood
from phonofilm.score.orchestrate import Desk, seat_players
from phonofilm.score.perform import Manner, perform
from phonofilm.score.piece import Part, Score, ScoreRequest, per_bar
from phonofilm.score.progressions import PROGRESSIONS
from phonofilm.score.tempo import fit_tempo
from phonofilm.score.texture import TEXTURES
from phonofilm.score.theory import NAMES, OPEN_KEYS

ALL_KEYS = tuple(range(12))


@dataclass(frozen=True)
class Dice:
    """Seeded dice by name, so that a change in one part of composing does not change all the others."""

    seed: int

    def of(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, crc32(name.encode())])


def compose(request: ScoreRequest, mood: Mood, seed: int) -> Score:
    """The piece for a picture in a mood (see `read_mood`): always the same for a seed, another for another."""
    dice = Dice(seed)
    duration_s = float(request.duration_s)
    tempo = fit_tempo(duration_s, request.cuts_s, request.hits, mood.tempo, dice.of("tempo"))
    sections = sections_of(tempo, request.cuts_s, dice.of("form"))
    activity = per_bar(request, tempo)
    plans = plan_bars(tempo, sections, activity, request.hits, mood.arc, mood.style.silences, dice.of("silence"))
    tonic, mode, name = _key(mood, seed, dice.of("key"))
    chords = chords_of(plans, PROGRESSIONS[name], tonic, mood.style.slow, dice.of("harmony"))
    final_beats = (duration_s - tempo.final_s) / tempo.beat_s
    ground = Ground(tempo, tuple(plans), tuple(lead(chords, tonic)), tonic, mode, final_beats)
    desks = seat_players(mood.style, mood.wanted, plans, dice.of("players"))
    motif = make_motif(_tune_kind(desks), mood.tempo.beats, dice.of("motif"))
    parts = _parts(ground, desks, motif, mood, duration_s, dice)
    if not mood.wanted.alone:
        hits = chosen_hits(request.hits, mood.style.hits, duration_s)
        parts += hit_parts(ground, hits, mood.style.hits, _kit(desks), duration_s, dice.of("hits"))
    return Score(
        request.duration_s,
        mood.style.name,
        NAMES[tonic],
        mode,
        60 / tempo.beat_s,
        tempo,
        sections,
        tuple(each.symbol for each in chords),
        _spelled(motif),
        tuple(parts),
        mood.style.reverberation,
    )


def _key(mood: Mood, seed: int, rng: np.random.Generator) -> tuple[int, str, str]:
    """Keynote, mode, and the name of the progressions. Takes of neighbouring seeds never share their key."""
    mode, name = mood.modes[int(rng.integers(len(mood.modes)))]
    guitar = any("guitar" in player.name for player in mood.wanted.named) or mood.style.name == "solo guitar"
    keys = OPEN_KEYS if guitar else ALL_KEYS
    step = 2 if guitar else 5
    return keys[(crc32(mood.style.name.encode()) + step * seed) % len(keys)], mode, name


def _tune_kind(desks: list[Desk]) -> str:
    kinds = [desk.layer.texture.removeprefix("tune ") for desk in desks if desk.layer.texture.startswith("tune ")]
    return kinds[0] if kinds else "sparse"


def _kit(desks: list[Desk]) -> str | None:
    """The drums of a band, None for an orchestra and for chamber music."""
    kits = [desk.seat.instrument.name for desk in desks if desk.seat.instrument.drums]
    return next((name for name in kits if name != "orchestral percussion"), None)


def _spelled(motif: Motif) -> tuple[tuple[float, int], ...]:
    """The motif as (beats, scale step) of its notes."""
    return tuple((beats, step) for bar in (0, 1) for _, beats, step in motif.bar(bar))


def _parts(ground: Ground, desks: list[Desk], motif: Motif, mood: Mood, duration_s: float, dice: Dice) -> list[Part]:
    manner = Manner(mood.style.swing, mood.style.looseness, mood.energy)
    parts = []
    for number, desk in enumerate(desks):
        events = _events(ground, desk, motif)
        part = perform(ground, desk, events, manner, duration_s, dice.of(f"perform {number}"))
        if part is not None:
            parts.append(part)
    return parts


def _events(ground: Ground, desk: Desk, motif: Motif) -> list[Event]:
    texture, seat = desk.layer.texture, desk.seat
    if texture.startswith("tune "):
        return tune(ground, seat, motif)
    if texture == "drums timpani":
        return timpani(ground, seat)
    if texture == "swells":
        return swells(ground, seat)
    if texture.startswith("drums "):
        return drums(ground, seat, texture.removeprefix("drums "))
    return TEXTURES[texture](ground, seat)
