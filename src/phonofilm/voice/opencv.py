"""OpenCV, which finds faces and is asked for only there."""

import importlib
from types import ModuleType

from phonofilm.errors import MissingExtraError


def opencv() -> ModuleType:
    """The module cv2 with its face cascades. Raises MissingExtraError where it is not installed or carries none."""
    try:
        module = importlib.import_module("cv2")
        module.CascadeClassifier  # noqa: B018 - gone in OpenCV 5
        module.data.haarcascades  # noqa: B018
    except (ImportError, AttributeError) as error:
        raise MissingExtraError(
            "finding faces needs OpenCV 4, which is not installed; run pip install 'phonofilm[voice]'"
        ) from error
    return module
