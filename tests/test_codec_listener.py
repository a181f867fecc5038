"""The listener: alike in batches and alone, deaf to level, any length, silence means nothing, files round-trip."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from phonofilm.codec.listener import (
    HOP,
    SENTENCE_WIDTH,
    SHORTEST_FRAMES,
    Listener,
    ListenerConfig,
    coarse,
    read_listener,
    reference_level,
    save_listener,
)
from phonofilm.errors import ModelError

CONFIG = ListenerConfig(
    classes=("dog", "rain", "clock tick"),
    bands=128,
    stem=4,
    widths=(4, 8),
    head=8,
    dropout=0.1,
    range_nepers=7.0,
    window_frames=60,
    words=6,
)


def small(seed: int = 0) -> Listener:
    """A listener with random weights and used statistics."""
    torch.manual_seed(seed)
    listener = Listener(CONFIG)
    for module in listener.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features) * 0.1
            module.running_var = torch.rand(module.num_features) + 0.5
    return listener.eval()


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 0.1


def test_a_batch_is_heard_as_its_members_alone() -> None:
    listener, wave = small(), noise(3, 60_000)
    wave[1] *= torch.linspace(0, 1, 60_000)
    together = listener.scores(wave)
    alone = torch.cat([listener.scores(row[None]) for row in wave])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


@settings(max_examples=10)
@given(st.floats(-60, 20))
def test_level_means_nothing(gain_db: float) -> None:
    listener, wave = small(), noise(1, 44_100)
    scaled = listener.scores(wave * 10 ** (gain_db / 20))
    torch.testing.assert_close(scaled, listener.scores(wave), atol=1e-4, rtol=1e-3)


@settings(max_examples=15)
@given(st.integers(0, 5 * 44_100))
def test_any_length_is_heard(length: int) -> None:
    scores = small().scores(noise(1, length))
    assert scores.shape == (1, 3)
    assert bool(((scores >= 0) & (scores <= 1)).all())


def test_a_short_sound_is_heard_as_if_silence_followed() -> None:
    listener, wave = small(), noise(1, 5_000)
    longer = torch.nn.functional.pad(wave, (0, SHORTEST_FRAMES * HOP - 5_000))
    torch.testing.assert_close(listener.scores(wave), listener.scores(longer))


def test_silence_scores_nothing() -> None:
    listener = small()
    assert listener.scores(torch.zeros(1, 44_100)).tolist() == [[0.0, 0.0, 0.0]]
    assert listener.scores(noise(1, 44_100) * 1e-5).max() == 0
    assert listener.scores(torch.zeros(1, 0)).max() == 0


def test_a_silent_member_does_not_touch_its_neighbours() -> None:
    listener, wave = small(), noise(2, 44_100)
    alone = listener.scores(wave[:1])
    wave[1] = 0
    torch.testing.assert_close(listener.scores(wave)[:1], alone, atol=1e-5, rtol=1e-4)


def test_coarse_points_hold_the_mean_magnitude() -> None:
    magnitude = torch.rand(2, 128, 10) + 0.1
    expected = magnitude.reshape(2, 128, 5, 2).mean(dim=3)
    torch.testing.assert_close(coarse(magnitude.log()).exp(), expected)


def test_the_reference_follows_the_level() -> None:
    mel = noise(2, 128, 50)
    torch.testing.assert_close(reference_level(mel + 3.0), reference_level(mel) + 3.0)


def test_scores_are_the_answers_to_the_embedding() -> None:
    listener, wave = small(), noise(2, 200_000)  # more than one window
    embedding = listener.embed(wave)
    assert embedding.shape == (2, CONFIG.head)
    torch.testing.assert_close(listener.answers(embedding).sigmoid(), listener.scores(wave))
    assert not listener.embed(torch.zeros(1, 44_100)).any()


def test_sounds_and_sentences_share_a_space() -> None:
    listener = small()
    sounds = listener.place_sounds(listener.embed(noise(3, 50_000)))
    sentences = listener.place_sentences(noise(4, SENTENCE_WIDTH))
    assert sounds.shape == (3, CONFIG.words)
    assert sentences.shape == (4, CONFIG.words)
    for places in (sounds, sentences):
        torch.testing.assert_close(places.norm(dim=1), torch.ones(len(places)))


def test_a_file_from_before_sentences_is_read_and_has_none(tmp_path: Path) -> None:
    path = tmp_path / "old.safetensors"
    listener = Listener(replace(CONFIG, words=0)).eval()
    save_listener(listener, path)
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["config"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    del config["words"]
    save_file(tensors, path, metadata={"config": json.dumps(config)})
    back = read_listener(path)
    assert back.config.words == 0
    with pytest.raises(ModelError, match="no sentences"):
        back.place_sounds(torch.zeros(1, CONFIG.head))


def test_files_round_trip_in_half_precision(tmp_path: Path) -> None:
    path = tmp_path / "listener.safetensors"
    listener = small()
    save_listener(listener, path)
    back = read_listener(path)
    assert back.config == listener.config
    assert not back.training
    assert all(value.dtype == torch.float32 for value in back.state_dict().values() if value.is_floating_point())
    assert all(value.dtype == torch.float16 for value in load_file(path).values())
    wave = noise(1, 50_000)
    torch.testing.assert_close(back.scores(wave), listener.scores(wave), atol=5e-3, rtol=0)
    save_listener(back, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "listener.safetensors"
    with pytest.raises(ModelError, match="cannot be read"):
        read_listener(path)
    path.write_text("not weights")
    with pytest.raises(ModelError, match="cannot be read"):
        read_listener(path)
    save_file({"stem.weight": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="no readable config"):
        read_listener(path)
    save_file({"stem.weight": torch.zeros(1)}, path, metadata={"config": '{"bands": 1}'})
    with pytest.raises(ModelError, match="another version"):
        read_listener(path)
    listener = small()
    listener.config = replace(CONFIG, head=9)
    save_listener(listener, path)
    with pytest.raises(ModelError, match="other weights"):
        read_listener(path)
