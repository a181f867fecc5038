"""Phonofilm's nodes for ComfyUI: sound for video, in time with the picture."""

try:
    from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS
except ModuleNotFoundError as error:
    # One line: ComfyUI prints the whole chain of what was raised, and the chain would say no more.
    raise ImportError(
        f"Phonofilm's nodes cannot be loaded ({error}); pip install phonofilm into ComfyUI's own Python, from a copy "
        "of its repository: 'python -m pip install --no-deps FOLDER', and the requirements.txt of these nodes"
    ) from None

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
