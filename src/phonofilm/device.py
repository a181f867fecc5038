"""Where and in which number format the networks compute."""

import functools
import logging
import platform
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from phonofilm.errors import OptionError
from phonofilm.settings import check_place

logger = logging.getLogger(__name__)


def choose_device(name: str) -> torch.device:
    """The device of that name; 'auto' takes CUDA when there is one, else the CPU. Raises OptionError."""
    check_place(name, "auto")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if (name == "cuda" and not torch.cuda.is_available()) or (name == "mps" and not torch.backends.mps.is_available()):
        raise OptionError(f"this machine (or this build of torch) has no {name}; use the device cpu")
    return torch.device(name)


def matmul_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it natively, else float32.

    Products of bf16 run about eight times faster than of float32 on Intel's processors with AMX and two times on AMD's
    with AVX-512 BF16. Intel's with AVX-512 BF16 alone (or with AMX hidden by a virtual machine) are slower with them,
    78 against 140 GFLOP/s a core; on others torch emulates them.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        native = torch.cpu._is_amx_tile_supported() or _is_amd()
        return torch.bfloat16 if native else torch.float32
    return torch.float32


def fast_products(device: torch.device) -> torch.autocast:
    """A context in which products are computed in `matmul_dtype`, and everything else as it is."""
    dtype = matmul_dtype(device)
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of matrix products of that name; 'auto' takes `matmul_dtype`. Raises OptionError."""
    check_place("auto", name)
    return matmul_dtype(device) if name == "auto" else DTYPES[name]


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (..., I), weight (O, I), bias (O,) of one dtype → (..., O): `F.linear` by the faster library.

    torch hands float32 products on a CPU to MKL, which is slow on AMD's processors: 85 against 127 to 190 GFLOP/s a
    core through oneDNN on a Zen 5, to the same accuracy. On Intel's, MKL is the faster (180 against 155). The choice is
    made by the maker's name, not by timing, so that a machine always computes the same numbers.
    """
    if x.dtype == torch.float32 and x.device.type == "cpu" and not torch.is_grad_enabled() and _onednn_is_faster():
        made: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return made
    return F.linear(x, weight, bias)


@functools.cache
def _is_amd() -> bool:
    """Whether this is an AMD processor."""
    try:
        maker = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        maker = platform.processor()
    return "AuthenticAMD" in maker


def _onednn_is_faster() -> bool:
    """Whether this is an AMD processor, and torch has oneDNN."""
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return available and _is_amd()
