"""Weights are read only when they are whole, and networks come back as they were saved."""

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
import torch

from phonofilm.codec.vocoder import Vocoder, VocoderConfig
from phonofilm.errors import ModelError
from phonofilm.weights.load import Sampling, load_nets, read_net, save_net
from phonofilm.weights.registry import MODELS, find_model

CPU = torch.device("cpu")
CONFIG = {
    "bands": 16, "noise": 2, "width": 8, "hidden": 16, "blocks": 1, "kernel": 7, "hop": 512, "splits": 2, "n_fft": 1024,
}  # fmt: skip


def build(text: str) -> Vocoder:
    return Vocoder(VocoderConfig(**json.loads(text)))


def test_saved_networks_come_back(tmp_path: Path) -> None:
    net = build(json.dumps(CONFIG)).eval()
    net.data_mean.normal_()
    digest = save_net(net, json.dumps(CONFIG), tmp_path / "net.safetensors", torch.float16)
    again = read_net(tmp_path / "net.safetensors", digest, build, CPU)
    assert torch.equal(again.data_mean, net.data_mean)
    assert torch.equal(again.window, net.window)
    mel, noise = torch.randn(1, 16, 8), torch.randn(1, 2, 8)
    torch.testing.assert_close(again(mel, noise), net(mel, noise), atol=2e-2, rtol=2e-2)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    digest = save_net(build(json.dumps(CONFIG)), json.dumps(CONFIG), path, torch.float16)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ModelError, match="damaged"):
        read_net(path, digest, build, CPU)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="missing"):
        read_net(tmp_path / "none.safetensors", "", build, CPU)


def test_unknown_models_are_named() -> None:
    with pytest.raises(ModelError, match="there are mini, tiny, mmaudio-small-16k"):
        find_model("huge")


def test_mini_is_whole_and_small() -> None:
    row = MODELS["mini"]
    assert 40_000_000 <= row.size_bytes <= 45_000_000
    for file in row.files:
        assert hashlib.sha256(row.file(file.name).read_bytes()).hexdigest() == file.sha256
    nets = load_nets("mini", CPU, torch.float32)
    assert all(bool(torch.isfinite(value).all()) for value in nets.flow.state_dict().values())
    assert nets.flow.config.latent_dim == nets.codec.vae.config.latent
    assert nets.flow.config.sync_dim == 2 * nets.codec.vae.config.patch + 2


def test_attribution_travels_with_the_weights() -> None:
    folder = MODELS["mini"].folder
    assert folder is not None
    assert "CC BY" in (folder / "ATTRIBUTION.md").read_text()
    rows = (folder / "attribution.tsv").read_text(encoding="utf-8").splitlines()
    assert len(rows) > 3000


def test_guidance_is_told_for_what_has_times_and_what_has_none() -> None:
    plain = Sampling(steps=1, guidance=6.0, window=0, overlap=0)
    assert plain.scale(timed=True) == plain.scale(timed=False) == 6.0
    steady = dataclasses.replace(plain, steady=4.5)
    assert (steady.scale(timed=True), steady.scale(timed=False)) == (6.0, 4.5)
