"""The form: sections, what each bar is for, and how intense it is.

Intensity joins the arc of the style with what the picture does, so that the loudest bars are where most happens and the
layers of the orchestra come in and go out with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from phonofilm.score.piece import Hit, Section, TempoMap
from phonofilm.score.tempo import bar_at, bars_on
from phonofilm.types import FloatArray

Arc = Literal["build", "arch", "even", "waves"]
Material = Literal["intro", "A", "B", "end"]
MATERIALS: dict[str, Material] = {"intro": "intro", "contrast": "B", "close": "end"}
PICTURE_SHARE = 0.4
"""How much of the intensity the picture decides; the arc decides the rest."""
SNAP_BARS = 2
"""How far the border of a section may move to meet a cut."""
SILENCE_STRENGTH = 0.8
"""Hits from this strength on are prepared by silence in styles that use it."""
LONGEST_SILENCE_S = 2.5
CUT_S = 0.08
SECTION_SHARE = {"intro": 0.55, "contrast": 0.9, "close": 0.75}
"""What is left of the arc in sections that hold back."""


@dataclass(frozen=True)
class BarPlan:
    """What one bar is for.

    section: its name; in_section: its number there, of section_bars. material: which theme it belongs to. intensity:
    0..1. rest_from: beat of the bar from which it falls silent, None where it does
    not. lift: the bar leads into a new section.
    """

    section: str
    in_section: int
    section_bars: int
    material: Material
    intensity: float
    rest_from: float | None
    lift: bool


def sections_of(tempo: TempoMap, cuts_s: Sequence[float], rng: np.random.Generator) -> tuple[Section, ...]:
    """Intro, statement, contrast, return and the way home, as far as the length allows; borders on cuts where near."""
    count = len(tempo.bars)
    if count == 0:
        return ()
    intro = 0 if count < 6 else 1 if count < 10 else 2 if count < 24 else 4
    home = 0 if count < 4 else 1 if count < 8 else 2
    middle = count - intro - home
    if middle < 6:
        sizes = [("statement", middle)]
    elif middle < 12:
        sizes = [("statement", _even(middle * 0.5)), ("return", middle - _even(middle * 0.5))]
    else:
        share = rng.choice([0.36, 0.4])
        first, second = _even(middle * share), _even(middle * 0.28)
        sizes = [("statement", first), ("contrast", second), ("return", middle - first - second)]
    named = [("intro", intro), *sizes, ("close", home)]
    on_cut = _bars_on_cuts(tempo, cuts_s)
    borders = [0]
    for _, size in named[:-2]:
        borders.append(_snapped(borders[-1] + size, on_cut, borders[-1] + (1 if size else 0), count - home, size))
    borders += [count - home, count]
    rows = [Section(name, a, b) for (name, _), a, b in zip(named, borders, borders[1:], strict=False)]
    return tuple(section for section in rows if section.end > section.first)


def plan_bars(
    tempo: TempoMap,
    sections: Sequence[Section],
    activity: FloatArray,
    hits: Sequence[Hit],
    arc: Arc,
    silences: float,
    rng: np.random.Generator,
) -> list[BarPlan]:
    """A plan for each bar. activity: (K,) 0..1, of each bar. silences: how readily the style falls silent, 0..1."""
    count = len(tempo.bars)
    quiet = _silent_bars(tempo, sections, hits, silences, rng)
    smooth = np.convolve(np.pad(activity, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid") if count else activity
    plans = []
    for section in sections:
        material = MATERIALS.get(section.name, "A")
        for bar in range(section.first, section.end):
            drawn = _arc(arc, (bar + 0.5) / count, section.name)
            intensity = (1 - PICTURE_SHARE) * drawn + PICTURE_SHARE * float(smooth[bar])
            last = bar == section.end - 1
            plans.append(
                BarPlan(
                    section.name,
                    bar - section.first,
                    section.end - section.first,
                    material,
                    float(np.clip(intensity, 0, 1)),
                    tempo.bars[bar].beats * (1 - silences) if bar in quiet else None,
                    last and bar < count - 1,
                )
            )
    return plans


def _even(value: float) -> int:
    """Sections have four, eight, ... bars, or two where that is all there is."""
    return max(2, 4 * round(value / 4)) if value >= 3 else 2


def _bars_on_cuts(tempo: TempoMap, cuts_s: Sequence[float]) -> set[int]:
    near = bars_on(tempo, cuts_s, CUT_S) if cuts_s else []
    return {bar_at(tempo, cut + CUT_S) for cut, on in zip(cuts_s, near, strict=True) if on}


def _snapped(border: int, on_cut: set[int], lowest: int, highest: int, size: int) -> int:
    border = min(max(border, lowest), highest)
    if size == 0:
        return border
    near = [bar for bar in on_cut if abs(bar - border) <= min(SNAP_BARS, size // 2) and lowest <= bar <= highest]
    return min(near, key=lambda bar: (abs(bar - border), bar)) if near else border


def _arc(arc: Arc, place: float, section: str) -> float:
    """The intensity that the arc of a style asks for at a place (0..1) of the piece."""
    level: float
    if arc == "build":
        level = 0.08 + 0.92 * min(1.0, place / 0.88) ** 1.4
    elif arc == "arch":
        level = 0.2 + 0.75 * float(np.sin(np.pi * min(1.0, place / 0.95) ** 1.25)) ** 1.2
    elif arc == "waves":
        level = 0.45 + 0.3 * float(np.sin(2 * np.pi * (2 * place - 0.25))) + 0.15 * place
    else:
        level = 0.6
    return level * SECTION_SHARE.get(section, 1.0)


def _silent_bars(
    tempo: TempoMap, sections: Sequence[Section], hits: Sequence[Hit], silences: float, rng: np.random.Generator
) -> set[int]:
    """Bars that fall silent: before the strongest hits, and before the return."""
    count = len(tempo.bars)
    quiet = set()
    if silences <= 0 or count < 6:
        return set()
    for hit in sorted(hits, key=lambda hit: -hit.strength)[: max(1, count // 16)]:
        bar = bar_at(tempo, hit.time_s)
        short = 2 < bar < count and tempo.bars[bar - 1].end_s - tempo.bars[bar - 1].start_s <= LONGEST_SILENCE_S
        if hit.strength >= SILENCE_STRENGTH and short and rng.random() < silences:
            quiet.add(bar - 1)
    for section in sections:
        if section.name == "return" and section.first > 3 and rng.random() < silences:
            quiet.add(section.first - 1)
    return quiet
