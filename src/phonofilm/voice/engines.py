"""The voice engines by name."""

from pathlib import Path

from phonofilm.errors import OptionError
from phonofilm.voice.espeak import EspeakVoice
from phonofilm.voice.kokoro import KokoroVoice
from phonofilm.voice.speak import VoiceEngine

ENGINES = ("espeak", "kokoro")


def load_engine(name: str, folder: Path) -> VoiceEngine:
    """The engine of a name; `folder` is where downloaded voices lie, one folder for each engine.

    Raises OptionError for an unknown name, MissingExtraError or ModelError where it is not on this machine.
    """
    if name == "espeak":
        return EspeakVoice()
    if name == "kokoro":
        return KokoroVoice(folder / "kokoro")
    raise unknown_engine(name)


def unknown_engine(name: str) -> OptionError:
    """What is said of a name that no engine has."""
    return OptionError(f"there is no voice engine {name!r}; choose one of {', '.join(ENGINES)}")
