"""Layers of sound put together, sample by sample."""

import numpy as np

from phonofilm.errors import OptionError
from phonofilm.mix.loudness import limit
from phonofilm.types import Waveform


def mix_under(new: Waveform, original: Waveform, original_db: float) -> Waveform:
    """The new sound with the clip's own one under it at `original_db`, peaks limited.

    Both must have the same rate and length; a mono one counts for both channels. Raises OptionError when they differ.
    """
    if new.rate_hz != original.rate_hz or new.samples.shape[1] != original.samples.shape[1]:
        raise OptionError(
            f"the layers differ: {new.samples.shape[1]} samples at {new.rate_hz} Hz and {original.samples.shape[1]} at "
            f"{original.rate_hz} Hz; bring both to the length of the clip"
        )
    under = original.samples
    if new.channels == 1 and original.channels == 2:
        under = original.samples.mean(axis=0, keepdims=True)  # (1, S)
    mixed = new.samples + under * np.float32(10 ** (original_db / 20))  # a mono layer spreads over both channels
    return limit(Waveform(mixed.astype(np.float32), new.rate_hz))
