"""Deterministic fill of tensors from their names alone. numpy only, integer arithmetic + IEEE float32.

value(name, n): n float32 in (-1, 1), uniform, from a splitmix64 counter stream keyed by sha256(name).
param(key, shape): the conformance value of the checkpoint entry `key`.
tensor(name, shape, std, mean): an input tensor.
"""

import hashlib
import math

import numpy as np

_M1, _M2, _G = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(0x9E3779B97F4A7C15)


def value(name, n, chunk=1 << 22):
    seed = int.from_bytes(hashlib.sha256(("mmv1:" + name).encode("utf-8")).digest()[:8], "little")
    out = np.empty(n, np.float32)
    with np.errstate(over="ignore"):
        for a in range(0, n, chunk):
            b = min(n, a + chunk)
            z = np.arange(a + 1, b + 1, dtype=np.uint64)
            z *= _G
            z += np.uint64(seed)
            z ^= z >> np.uint64(30)
            z *= _M1
            z ^= z >> np.uint64(27)
            z *= _M2
            z ^= z >> np.uint64(31)
            k = (z >> np.uint64(40)).astype(np.int64)  # 24 bits
            out[a:b] = (2 * k + 1 - (1 << 24)).astype(np.float32) * np.float32(2.0**-24)
    return out


def tensor(name, shape, std=1.0, mean=0.0):
    """uniform with the given standard deviation (half width sqrt(3)*std), float32, row-major."""
    n = int(np.prod(shape, dtype=np.int64)) if len(shape) else 1
    x = value(name, n) * np.float32(math.sqrt(3.0) * std)
    if mean:
        x = np.float32(mean) + x
    return x.reshape(shape)


def rule(key, shape):
    """-> (mean, std), or None for an entry that is kept as the module computes it."""
    last = key.rsplit(".", 1)[-1]
    nd = len(shape)
    if last in ("filter", "data_mean", "data_std", "attn_mask"):
        return None
    if last == "latent_mean":
        return 0.0, 0.2
    if last == "latent_std":
        return 1.0, 0.1
    if last in ("empty_clip_feat", "empty_string_feat"):
        return 0.0, 1.0 / math.sqrt(shape[-1])
    if last == "empty_sync_feat":
        return 0.0, 1.0
    if last == "weight_g":  # weight-norm magnitudes (vocoders)
        m = 0.5 if key.startswith("resblocks.") else (0.15 if key.startswith("conv_post.") else 1.0)
        return m, 0.1 * m
    if last == "weight_v":
        return 0.0, 1.0
    if last in ("alpha", "beta"):  # log-scale snake parameters
        return 0.0, 0.3
    if last in ("learnable_gain", "logit_scale"):
        return 0.0, 0.1
    if last.endswith("bias"):
        return 0.0, 0.1
    if last == "weight" and nd == 1:  # layer/RMS norms
        return 1.0, 0.1
    if key.startswith(("encoder.", "decoder.")):  # VAE magnitude-preserving convolutions, as stored
        return 0.0, 1.0
    if last in ("proj", "text_projection"):  # CLIP matrices applied as x @ M
        return 0.0, 1.0 / math.sqrt(shape[0])
    if key in ("clip_input_proj.0.weight", "text_input_proj.0.weight"):  # inputs have unit norm
        return 0.0, 1.0
    if key in ("clip_cond_proj.weight", "text_cond_proj.weight"):  # inputs are token means
        return 0.0, 2.0 / math.sqrt(shape[1])
    if last in ("weight", "in_proj_weight") and nd >= 2:
        return 0.0, 1.0 / math.sqrt(int(np.prod(shape[1:])))
    return 0.0, 0.3  # tokens and positional tables


def param(key, shape):
    r = rule(key, shape)
    return None if r is None else tensor(key, tuple(shape), std=r[1], mean=r[0])
