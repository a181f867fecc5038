"""Devices and number formats by name, and the same products from either library."""

import pytest
import torch

from phonofilm import device
from phonofilm.device import choose_device, choose_precision, linear
from phonofilm.errors import OptionError

CPU = torch.device("cpu")


def test_names_are_taken_or_refused() -> None:
    assert choose_device("cpu") == CPU
    assert choose_precision("float32", CPU) == torch.float32
    assert choose_precision("bfloat16", CPU) == torch.bfloat16
    assert choose_precision("auto", CPU) in (torch.float32, torch.bfloat16)
    with pytest.raises(OptionError, match="give auto, float32, bfloat16"):
        choose_precision("int4", CPU)
    with pytest.raises(OptionError, match="give auto"):
        choose_device("abacus")


@pytest.mark.parametrize(
    ("bf16", "amx", "amd", "wanted"),
    [
        (False, False, True, torch.float32),
        (True, False, False, torch.float32),  # Intel without AMX: bf16 is the slower one there
        (True, True, False, torch.bfloat16),
        (True, False, True, torch.bfloat16),
    ],
)
def test_auto_takes_what_is_faster(
    bf16: bool, amx: bool, amd: bool, wanted: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(device, "_is_amd", lambda: amd)
    assert choose_precision("auto", CPU) == wanted


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 33), (2, 7, 33), (1, 33)])
def test_both_libraries_multiply_alike(shape: tuple[int, ...], bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(shape, generator=generator), torch.randn(21, 33, generator=generator)
    added = torch.randn(21, generator=generator) if bias else None
    wanted = x.double() @ weight.double().t() + (0 if added is None else added.double())
    for faster in (True, False):
        monkeypatch.setattr(device, "_onednn_is_faster", lambda faster=faster: faster)
        with torch.inference_mode():
            torch.testing.assert_close(linear(x, weight, added).double(), wanted, rtol=1e-5, atol=1e-5)
            half = linear(x.bfloat16(), weight.bfloat16(), None if added is None else added.bfloat16())
        assert half.dtype == torch.bfloat16
    weight.requires_grad_(True)
    linear(x, weight, added).sum().backward()  # training always takes the one that knows gradients
    assert weight.grad is not None
