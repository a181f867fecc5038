"""Phonofilm gives a silent video its sound.

from phonofilm import Phonofilm

film = Phonofilm.load("mini")
takes = film.add_sound("clip.mp4", prompt="footsteps on concrete", negative="music", takes=3)
"""

from typing import TYPE_CHECKING, Any

from phonofilm.cues import Cue, CueSheet, read_cue_sheet
from phonofilm.errors import InputError, ModelError, OutputError, PhonofilmError
from phonofilm.settings import AddOptions, MakeOptions
from phonofilm.types import Waveform

if TYPE_CHECKING:
    from phonofilm.detection import Verdict, detect
    from phonofilm.pipeline import Phonofilm, Take

__version__ = "0.1.0"

__all__ = [
    "AddOptions",
    "Cue",
    "CueSheet",
    "InputError",
    "MakeOptions",
    "ModelError",
    "OutputError",
    "Phonofilm",
    "PhonofilmError",
    "Take",
    "Verdict",
    "Waveform",
    "detect",
    "read_cue_sheet",
]


def __getattr__(name: str) -> Any:
    # The pipeline brings torch, which takes seconds to import: 'phonofilm --help' need not wait for it.
    if name in ("Phonofilm", "Take"):
        from phonofilm import pipeline

        return getattr(pipeline, name)
    if name in ("Verdict", "detect"):
        from phonofilm import detection

        return getattr(detection, name)
    raise AttributeError(f"module 'phonofilm' has no attribute {name!r}")
