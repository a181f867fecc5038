"""OpenCV, which draws the simulated world and is asked for only there."""

import importlib
from types import ModuleType

from phonofilm.errors import MissingExtraError


def opencv() -> ModuleType:
    """The module cv2. Raises MissingExtraError where it is not installed."""
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise MissingExtraError(
            "drawing simulated scenes needs OpenCV, which is not installed; run pip install 'phonofilm[simulate]'"
        ) from error
