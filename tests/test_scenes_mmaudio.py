"""The published models' way from clip to sound, with networks of a thousandth of their size: times, lengths, caches."""

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from clips import even_times, make_clip
from phonofilm.codec.bigvgan import BigVgan, BigVganConfig
from phonofilm.codec.mel_codec import MelCodec
from phonofilm.codec.mp_vae import MpVae, MpVaeConfig
from phonofilm.codec.spectral import MEL_16K
from phonofilm.encoders.clip import CLIP_VIT_H14_378, ClipImage, ClipText
from phonofilm.encoders.synchformer import Synchformer, SynchformerConfig
from phonofilm.errors import OptionError
from phonofilm.flow.network import FlowNetwork
from phonofilm.flow.variants import SMALL_16K
from phonofilm.media.probe import probe
from phonofilm.pipeline import Phonofilm
from phonofilm.scenes import mmaudio
from phonofilm.scenes.feature_cache import FeatureCache
from phonofilm.scenes.mmaudio import UNIT_S, ClipWatcher, MmaudioGuide, SyncWatcher, units_of
from phonofilm.timeline import samples
from phonofilm.weights.load import Sampling
from phonofilm.weights.registry import find_model

pytestmark = pytest.mark.thorough

CLIP = dataclasses.replace(
    CLIP_VIT_H14_378,
    image_width=16,
    image_heads=2,
    image_layers=1,
    text_width=16,
    text_heads=2,
    text_layers=1,
    embed=16,
)
SYNC = SynchformerConfig(pixels=224, patch=16, width=24, heads=2, layers=1)
FLOW = dataclasses.replace(
    SMALL_16K, latent_dim=4, clip_dim=16, sync_dim=24, text_dim=16, width=64, heads=1, joint_blocks=1, fused_blocks=1
)
VAE = MpVaeConfig(bands=80, embed=4, width=8)
VOCODER = BigVganConfig(80, 16, (16, 16), (3,), (1,), final="tanh", final_bias=True)
PAL = Fraction(25)
RATES = [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)]


def random_numbers(network: nn.Module) -> Any:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(0.3 * torch.randn(tensor.shape, generator=generator))
    return network.eval().requires_grad_(False)


class TinyParts:
    """Stands for `MmaudioParts`; counts how often each part is loaded."""

    row = find_model("mmaudio-small-16k")
    device = torch.device("cpu")
    rate_hz = MEL_16K.rate_hz
    samples_a_step = 2 * MEL_16K.hop
    sampling = Sampling(steps=2, guidance=4.5, window=0, overlap=0)

    def __init__(self) -> None:
        self.loads: list[str] = []

    def identity(self, *parts: str) -> str:
        return " ".join(parts)

    def _load(self, name: str, network: nn.Module) -> Any:
        self.loads.append(name)
        return random_numbers(network)

    def flow(self) -> FlowNetwork:
        return self._load("flow", FlowNetwork(FLOW, torch.float32))

    def codec(self) -> MelCodec:
        vae = random_numbers(MpVae(VAE, False, torch.float32))
        return MelCodec(vae, self._load("codec", BigVgan(VOCODER, torch.float32)), MEL_16K)

    def clip_image(self) -> ClipImage:
        return self._load("clip_image", ClipImage(CLIP, torch.float32))

    def clip_text(self) -> ClipText:
        return self._load("clip_text", ClipText(CLIP, torch.float32))

    def synchformer(self) -> Synchformer:
        return self._load("synchformer", Synchformer(torch.float32, SYNC))


@pytest.fixture
def parts() -> TinyParts:
    return TinyParts()


@pytest.fixture
def film(tmp_path: Path, parts: TinyParts) -> Phonofilm:
    return Phonofilm(MmaudioGuide(parts, FeatureCache(tmp_path / "features")))  # type: ignore[arg-type]


def test_lengths_of_eight_seconds_are_the_published_ones() -> None:
    for duration_s in (Fraction(8), Fraction(192 * 1001, 24000), Fraction(240 * 1001, 30000), Fraction(796, 100)):
        assert units_of(duration_s) == 25  # 24 segments, 192 features
    assert 25 * UNIT_S * 8 == 64


@given(st.fractions(min_value=1, max_value=4000, max_denominator=60000))
def test_units_reach_the_end_of_the_picture(duration_s: Fraction) -> None:
    length_s = units_of(duration_s) * UNIT_S
    assert -Fraction(1, 25) <= length_s - duration_s < UNIT_S


@pytest.mark.parametrize(
    ("seconds", "rate_hz"), [*((s, rate) for s in (1, 3) for rate in RATES), (8, PAL), (20, RATES[2])]
)
def test_sound_is_as_long_as_the_picture(tmp_path: Path, film: Phonofilm, seconds: int, rate_hz: Fraction) -> None:
    path = make_clip(tmp_path / "clip.mp4", even_times(round(seconds * rate_hz), rate_hz), rate_hz=rate_hz)
    (take,) = film.add_sound(path, steps=1)
    length_s = probe(path).duration_s
    assert take.sound.rate_hz == 16_000
    assert take.sound.samples.shape == (2, samples(length_s, 16_000))
    assert abs(probe(take.path).duration_s - length_s) <= Fraction(1, 500)
    assert np.isfinite(take.sound.samples).all()


def test_further_takes_and_prompts_encode_nothing_again(tmp_path: Path, film: Phonofilm, parts: TinyParts) -> None:
    path = make_clip(tmp_path / "clip.mp4", even_times(30, PAL))
    first = film.add_sound(path, takes=2, prompt="rain", seed=4)
    assert sorted(parts.loads) == ["clip_image", "clip_text", "codec", "flow", "synchformer"]
    parts.loads.clear()
    (again,) = film.add_sound(path, tmp_path / "again.mp4", prompt="rain", seed=4)
    assert sorted(parts.loads) == ["codec", "flow"]
    assert np.array_equal(again.sound.samples, first[0].sound.samples)
    assert not np.array_equal(first[0].sound.samples, first[1].sound.samples)
    parts.loads.clear()
    (other,) = film.add_sound(path, tmp_path / "other.mp4", prompt="rain", negative="wind", seed=4)
    assert sorted(parts.loads) == ["clip_text", "codec", "flow"]
    assert not np.array_equal(other.sound.samples, again.sound.samples)


def test_the_cache_knows_clips_by_their_bytes(tmp_path: Path, film: Phonofilm, parts: TinyParts) -> None:
    path = make_clip(tmp_path / "clip.mp4", even_times(30, PAL))
    film.add_sound(path)
    copy = tmp_path / "renamed.mp4"
    copy.write_bytes(path.read_bytes())
    parts.loads.clear()
    film.add_sound(copy)
    assert "synchformer" not in parts.loads
    longer = make_clip(tmp_path / "longer.mp4", even_times(31, PAL))
    film.add_sound(longer)
    assert "synchformer" in parts.loads


@pytest.mark.parametrize("seconds", [1.0, 20.0])
def test_words_alone(tmp_path: Path, film: Phonofilm, seconds: float) -> None:
    one, two = film.make("rain", tmp_path / "rain.wav", seconds=seconds, takes=2, steps=1)
    assert one.sound.samples.shape == (2, round(16_000 * seconds))
    assert not np.array_equal(one.sound.samples, two.sound.samples)
    (other,) = film.make("wind", tmp_path / "wind.wav", seconds=seconds, steps=1)
    assert not np.array_equal(one.sound.samples, other.sound.samples)


def test_the_picture_is_heard_and_its_timing_can_be_left_out(tmp_path: Path, film: Phonofilm) -> None:
    path = make_clip(tmp_path / "clip.mp4", even_times(40, PAL))
    made = [film.add_sound(path, tmp_path / f"{sync}.wav", audio_only=True, sync=sync)[0] for sync in (0.0, 0.5, 1.0)]
    sounds = [take.sound.samples for take in made]
    assert not np.array_equal(sounds[0], sounds[1])
    assert not np.array_equal(sounds[1], sounds[2])


def test_cue_sheets_are_refused(tmp_path: Path, film: Phonofilm) -> None:
    path = make_clip(tmp_path / "clip.mp4", even_times(30, PAL))
    sheet = tmp_path / "cues.json"
    sheet.write_text(film.spot(path).to_json())
    with pytest.raises(OptionError, match="--model mini"):
        film.add_sound(path, cues=sheet)


def pictures(count: int) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(count)]


def test_equal_frames_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_numbers(ClipImage(CLIP, torch.float32))
    encoded: list[int] = []
    forward = network.forward

    def counted(pixels: torch.Tensor) -> torch.Tensor:
        encoded.append(len(pixels))
        return forward(pixels)  # type: ignore[no-any-return]

    monkeypatch.setattr(network, "forward", counted)
    one, two = pictures(2)
    shown = [one, one, one.copy(), two, two.copy(), one]
    watcher = ClipWatcher(network)
    for number, picture in enumerate(shown):
        watcher.add(picture, Fraction(number, 8))
    found = watcher.features(8)
    assert sum(encoded) == 3
    alone = forward(torch.from_numpy(np.stack([mmaudio.clip_pixels(picture) for picture in [*shown, one, one]])))
    torch.testing.assert_close(found, alone, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("came", "segments"), [(16, 1), (24, 2), (41, 4), (9, 1), (1, 2)])
def test_the_last_frame_stands_still(came: int, segments: int) -> None:
    network = random_numbers(Synchformer(torch.float32, SYNC))
    shown = pictures(came)
    watcher = SyncWatcher(network)
    for number, picture in enumerate(shown):
        watcher.add(picture, Fraction(number, 25))
    filled = [*shown, *[shown[-1]] * 60][: 8 * (segments + 1)]
    whole = network.features(torch.from_numpy(np.stack([mmaudio.sync_pixels(picture) for picture in filled])))
    torch.testing.assert_close(watcher.features(segments), whole, atol=1e-5, rtol=1e-4)


def test_windows_hear_their_own_stretch(tmp_path: Path, film: Phonofilm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 20 s, every window is told the features of its own time, and a change at the end leaves the start alone."""
    told: list[tuple[int, int, int]] = []
    conditions = MmaudioGuide._conditions

    def watched(self: Any, flow: Any, scene: Any, stretch: Any, steps: int) -> Any:
        told.append((stretch.first, stretch.end, steps))
        return conditions(self, flow, scene, stretch, steps)

    monkeypatch.setattr(MmaudioGuide, "_conditions", watched)
    path = make_clip(tmp_path / "clip.mp4", even_times(500, PAL))
    film.add_sound(path, steps=1)
    assert told[0][0] == 0
    assert told[-1][1] == units_of(Fraction(20)) == 63
    assert len(told) == 4
    for first, end, steps in told:
        assert abs(steps - (end - first) * 10) <= 1  # 31.25 latents a second, 0.32 s a unit
