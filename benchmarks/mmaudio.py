"""CPU seconds and peak memory of each stage of a published MMAudio model, beside a plain variant in the same run.

    python benchmarks/mmaudio.py [--model large-44k-v2] [--share 8]

The weights are filled from their names (tests/recipe.py), since time does not depend on them; the clip is 8 s. Stages
of many equal parts (frames, segments, sampling steps) are measured on one in `--share` of them and multiplied; 1 runs
them all. Each stage runs in a process of its own, first plainly, then as Phonofilm does it in float32 and with bfloat16
products; CPU seconds are those of all threads, so that waiting does not count. The plain variant is the same function
with the same weights in float32, written down straightforwardly: two passes for guidance, modulation for every latent
step, interleaved projections, every product of the convolutions, every row of the last layers, attention with its
scores in memory (Synchformer), whole segments from pixels, filters one after the other at full length (vocoder).
"""

import argparse
import math
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import recipe
from phonofilm.codec.bigvgan import BIGVGAN_16K, BIGVGAN_44K, BigVgan, bigvgan_published_shapes, prepare_bigvgan
from phonofilm.codec.mp_vae import MP_VAE_16K, MP_VAE_44K, MpVae, mp_vae_published_shapes, prepare_mp_vae
from phonofilm.encoders import synchformer as sync
from phonofilm.encoders.clip import CLIP_VIT_H14_378, ClipImage, ClipText, prepare_clip_image, prepare_clip_text
from phonofilm.encoders.clip import published_keys as clip_keys
from phonofilm.flow import minimal_filter
from phonofilm.flow.guidance import field
from phonofilm.flow.network import FlowNetwork, settle
from phonofilm.flow.variants import LARGE_44K, LARGE_44K_V2, MEDIUM_44K, SMALL_16K, SMALL_44K
from test_codec_bigvgan import filled as filled_vocoder
from test_codec_bigvgan import folded, plain_bigvgan

VARIANTS = {
    "small-16k": SMALL_16K,
    "small-44k": SMALL_44K,
    "medium-44k": MEDIUM_44K,
    "large-44k": LARGE_44K,
    "large-44k-v2": LARGE_44K_V2,
}
FRAMES, SEGMENTS, STEPS, GUIDANCE = 64, 24, 25, 4.5
FURTHER_TAKE = ("flow", "vae", "vocoder")
F32, BF16 = torch.float32, torch.bfloat16
Work = Callable[[], object]


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """A published state with the values that follow from its names."""
    return {key: torch.from_numpy(recipe.param(key, shape)) for key, shape in shapes.items()}


def loaded(network: nn.Module, state: dict[str, Tensor]) -> nn.Module:
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def stage_clip(config: str, dtype: torch.dtype | None, share: int) -> tuple[Work, float]:
    """The pixels of 64 frames."""
    count = max(2, FRAMES // share)
    state = clip_keys(CLIP_VIT_H14_378)
    with torch.device("meta"):
        network = ClipImage(CLIP_VIT_H14_378, dtype or F32)
        words = {key: torch.empty(shape) for key, shape in state.items() if not key.startswith("visual.")}
    seen = filled({key: shape for key, shape in state.items() if key.startswith("visual.")})
    loaded(network, prepare_clip_image({**words, **seen}, matmul_dtype=dtype or F32))
    pixels = torch.randint(0, 256, (count, 384, 384, 3), dtype=torch.uint8)

    def plain() -> None:
        x, _ = network._tokens(pixels)
        for block in network.transformer.resblocks:
            x = block(x)
        F.normalize(network.proj(network.ln_post(x[:, 0])), dim=-1)

    return (plain if dtype is None else lambda: network(pixels)), FRAMES / count


def stage_words(config: str, dtype: torch.dtype | None, share: int) -> tuple[Work, float]:
    """A prompt and an empty negative prompt. Plain and ours differ by nothing but precision."""
    shapes = clip_keys(CLIP_VIT_H14_378)
    with torch.device("meta"):
        network = ClipText(CLIP_VIT_H14_378, dtype or F32)
        pictures = {key: torch.empty(shape) for key, shape in shapes.items() if key.startswith("visual.")}
    words = filled({key: shape for key, shape in shapes.items() if not key.startswith("visual.")})
    loaded(network, prepare_clip_text({**pictures, **words}, matmul_dtype=dtype or F32))
    tokens = torch.randint(0, 49_000, (2, 77))
    return (lambda: network(tokens)), 1.0


def stage_synchformer(config: str, dtype: torch.dtype | None, share: int) -> tuple[Work, float]:
    """24 segments."""
    count = max(2, SEGMENTS // share)
    with torch.device("meta"):
        network = sync.Synchformer(dtype or F32)
    loaded(network, sync.prepare_synchformer(filled(sync.published_keys()), matmul_dtype=dtype or F32))
    pixels = torch.randint(0, 256, (8 * (count + 1), 224, 224, 3), dtype=torch.uint8)

    def plain() -> None:
        segments = torch.stack([pixels[8 * k : 8 * k + 16] for k in range(count)])
        with scores_in_memory():
            network.encode(network.tubelets(segments.flatten(0, 1)).view(count, 8, 196, 768))

    return (plain if dtype is None else lambda: network.features(pixels)), SEGMENTS / count


@contextmanager
def scores_in_memory() -> Iterator[None]:
    """Attention as matrix products with a softmax between them."""
    fused = F.scaled_dot_product_attention

    def written_out(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        return (scores if attn_mask is None else scores + attn_mask).softmax(-1) @ value

    F.scaled_dot_product_attention = written_out
    try:
        yield
    finally:
        F.scaled_dot_product_attention = fused


def stage_flow(config: str, dtype: torch.dtype | None, share: int) -> tuple[Work, float]:
    """Conditions and 25 guided steps."""
    steps = max(2, STEPS // share)
    with torch.device("meta"):
        network = FlowNetwork(VARIANTS[config], dtype or F32)
    loaded(network, filled({key: tuple(value.shape) for key, value in network.state_dict().items()}))
    settle(network)  # also for the plain variant: a convolution that copies its weights at each call is nobody's
    length = 250 if config.endswith("16k") else 345
    x = torch.randn(1, length, network.config.latent_dim)
    clip, rows, text = (
        torch.randn(1, FRAMES, 1024) / 32,
        torch.randn(1, 8 * SEGMENTS, 768),
        torch.randn(1, 77, 1024) / 32,
    )
    told = network.conditions(clip, rows, text, length)
    empty = network.empty_conditions(1, FRAMES, 8 * SEGMENTS, length, text)

    def plain() -> None:
        minimal_filter.FEWEST_ROWS = sys.maxsize  # for the rest of this process, which measures nothing else
        for step in range(steps):
            t = torch.tensor(step / STEPS)
            GUIDANCE * network(x, t, told) + (1 - GUIDANCE) * network(x, t, empty)

    velocity = field(network, told, empty, GUIDANCE)

    def ours() -> None:
        for step in range(steps):
            velocity(x, torch.tensor(step / STEPS))

    return (plain if dtype is None else ours), STEPS / steps


def stage_vae(config: str, dtype: torch.dtype | None, share: int) -> tuple[Work, float]:
    """Latents of 8 s → spectrogram. Plain and ours differ by nothing but precision."""
    sizes, length = (MP_VAE_16K, 250) if config.endswith("16k") else (MP_VAE_44K, 345)
    with torch.device("meta"):
        network = MpVae(sizes, False, dtype or F32)
    loaded(network, prepare_mp_vae(filled_vae(mp_vae_published_shapes(sizes), sizes.bands), sizes, False))
    latents = torch.randn(1, sizes.embed, length)
    return (lambda: network.decode(latents)), 1.0


def filled_vae(shapes: dict[str, tuple[int, ...]], bands: int) -> dict[str, Tensor]:
    """As `filled`; the statistics of the spectrograms, which the recipe leaves alone, are those of white noise."""
    plain = {key: shape for key, shape in shapes.items() if not key.startswith("data_")}
    return {**filled(plain), "data_mean": torch.zeros(1, bands, 1), "data_std": torch.ones(1, bands, 1)}


def stage_vocoder(config: str, dtype: torch.dtype | None, share: int) -> tuple[Work, float]:
    """Spectrogram of 8 s → waveform."""
    sizes, frames = (BIGVGAN_16K, 500) if config.endswith("16k") else (BIGVGAN_44K, 690)
    state = filled_vocoder(bigvgan_published_shapes(sizes))
    mel = torch.randn(1, sizes.bands, frames) * 2 - 4
    if dtype is None:
        plainly = folded(state)
        return (lambda: plain_bigvgan(plainly, sizes, mel)), 1.0
    with torch.device("meta"):
        network = BigVgan(sizes, dtype)
    loaded(network, prepare_bigvgan(state, sizes))
    return (lambda: network(mel)), 1.0


STAGES = {
    "clip": stage_clip,
    "words": stage_words,
    "synchformer": stage_synchformer,
    "flow": stage_flow,
    "vae": stage_vae,
    "vocoder": stage_vocoder,
}


def measure(stage: str, config: str, dtype: torch.dtype | None, share: int, pipe: object) -> None:
    """Runs in its own process: sends CPU seconds for 8 s of film, and the peak memory in MB."""
    torch.manual_seed(0)
    with torch.inference_mode():
        work, times = STAGES[stage](config, dtype, share)
        start = time.process_time()
        work()
        spent = (time.process_time() - start) * times
    pipe.send((spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def run(stage: str, config: str, dtype: torch.dtype | None, share: int) -> tuple[float, float]:
    """`measure` in a fresh process."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the command line does
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=measure, args=(stage, config, dtype, share, theirs))
    process.start()
    theirs.close()
    try:
        result: tuple[float, float] = ours.recv()
    except EOFError:
        raise SystemExit(f"stage {stage} failed; see above") from None
    finally:
        process.join()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=VARIANTS, default="large-44k-v2")
    parser.add_argument("--share", type=int, default=8, help="measure one part in so many")
    parser.add_argument("--stages", nargs="*", choices=STAGES, default=list(STAGES))
    options = parser.parse_args()
    kinds: dict[str, torch.dtype | None] = {"plain": None, "float32": F32, "bfloat16": BF16}
    table: dict[str, dict[str, tuple[float, float]]] = {}
    print(f"{options.model}, 8 s, CPU seconds (peak MB); one part in {options.share} of clip, synchformer and flow")
    print(f"{'stage':14}" + "".join(f"{kind:>20}" for kind in kinds) + f"{'ratio f32':>11}{'ratio bf16':>11}")
    for stage in options.stages:
        table[stage] = {kind: run(stage, options.model, dtype, options.share) for kind, dtype in kinds.items()}
        show(stage, [table[stage]])
    show("first take", list(table.values()))
    show("further take", [row for stage, row in table.items() if stage in FURTHER_TAKE])


def show(name: str, rows: list[dict[str, tuple[float, float]]]) -> None:
    """One line: seconds added up, memory of the largest."""
    seconds = {kind: sum(row[kind][0] for row in rows) for kind in rows[0]}
    peaks = {kind: max(row[kind][1] for row in rows) for kind in rows[0]}
    cells = "".join(f"{f'{seconds[kind]:.1f} ({peaks[kind]:.0f})':>20}" for kind in seconds)
    print(
        f"{name:14}{cells}{seconds['plain'] / seconds['float32']:11.2f}{seconds['plain'] / seconds['bfloat16']:11.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
