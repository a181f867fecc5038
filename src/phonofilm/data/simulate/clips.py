"""Simulated scenes as small clips kept in memory, and what a finder of cues should say of them.

Dimension letters: K events, T points of a clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from phonofilm.cues import PEAK_DISTANCE_S
from phonofilm.data.simulate.damage import apply_damages, draw_damages
from phonofilm.data.simulate.files import film_pictures, frame_times, shooting
from phonofilm.data.simulate.picture import paint
from phonofilm.data.simulate.scene import PLOTS, compose
from phonofilm.data.simulate.textures import Textures
from phonofilm.data.simulate.truth import CONTACTS, Event, Truth
from phonofilm.media.encode import TimedPicture
from phonofilm.timeline import seconds
from phonofilm.types import FloatArray

FAINTEST = 0.05
"""Events of less strength than this are not asked for; finding one is no mistake either."""
STRUCK_PLOTS = tuple(
    name
    for name in PLOTS
    if name
    in (
        "bouncing balls",
        "colliding balls",
        "dropped things",
        "hammer",
        "chopping",
        "knocking",
        "clapping",
        "typing",
        "drum strokes",
        "footsteps",
        "plucked strings",
        "doors",
    )
)
HARD_PLOTS = ("colliding balls", "drum strokes")
"""Found worst of all that strikes, so shown twice as often."""
CLOSE_PLOTS = ("arm strokes", "arm strokes", "arm strokes", "jolts", "silent arms", "silent arms")
CLOSE_SHARE, STRUCK_SHARE = 0.35, 0.4
"""These shares of the clips show arms and heads close by, and blows; the others are drawn as scenes are."""
FLAT_SHARE = 0.12
"""So many scenes are painted in plain colours, as drawings and screens are."""
LONGEST_S = 4.5
BLURRED_SHARE, OPEN_SHARE, EXPOSURES = 0.4, (0.3, 1.0), 8
"""So many films are blurred, their shutter open for a share of the frame step (a telephone's in a dim room for all of
it); so many exposures make one picture, so that what is fast is smeared and not seen four times."""
FAST_HZ, FAST_SHARE = 48, 0.4
"""Of the films that would have more frames a second than FAST_HZ, only this share keeps them; the rest has half."""
HARD_DAMAGES = ("low_rate", "old_film", "repeated", "compression", "dropped")
WHOLE_STRUCK_SHARE, WHOLE_DAMAGED_SHARE, WHOLE_HARD_SHARE = 0.2, 0.5, 0.6
"""Of films that are taken whole: so many show a blow, the others what their seed draws; so many are there twice, the
second time damaged, and so many of those by what is hardest to bear."""
TAIL_S = 0.08
"""An event sounds on for about so long."""


@dataclass(frozen=True)
class EventTable:
    """(K,) columns. contacts: numbers into CONTACTS. asked: False where a finder is free to say either."""

    times_s: FloatArray
    strengths: FloatArray
    places: FloatArray
    contacts: npt.NDArray[np.int64]
    asked: npt.NDArray[np.bool_]

    def only(self, which: npt.NDArray[np.bool_]) -> Self:
        """Some of the events."""
        times_s, strengths, places = self.times_s[which], self.strengths[which], self.places[which]
        return type(self)(times_s, strengths, places, self.contacts[which], self.asked[which])


@dataclass(frozen=True)
class SmallClip:
    """One film of a scene: its pictures with their instants, and how long the scene was filmed."""

    truth: Truth
    film: list[TimedPicture]
    end_s: float


def small_clips(seed: int, width: int, height: int, damaged_share: float) -> Iterable[SmallClip]:
    """The scene of a seed as it is, and with the probability `damaged_share` a second time, damaged.

    At most LONGEST_S are filmed, from the start. Raises MissingExtraError without OpenCV.
    """
    chance = np.random.default_rng([seed, 5])
    plot = _plot(chance)
    scene = compose(seed, Textures.plain() if chance.random() < FLAT_SHARE else None, plot)
    how = replace(shooting(seed, 0.0), width=width, height=height)
    length_s = min(LONGEST_S, scene.truth.duration_s)
    rate_hz = how.rate_hz
    if rate_hz is not None and rate_hz > FAST_HZ and chance.random() > FAST_SHARE:
        rate_hz /= 2
    times_s, end_s = frame_times(rate_hz, seconds(round(length_s, 3)), seed)
    shutter = chance.uniform(*OPEN_SHARE) if chance.random() < BLURRED_SHARE else 0.0
    shutter_s = float(shutter) * float(end_s) / len(times_s)
    pictures = paint(scene, [float(time_s) for time_s in times_s], width, height, shutter_s, EXPOSURES)
    film: list[TimedPicture] = list(zip(pictures, times_s, strict=True))
    yield SmallClip(scene.truth, film, float(end_s))
    if chance.random() < damaged_share:
        damages = draw_damages(chance, 1.0) if chance.random() < 0.5 else _hard_damage(chance)
        yield SmallClip(scene.truth, list(apply_damages(film, damages, chance)), float(end_s))


def whole_clips(seed: int, width: int, height: int) -> Iterable[SmallClip]:
    """The film of a seed from beginning to end, as `phonofilm data simulate` draws it, and at times once more, damaged.

    What strikes is rarer in these than in `small_clips`, and every tool and hand is seen for as long as it goes on or
    rests, which is what tells a stroke from a gesture. Raises MissingExtraError without OpenCV.
    """
    chance = np.random.default_rng([seed, 6])
    plot = str(chance.choice(STRUCK_PLOTS)) if chance.random() < WHOLE_STRUCK_SHARE else None
    how = replace(shooting(seed, 0.0), width=width, height=height)
    truth, pictures, end_s = film_pictures(seed, how, plot)
    film = list(pictures)
    yield SmallClip(truth, film, float(end_s))
    if chance.random() < WHOLE_DAMAGED_SHARE:
        damages = _hard_damage(chance) if chance.random() < WHOLE_HARD_SHARE else draw_damages(chance, 1.0)
        yield SmallClip(truth, list(apply_damages(film, damages, chance)), float(end_s))


def _plot(chance: np.random.Generator) -> str | None:
    """What a clip shows; None: whatever its seed draws."""
    kind = chance.random()
    if kind < CLOSE_SHARE:
        return str(chance.choice(CLOSE_PLOTS))
    return str(chance.choice(STRUCK_PLOTS + HARD_PLOTS)) if kind < CLOSE_SHARE + STRUCK_SHARE else None


def _hard_damage(chance: np.random.Generator) -> tuple[tuple[str, int], ...]:
    """One of the damages that a finder bears worst, at one of its two higher levels."""
    return ((str(chance.choice(HARD_DAMAGES)), int(chance.integers(2, 4))),)


def event_table(truth: Truth) -> EventTable:
    """The events of a scene; asked are those that can be told apart and are seen.

    Of two that are closer than PEAK_DISTANCE_S the stronger is asked for, as in cue curves.
    """
    asked: list[Event] = []
    for event in sorted(truth.events, key=lambda event: -event.strength):
        apart = all(abs(event.time_s - other.time_s) >= PEAK_DISTANCE_S for other in asked)
        if apart and event.seen and event.strength >= FAINTEST and abs(event.place) < 1:
            asked.append(event)
    return EventTable(
        np.array([event.time_s for event in truth.events], np.float32),
        np.array([event.strength for event in truth.events], np.float32),
        np.array([event.place for event in truth.events], np.float32).clip(-1, 1),
        np.array([CONTACTS.index(event.contact) for event in truth.events], np.int64),
        np.array([event in asked for event in truth.events], bool),
    )


def going_on(truth: Truth, rate_hz: float, count: int) -> tuple[FloatArray, FloatArray]:
    """How loud a scene is (0..1) and where (-1..1) at the points n / rate_hz, (T,) each.

    The loudest of all stretches and of what rings on after events; the place is the mean of theirs by loudness.
    """
    points_s = np.arange(count) / rate_hz
    loudest, total, moment = np.zeros((3, count))
    for stretch in truth.stretches:
        (level_s, levels), (place_s, places) = (np.array(knots).T for knots in (stretch.levels, stretch.places))
        level = np.interp(points_s, level_s, levels) * ((points_s >= stretch.start_s) & (points_s <= stretch.end_s))
        loudest, total = np.maximum(loudest, level), total + level
        moment += level * np.interp(points_s, place_s, places).clip(-1, 1)
    for event in truth.events:
        since_s = points_s - event.time_s
        level = event.strength * np.exp(-np.maximum(since_s, 0) / TAIL_S) * (since_s >= 0)
        loudest, total = np.maximum(loudest, level), total + level
        moment += level * min(1.0, max(-1.0, event.place))
    return loudest.clip(0, 1).astype(np.float32), (moment / np.maximum(total, 1e-6)).astype(np.float32)
