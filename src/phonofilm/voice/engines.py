"""The voice engines by name."""

from pathlib import Path

from phonofilm.settings import check_voice_engine
from phonofilm.voice.espeak import EspeakVoice
from phonofilm.voice.kokoro import KokoroVoice
from phonofilm.voice.speak import VoiceEngine


def load_engine(name: str, folder: Path) -> VoiceEngine:
    """The engine of a name; `folder` is where downloaded voices lie, one folder for each engine.

    Raises OptionError for an unknown name, MissingExtraError or ModelError where it is not on this machine.
    """
    check_voice_engine(name)
    return KokoroVoice(folder / "kokoro") if name == "kokoro" else EspeakVoice()
