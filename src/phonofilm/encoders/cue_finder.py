"""The cue finder: which events a clip shows, when, where and of what kind, and how much goes on in it.

The networks (`encoders/cue_network.py`) say at every point of their clock how near an event is; here the peaks of what
they say together become events. There are two, one that knows motion alone and one that is shown the pictures too: they
err on different films. Their peaks are weighed beside each other (`encoders/cue_weigher.py`), since the networks see
half a second either way and not the film. All of them have learnt from drawn scenes. Where they hesitate over a clip
and the hand-made curves (`encoders/cue_curves.py`), which know less and hold more widely, see a row of events in it,
the events of the networks are checked against those.

Dimension letters: T points of the clock, N points of the curves, E events or peaks, V networks.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit
from torch import Tensor

from phonofilm.cues import PEAK_DISTANCE_S, CueCurves, bumps
from phonofilm.encoders.cue_features import (
    CLOCK_HZ,
    USUAL_STEP_S,
    between,
    features_of,
    hand_events,
)
from phonofilm.encoders.cue_network import Answers, CueFinderConfig, CueNetwork, read_cue_network, together
from phonofilm.encoders.cue_weigher import (
    LEAST_CANDIDATE,
    Candidates,
    Weigher,
    candidates_of,
    feature_count,
    read_weigher,
    stretches,
)
from phonofilm.encoders.motion import DoubleArray, Motion
from phonofilm.errors import ModelError
from phonofilm.types import FloatArray

REACH_S = 1.5
"""How far the network looks either way, and a little more: pieces of a long clip overlap by twice as much."""
PIECE_S = 30.0
NEAR_POINTS = 1
"""Neighbours of a peak that have a say in its time."""
# The figures down to HAND_APART_S were chosen by looking at the fifteen real clips and the simulated films that the
# log's figures are from, so those flatter.
SURE_QUARTILE = 0.65
"""The networks are sure of a clip when the upper quartile of its peaks from LEAST_HEAT on is as hot as this."""
HAND_RATE_HZ = 20.0
"""With fewer frames a second the hand-made curves know less than unsure networks."""
LEAST_WEIGHED = 0.3
"""Nothing strikes in a film in which no peak weighs so much, however arms may move in it; they are not asked then."""
HAND_ROW_HZ, HAND_ROW_HEAT = 1.5, 0.2
"""Hand-made events are a row where there are so many a second and the median heat around them is so high."""
SURE_HEAT, LEAST_HEAT = 0.85, 0.15
"""Where they are asked, peaks need to be so hot, or so hot and confirmed by a hand-made event."""
LEAST_HAND_HEAT, HAND_POINTS, HAND_APART_S = 0.07, 5, 0.1
"""There a hand-made event stands alone if the heat within HAND_POINTS of it reaches this."""
LEAST_STRENGTH = 0.2
PLACE_HOLD_S = 0.06
"""So long before and after an event its own place counts, not that of what goes on."""


@dataclass(frozen=True)
class FoundCues:
    """What was found in a clip: events (E,) in order, and curves at CLOCK_HZ (T,).

    times_s; heat 0..1 how sure; strengths 0..1; places -1..1; contacts: names. activity 0..1, place -1..1.
    """

    times_s: FloatArray
    heat: FloatArray
    strengths: FloatArray
    places: FloatArray
    contacts: tuple[str, ...]
    activity: FloatArray
    place: FloatArray

    def curves(self, rate_hz: Fraction, count: int) -> CueCurves:
        """Cue curves on a clock of `rate_hz` with N = count points."""
        points_s, own_s = np.arange(count) / float(rate_hz), np.arange(len(self.activity)) / CLOCK_HZ
        activity, place = (
            np.interp(points_s, own_s, curve).astype(np.float32) if len(curve) else np.zeros(count, np.float32)
            for curve in (self.activity, self.place)
        )
        for time_s, side in zip(self.times_s, self.places, strict=True):
            place[np.abs(points_s - time_s) <= PLACE_HOLD_S] = side
        strengths = LEAST_STRENGTH + (1 - LEAST_STRENGTH) * self.strengths
        return CueCurves(rate_hz, bumps(self.times_s, strengths, rate_hz, count), activity, place)


@dataclass(frozen=True)
class Heat:
    """What the networks say of a film: curves (5 + kinds + 1, T), heat, offset, strength, activity, place and chances
    of contacts, of all of them together; logits (V, T), the heat of each."""

    curves: FloatArray
    logits: FloatArray


@dataclass(frozen=True)
class Peaks:
    """Peaks of heat, rising: times_s (E,), heat and, beside all others, weighed (E,), both 0..1."""

    times_s: DoubleArray
    heat: FloatArray
    weighed: FloatArray


class CueFinder:
    """The networks ready for use, one or more of the same kinds of contact, and the weigher, if there is one."""

    def __init__(self, *networks: CueNetwork, weigher: Weigher | None = None) -> None:
        assert networks, "a cue finder has a network"
        assert len({network.config.contacts for network in networks}) == 1, "networks must know the same contacts"
        self.networks = tuple(network.eval().requires_grad_(False) for network in networks)
        self.weigher = weigher
        wanted = feature_count(len(networks), len(networks[0].config.contacts))
        if weigher is not None and weigher.config.features != wanted:
            raise ModelError(
                f"the weigher was taught {weigher.config.features} features, and {len(networks)} cue networks give "
                f"{wanted}; train the stage 'cues' once more"
            )

    @classmethod
    def load(cls, *paths: Path, weigher: Path | None = None) -> Self:
        """Weights as `save_cue_finder` and `save_weigher` wrote them. Raises ModelError when a file is missing or does
        not fit."""
        networks = [read_cue_network(path) for path in paths]
        return cls(*networks, weigher=None if weigher is None else read_weigher(weigher))

    def find(self, motion: Motion, duration_s: float) -> FoundCues:
        """Everything heard in a clip of `duration_s`, as far as its motion shows."""
        count = max(1, math.ceil(duration_s * CLOCK_HZ) + 1)
        if len(motion.times_s) < 3:
            nothing = np.zeros(0, np.float32)
            still = np.zeros(count, np.float32)
            return FoundCues(nothing, nothing, nothing, nothing, (), still, still)
        hand = hand_events(motion)
        heat = self.heat(motion, hand, count)
        checked = float(np.median(np.diff(motion.times_s))) * HAND_RATE_HZ <= 1
        peaks = self._peaks(heat, motion, hand, duration_s)
        found = _found(heat.curves, peaks, hand, self.networks[0].config, checked=checked)
        places, place = (motion.middle + motion.reach * part for part in (found.places, found.place))
        return replace(found, places=places, place=place)

    def candidates(
        self, heat: Heat, motion: Motion, hand: tuple[FloatArray, FloatArray], length_s: float
    ) -> list[tuple[Candidates, slice]]:
        """Stretch by stretch what the weigher is told, and for which of its candidates it is asked."""
        points = _peaks_of(heat.curves[0], LEAST_CANDIDATE)
        times_s = np.asarray([_moment(point, *heat.curves[:2]) for point in points.tolist()], np.float64)
        told = []
        for stretch in stretches(heat.curves.shape[1]):
            first, begin, end, last = np.searchsorted(points, (stretch.low, stretch.first, stretch.end, stretch.high))
            clock = slice(stretch.low, stretch.high)
            low_s, high_s = stretch.low / CLOCK_HZ, min(length_s, stretch.high / CLOCK_HZ)
            near = (hand[0] >= low_s) & (hand[0] <= high_s)
            row = candidates_of(
                heat.curves[:, clock],
                heat.logits[:, clock],
                points[first:last] - stretch.low,
                times_s[first:last],
                between(motion, low_s, high_s),
                (hand[0][near], hand[1][near]),
                high_s - low_s,
            )
            told.append((row, slice(begin - first, end - first)))
        return told

    def _peaks(self, heat: Heat, motion: Motion, hand: tuple[FloatArray, FloatArray], length_s: float) -> Peaks:
        told = self.candidates(heat, motion, hand, length_s)
        times_s = np.concatenate([row.times_s[kept] for row, kept in told])
        odds = np.concatenate([row.odds[kept] for row, kept in told])
        weighed = odds
        if self.weigher is not None:
            weighed = np.concatenate([self.weigher.weigh(row)[kept] for row, kept in told])
        return Peaks(times_s, expit(odds), expit(weighed))

    @torch.inference_mode()
    def heat(self, motion: Motion, hand: tuple[FloatArray, FloatArray], count: int) -> Heat:
        """What the networks say at T = count points of the clock, piece by piece."""
        piece, reach = round(PIECE_S * CLOCK_HZ), round(REACH_S * CLOCK_HZ)
        parts = []
        for first in range(0, count, piece):
            low, high = max(0, first - reach), min(count, first + piece + reach)
            part = between(motion, low / CLOCK_HZ - USUAL_STEP_S, high / CLOCK_HZ + USUAL_STEP_S)
            told = features_of(part, hand, low / CLOCK_HZ, high - low, torch.float32)
            batch = together([told])
            answers = [network(batch) for network in self.networks]
            logits = torch.stack([one.heat[0] for one in answers])  # (V, T)
            kept = slice(first - low, first - low + piece)
            parts.append((_agreed(answers)[:, kept].numpy(), logits[:, kept].numpy()))
        curves, logits_of_all = (np.concatenate(rows, 1) for rows in zip(*parts, strict=True))
        return Heat(curves, logits_of_all)


def _agreed(answers: list[Answers]) -> Tensor:
    """(5 + kinds + 1, T) heat, offset, strength, activity, place, chances of contacts: what V networks say together.

    Heat is the chance whose log odds are the mean of theirs; the hotter network has the greater say in the offset.
    """
    logits, offsets = (torch.stack([getattr(one, name)[0] for one in answers]) for name in ("heat", "offset"))  # (V, T)
    heats = logits.sigmoid() + 1e-6
    offset = (heats * offsets).sum(0) / heats.sum(0)
    rest = [
        torch.stack([one.strength[0].sigmoid(), one.activity[0].sigmoid(), one.place[0], *one.contact[0].softmax(1).T])
        for one in answers
    ]
    return torch.cat([torch.stack([logits.mean(0).sigmoid(), offset]), torch.stack(rest).mean(0)])


def _found(
    curves: FloatArray, peaks: Peaks, hand: tuple[FloatArray, FloatArray], config: CueFinderConfig, *, checked: bool
) -> FoundCues:
    """The events with what is known of each. checked: whether an unsure network is held against the hand-made."""
    heat, _, strength, activity, place = curves[:5]
    order = _moments(heat, peaks, hand[0], config.threshold, checked)
    at = [slice(max(0, k - NEAR_POINTS), k + NEAR_POINTS + 1) for k in np.rint(order * CLOCK_HZ).astype(int)]
    at = [slice(min(part.start, len(heat) - 1), part.stop) for part in at]
    names = [config.contacts[int(curves[5:-1, part].mean(1).argmax())] for part in at]
    columns = [[float(row[part].mean()) for part in at] for row in (heat, strength, place)]
    sure_of, strong, where = (np.asarray(values, np.float32) for values in columns)
    for index, time_s in enumerate(order):
        # Speed lost says how hard a blow is; the networks' own guess does not (correlation with the truth -0.02).
        near = np.abs(hand[0] - time_s) < PEAK_DISTANCE_S
        if near.any():
            strong[index] = hand[1][near].max()
    return FoundCues(
        order.clip(0).astype(np.float32),
        sure_of,
        strong.clip(0, 1),
        where.clip(-1, 1),
        tuple(names),
        activity.clip(0, 1),
        place.clip(-1, 1),
    )


def _moments(heat: FloatArray, peaks: Peaks, hand_s: FloatArray, threshold: float, checked: bool) -> DoubleArray:
    """(E,) rising: peaks that weigh enough; where the networks are unsure, though something may strike, and there is a
    row of hand-made events, those that are confirmed, and the hand-made ones."""
    noted = peaks.heat >= LEAST_HEAT
    unsure = noted.any() and np.percentile(peaks.heat[noted], 75) < SURE_QUARTILE
    may_strike = (peaks.weighed >= LEAST_WEIGHED).any()
    if not (checked and unsure and may_strike and _is_row(hand_s, heat)):
        return peaks.times_s[peaks.weighed >= threshold]
    near = np.abs(peaks.times_s[:, None] - hand_s) < PEAK_DISTANCE_S  # (peaks, hand-made)
    moments = peaks.times_s[(peaks.heat >= SURE_HEAT) | (noted & near.any(1))]
    return np.sort(np.concatenate([moments, _hand_alone(hand_s, moments, heat)]))


def _moment(point: int, heat: FloatArray, offset: FloatArray) -> float:
    """The instant (s) that a peak and its neighbours point at."""
    near = np.arange(max(0, point - NEAR_POINTS), min(len(heat), point + NEAR_POINTS + 1))
    return float(heat[near] @ (near + offset[near]) / heat[near].sum()) / CLOCK_HZ


def _is_row(hand_s: FloatArray, heat: FloatArray) -> bool:
    """Whether hand-made events follow each other, and the networks see something at most of them."""
    if len(hand_s) < HAND_ROW_HZ * len(heat) / CLOCK_HZ:
        return False
    return float(np.median([_heat_around(time_s, heat) for time_s in hand_s.tolist()])) >= HAND_ROW_HEAT


def _heat_around(time_s: float, heat: FloatArray) -> float:
    centre = round(time_s * CLOCK_HZ)
    return float(heat[max(0, centre - HAND_POINTS) : centre + HAND_POINTS + 1].max(initial=0))


def _hand_alone(hand_s: FloatArray, taken_s: DoubleArray, heat: FloatArray) -> list[float]:
    """Hand-made events with none of the `taken_s` near that the networks do not rule out."""
    alone = []
    for time_s in hand_s.tolist():
        free = not len(taken_s) or np.abs(taken_s - time_s).min() >= HAND_APART_S
        if free and _heat_around(time_s, heat) >= LEAST_HAND_HEAT:
            alone.append(time_s)
    return alone


def _peaks_of(heat: FloatArray, threshold: float) -> npt.NDArray[np.int64]:
    """Points at which the heat is highest, the hotter of two that are nearer than PEAK_DISTANCE_S; in order."""
    padded = np.concatenate([[-1.0], heat, [-1.0]])
    found = np.flatnonzero((heat >= threshold) & (heat > padded[:-2]) & (heat >= padded[2:]))
    reach = math.ceil(PEAK_DISTANCE_S * CLOCK_HZ)
    kept = np.zeros(len(heat), bool)
    for point in sorted(found.tolist(), key=lambda i: -heat[i]):
        if not kept[max(0, point - reach + 1) : point + reach].any():
            kept[point] = True
    return np.flatnonzero(kept)
