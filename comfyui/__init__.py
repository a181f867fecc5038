"""Phonofilm's nodes for ComfyUI: sound for video, in time with the picture."""

try:
    import phonofilm  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"Phonofilm's nodes need the package phonofilm in ComfyUI's own Python ({error}); its README says how to "
        "install it there without touching PyTorch"
    ) from error

from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
