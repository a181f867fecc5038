"""The voice engines by name."""

from pathlib import Path

from phonofilm.errors import OptionError
from phonofilm.settings import VOICE_ENGINES
from phonofilm.voice.espeak import EspeakVoice
from phonofilm.voice.kokoro import KokoroVoice
from phonofilm.voice.speak import VoiceEngine


def load_engine(name: str, folder: Path) -> VoiceEngine:
    """The engine of a name; `folder` is where downloaded voices lie, one folder for each engine.

    Raises OptionError for an unknown name, MissingExtraError or ModelError where it is not on this machine.
    """
    if name == "espeak":
        return EspeakVoice()
    if name == "kokoro":
        return KokoroVoice(folder / "kokoro")
    raise OptionError(f"there is no voice engine {name!r}; choose one of {', '.join(VOICE_ENGINES)}")
