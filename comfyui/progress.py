"""ComfyUI's progress bar and cancel button, behind the pipeline's reports."""

from __future__ import annotations

from typing import Any

WRITING_CLIP = "clip"
"""Before the pipeline begins: images are written as a clip."""
STAGES = (
    WRITING_CLIP,
    "probe",
    "frames",
    "see",
    "follow",
    "lips",
    "speak",
    "score",
    "encode",
    "sample",
    "decode",
    "mix",
    "mark",
    "write",
)
PARTS = 100
"""Steps of the bar for a stage."""


class Report:
    """Called with a stage and how far it is, 0 to 1. Raises what ComfyUI raises when the user has cancelled."""

    def __init__(self) -> None:
        self._bar, self._stop = _bar(), _stop()
        self._shown = 0

    def __call__(self, stage: str, share: float) -> None:
        if self._stop is not None:
            self._stop()
        if self._bar is not None and stage in STAGES:
            # Stages come back, with further takes and draws; the bar only goes on.
            self._shown = max(self._shown, round((STAGES.index(stage) + share) * PARTS))
            self._bar.update_absolute(self._shown, len(STAGES) * PARTS)


def _bar() -> Any:
    try:
        from comfy.utils import ProgressBar  # type: ignore[import-not-found]
    except ImportError:
        return None
    return ProgressBar(len(STAGES) * PARTS)


def _stop() -> Any:
    try:
        from comfy import model_management  # type: ignore[import-not-found]
    except ImportError:
        return None
    return model_management.throw_exception_if_processing_interrupted
