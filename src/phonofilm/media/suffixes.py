"""By which endings of their names films and sounds are known in a folder, where nothing else says what a file is.

What is named one by one is read whatever it is called; what can be written is in `audio`.
"""

from pathlib import Path

SOUND_SUFFIXES = (".aac", ".aif", ".aiff", ".flac", ".m4a", ".mka", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma")
FILM_SUFFIXES = (
    ".avi",
    ".flv",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".mts",
    ".ogv",
    ".ts",
    ".webm",
    ".wmv",
)


def is_sound(path: Path) -> bool:
    """Whether a file holds sound alone, by its name."""
    return path.suffix.lower() in SOUND_SUFFIXES


def is_film(path: Path) -> bool:
    """Whether a file is a film, by its name."""
    return path.suffix.lower() in FILM_SUFFIXES
