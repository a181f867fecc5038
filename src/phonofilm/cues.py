"""Cues and cue curves: what is heard when, as a list a person can edit and as curves a network can follow.

A cue sheet is JSON:

    {"phonofilm_cue_sheet": 1,
     "clip": {"name": "chop.mp4", "duration_s": 8.041, "fingerprint": "9f31..."},
     "cues": [{"start_s": 0.52, "end_s": 0.52, "strength": 0.9, "place": -0.2, "label": "hit"}, ...]}

A cue whose end equals its start is an event (a hit); a longer one is a stretch of activity. Strength is 0 to 1, place
is -1 (left edge) to 1 (right edge). `clip.fingerprint` may be left out of a sheet written by hand. A cue may further
hold `"muted": true` (nothing is to be heard there) and `"prompt": "a glass breaks"` (what is to be heard there alone).

Dimension letters: N curve points, K cues.
"""

import json
import math
import reprlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from phonofilm.errors import CueError
from phonofilm.types import ClipInfo, FloatArray

SHEET_VERSION = 1
BUMP_WIDTH_S = 0.012
"""Standard deviation of the bump that stands for one event. One frame of the mel clock (11.6 ms): narrow enough to say
which frame, wide enough that the neighbouring curve points tell where between two frames."""
PEAK_THRESHOLD = 0.15
PEAK_DISTANCE_S = 0.08
"""Two events closer than this merge: listeners fuse them, and at 12 frames a second pixels cannot part them."""
ACTIVE_THRESHOLD = 0.2
ACTIVE_LENGTH_S = 0.4
DURATION_TOLERANCE_S = 0.1
LARGEST_NUMBER = 1e9
LONGEST_WORDS = 200
"""Characters of the prompt of one cue: it names one sound."""
LEAD_S, TAIL_S = 0.1, 0.4
"""How far before and after the instant of a hit its sound may reach: attacks come up to 80 ms off (what `evaluate sync`
still counts as in time), and barks and breaking glass go on for some tenths of a second."""
RARE = ("muted", "prompt")
"""What a sheet says of a cue only where somebody wants it."""
SAME_S = 1e-3
"""Sheets are written to a tenth of a millisecond; times this near are the same."""
MAKE_ONE = "make one with 'phonofilm spot CLIP -o cues.json'"


@dataclass(frozen=True)
class Cue:
    """Something heard at a time. Times in seconds from the first shown frame; see the head of the file for ranges."""

    start_s: float
    end_s: float
    strength: float
    place: float = 0.0
    label: str = "hit"
    muted: bool = False
    prompt: str = ""

    @property
    def is_event(self) -> bool:
        return self.end_s <= self.start_s

    @property
    def sounding_s(self) -> tuple[float, float]:
        """From when to when its sound may be heard: a stretch as it stands, a hit with what rings around it."""
        return (max(0.0, self.start_s - LEAD_S), self.end_s + TAIL_S) if self.is_event else (self.start_s, self.end_s)


@dataclass(frozen=True)
class CueCurves:
    """What the pixels (or a cue sheet, or a recording) say about time, on an even clock.

    rate_hz: points per second; point n stands for the instant n / rate_hz.
    onset:    (N,) float32 0..1, how strongly something begins there.
    activity: (N,) float32 0..1, how much goes on there.
    place:    (N,) float32 -1..1, where it goes on, left to right.
    """

    rate_hz: Fraction
    onset: FloatArray
    activity: FloatArray
    place: FloatArray

    def __post_init__(self) -> None:
        shapes = {self.onset.shape, self.activity.shape, self.place.shape}
        assert len(shapes) == 1, f"curves must be (N,) and alike, not {shapes}"
        assert self.onset.ndim == 1, f"curves must be (N,), not {self.onset.shape}"

    def times_s(self) -> FloatArray:
        """(N,) float32 instants of the points."""
        return (np.arange(len(self.onset)) / float(self.rate_hz)).astype(np.float32)


@dataclass(frozen=True)
class CueSheet:
    """The list of cues of one clip."""

    clip_name: str
    duration_s: float
    fingerprint: str
    cues: tuple[Cue, ...]

    @property
    def events(self) -> tuple[Cue, ...]:
        """The hits that are to be heard, not the muted ones."""
        return tuple(cue for cue in self.cues if cue.is_event and not cue.muted)

    @property
    def stretches(self) -> tuple[Cue, ...]:
        """The stretches that are to be heard, not the muted ones."""
        return tuple(cue for cue in self.cues if not cue.is_event and not cue.muted)

    def to_json(self) -> str:
        """The sheet as indented JSON text, readable by `read_cue_sheet`. Raises CueError for values that are not."""
        checked(self)
        clip = {"name": self.clip_name, "duration_s": round(float(self.duration_s), 3), "fingerprint": self.fingerprint}
        rows = [
            {k: round(v, 4) if isinstance(v, float) else v for k, v in _row(cue).items() if k not in RARE or v}
            for cue in self.cues
        ]
        return json.dumps({"phonofilm_cue_sheet": SHEET_VERSION, "clip": clip, "cues": rows}, indent=1) + "\n"


def read_cue_sheet(path: str | Path, clip: ClipInfo | None = None) -> CueSheet:
    """Read an edited cue sheet for a clip; None where it is not known yet, or does not matter, for which.

    Raises CueError when the file is missing or not JSON, a value is missing, unknown or out of range, or the sheet was
    made for another clip.
    """
    if not isinstance(path, str | Path) or "\0" in str(path):
        raise CueError(f"the cue sheet is {reprlib.repr(path)}; give the path of a file")
    path = Path(path)
    try:
        data = json.loads(path.read_bytes())  # from bytes it tells UTF-8 from UTF-16, with a byte order mark or none
    except OSError as error:
        raise CueError(f"cue sheet {path} cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits, and of bad text
        raise CueError(
            f"cue sheet {path} is not JSON ({error}); make one with 'phonofilm spot CLIP -o cues.json'"
        ) from error
    sheet = parse_cue_sheet(data, str(path))
    return sheet if clip is None else _fitting(sheet, f"cue sheet {path}", clip)


def sheet_for(cues: Path | CueSheet, clip: ClipInfo) -> CueSheet:
    """The sheet for a clip that a file or a sheet in memory holds. Raises CueError as `read_cue_sheet`."""
    if not isinstance(cues, CueSheet):
        return read_cue_sheet(cues, clip)
    return _fitting(checked(cues), "the cue sheet", clip)


def checked(sheet: CueSheet) -> CueSheet:
    """A sheet in memory as `parse_cue_sheet` would give it back. Raises CueError as that does."""
    cues = list(sheet.cues) if isinstance(sheet.cues, tuple | list) else sheet.cues
    odd = not isinstance(cues, list) or not all(isinstance(cue, Cue) for cue in cues)
    if odd:
        raise CueError(f"the cue sheet's cues are {reprlib.repr(cues)}; give a tuple of Cue")
    clip = {"name": sheet.clip_name, "duration_s": _plain(sheet.duration_s), "fingerprint": sheet.fingerprint}
    rows = [_row(cue) for cue in cues]
    return parse_cue_sheet({"phonofilm_cue_sheet": SHEET_VERSION, "clip": clip, "cues": rows}, "in memory")


def _row(cue: Cue) -> dict[str, Any]:
    """A cue's fields with plain values."""
    return {name: _plain(value) for name, value in asdict(cue).items()}


def _plain(value: Any) -> Any:
    """A number or truth value of NumPy as Python's; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _fitting(sheet: CueSheet, called: str, clip: ClipInfo) -> CueSheet:
    """The sheet itself. Raises CueError when it was made for another clip than this."""
    if sheet.fingerprint and sheet.fingerprint != clip.fingerprint:
        same = sheet.clip_name == clip.path.name
        other = "another film of that name: the content differs" if same else f"not for {clip.path.name!r}"
        raise CueError(
            f"{called} was made for {sheet.clip_name!r}, {other}; "
            f"make one for this clip with 'phonofilm spot', or delete the line \"fingerprint\" to use it all the same"
        )
    last_s = max((cue.end_s for cue in sheet.cues), default=0.0)
    if max(last_s, sheet.duration_s) > float(clip.duration_s) + DURATION_TOLERANCE_S:
        raise CueError(
            f"{called} reaches to {max(last_s, sheet.duration_s):.2f} s but {clip.path.name!r} lasts "
            f"{float(clip.duration_s):.2f} s; use the sheet of this clip or delete the cues after its end"
        )
    return sheet


def parse_cue_sheet(data: Any, source: str) -> CueSheet:
    """A cue sheet from decoded JSON; `source` names it in errors. Raises CueError as `read_cue_sheet`."""
    if not isinstance(data, dict) or data.get("phonofilm_cue_sheet") != SHEET_VERSION:
        raise CueError(f'cue sheet {source} lacks "phonofilm_cue_sheet": {SHEET_VERSION}; {MAKE_ONE}')
    unknown = set(data) - {"phonofilm_cue_sheet", "clip", "cues"}
    clip, rows = data.get("clip"), data.get("cues")
    if unknown or not isinstance(clip, dict) or not isinstance(rows, list):
        raise CueError(
            f'cue sheet {source} must hold exactly "clip" (an object) and "cues" (a list); compare a fresh one'
        )
    fingerprint = clip.get("fingerprint", "")
    if not isinstance(fingerprint, str):
        raise CueError(f'cue sheet {source}: "fingerprint" must be text; take it from a fresh sheet or leave it out')
    duration_s = _number(clip.get("duration_s"), f"cue sheet {source}: clip.duration_s", 0.0, math.inf)
    cues = [_parse_cue(row, f"cue sheet {source}: cue {index + 1}") for index, row in enumerate(rows)]
    cues.sort(key=lambda cue: (cue.start_s, cue.end_s))
    return CueSheet(str(clip.get("name", "")), duration_s, fingerprint, tuple(cues))


def changed_spans(before: CueSheet, after: CueSheet) -> list[tuple[float, float]]:
    """Where two sheets of one clip differ, in seconds and in order: where a cue was and where one is now.

    What sounds before and after a hit is part of it, up to the nearest hit that stays.
    """
    gone, come = list(before.cues), []
    for cue in after.cues:
        twin = next((old for old in gone if _same(old, cue)), None)
        if twin is None:
            come.append(cue)
        else:
            gone.remove(twin)
    changed = {cue.start_s for cue in (*gone, *come)}
    kept_s = [cue.start_s for cue in after.events if cue.start_s not in changed]
    return sorted(span_of(cue, kept_s, after.duration_s) for cue in (*gone, *come))


def merged(before: CueSheet, after: CueSheet, spans: Sequence[tuple[Fraction | float, Fraction | float]]) -> CueSheet:
    """What is heard in a take that was made anew in some spans: the cues that begin in them, and the old ones."""
    kept = [cue for cue in before.cues if not _inside(cue.start_s, spans)]
    new = [cue for cue in after.cues if _inside(cue.start_s, spans)]
    return replace(before, cues=tuple(sorted((*kept, *new), key=lambda cue: (cue.start_s, cue.end_s))))


def _inside(time_s: float, spans: Sequence[tuple[Fraction | float, Fraction | float]]) -> bool:
    return any(first <= time_s <= end for first, end in spans)


def span_of(cue: Cue, kept_s: Sequence[float], duration_s: float) -> tuple[float, float]:
    """From when to when a cue is heard, in seconds, inside the clip and without touching the hits at `kept_s`."""
    first_s, end_s = cue.sounding_s
    before = [time_s + PEAK_DISTANCE_S for time_s in kept_s if time_s < cue.start_s]
    after = [time_s - PEAK_DISTANCE_S / 2 for time_s in kept_s if time_s > cue.end_s]
    if cue.is_event:
        first_s = min(cue.start_s, max(first_s, *before, 0.0))
        end_s = max(cue.end_s + PEAK_DISTANCE_S / 2, min(end_s, *after, duration_s))
    return first_s, min(end_s, duration_s)


def without(spans: Sequence[tuple[float, float]], taken: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """What is left of some spans of time where none of `taken` is."""
    left = list(spans)
    for low, high in taken:
        left = [part for first, end in left for part in ((first, min(end, low)), (max(first, high), end))]
        left = [(first, end) for first, end in left if first < end]
    return left


def _same(one: Cue, other: Cue) -> bool:
    numbers = ((getattr(one, name), getattr(other, name)) for name in ("start_s", "end_s", "strength", "place"))
    alike = (one.label, one.muted, one.prompt) == (other.label, other.muted, other.prompt)
    return alike and all(abs(a - b) < SAME_S for a, b in numbers)


def _parse_cue(row: Any, where: str) -> Cue:
    known = {"start_s", "end_s", "strength", "place", "label", "muted", "prompt"}
    if not isinstance(row, dict) or not {"start_s"} <= set(row) <= known:
        raise CueError(f"{where} must be an object with start_s and any of {', '.join(sorted(known))}; got {row!r:.80}")
    start_s = _number(row["start_s"], f"{where}: start_s", 0.0, math.inf)
    end_s = _number(row.get("end_s", start_s), f"{where}: end_s", start_s, math.inf)
    strength = _number(row.get("strength", 1.0), f"{where}: strength", 0.0, 1.0)
    place = _number(row.get("place", 0.0), f"{where}: place", -1.0, 1.0)
    muted, prompt = row.get("muted", False), row.get("prompt", "")
    if not isinstance(muted, bool):
        raise CueError(f"{where}: muted is {muted!r:.40}; it must be true or false: correct it in the sheet")
    if not isinstance(prompt, str) or len(prompt) > LONGEST_WORDS or not prompt.isprintable():
        raise CueError(f"{where}: prompt is {prompt!r:.40}; it must be one line of at most {LONGEST_WORDS} characters")
    if prompt.strip() and not any(map(str.isalnum, prompt)):
        raise CueError(
            f"{where}: prompt is {prompt!r:.40}, and there is no word in it; say in words what is heard there"
        )
    return Cue(start_s, end_s, strength, place, str(row.get("label", "hit")), muted, prompt.strip())


def _number(value: Any, where: str, low: float, high: float) -> float:
    wanted = f"a number from {low:g} to {high:g}" if high < math.inf else f"a number of at least {low:g}"
    # Compared, not asked whether finite: whole numbers may be larger than any float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST_NUMBER:
        raise CueError(f"{where} is {value!r:.40}; it must be {wanted}: correct it in the sheet")
    if not low <= value <= high:
        raise CueError(f"{where} is {value:g}; it must be {wanted}: correct it in the sheet")
    return float(value)


def bumps(times_s: FloatArray, strengths: FloatArray, rate_hz: Fraction, count: int) -> FloatArray:
    """Events as an onset curve: a Gaussian bump of height `strength` and width BUMP_WIDTH_S at each time.

    times_s, strengths: (K,). Returns (N,) float32 with N = count. Where bumps meet, the higher one counts.
    """
    curve = np.zeros(count, np.float32)
    reach = math.ceil(4 * BUMP_WIDTH_S * float(rate_hz))
    for time_s, strength in zip(times_s, strengths, strict=True):
        centre = float(time_s) * float(rate_hz)
        first, last = max(0, int(centre) - reach), min(count, int(centre) + reach + 2)
        if first >= last:
            continue
        offset_s = (np.arange(first, last) - centre) / float(rate_hz)
        bump = strength * np.exp(-0.5 * (offset_s / BUMP_WIDTH_S) ** 2)
        curve[first:last] = np.maximum(curve[first:last], bump)
    return curve


def peaks(curve: FloatArray, rate_hz: Fraction) -> tuple[FloatArray, FloatArray]:
    """The events in an onset curve: (times_s (K,), strengths (K,)), in order.

    A peak is a local maximum of at least PEAK_THRESHOLD; of two closer than PEAK_DISTANCE_S the stronger stays. The
    time is refined between points by the parabola through the peak and its neighbours.
    """
    padded = np.concatenate([[-1.0], curve, [-1.0]])
    here = padded[1:-1]
    found = np.flatnonzero((here >= PEAK_THRESHOLD) & (here > padded[:-2]) & (here >= padded[2:]))
    kept: list[int] = []
    for index in sorted(found.tolist(), key=lambda i: -curve[i]):
        if all(abs(index - other) >= PEAK_DISTANCE_S * float(rate_hz) for other in kept):
            kept.append(index)
    kept.sort()
    times = []
    for index in kept:
        left = float(curve[index - 1]) if index else 0.0
        right = float(curve[index + 1]) if index + 1 < len(curve) else 0.0
        bend = left - 2 * float(curve[index]) + right
        shift = 0.5 * (left - right) / bend if bend < -1e-9 else 0.0
        times.append((index + float(np.clip(shift, -0.5, 0.5))) / float(rate_hz))
    return np.asarray(times, np.float32).clip(0), curve[kept].astype(np.float32)


def curves_to_sheet(curves: CueCurves, clip: ClipInfo, label: str) -> CueSheet:
    """The cue sheet that says what the curves say: peaks of onset as events, runs of activity as stretches."""
    times, strengths = peaks(curves.onset, curves.rate_hz)
    last = len(curves.onset) - 1
    cues = []
    for time_s, strength in zip(times, strengths, strict=True):
        place = curves.place[min(last, round(float(time_s) * float(curves.rate_hz)))]
        cues.append(Cue(float(time_s), float(time_s), min(1.0, float(strength)), float(place), "hit"))
    active = np.concatenate([[False], curves.activity >= ACTIVE_THRESHOLD, [False]])
    edges = np.flatnonzero(active[1:] != active[:-1])
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        if end - first >= ACTIVE_LENGTH_S * float(curves.rate_hz):
            level, place = curves.activity[first:end].mean(), curves.place[first:end].mean()
            start_s, end_s = int(first) / float(curves.rate_hz), int(end) / float(curves.rate_hz)
            cues.append(Cue(start_s, min(end_s, float(clip.duration_s)), float(level), float(place), label))
    cues.sort(key=lambda cue: (cue.start_s, cue.end_s))
    return CueSheet(clip.path.name, float(clip.duration_s), clip.fingerprint, tuple(cues))


def sheet_to_curves(sheet: CueSheet, rate_hz: Fraction, count: int) -> CueCurves:
    """The curves a cue sheet asks for, on a clock of `rate_hz` with N = count points; muted cues ask for nothing."""
    events = sheet.events
    times = np.asarray([cue.start_s for cue in events], np.float32)
    onset = bumps(times, np.asarray([cue.strength for cue in events], np.float32), rate_hz, count)
    activity, place = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for cue in sheet.stretches:
        span = slice(round(cue.start_s * float(rate_hz)), max(round(cue.end_s * float(rate_hz)), 0))
        activity[span] = np.maximum(activity[span], cue.strength)
        place[span] = cue.place
    for cue in events:
        # An event sounds on for a moment after it begins; a hit on silent ground still needs activity to sound in.
        first = round(cue.start_s * float(rate_hz))
        tail = np.exp(-np.arange(round(0.25 * float(rate_hz))) / (0.08 * float(rate_hz))).astype(np.float32)
        part = activity[first : first + len(tail)]
        part[:] = np.maximum(part, cue.strength * tail[: len(part)])
        place[first : first + len(tail)] = cue.place
    return CueCurves(rate_hz, onset, activity, place)


def resample_curves(curves: CueCurves, rate_hz: Fraction, count: int, first_s: float = 0.0) -> CueCurves:
    """The same curves on another clock: point n of the result stands for first_s + n / rate_hz.

    Events are found and drawn again, not interpolated: a narrow bump between two points would be lost.
    """
    times, strengths = peaks(curves.onset, curves.rate_hz)
    new_s = first_s + np.arange(count) / float(rate_hz)
    old_s = curves.times_s()
    return CueCurves(
        rate_hz,
        bumps((times - np.float32(first_s)).astype(np.float32), strengths, rate_hz, count),
        np.interp(new_s, old_s, curves.activity).astype(np.float32),
        np.interp(new_s, old_s, curves.place).astype(np.float32),
    )


def lagging(sheet: CueSheet, seen: CueSheet, lag_s: float) -> CueSheet:
    """An edited sheet in which hits that stayed as they were seen come `lag_s` later, as where nobody edits one."""
    stayed = {round(cue.start_s, 3) for cue in seen.events}

    def heard(cue: Cue) -> Cue:
        late_s = cue.start_s + lag_s
        if not cue.is_event or round(cue.start_s, 3) not in stayed or late_s > sheet.duration_s:
            return cue
        return replace(cue, start_s=late_s, end_s=late_s)

    return replace(sheet, cues=tuple(map(heard, sheet.cues)))
