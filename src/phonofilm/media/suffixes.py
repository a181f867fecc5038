"""By which endings of their names films and sounds are known in a folder, where nothing else says what a file is.

What is named one by one is read whatever it is called; how sound is written is in `audio`, and films in `holding`.
"""

from pathlib import Path

SOUND_SUFFIXES = (".aac", ".aif", ".aiff", ".flac", ".m4a", ".mka", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma")
WRITTEN_SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".m4a")
"""Sound that can be written."""
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
OTHER_FILM_SUFFIXES = (
    ".264",
    ".265",
    ".3g2",
    ".3gp",
    ".apng",
    ".asf",
    ".dv",
    ".f4v",
    ".gif",
    ".h264",
    ".hevc",
    ".ivf",
    ".m1v",
    ".m2ts",
    ".m2v",
    ".mpe",
    ".mxf",
    ".nut",
    ".ogm",
    ".qt",
    ".rm",
    ".rmvb",
    ".vob",
    ".y4m",
)
"""Endings of films too, which are not looked for in folders: most have no sound or are no film that people keep."""


def is_sound(path: Path) -> bool:
    """Whether a file holds sound alone, by its name."""
    return path.suffix.lower() in SOUND_SUFFIXES


def is_film(path: Path) -> bool:
    """Whether a file is a film, by its name."""
    return path.suffix.lower() in FILM_SUFFIXES


def parted(path: Path) -> tuple[str, str]:
    """The name of a file and its ending, "" where that is none of a film or sound: `Scene 1.5 final` has none."""
    known = (*SOUND_SUFFIXES, *FILM_SUFFIXES, *OTHER_FILM_SUFFIXES)
    return (path.stem, path.suffix) if path.suffix.lower() in known else (path.name, "")
