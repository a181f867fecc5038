"""Where does it stand? Loss when both channels are added up, and places heard against places given.

Dimension letters: S samples, K events.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

from phonofilm.errors import InputError
from phonofilm.mix.spatial import WIDTH
from phonofilm.types import Waveform

Samples = npt.NDArray[np.float64]

OCTAVES_HZ = (125, 250, 500, 1000, 2000, 4000, 8000)
EVENT_S = 0.08
"""Of an event that is listened to: its attack, before the room and the next event."""
BEFORE_S = 0.06
GUARD_S = 0.01
AUDIBLE_DB = -50.0
"""A band further than this under the whole sound does not count: its loss is not heard."""
LARGEST_LOSS_DB = 60.0


@dataclass(frozen=True)
class FoldDown:
    """Loss of power when left and right are added, in dB: 0 for one signal in both, 3 for strangers, more for
    opposites.

    whole_db: of everything. worst_db and worst_hz: of the octave that loses most among those that can be heard.
    """

    whole_db: float
    worst_db: float
    worst_hz: int


@dataclass(frozen=True)
class PlaceError:
    """Places heard against places given, both -1 (left edge of the picture) to 1 (right edge).

    heard: (K,) nan where nothing new was heard. mean_error: over those heard. side_share: of the events given clearly
    to one side (a third of the way or more), the share heard on that side; nan for none.
    """

    heard: tuple[float, ...]
    mean_error: float
    side_share: float


def fold_down(sound: Waveform) -> FoldDown:
    """What a listener with one loudspeaker loses of a stereo sound. Raises InputError unless it has two channels.

    Does not see: combing narrower than an octave, and losses that come and go (the figure is over the whole sound). A
    part on one side alone loses 3 dB, as it must.
    """
    left, right = _channels(sound)
    if not np.any(left) and not np.any(right):
        return FoldDown(0.0, 0.0, OCTAVES_HZ[0])
    total = float((left**2 + right**2).mean())
    worst_db, worst_hz = -math.inf, OCTAVES_HZ[0]
    for centre_hz in OCTAVES_HZ:
        high_hz = min(centre_hz * math.sqrt(2), 0.45 * sound.rate_hz)
        if high_hz <= centre_hz:
            continue
        sos = butter(2, (centre_hz / math.sqrt(2), high_hz), "bandpass", fs=sound.rate_hz, output="sos")
        parts = [sosfiltfilt(sos, channel, padtype=None) for channel in (left, right)]
        if float((parts[0] ** 2 + parts[1] ** 2).mean()) < total * 10 ** (AUDIBLE_DB / 10):
            continue
        loss_db = _loss_db(*parts)
        if loss_db > worst_db:
            worst_db, worst_hz = loss_db, centre_hz
    return FoldDown(_loss_db(left, right), max(worst_db, 0.0), worst_hz)


def _loss_db(left: Samples, right: Samples) -> float:
    apart = float((left**2 + right**2).mean())
    together = float(((left + right) ** 2 / 2).mean())
    return min(LARGEST_LOSS_DB, -10 * math.log10(max(together, 1e-12 * apart) / apart)) if apart else 0.0


def _channels(sound: Waveform) -> tuple[Samples, Samples]:
    if sound.channels != 2:
        raise InputError(f"the sound has {sound.channels} channels; places are measured in stereo: leave out mono")
    left, right = sound.samples.astype(np.float64)
    return left, right


def place_at(sound: Waveform, time_s: float) -> float:
    """Where the event that begins at `time_s` stands, -1 to 1 as in a cue; nan when nothing new is heard there.

    The power that the event adds to what sounded just before, as a 2 x 2 matrix of the channels; the direction of its
    largest part is the pan angle, which is undone by the law of `mix/spatial`.

    Does not see: events under a louder bed, two events at once (the louder counts), depth and height, and places given
    by delay between the channels instead of level.
    """
    left, right = _channels(sound)
    start = round(time_s * sound.rate_hz)
    guard, reach, back = (round(s * sound.rate_hz) for s in (GUARD_S, EVENT_S, BEFORE_S))
    first = max(0, start - guard)
    during = np.stack([left, right])[:, first : start + reach]  # (2, S')
    before = np.stack([left, right])[:, max(0, first - back) : first]  # (2, S'')
    if not during.shape[1]:
        return math.nan
    added = during @ during.T / during.shape[1]  # (2, 2)
    if before.shape[1]:
        added = added - before @ before.T / before.shape[1]
    values, vectors = np.linalg.eigh(added)
    if values[1] <= 1e-10 or np.trace(added) <= 0:
        return math.nan
    angle = math.atan2(abs(vectors[1, 1]), abs(vectors[0, 1]))  # 0 left, pi/2 right
    return float(np.clip((angle * 4 / math.pi - 1) / WIDTH, -1, 1))


def place_error(sound: Waveform, times_s: Sequence[float], places: Sequence[float]) -> PlaceError:
    """Places of events heard in `sound` against those given, K of each.

    Does not see: what `place_at` does not; given the places of a cue sheet it says whether the mix does as it is told,
    not whether the cues are right; for that give it the truth of a simulated scene. Places are smoothed over 0.2 s on
    purpose (`mix/spatial`), so events that jump from side to side within that time come out nearer to each other.
    """
    heard = tuple(place_at(sound, time_s) for time_s in times_s)
    pairs = [(h, p) for h, p in zip(heard, places, strict=True) if not math.isnan(h)]
    sided = [(h, p) for h, p in pairs if abs(p) >= 1 / 3]
    return PlaceError(
        heard,
        float(np.mean([abs(h - p) for h, p in pairs])) if pairs else math.nan,
        float(np.mean([h * p > 0 for h, p in sided])) if sided else math.nan,
    )
