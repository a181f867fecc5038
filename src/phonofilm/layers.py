"""What is heard beside the effects: the dialogue of a transcript. Read and seen once for a clip, made for each take.

Dimension letters: C channels, S samples.
"""

import logging
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phonofilm.errors import OptionError
from phonofilm.settings import AddOptions
from phonofilm.stopwatch import Stopwatch
from phonofilm.types import ClipInfo, Progress, Waveform
from phonofilm.voice.dialogue import Dialogue, make_dialogue
from phonofilm.voice.engines import load_engine
from phonofilm.voice.lips import Mouth, watch_mouths
from phonofilm.voice.script import Script, read_script
from phonofilm.voice.speak import VoiceEngine, parse_voices
from phonofilm.weights.fetch import cache_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Speech:
    """A transcript, who speaks it, and the mouths of the clip that it is for."""

    clip: ClipInfo
    script: Script
    mouths: tuple[Mouth, ...]
    engine: VoiceEngine
    voices: dict[str, str]

    def dialogue(self, rate_hz: int, seed: int) -> Dialogue:
        """The dialogue of one take. Raises InputError for lines that do not fit into the clip."""
        return make_dialogue(self.script, self.clip, self.mouths, self.engine, rate_hz, seed, self.voices)


class Cast:
    """The transcript and voices that the options name, read before anything is computed. Raises PhonofilmError."""

    def __init__(self, chosen: AddOptions) -> None:
        if chosen.voices and not chosen.dialogue:
            raise OptionError("--voices came without --dialogue; there is nobody to speak")
        self._script = read_script(Path(chosen.dialogue)) if chosen.dialogue else None
        pairs = [pair for pair in chosen.voices.split(",") if pair.strip()]
        self._voices = parse_voices(pairs)
        self._engine = load_engine(chosen.voice_engine, cache_folder() / "voices") if chosen.dialogue else None

    def watch(self, clip: ClipInfo, watch: Stopwatch, progress: Progress) -> Speech | None:
        """What is needed to speak in time with a clip; None where there is no transcript."""
        if self._script is None or self._engine is None:
            return None
        with watch.stage("lips", progress):
            mouths = watch_mouths(clip, lambda _, share: progress("lips", share))
        logger.info("%d lines, %d mouths", len(self._script.lines), len(mouths))
        return Speech(clip, self._script, mouths, self._engine, self._voices)


def spread(mono: Waveform, channels: int) -> Waveform:
    """A mono sound (1, S) in the middle of some channels, with the power that it had."""
    alike = np.float32(math.sqrt(1 / channels))
    return Waveform(np.repeat(mono.samples * alike, channels, axis=0), mono.rate_hz)
