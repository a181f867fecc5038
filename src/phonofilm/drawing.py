"""Takes are drawn: sampled, decoded, and drawn again where one did not come out as asked for.

Dimension letters: L latent steps, C latent width, S samples.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch import Tensor

from phonofilm.editing import Edit, centred, encoding_gain_db
from phonofilm.media.audio import resample
from phonofilm.mix.loudness import without_offset
from phonofilm.mix.splice import ranges
from phonofilm.scenes.guide import TRY_SEED, Decoder, Guide, Held, Sampler, Scene, held_parts
from phonofilm.scenes.worth import GOOD
from phonofilm.settings import AddOptions, MakeOptions
from phonofilm.stopwatch import Stopwatch
from phonofilm.types import FloatArray, Progress

logger = logging.getLogger(__name__)

FADE_IN_S, FADE_OUT_S = 0.003, 0.02
"""Long enough that no click is heard, short enough for a blow on the first frame to keep its attack."""


def draw(
    guide: Guide,
    scene: Scene,
    paths: list[Path],
    chosen: AddOptions | MakeOptions,
    edit: Edit | None,
    watch: Stopwatch,
    progress: Progress,
) -> Iterator[tuple[Path, int, FloatArray, Stopwatch]]:
    """Per take where it goes, its seed, its mono sound (S,), as long as the clip to the sample, and its stopwatch.

    All takes are sampled before the first is decoded, so that network and codec need not be in memory together, unless
    the model's takes may be drawn again.
    """
    parts: list[Held | None] = [None]
    if edit is not None:
        heard = resample(centred(edit.heard), guide.rate_hz).samples[0]  # (S,)
        heard = heard * np.float32(10 ** (encoding_gain_db(edit.heard) / 20))
        spans = ranges(edit.spans, guide.rate_hz)
        parts = list(held_parts(guide, scene, heard, spans, watch, progress))
    sample = guide.sampler(scene, chosen, watch, progress)
    watches = [Stopwatch(watch.seconds) for _ in paths]
    sampled = []
    for number, take_watch in enumerate(watches):
        with take_watch.stage("sample", progress):
            sampled.append(_drawn(sample, chosen.seed + number, parts, progress))
    again = sample if guide.tries > 1 and edit is None else None
    del sample
    decode = guide.decoder(scene, watch, progress)
    for number, (path, take_watch) in enumerate(zip(paths, watches, strict=True)):
        seed = chosen.seed + number
        with take_watch.stage("decode", progress):
            wave = _decoded(guide, decode, scene, parts, sampled[number], seed)
            if edit is None:
                wave = guide.finished(scene, wave, seed)
        if again is not None:
            wave = _best(guide, wave, again, decode, scene, seed, take_watch, progress)
        yield path, seed, wave, take_watch


def _drawn(sample: Sampler, seed: int, parts: list[Held | None], progress: Progress) -> list[Tensor]:
    """Latents (L, C) of each part."""
    return [sample(seed, lambda share: progress("sample", share), held) for held in parts]


def _decoded(
    guide: Guide, decode: Decoder, scene: Scene, parts: list[Held | None], sampled: list[Tensor], seed: int
) -> FloatArray:
    """The mono sound (S,) of all parts, silent between them."""
    wave = np.zeros(scene.count, np.float32)  # (S,)
    for held, latents in zip(parts, sampled, strict=True):
        first = 0 if held is None else held.first * guide.samples_a_step
        piece = decode(latents, seed)[: scene.count - first]  # (S',)
        wave[first : first + len(piece)] = piece
    return without_offset(wave, guide.rate_hz)


def edged(wave: FloatArray, rate_hz: int) -> FloatArray:
    """The sound (S,), faded in and out at its edges: one that begins or ends in the middle of a wave would click.

    For sounds by themselves. A film begins in the middle of what goes on, and a fade would be heard as its beginning.
    """
    out = wave.copy()
    for edge, fade_s in ((out, FADE_IN_S), (out[::-1], FADE_OUT_S)):
        count = min(round(fade_s * rate_hz), len(out) // 2)
        edge[:count] *= np.linspace(0, 1, count, endpoint=False, dtype=np.float32)
    return out


def _best(
    guide: Guide,
    wave: FloatArray,
    sample: Sampler,
    decode: Decoder,
    scene: Scene,
    seed: int,
    watch: Stopwatch,
    progress: Progress,
) -> FloatArray:
    """The sound (S,), or the best of further draws where it is not as asked for."""
    worth = guide.worth(scene, wave, seed)
    for number in range(1, guide.tries):
        if worth >= GOOD:
            break
        drawn = seed + number * TRY_SEED
        with watch.stage("sample", progress):
            latents = _drawn(sample, drawn, [None], progress)
        with watch.stage("decode", progress):
            other = guide.finished(scene, _decoded(guide, decode, scene, [None], latents, seed), drawn)
        other_worth = guide.worth(scene, other, drawn)
        logger.info("seed %d: drawn again, as asked for %.2f → %.2f", seed, worth, other_worth)
        if other_worth > worth:
            wave, worth = other, other_worth
    return wave
