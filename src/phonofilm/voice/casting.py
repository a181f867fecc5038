"""A transcript, who speaks it and with what, read and compared before anything is computed."""

from dataclasses import dataclass
from pathlib import Path

from phonofilm.errors import OptionError
from phonofilm.voice.engines import load_engine
from phonofilm.voice.script import Script, read_script
from phonofilm.voice.speak import VoiceEngine, assign_voices, parse_voices


@dataclass(frozen=True, eq=False)
class Casting:
    """chosen: voices by speaker, as far as somebody has chosen them."""

    script: Script
    engine: VoiceEngine
    chosen: dict[str, str]


def read_casting(dialogue: str, voices: str, engine: str, folder: Path) -> Casting | None:
    """What the options `--dialogue`, `--voices` and `--voice-engine` say; None where there is no transcript.

    folder: where downloaded voices lie. Raises InputError for a transcript that cannot be read, OptionError for voices
    without one, of nobody who speaks in it, or that the engine does not have, and as `load_engine`.
    """
    if voices and not dialogue:
        raise OptionError("voices came without dialogue; there is nobody to speak")
    if not dialogue:
        return None
    script = read_script(Path(dialogue))
    chosen = parse_voices([pair for pair in voices.split(",") if pair.strip()])
    speaker = load_engine(engine, folder)
    assign_voices(script.speakers, speaker, chosen)
    return Casting(script, speaker, chosen)
