"""Speech made slower and faster at its own pitch, by overlap and add of similar waveforms (WSOLA).

Verhelst and Roelands, "An overlap-add technique based on waveform similarity", ICASSP 1993. A library was
looked at (python-stretch 0.3.1): it takes one factor for a whole call. Here the factor changes from one speech sound to
the next, so the time map itself is the argument.

Dimension letters: S samples, N samples of one window, K anchors.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from phonofilm.types import FloatArray

WINDOW_S = 0.030
"""Two periods of a deep voice (70 Hz)."""
SEARCH_S = 0.008
"""Half a period of a deep voice either way."""
LEAST_ENERGY = 1e-9


def stretch(samples: FloatArray, rate_hz: int, from_s: Sequence[float], to_s: Sequence[float]) -> FloatArray:
    """Sound whose instants `from_s` (K,) are heard at `to_s` (K,), straight lines between; pitch is kept.

    samples: (S,) float32. Both lists rise strictly, begin at 0 and hold K >= 2; the first ends with the length of the
    sound. Returns as many samples as the last of `to_s` says. Where the map has slope one the sound is copied.
    """
    assert len(from_s) == len(to_s) >= 2, "give as many instants before as after, two at least"
    assert from_s[0] == to_s[0] == 0, "both begin at 0"
    assert min(np.diff(from_s)) > 0, "instants before rise"
    assert min(np.diff(to_s)) > 0, "instants after rise"
    hop = max(1, round(WINDOW_S / 2 * rate_hz))
    reach = round(SEARCH_S * rate_hz)
    length = round(to_s[-1] * rate_hz)
    window = np.hanning(2 * hop + 1)[:-1]  # (N,): neighbours sum to one
    margin = 3 * hop + reach
    padded = np.pad(samples.astype(np.float64), margin)
    frames = length // hop + 2
    wanted = np.interp(np.arange(frames) * hop, np.multiply(to_s, rate_hz), np.multiply(from_s, rate_hz))
    out = np.zeros((frames + 1) * hop)
    position = 0
    for index, target in enumerate(np.rint(wanted).astype(int)):
        # Window `index` is centred on output sample index * hop.
        natural = position + hop if index else target
        position = (
            natural if natural == target else _most_alike(padded, natural + margin - hop, target, margin, hop, reach)
        )
        piece = padded[position + margin - hop : position + margin + hop] * window  # (N,)
        begin = (index - 1) * hop
        if begin < 0:
            out[:hop] += piece[hop:]
        else:
            out[begin : begin + 2 * hop] += piece
    return out[:length].astype(np.float32)


def _most_alike(padded: npt.NDArray[np.float64], natural: int, target: int, margin: int, hop: int, reach: int) -> int:
    """The position within reach of `target` whose window continues most naturally what was laid down before."""
    template = padded[natural : natural + 2 * hop]
    first = max(target - reach, -hop)
    begin = first + margin - hop
    region = padded[begin : begin + 2 * hop + 2 * reach]
    if len(template) < 2 * hop or len(region) < 2 * hop:
        return target
    likeness = np.correlate(region, template, mode="valid")
    energy = np.convolve(region**2, np.ones(2 * hop), mode="valid")
    score = likeness / np.sqrt(np.maximum(energy, LEAST_ENERGY))
    if score.max() <= 0:
        return target
    return first + int(np.argmax(score))
