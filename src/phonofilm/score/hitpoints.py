"""Hit points: what the music does on the strongest cues of the picture, exactly when they happen."""

from collections.abc import Sequence

import numpy as np

from phonofilm.score.ground import Ground
from phonofilm.score.instruments import BY_NAME, Instrument
from phonofilm.score.piece import Hit, Note, Part
from phonofilm.score.style import HitTreatment
from phonofilm.score.tempo import bar_at

APART_S = {"stinger": 2.5, "accent": 1.5, "pluck": 1.0, "none": 0.0}
"""Hits that come faster than this are a rhythm of the picture; the effects have them, music would only blur them."""
STRONG = 0.6
CRASH, BASS_DRUM = 49, 36
LAST_S = 0.3


def chosen_hits(hits: Sequence[Hit], treatment: HitTreatment, duration_s: float) -> list[Hit]:
    """The strongest hits, far enough apart, in order."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda each: (-each.strength, each.time_s)):
        apart = all(abs(hit.time_s - other.time_s) >= APART_S[treatment] for other in kept)
        if treatment != "none" and hit.strength >= STRONG and apart and 0 <= hit.time_s < duration_s - LAST_S:
            kept.append(hit)
    return sorted(kept, key=lambda each: each.time_s)


def hit_parts(
    ground: Ground,
    hits: Sequence[Hit],
    treatment: HitTreatment,
    kit: str | None,
    duration_s: float,
    rng: np.random.Generator,
) -> list[Part]:
    """Parts that play on the hits (as `chosen_hits` gives them). kit: the drums of the piece, if it has a band's."""
    if not hits:
        return []
    if treatment == "stinger":
        return _stingers(ground, hits, duration_s, rng)
    if treatment == "pluck":
        return _plucks(ground, hits, duration_s, rng)
    return _accents(ground, hits, kit, duration_s)


def _stingers(ground: Ground, hits: Sequence[Hit], duration_s: float, rng: np.random.Generator) -> list[Part]:
    """Low brass on the root with the semitone and the tritone above, high strings a semitone apart, a drum under it."""
    high: list[Note] = []
    low: list[Note] = []
    drum: list[Note] = []
    for hit in hits:
        root = _harmony_root(ground, hit.time_s)
        force = _force(hit)
        ring_s = 1.2 + 0.8 * float(rng.random())
        top = 72 + (root + 1 - 72) % 12
        high += [_note(hit.time_s, 1.6 * ring_s, pitch, force - 12, duration_s) for pitch in (top, top + 1, top + 7)]
        low += [
            _note(hit.time_s, ring_s, pitch, force, duration_s)
            for pitch in (36 + root, 43 + (root + 1 - 43) % 12, 48 + root)
        ]
        drum += [_note(hit.time_s, 1.5, BASS_DRUM, force, duration_s)]
    return [
        _part("tremolo strings", high, -7),
        _part("trombone", low, -3),
        _part("orchestral percussion", drum, -3),
    ]


def _accents(ground: Ground, hits: Sequence[Hit], kit: str | None, duration_s: float) -> list[Part]:
    """Drum and cymbal of the band; without one those of the orchestra, with the timpani on the root."""
    struck: list[Note] = []
    kettle: list[Note] = []
    for hit in hits:
        struck.append(_note(hit.time_s, 1.0, BASS_DRUM, _force(hit), duration_s))
        if hit.strength >= 0.75:
            struck.append(_note(hit.time_s, 2.5, CRASH, _force(hit) - 14, duration_s))
        root = _harmony_root(ground, hit.time_s)
        kettle.append(_note(hit.time_s, 1.5, 38 + (root - 38) % 12, _force(hit), duration_s))
    if kit:
        return [_part(kit, struck, -5)]
    return [_part("orchestral percussion", struck, -5), _part("timpani", kettle, -7)]


def _plucks(ground: Ground, hits: Sequence[Hit], duration_s: float, rng: np.random.Generator) -> list[Part]:
    """Mickey-mousing: a xylophone that runs to the hit and pizzicato under it."""
    run: list[Note] = []
    under: list[Note] = []
    for hit in hits:
        bar = min(bar_at(ground.tempo, hit.time_s), len(ground.harmonies) - 1)
        tones = ground.tones(bar, 67, 91)[:4]
        if rng.random() < 0.5:
            tones = tones[::-1]
        first_s = hit.time_s - 0.07 * (len(tones) - 1)
        run += [
            _note(first_s + 0.07 * number, 0.25, pitch, _force(hit) - 18 + 6 * number, duration_s)
            for number, pitch in enumerate(tones)
            if first_s + 0.07 * number >= 0
        ]
        under += [_note(hit.time_s, 0.4, pitch, _force(hit) - 8, duration_s) for pitch in ground.harmonies[bar].voices]
    return [_part("xylophone", run, -7), _part("pizzicato strings", under, -6)]


def _harmony_root(ground: Ground, time_s: float) -> int:
    return ground.harmonies[min(bar_at(ground.tempo, time_s), len(ground.harmonies) - 1)].chord.root


def _force(hit: Hit) -> int:
    return round(70 + 50 * min(1.0, hit.strength))


def _note(start_s: float, length_s: float, pitch: int, velocity: int, duration_s: float) -> Note:
    return Note(start_s, min(start_s + length_s, duration_s), pitch, max(1, min(127, velocity)))


def _part(name: str, notes: list[Note], level_db: float) -> Part:
    player: Instrument = BY_NAME[name]
    return Part(
        f"{name} (hits)",
        player.programme,
        player.drums,
        tuple(notes),
        player.place,
        player.distance,
        float(10 ** (level_db / 20)),
        (),
    )
