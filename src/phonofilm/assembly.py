"""The layers of a take put together: levelled, with the clip's own sound, or set into an earlier take; and then marked.

Dimension letters: C channels, S samples.
"""

import logging
import math
from dataclasses import replace

import numpy as np

from phonofilm.cues import CueCurves
from phonofilm.editing import Earlier, Edit, as_long, encoding_gain_db, fresh_share
from phonofilm.layers import Extras, fold, spread
from phonofilm.mark.provenance import Content
from phonofilm.media.audio import resample
from phonofilm.mix.layer_names import EFFECTS, ORIGINAL
from phonofilm.mix.loudness import (
    TRUE_PEAK_DB,
    as_loud,
    integrated_lufs,
    limit,
    normalise,
    normalising_gain_db,
    true_peak,
)
from phonofilm.mix.original import brought_under
from phonofilm.mix.riding import ridden
from phonofilm.mix.spatial import place_effects
from phonofilm.mix.splice import fitted, ranges, spliced
from phonofilm.mix.stems import mix_stems, summed
from phonofilm.outlet import Outlet, Sealed
from phonofilm.scenes.guide import Scene
from phonofilm.settings import DIALOGUE_ANCHORED, AddOptions, MakeOptions, loudness_target
from phonofilm.timeline import Seconds, samples
from phonofilm.types import FloatArray, Waveform

logger = logging.getLogger(__name__)

LEAST_MISS_LU = 0.5
"""What misses its loudness by less is on it."""


def levelled(
    wave: FloatArray, curves: CueCurves, scene: Scene, chosen: AddOptions | MakeOptions, rate_hz: int, whole: bool
) -> Waveform:
    """The effects of a take from its mono sound (S,). whole: they are all of it, and their peaks are limited.

    Where the clip's own sound comes to them, one limiter does for both: what two take away is heard.
    """
    wave = ridden(wave, scene.quieter, rate_hz)
    sound = Waveform(wave[None], rate_hz) if chosen.mono else place_effects(wave, curves, rate_hz)
    target = loudness_target(chosen.loudness)
    if target is None:
        return limit(sound) if whole else sound
    wanted = target if scene.loudest_lufs is None else min(target, scene.loudest_lufs)
    if whole:
        return normalise(sound, wanted)
    return Waveform(sound.samples * np.float32(10 ** (normalising_gain_db(sound, wanted) / 20)), rate_hz)


def mixed(
    effects: Waveform, extras: Extras, original: Waveform | None, scene: Scene, chosen: AddOptions
) -> dict[str, Waveform]:
    """The layers of a take by name, as they are in its mix; effects alone stay as they are."""
    if extras.music is None and extras.dialogue is None and original is None:
        return {EFFECTS: effects}
    music = None if extras.music is None else fold(extras.music, effects.channels)
    words = None if extras.dialogue is None else spread(extras.dialogue.stem, effects.channels)
    under = None if original is None else brought_under(original, effects, chosen.original_db)
    target, anchored = loudness_target(chosen.loudness), chosen.loudness in DIALOGUE_ANCHORED
    quiet = target is not None and scene.loudest_lufs is not None and scene.loudest_lufs < target
    return mix_stems(effects, music, words, target, anchored, under, quiet).stems


def at_rate(layers: dict[str, Waveform], rate_hz: int, length_s: Seconds) -> dict[str, Waveform]:
    """Layers that last `length_s` at another rate, each as `as_wanted`."""
    return {name: as_wanted(layer, rate_hz, length_s) for name, layer in layers.items()}


def as_wanted(sound: Waveform, rate_hz: int, length_s: Seconds) -> Waveform:
    """A sound that lasts `length_s` at the rate that somebody wants, to the sample; 0: at its own."""
    if rate_hz in (0, sound.rate_hz):
        return sound
    return _brought_to(sound, rate_hz, samples(length_s, rate_hz))


def _brought_to(sound: Waveform, rate_hz: int, count: int) -> Waveform:
    """A sound at another rate, S = `count` samples of it."""
    return as_long(resample(sound, rate_hz), count)


def set_in(wave: FloatArray, curves: CueCurves, mono: bool, edit: Edit, rate_hz: int) -> Waveform:
    """The earlier take with its spans out of the new mono sound (S,); channels, rate and level are the take's."""
    earlier, heard = edit.earlier, edit.heard
    wave = wave * np.float32(10 ** (-encoding_gain_db(heard) / 20))
    if earlier.channels == 1 or mono:
        alike = math.sqrt(1 / earlier.channels)  # the power of one channel, spread over all
        sound = Waveform(np.repeat(wave[None] * np.float32(alike), earlier.channels, axis=0), rate_hz)
    else:
        sound = place_effects(wave, curves, rate_hz)
    spans = ranges(edit.spans, earlier.rate_hz)
    new = fitted(_brought_to(sound, earlier.rate_hz, earlier.samples.shape[1]), heard, spans)
    if edit.under is not None:
        new = Waveform(new.samples + edit.under.samples, new.rate_hz)
    return spliced(earlier, new, spans)


def joined(effects: Waveform, earlier: Earlier, edit: Edit | None) -> dict[str, Waveform]:
    """The layers of a take whose effects were made anew; where that is all of them, as loud as they were."""
    if edit is not None:
        return {EFFECTS: effects, **earlier.kept}
    old = earlier.effects
    effects = _brought_to(effects, old.rate_hz, old.samples.shape[1])
    effects = fold(effects, 1) if old.channels == 1 else spread(effects, 2) if effects.channels == 1 else effects
    return {EFFECTS: as_loud(effects, old), **earlier.kept}


def sealed(
    outlet: Outlet, layers: dict[str, Waveform], earlier: Earlier | None, edit: Edit | None, stems: bool
) -> tuple[Sealed, dict[str, Sealed]]:
    """The marked mix, and the marked layers where they are wanted; each says whether the clip's own sound is in it."""
    whole, marked = _marked(outlet, layers, earlier, edit, stems)
    held = _holds_own(earlier, edit)
    contents = {ORIGINAL: Content.OWN, EFFECTS: Content.COMPOSITE if held else Content.GENERATED}
    told = {name: replace(one, content=contents.get(name, Content.GENERATED)) for name, one in marked.items()}
    return replace(whole, content=Content.COMPOSITE if held or ORIGINAL in layers else Content.GENERATED), told


def _holds_own(earlier: Earlier | None, edit: Edit | None) -> bool:
    """Whether effects that were made anew in part hold sound that was not generated: the clip's own, or whatever a take
    holds that was not made here."""
    if edit is None:
        return False
    return edit.held is not None or edit.under is not None or (earlier is not None and earlier.foreign)


def _marked(
    outlet: Outlet, layers: dict[str, Waveform], earlier: Earlier | None, edit: Edit | None, stems: bool
) -> tuple[Sealed, dict[str, Sealed]]:
    effects = layers[EFFECTS]
    if earlier is not None and (earlier.kept or (stems and edit is not None)):
        count = effects.samples.shape[1]
        fresh = np.ones(count, np.float32) if edit is None else fresh_share(edit)
        whole, marked = outlet.seal_anew(layers, EFFECTS, fresh, earlier.mix)
        return whole, marked if stems else {}
    if stems:
        return outlet.seal_layers(layers)
    mix = effects if len(layers) == 1 else summed(layers)
    return outlet.seal(mix, None if edit is None else fresh_share(edit)), {}


def tell_loudness(made: Sealed, scene: Scene, chosen: AddOptions | MakeOptions, spoken: bool) -> None:
    """Say when a take stays under the loudness that somebody chose. spoken: there is dialogue in it."""
    target = loudness_target(chosen.loudness)
    level = logging.INFO if chosen.loudness == AddOptions().loudness else logging.WARNING
    if target is None or not logger.isEnabledFor(level) or (spoken and chosen.loudness in DIALOGUE_ANCHORED):
        return
    lufs = integrated_lufs(made.sound)
    if lufs >= target - LEAST_MISS_LU:
        return
    if lufs == -math.inf:
        reason = "is silent"
    elif scene.loudest_lufs is not None and scene.loudest_lufs < target:
        reason = f"is at {lufs:.1f} LUFS: a place that nobody asked for stays quiet; name it in a prompt"
    else:
        reason = f"is at {lufs:.1f} LUFS: {_held_back(made, target - lufs)}"
    logger.log(level, "take %s %s, where the loudness asked for is %g", made.payload.take_id, reason, target)


def _held_back(made: Sealed, lack_db: float) -> str:
    """Why a take is not raised by what it lacks."""
    peak_db = 20 * math.log10(max(true_peak(made.sound), 1e-9))
    if peak_db + lack_db > TRUE_PEAK_DB + LEAST_MISS_LU:
        return "more would crush its peaks"
    return "it came out faint, and more would raise its noise; take another seed"
