"""Dialogue, music and effects put together: levels, ducking, one loudness, one limiter, stems that add up to the mix.

Dimension letters: C channels, S samples.
"""

from dataclasses import dataclass

import numpy as np

from phonofilm.mix.ducking import under_hits, under_words
from phonofilm.mix.layer_names import DIALOGUE, EFFECTS, MUSIC, ORIGINAL
from phonofilm.mix.loudness import integrated_lufs, limiting_gain, normalising_gain_db
from phonofilm.types import FloatArray, Waveform

DIALOGUE_OVER_EFFECTS_LU = 4.0
"""Dialogue leads; effects at its own loudness would compete with it even in its pauses."""
MUSIC_UNDER_EFFECTS_LU = 5.0
MUSIC_UNDER_DIALOGUE_LU = 9.0
"""Music that plays on between the lines; under them it is ducked further."""
USUAL_LUFS = -23.0
"""Where neither a target nor the effects say how loud: EBU R 128."""
QUIETEST_LUFS = -70.0
"""The absolute gate of BS.1770: a layer below holds nothing to be levelled."""


@dataclass(frozen=True)
class Mixed:
    """A mix (C, S) and its layers by name, as they are in it: their sum is the mix."""

    mix: Waveform
    stems: dict[str, Waveform]


def mix_stems(
    effects: Waveform,
    music: Waveform | None,
    dialogue: Waveform | None,
    target_lufs: float | None,
    anchored: bool = False,
    original: Waveform | None = None,
    quiet: bool = False,
) -> Mixed:
    """Put layers of one rate, length and number of channels together.

    The effects come levelled: at the target, or below it where they are to be quiet; the others are set against the
    target. target_lufs: the integrated loudness of the whole, None for that of the effects. anchored: where there is
    dialogue, its own integrated loudness is meant. original: keeps its distance from the effects. quiet: the effects
    are to be quiet; with nothing but the original they are raised by no more than it stands above them. The true peak
    stays under -1 dB in any case.
    """
    layers = {EFFECTS: effects}
    if original is not None:
        layers[ORIGINAL] = original
    if dialogue is not None:
        layers[DIALOGUE] = dialogue
    if music is not None:
        layers[MUSIC] = music
    for name, layer in layers.items():
        assert layer.rate_hz == effects.rate_hz, f"{name} has {layer.rate_hz} Hz, effects {effects.rate_hz} Hz"
        assert layer.samples.shape == effects.samples.shape, f"{name} is {layer.samples.shape}"
    reference = integrated_lufs(effects) if target_lufs is None else target_lufs
    layers = _ducked(_levelled(layers, reference if reference > QUIETEST_LUFS else USUAL_LUFS))
    mix = summed(layers)
    gain: FloatArray = np.ones(1, np.float32)
    if target_lufs is not None and not (anchored and dialogue is not None):
        gain_db = normalising_gain_db(mix, target_lufs)
        if quiet and original is not None and music is None and dialogue is None:
            gain_db = min(gain_db, max(0.0, integrated_lufs(original) - integrated_lufs(effects)))
        gain = gain * np.float32(10 ** (gain_db / 20))
    limiting = limiting_gain(Waveform(mix.samples * gain, mix.rate_hz))
    if limiting is not None:
        gain = gain * limiting
    layers = {name: Waveform(layer.samples * gain, layer.rate_hz) for name, layer in layers.items()}
    return Mixed(summed(layers), layers)


def _levelled(layers: dict[str, Waveform], reference_lufs: float) -> dict[str, Waveform]:
    """Effects keep their level, which may be that of a quiet room, but for stepping back where there is dialogue."""
    result = dict(layers)
    if DIALOGUE in layers:
        result[DIALOGUE] = _at(layers[DIALOGUE], reference_lufs)
        back = np.float32(10 ** (-DIALOGUE_OVER_EFFECTS_LU / 20))
        for name in _bed(layers):
            result[name] = Waveform(layers[name].samples * back, layers[name].rate_hz)
    if MUSIC in layers:
        under = MUSIC_UNDER_DIALOGUE_LU if DIALOGUE in layers else MUSIC_UNDER_EFFECTS_LU
        result[MUSIC] = _at(layers[MUSIC], reference_lufs - under)
    return result


def _at(sound: Waveform, wanted_lufs: float) -> Waveform:
    """The sound at another loudness; silence stays silence."""
    lufs = integrated_lufs(sound)
    if lufs <= QUIETEST_LUFS:
        return sound
    return Waveform(sound.samples * np.float32(10 ** ((wanted_lufs - lufs) / 20)), sound.rate_hz)


def _ducked(layers: dict[str, Waveform]) -> dict[str, Waveform]:
    result = dict(layers)
    bed = summed(_bed(layers))
    if MUSIC in layers:
        gain = under_hits(layers[MUSIC], bed)
        result[MUSIC] = Waveform(layers[MUSIC].samples * gain, layers[MUSIC].rate_hz)
    if DIALOGUE in layers:
        gain = under_words(bed, layers[DIALOGUE])
        for name in _bed(layers):
            result[name] = Waveform(layers[name].samples * gain, layers[name].rate_hz)
        if MUSIC in result:
            gain = under_words(result[MUSIC], layers[DIALOGUE])
            result[MUSIC] = Waveform(result[MUSIC].samples * gain, result[MUSIC].rate_hz)
    return result


def _bed(layers: dict[str, Waveform]) -> dict[str, Waveform]:
    """What sounds in the picture, by us or by itself; it goes up and down together."""
    return {name: layers[name] for name in (EFFECTS, ORIGINAL) if name in layers}


def summed(layers: dict[str, Waveform]) -> Waveform:
    """All layers at once; they have one rate and shape."""
    samples = np.sum([layer.samples for layer in layers.values()], axis=0, dtype=np.float32)
    return Waveform(np.asarray(samples, np.float32), next(iter(layers.values())).rate_hz)
