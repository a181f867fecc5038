"""Everything that can go wrong, as one tree.

    PhonofilmError                 catch this one to catch them all
    ├── InputError                 what was handed in cannot be used
    │   ├── MediaError             a media file is missing, damaged, or not what it claims to be
    │   ├── CueError               a cue sheet cannot be read, or belongs to another clip
    │   └── OptionError            an option has a value outside its range
    ├── OutputError                a result cannot be written where it was asked for
    ├── ModelError                 a model is unknown, damaged, or not on this machine
    └── MissingExtraError          an optional dependency is needed and not installed

Each message is one line and says what came, what was wanted, and what to do next. The doors print it and exit with
code 1; the library raises it.
"""

import re


class PhonofilmError(Exception):
    """Root of every error that Phonofilm raises on purpose."""


class InputError(PhonofilmError):
    """What was handed in cannot be used."""


class MediaError(InputError):
    """A media file is missing, damaged, empty, or not a kind that can be used."""


class CueError(InputError):
    """A cue sheet cannot be read, holds impossible values, or belongs to another clip."""


class OptionError(InputError):
    """An option has a value outside its range."""


class OutputError(PhonofilmError):
    """A result cannot be written where it was asked for."""


class ModelError(PhonofilmError):
    """A model is unknown, its files are damaged, or they are not on this machine."""


class MissingExtraError(PhonofilmError):
    """An optional dependency is needed for what was asked and is not installed."""


def told_of(name: str, text: str) -> str:
    """What is said of a file, beginning with its name where the text itself does not give it."""
    alone = rf"(?<![^\s'\"(]){re.escape(name)}(?![^\s'\",;:.)])"
    return text if re.search(alone, text) else f"{name}: {text}"
