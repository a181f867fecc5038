"""Pictures in the sizes that CLIP and Synchformer were trained on, level for level as MMAudio makes them.

Bicubic with antialiasing, in two passes over uint8: rows, then columns, rounded and clamped to 0..255 in between. On
hard edges a resize in floats differs by over ten levels, so the kernel matters.

Dimension letters: H, W height and width that came; Y, X those that go.
"""

import numpy as np
import torch
from torch.nn import functional as F

from phonofilm.types import ByteArray

CLIP_EDGE = 384
SYNC_EDGE = 224


def clip_pixels(rgb: ByteArray) -> ByteArray:
    """A picture (H, W, 3) squeezed to (384, 384, 3), whatever its aspect ratio."""
    return _resized(rgb, CLIP_EDGE, CLIP_EDGE)


def sync_pixels(rgb: ByteArray) -> ByteArray:
    """A picture (H, W, 3) whose shorter edge becomes 224, and of that the centre (224, 224, 3)."""
    whole = short_edge_pixels(rgb, SYNC_EDGE)
    tall, wide = whole.shape[:2]
    # Python's rounding: halves go to the even side.
    top, left = round((tall - SYNC_EDGE) / 2), round((wide - SYNC_EDGE) / 2)
    return np.ascontiguousarray(whole[top : top + SYNC_EDGE, left : left + SYNC_EDGE])  # (224, 224, 3)


def short_edge_pixels(rgb: ByteArray, edge: int) -> ByteArray:
    """A picture (H, W, 3) whose shorter edge becomes `edge` and whose aspect ratio stays: (Y, X, 3)."""
    height, width = rgb.shape[:2]
    shorter = min(height, width)
    return _resized(rgb, edge * height // shorter, edge * width // shorter)


def _resized(rgb: ByteArray, tall: int, wide: int) -> ByteArray:
    """(H, W, 3) → (Y, X, 3)."""
    assert rgb.ndim == 3, f"a picture must be (H, W, 3), not {rgb.shape}"
    assert rgb.shape[2] == 3, f"a picture must be (H, W, 3), not {rgb.shape}"
    assert rgb.dtype == np.uint8, f"levels must be uint8, not {rgb.dtype}"
    if rgb.shape[:2] == (tall, wide):
        return rgb
    pixels = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None]  # (1, 3, H, W), channels last
    pixels = F.interpolate(pixels, (tall, wide), mode="bicubic", align_corners=False, antialias=True)  # (1, 3, Y, X)
    result: ByteArray = pixels[0].permute(1, 2, 0).contiguous().numpy()  # (Y, X, 3)
    return result
