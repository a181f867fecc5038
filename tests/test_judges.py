"""The field's judges: sizes as published, front ends against other programs' numbers, layers against torch's own."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from judge_networks import (
    SMALL_CLAP,
    SMALL_CNN14,
    SMALL_IMAGEBIND,
    SMALL_PASST,
    SMALL_SYNCHFORMER,
    SMALL_VGGISH,
    filled,
    sweep,
)
from phonofilm.judges import clap, htsat, imagebind, mel, passt, synchformer, vggish
from phonofilm.judges.clap import Clap
from phonofilm.judges.imagebind import ImageBind
from phonofilm.judges.panns import SHORTEST_SAMPLES, Cnn14
from phonofilm.judges.passt import Passt
from phonofilm.judges.synchformer import SynchformerJudge
from phonofilm.judges.vggish import Vggish


def noise(samples: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("build", "entries", "numbers"),
    [
        # PANNs' paper counts 80,753,615 (table 2); the rest is the front end, and means and deviations of the norms.
        (Cnn14, 84, 80_753_615 + 2 * 257 * 512 + 257 * 64 + 2 * (64 + 2 * (64 + 128 + 256 + 512 + 1024 + 2048)) + 13),
        (Vggish, 18, 72_141_184),
        (Passt, 159, 86_153_758),
        # With the half that sees 237.5 M numbers: the 907 MiB that are published.
        (SynchformerJudge, 275, 115_019_541),
        (ImageBind, 568, 719_065_088),
        (Clap, 464, 194_997_465),
    ],
)
def test_published_sizes(build: Callable[[], nn.Module], entries: int, numbers: int) -> None:
    with torch.device("meta"):
        state = build().state_dict()
    assert (len(state), sum(value.numel() for value in state.values())) == (entries, numbers)


def test_some_published_keys() -> None:
    with torch.device("meta"):
        states = {build: build().state_dict() for build in (Cnn14, Vggish, Passt, SynchformerJudge, ImageBind, Clap)}
    wanted: dict[Any, dict[str, tuple[int, ...]]] = {
        Cnn14: {
            "spectrogram_extractor.stft.conv_real.weight": (257, 1, 512),
            "logmel_extractor.melW": (257, 64),
            "conv_block6.bn2.running_var": (2048,),
            "fc_audioset.weight": (527, 2048),
        },
        Vggish: {"features.13.weight": (512, 512, 3, 3), "embeddings.4.bias": (128,)},
        Passt: {"time_new_pos_embed": (1, 768, 1, 99), "head.1.weight": (527, 768), "head_dist.bias": (527,)},
        SynchformerJudge: {
            "afeat_extractor.ast.embeddings.position_embeddings": (1, 74, 768),
            "afeat_extractor.ast.encoder.layer.11.attention.attention.query.weight": (768, 768),
            "afeat_extractor.freq_attn_agg.self_attn.in_proj_weight": (2304, 768),
            "transformer.pos_emb_cfg.pos_emb": (1, 198, 768),
            "transformer.off_head.weight": (21, 768),
        },
        ImageBind: {
            "modality_preprocessors.vision.rgbt_stem.proj.1.weight": (1280, 3, 2, 14, 14),
            "modality_preprocessors.audio.pos_embedding_helper.pos_embed": (1, 229, 768),
            "modality_trunks.vision.pre_transformer_layer.0.weight": (1280,),
            "modality_trunks.audio.blocks.0.attn.bias_k": (1, 1, 768),
            "modality_heads.audio.2.weight": (1024, 768),
        },
        Clap: {
            "audio_branch.layers.2.blocks.11.attn.relative_position_bias_table": (225, 16),
            "audio_branch.layers.2.downsample.reduction.weight": (1024, 2048),
            "text_branch.encoder.layer.11.attention.self.query.weight": (768, 768),
            "text_branch.embeddings.word_embeddings.weight": (50265, 768),
            "audio_projection.2.weight": (512, 512),
        },
    }
    for build, keys in wanted.items():
        assert {key: tuple(states[build][key].shape) for key in keys} == keys


def test_mel_scales_are_inverse_and_triangles_meet() -> None:
    hz = torch.linspace(0, 16_000, 99, dtype=torch.float64)
    assert torch.allclose(mel.mel_to_hz(mel.hz_to_mel(hz)), hz)
    bins = mel.bins_hz(32_000, 1024)
    for filters in (mel.triangles_over_mels(bins, 24, 0.0, 15_000.0), mel.triangles_over_hz(bins, 24, 0.0, 15_000.0)):
        inside = filters.sum(0)[(bins > 200) & (bins < 13_000)]
        # Neighbouring triangles of height 1 add up to 1 everywhere between the first peak and the last.
        assert torch.allclose(inside, torch.ones_like(inside), atol=1e-5)


def test_vggish_patches_against_google_s_program() -> None:
    found = vggish.patches(sweep(16_000, 2.0))[:, 0]
    assert found.shape == (2, 96, 64)
    places = [(0, 0, 0), (0, 20, 3), (0, 50, 31), (1, 5, 40), (1, 95, 63)]
    assert [float(found[place]) for place in places] == pytest.approx(
        [3.72142, -3.87323, 1.29305, -3.41079, -4.18882], abs=2e-4
    )


def test_synchformer_spectrogram_against_torchaudio() -> None:
    found = synchformer.spectrogram(sweep(16_000, 2.0).unfold(0, 10_240, 5_120))
    assert found.shape == (5, 128, 66)
    places = [(0, 0, 0), (0, 30, 10), (0, 64, 40), (1, 100, 64), (1, 5, 65)]
    assert [float(found[place]) for place in places] == pytest.approx(
        [1.22041, 0.2372, -0.41651, 0.4959, 0.46703], abs=2e-4
    )


def test_imagebind_spectrogram_against_torchaudio_s_kaldi() -> None:
    found = imagebind.spectrogram(sweep(16_000, 2.0))
    assert found.shape == (128, 204)
    places = [(0, 0), (30, 10), (64, 100), (127, 197), (5, 203)]
    assert [float(found[place]) for place in places] == pytest.approx(
        [0.16525, -0.09323, -1.27756, -1.02576, 0.46706], abs=2e-4
    )


def test_passt_spectrogram_against_hear21passt() -> None:
    found = passt.spectrogram(sweep(32_000, 2.0)[None])
    assert found.shape == (1, 128, 200)
    places = [(0, 0, 0), (0, 30, 10), (0, 64, 100), (0, 127, 199), (0, 5, 150)]
    assert [float(found[place]) for place in places] == pytest.approx(
        [0.85148, 1.77269, -1.40254, 0.76515, -0.47862], abs=2e-4
    )


def test_panns_front_end_is_a_fourier_transform() -> None:
    network = filled(Cnn14(SMALL_CNN14))
    samples = noise(16_000)[None]
    power = network.spectrogram_extractor(samples)  # (B, T, K)
    direct = torch.stft(samples, 512, 160, window=torch.hann_window(512), return_complex=True).abs() ** 2
    assert torch.allclose(power, direct.transpose(1, 2), atol=1e-4)


def test_panns_hears_two_at_once_as_each_alone() -> None:
    network = filled(Cnn14(SMALL_CNN14))
    batch = torch.stack([noise(20_000, 1), noise(20_000, 2)])
    together = network(batch)
    assert together.features.shape == (2, 16)
    assert together.logits.shape == (2, 527)
    assert (together.features >= 0).all()
    for row, samples in enumerate(batch):
        alone = network(samples[None])
        assert torch.allclose(alone.logits[0], together.logits[row], atol=1e-5)
    assert not torch.allclose(together.logits[0], together.logits[1], atol=1e-4)
    with pytest.raises(AssertionError, match="fewer"):
        network(batch[:, : SHORTEST_SAMPLES - 1])


def test_vggish_judges_each_piece_by_itself() -> None:
    network = filled(Vggish(SMALL_VGGISH))
    samples = noise(4 * 16_000)
    whole = network(samples)
    assert whole.shape == (4, 128)
    assert (whole < 0).any(), "the last rectifier is left out"
    second = network(samples[96 * 160 : 96 * 160 + vggish.SHORTEST_SAMPLES])
    assert torch.allclose(whole[1:2], second, atol=1e-5)


def test_vggish_flattens_channels_last() -> None:
    network = filled(Vggish(SMALL_VGGISH))
    samples = noise(vggish.SHORTEST_SAMPLES)
    maps = network.features(vggish.patches(samples))[0]  # (C, 6, 4)
    by_hand = torch.stack([maps[c, t, f] for t in range(6) for f in range(4) for c in range(maps.shape[0])])
    assert torch.allclose(network.embeddings(by_hand[None]), network(samples), atol=1e-5)


def as_torch_layer(width: int, heads: int, eps: float, parts: dict[str, Tensor]) -> nn.TransformerEncoderLayer:
    """torch's own layer, norms first, with numbers by its own names."""
    layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, F.gelu, eps, batch_first=True, norm_first=True)
    layer.load_state_dict(parts, strict=True)
    return layer.eval()


def parts(module: nn.Module, names: dict[str, str]) -> dict[str, Tensor]:
    """torch's names → numbers of a module of ours; a name with commas is joined."""
    state = module.state_dict()
    found = {}
    for theirs, ours in names.items():
        for kind in ("weight", "bias"):
            key = f"{theirs}_{kind}" if theirs.endswith("in_proj") else f"{theirs}.{kind}"
            sources = [f"{name[:-1]}_{kind}" if name.endswith("!") else f"{name}.{kind}" for name in ours.split(",")]
            found[key] = torch.cat([state[source] for source in sources])
    return found


TWO = {"linear1": "mlp.fc1", "linear2": "mlp.fc2"}
LAYERS = {
    "passt": (
        lambda: filled(Passt(SMALL_PASST)).blocks[1],
        1e-6,
        {"self_attn.in_proj": "attn.qkv", "self_attn.out_proj": "attn.proj", "norm1": "norm1", "norm2": "norm2", **TWO},
        3,
    ),
    "listening": (
        lambda: filled(SynchformerJudge(SMALL_SYNCHFORMER)).afeat_extractor.ast.encoder.layer[1],
        1e-12,
        {
            "self_attn.in_proj": "attention.attention.query,attention.attention.key,attention.attention.value",
            "self_attn.out_proj": "attention.output.dense",
            "norm1": "layernorm_before",
            "norm2": "layernorm_after",
            "linear1": "intermediate.dense",
            "linear2": "output.dense",
        },
        3,
    ),
    "comparing": (
        lambda: filled(SynchformerJudge(SMALL_SYNCHFORMER)).transformer.blocks[1],
        1e-5,
        {
            "self_attn.in_proj": "attn.query,attn.key,attn.value",
            "self_attn.out_proj": "attn.proj",
            "norm1": "ln1",
            "norm2": "ln2",
            "linear1": "mlp.0",
            "linear2": "mlp.2",
        },
        2,
    ),
    "pictures": (
        lambda: filled(ImageBind(SMALL_IMAGEBIND)).modality_trunks["vision"].blocks[1],
        1e-6,
        {
            "self_attn.in_proj": "attn.in_proj!",
            "self_attn.out_proj": "attn.out_proj",
            "norm1": "norm_1",
            "norm2": "norm_2",
            **TWO,
        },
        3,
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_what_torch_computes(name: str) -> None:
    build, eps, names, heads = LAYERS[name]
    ours = build()
    theirs = as_torch_layer(24, heads, eps, parts(ours, names))
    x = torch.randn(2, 11, 24, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        assert torch.allclose(ours(x), theirs(x), atol=1e-5)


def test_passt_fills_up_with_silence_and_cuts() -> None:
    network = filled(Passt(SMALL_PASST))
    short = noise(3 * 32_000)[None]
    silence = torch.zeros(1, passt.LENGTH_SAMPLES - short.shape[1])
    filled_up = network(torch.cat([short, silence], 1))
    assert torch.allclose(network(short).logits, filled_up.logits, atol=1e-5)
    more = network(torch.cat([short, silence, noise(32_000)[None]], 1))
    assert torch.equal(more.logits, filled_up.logits)
    assert filled_up.features.shape == (1, 24)


def test_synchformer_hears_each_segment_by_itself() -> None:
    network = filled(SynchformerJudge(SMALL_SYNCHFORMER))
    samples = noise(4 * 16_000)
    whole = network.listen(samples)
    assert whole.shape == ((64_000 - 10_240) // 5_120 + 1, 6, 24)
    for index in (0, 3, len(whole) - 1):
        alone = network.listen(samples[index * 5_120 : index * 5_120 + 10_240])
        assert torch.allclose(alone[0], whole[index], atol=1e-5)


def test_synchformer_columns_are_moments() -> None:
    """What happens at the end of a segment is heard in its last vectors first."""
    network = filled(SynchformerJudge(SMALL_SYNCHFORMER))
    # Without layers between, a column is summed up by itself.
    network.afeat_extractor.ast.encoder.layer = nn.Sequential()
    quiet = noise(10_240)
    loud = quiet.clone()
    loud[-1_600:] *= 30
    changed = (network.listen(loud) - network.listen(quiet)).abs().amax((0, 2))
    assert changed[0] < 1e-6 < changed[-1]


def test_synchformer_compares_rows_independently_and_chooses_among_offsets() -> None:
    network = filled(SynchformerJudge(SMALL_SYNCHFORMER))
    generator = torch.Generator().manual_seed(5)
    seen, heard = (torch.randn(3, 14, count, 24, generator=generator) for count in (8, 6))
    logits = network.compare(seen, heard)
    assert logits.shape == (3, 21) == (3, len(synchformer.OFFSETS_S))
    assert torch.allclose(network.compare(seen[1:2], heard[1:2]), logits[1:2], atol=1e-5)
    assert (synchformer.OFFSETS_S[0], synchformer.OFFSETS_S[10], synchformer.OFFSETS_S[-1]) == (-2.0, 0.0, 2.0)
    assert pytest.approx(4.8) == synchformer.COMPARED_S
    with pytest.raises(AssertionError, match="segments"):
        network.compare(seen[:, :13], heard[:, :13])


def test_imagebind_crops_are_both_ends_and_the_middle() -> None:
    wide = torch.arange(400).expand(2, 224, 400)[..., None].expand(-1, -1, -1, 3)
    assert [int(crop[0, 0, 0, 0]) for crop in imagebind.crops(wide)] == [0, 88, 176]
    tall = torch.arange(301)[:, None].expand(2, 301, 224)[..., None].expand(-1, -1, -1, 3)
    assert [int(crop[0, 0, 0, 0]) for crop in imagebind.crops(tall)] == [0, 39, 77]
    assert all(crop.shape == (2, 224, 224, 3) for crop in imagebind.crops(tall))


def test_imagebind_pieces_are_first_middle_and_last() -> None:
    starts = [int(piece[0]) for piece in imagebind.pieces(torch.arange(128_000))]
    assert starts == [0, 48_000, 96_000]
    assert [int(piece[0]) for piece in imagebind.pieces(torch.arange(32_000))] == [0, 0, 0]


def test_imagebind_means_over_pairs_crops_and_pieces() -> None:
    network = filled(ImageBind(SMALL_IMAGEBIND))
    generator = torch.Generator().manual_seed(6)
    frames = torch.randint(0, 256, (3, 224, 224, 3), dtype=torch.uint8, generator=generator)
    seen = network.see(frames)
    pairs = torch.stack([network.see(frames[:2]), network.see(frames[1:])])
    assert torch.allclose(seen, pairs.mean(0), atol=1e-5)
    # A square picture has three equal crops, so the vector of one pair has length 1.
    assert float(pairs[0].norm()) == pytest.approx(1.0, abs=1e-5)
    heard = network.hear(noise(6 * 16_000))
    alone = [network.hear(piece) for piece in imagebind.pieces(noise(6 * 16_000))]
    assert torch.allclose(heard, torch.stack(alone).mean(0), atol=1e-5)
    assert heard.shape == seen.shape == (16,)


def test_imagebind_keeps_the_order_of_a_pair() -> None:
    network = filled(ImageBind(SMALL_IMAGEBIND))
    frames = torch.zeros(2, 224, 224, 3, dtype=torch.uint8)
    frames[1] = 255
    assert not torch.allclose(network.see(frames), network.see(frames.flip(0)), atol=1e-4)


def test_clap_fills_ten_seconds_with_repeats_and_silence() -> None:
    assert torch.equal(clap.ten_seconds(torch.ones(480_000)), torch.ones(480_000))
    two_and_a_bit = clap.ten_seconds(torch.arange(1, 200_001).float())
    assert two_and_a_bit.shape == (480_000,)
    assert torch.equal(two_and_a_bit[200_000:400_000], two_and_a_bit[:200_000])
    assert not two_and_a_bit[400_000:].any()
    with pytest.raises(AssertionError, match="are not 1 to"):
        clap.ten_seconds(torch.ones(480_001))


def test_clap_gives_unit_vectors_that_differ() -> None:
    network = filled(Clap(SMALL_CLAP))
    ones = network.hear(noise(8 * 48_000, 1)), network.read(torch.tensor([0, 4, 5, 6, 2]))
    others = network.hear(sweep(48_000, 8.0)), network.read(torch.tensor([0, 7, 2]))
    for one, other in zip(ones, others, strict=True):
        assert one.shape == (16,)
        assert float(one.norm()) == pytest.approx(1.0, abs=1e-5)
        assert not torch.allclose(one, other, atol=1e-3)
    assert not torch.allclose(ones[1], network.read(torch.tensor([0, 6, 5, 4, 2])), atol=1e-3), "words have an order"


def test_htsat_folds_time_into_quarters() -> None:
    spectrum = torch.arange(1024.0)[None, :, None] + 10_000 * torch.arange(64.0)  # (1, T, M)
    square = htsat.folded(spectrum)[0]
    for time, band in ((0, 0), (255, 3), (256, 3), (1023, 63)):
        assert float(square[64 * (time // 256) + band, time % 256]) == pytest.approx(time + 10_000 * band, rel=1e-4)


def test_htsat_windows_and_back() -> None:
    x = torch.arange(2 * 16 * 24 * 3).view(2, 16, 24, 3)
    cut = htsat.windows(x)
    assert cut.shape == (2 * 2 * 3, 64, 3)
    assert torch.equal(cut[1, 9], x[0, 1, 9])
    assert torch.equal(htsat._joined(cut, x.shape), x)


def test_htsat_distances_are_one_row_a_step() -> None:
    table = htsat._distances()
    assert table.min() == 0
    assert table.max() == 224
    assert set(table.diagonal().tolist()) == {112}
    # One step down or along is the same row wherever it is taken.
    assert table[0, 8] == table[9, 17]
    assert table[0, 1] == table[20, 21]
    assert table[0, 1] != table[1, 0]


def test_htsat_shifted_windows_do_not_look_around_the_edge() -> None:
    """A patch of the first row does not change what the last row becomes, though rolling has put them together."""
    block = filled(htsat._Block(8, 2, 16, shifted=True))
    x = torch.randn(1, 16, 16, 8, generator=torch.Generator().manual_seed(1))
    changed = x.clone()
    changed[0, 0] += 5
    with torch.no_grad():
        difference = (block(changed) - block(x)).abs().amax((0, 2, 3))
    assert difference[-1] < 1e-4 < difference[0]


def test_roberta_reads_each_sentence_as_torch_s_layers_do() -> None:
    config = SMALL_CLAP.text
    network = filled(Clap(SMALL_CLAP)).text_branch
    tokens = torch.tensor([[0, 4, 5, 6, 2]])
    x = network.embeddings(tokens)
    for ours in network.encoder.layer:
        theirs = nn.TransformerEncoderLayer(config.width, config.heads, 4 * config.width, 0.0, F.gelu, 1e-5, True)
        names = {
            "self_attn.in_proj": "attention.self.query,attention.self.key,attention.self.value",
            "self_attn.out_proj": "attention.output.dense",
            "norm1": "attention.output.LayerNorm",
            "linear1": "intermediate.dense",
            "linear2": "output.dense",
            "norm2": "output.LayerNorm",
        }
        theirs.load_state_dict(parts(ours, names), strict=True)
        with torch.no_grad():
            x = theirs.eval()(x)
    wanted = torch.tanh(network.pooler.dense(x[:, 0]))
    assert torch.allclose(network(tokens), wanted, atol=1e-5)
