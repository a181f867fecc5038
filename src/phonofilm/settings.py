"""The options a user has, once: command-line flags, the library call and the table in the docs are made from these.

Each field carries its help text and its range in its metadata. Values are checked when the record is made. Messages
name an option without the dashes of its flag: they are read by those who type flags, who call from Python and who use
the studio.
"""

import dataclasses
import math
import re
import reprlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

from phonofilm.errors import OptionError
from phonofilm.timeline import Seconds, seconds

LONGEST_PROMPT = 1000
"""In characters. Ten times the longest description in the training data; more words than this drown each other."""
SHORTEST_REDO_S = 0.1
"""Two latent steps: what is shorter is hardly a sound."""
CLIP_END_S = 0.05
"""An end this shortly after the clip's was rounded up."""
FIRST_SYMBOL, JOINER = "\u2190", "\u200d"
EMOJI_MARKS = frozenset(("\ufe0f", "\u20e3", *map(chr, range(0xE0020, 0xE0080))))
"""What makes an emoji of the character before it, and the letters of which flags are spelled."""
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")
CREDENTIALS = ("auto", "on", "off")
VOICE_ENGINES = ("espeak", "kokoro")
RATES_HZ = (44_100, 48_000)
LOUDNESS_TARGETS = {"web": -16.0, "ebu-r128": -23.0, "cinema": -27.0}
"""Integrated loudness by name, LUFS: AES TD1008 for streaming, EBU R 128 for European broadcast, and -27 LKFS, the
level of dialogue at which streaming services take cinema mixes."""
HIGHEST_SEED = 2**31 - 1
FILE_OPTIONS = frozenset({"dialogue", "timeline", "certificate", "certificate_key", "key"})
"""Options of text that name a file."""
DASHES = re.compile("[\u2010-\u2015\u2212]")
"""What programs write for a dash between two numbers."""
DIALOGUE_ANCHORED = frozenset({"cinema"})
"""Where the dialogue is brought to the target, if there is any, and the rest keeps its distance from it."""


def option(default: Any, help_text: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A dataclass field with help and range in its metadata."""
    return dataclasses.field(default=default, metadata={"help": help_text, "low": low, "high": high})


@dataclass(frozen=True)
class AddOptions:
    """How sound is made for a clip. Raises OptionError on a value outside its range."""

    prompt: str = option("", "What should be heard, in words; phrases parted by commas.")
    negative: str = option("", "What should not be heard, in words.")
    takes: int = option(1, "How many different soundtracks to make.", low=1, high=64)
    seed: int = option(0, "Seed of the first take; take k uses seed + k.", low=0, high=HIGHEST_SEED)
    steps: int = option(0, "Sampling steps; 0 takes what the model was tuned for.", low=0, high=200)
    guidance: float = option(0.0, "How hard prompts and picture pull; 0 takes the model's own value.", low=0, high=30)
    sync: float = option(1.0, "How hard cues pull: 0 ignores the picture's timing, 1 follows it.", low=0, high=1)
    loudness: str = option("web", "Loudness: web (-16 LUFS), ebu-r128 (-23), cinema (-27), a number in LUFS, or none.")
    mono: bool = option(False, "One channel, nothing placed left or right.")
    rate: int = option(0, "Samples a second: 44100, or 48000 as in film and broadcast; 0 takes the model's own.")
    music: str = option("", "What music, in words; none for none. Without it, music words of the prompt ask for some.")
    dialogue: str = option("", "Transcript to speak in time with the mouths: SRT, WebVTT, or text with NAME: line.")
    voices: str = option("", "Who speaks how: ANNA=f2, BEN=fr+m3 (in another language), =ru+f2 (lines without a name).")
    voice_engine: str = option("espeak", "What speaks: espeak, or kokoro where it is installed and downloaded.")
    stems: bool = option(
        False,
        "Write files of effects, music (and its notes), dialogue, original, and beside a film their sum, NAME.mix.wav.",
    )
    timeline: str = option("", "Write the stems, and a timeline of clip, stems and cues for editing programs (.otio).")
    keep_original: bool = option(False, "Keep the clip's own sound under the new one; together they have the loudness.")
    original_db: float = option(
        -6.0,
        "Gain of the clip's own sound with keep-original, in dB, beside new sound at its loudness.",
        low=-60,
        high=12,
    )
    credentials: str = option("auto", "Content Credentials (C2PA): auto signs where the extra is installed; on, off.")
    certificate: str = option("", "PEM chain to sign with; else one made for this computer, which vouches for nobody.")
    certificate_key: str = option("", "Its private key (PEM).")
    tell_prompt: bool = option(False, "Name the prompt in the Content Credentials.")
    key: str = option("", "File with a secret to mark with; else the public key, by which anyone can check.")

    def __post_init__(self) -> None:
        check_values(self)
        check_prompt("prompt", self.prompt)
        check_prompt("negative", self.negative)
        loudness_target(self.loudness)
        check_rate(self.rate)
        check_credentials(self.credentials, self.certificate, self.certificate_key)
        check_seeds(self.seed, self.takes)
        check_voice_engine(self.voice_engine)


@dataclass(frozen=True)
class MakeOptions:
    """How sound is made from words alone. Raises OptionError on a value outside its range."""

    seconds: float = option(8.0, "Length in seconds.", low=0.5, high=3600)
    negative: str = option("", "What should not be heard, in words.")
    takes: int = option(1, "How many different sounds to make.", low=1, high=64)
    seed: int = option(0, "Seed of the first take; take k uses seed + k.", low=0, high=HIGHEST_SEED)
    steps: int = option(0, "Sampling steps; 0 takes what the model was tuned for.", low=0, high=200)
    guidance: float = option(0.0, "How hard the prompt pulls; 0 takes the model's own value.", low=0, high=30)
    loop: bool = option(False, "Let the end run into the beginning, to be played in a circle.")
    loudness: str = option("web", "Loudness: web (-16 LUFS), ebu-r128 (-23), cinema (-27), a number in LUFS, or none.")
    mono: bool = option(False, "One channel.")
    rate: int = option(0, "Samples a second: 44100, or 48000 as in film and broadcast; 0 takes the model's own.")
    credentials: str = option("auto", "Content Credentials (C2PA): auto signs where the extra is installed; on, off.")
    certificate: str = option("", "PEM chain to sign with; else one made for this computer, which vouches for nobody.")
    certificate_key: str = option("", "Its private key (PEM).")
    tell_prompt: bool = option(False, "Name the prompt in the Content Credentials.")
    key: str = option("", "File with a secret to mark with; else the public key, by which anyone can check.")

    def __post_init__(self) -> None:
        check_values(self)
        check_prompt("negative", self.negative)
        loudness_target(self.loudness)
        check_rate(self.rate)
        check_credentials(self.credentials, self.certificate, self.certificate_key)
        check_seeds(self.seed, self.takes)


def check_values(options: Any) -> None:
    """Compare every value in an options record with the kind and range of its field.

    Numbers and truth values of NumPy become those of Python, so that they can be written down. Raises OptionError.
    """
    for field in dataclasses.fields(options):
        name, value = field.name.replace("_", "-"), getattr(options, field.name)
        if field.type in (int, float):
            value = _number(name, value, field)
        elif field.type is bool:
            check_truth(name, value)
            value = bool(value)
        else:
            if field.name == "loudness" and isinstance(value, Real) and not isinstance(value, bool):
                value = _written(value)
            check_text(name, value, names_a_file=field.name in FILE_OPTIONS)
            if field.name == "loudness":
                value = value.strip().lower()
        object.__setattr__(options, field.name, value)


def _written(value: Real) -> str:
    try:
        return str(value)
    except ValueError:  # a whole number of thousands of digits
        return shown(value)


def _number(name: str, value: Any, field: "dataclasses.Field[Any]") -> int | float:
    """The value as a number of Python. Raises OptionError when it is none or outside the range of its field."""
    low, high = field.metadata["low"], field.metadata["high"]
    kind, called = (Integral, "whole number") if field.type is int else (Real, "number")
    # Comparing comes first: not a number is in no range, and some whole numbers are too large to become a float.
    numeric = isinstance(value, kind) and not isinstance(value, bool)
    if not numeric or (low is not None and high is not None and not low <= value <= high):
        between = "" if low is None or high is None else f" from {low} to {high}"
        raise OptionError(f"{name} is {shown(value)}; give a {called}{between}")
    plain: Any = value
    return int(plain) if field.type is int else float(plain)


def check_seeds(seed: int, takes: int) -> None:
    """Raises OptionError where the last take would have a seed that could not be given again."""
    last = seed + takes - 1
    if last > HIGHEST_SEED:
        raise OptionError(
            f"seed is {seed} and takes {takes}, so the last take would have the seed {last}; "
            f"give a seed of at most {HIGHEST_SEED - takes + 1}"
        )


def check_text(name: str, value: Any, *, names_a_file: bool = False) -> None:
    """Raises OptionError when a value is no text, or holds characters that no text and no file name can hold.

    names_a_file: bytes of a name that are no Unicode stand in it as lone surrogates, and are what the file is called.
    """
    if not isinstance(value, str):
        raise OptionError(f"{name} is {shown(value)}; give text, or leave it out")
    if "\0" in value:
        raise OptionError(f"{name} holds control characters; give plain text")
    try:
        value.encode(errors="surrogateescape" if names_a_file else "strict")
    except UnicodeEncodeError:
        raise OptionError(f"{name} is {shown(value)}, and holds half a character; give whole Unicode text") from None


def shown(value: Any) -> str:
    """A value as it came, on one line and not too long, for messages."""
    try:
        return " ".join(reprlib.repr(value).split())
    except ValueError:  # a whole number of thousands of digits
        return "a number of thousands of digits"


def path_text(value: Any) -> Any:
    """The text of a path; anything else as it is, for `check_text` to judge."""
    return str(value) if isinstance(value, Path) else value


def path_of(name: str, value: Any, of: str = "file") -> Path:
    """The path that an argument names. of: what it is a path of. Raises OptionError when it names none."""
    if not isinstance(value, str | Path):
        raise OptionError(f"{name} is {shown(value)}; give the path of a {of}")
    check_text(name, str(value), names_a_file=True)
    return Path(value)


def check_truth(name: str, value: Any) -> None:
    """Raises OptionError when a value is neither True nor False."""
    if not isinstance(value, bool | np.bool_):
        raise OptionError(f"{name} is {shown(value)}; give True or False")


def check_prompt(name: str, text: str) -> None:
    """Raises OptionError when a prompt is no text, longer than LONGEST_PROMPT, holds a control character, or says
    nothing, which only an empty one may."""
    check_text(name, text)
    if len(text) > LONGEST_PROMPT:
        raise OptionError(
            f"{name} has {len(text):,} characters; at most {LONGEST_PROMPT:,} are understood: "
            "name the few sounds that matter"
        )
    if any(ord(character) < 32 and character not in "\n\t\r" for character in text):
        raise OptionError(f"{name} holds control characters; give plain text")
    if text.strip() and not says_something(text):
        lack = "emoji are not understood" if any(map(_is_symbol, text)) else "there is no word in it"
        raise OptionError(f"{name} is {shown(text)}, and {lack}; say in words what should be heard")


def says_something(text: str) -> bool:
    """Whether a text holds a letter or digit of any script."""
    return any(map(str.isalnum, text))


def plain_prompt(text: str) -> str:
    """A prompt as it is encoded: one space between words, whatever stood there, and no emoji."""
    words = "".join(" " if _is_symbol(character) else character for character in text).split()
    return " ".join(word for word in (word.lstrip(JOINER) for word in words) if word)


def _is_symbol(character: str) -> bool:
    """Whether a character is of an emoji, or another picture that is no word; degrees and the like are not."""
    return character in EMOJI_MARKS or (character >= FIRST_SYMBOL and unicodedata.category(character) in ("So", "Sk"))


def check_words(prompt: str) -> None:
    """Raises OptionError for a prompt from which alone sound cannot be made."""
    check_prompt("prompt", prompt)
    if not prompt.strip():
        raise OptionError("the prompt is empty; say in words what should be heard")


def check_place(device: str, precision: str) -> None:
    """Raises OptionError for names that are none of a device or a precision; what there is only torch knows."""
    if device not in DEVICES:
        raise OptionError(f"device is {device!r}; give {', '.join(DEVICES)}")
    if precision not in PRECISIONS:
        raise OptionError(f"precision is {precision!r}; give {', '.join(PRECISIONS)}")


def check_credentials(choice: str, certificate: str, key: str) -> None:
    """Raises OptionError for a choice that is none, or half of a certificate."""
    if choice not in CREDENTIALS:
        raise OptionError(f"credentials is {choice!r}; give {', '.join(CREDENTIALS)}")
    if bool(certificate) != bool(key):
        raise OptionError("certificate and certificate-key belong together; give both or neither")


def check_voice_engine(name: str) -> None:
    """Raises OptionError for a name that no voice engine has."""
    if name not in VOICE_ENGINES:
        offered = ", ".join(VOICE_ENGINES)
        raise OptionError(f"voice-engine: there is no voice engine {shown(name)}; choose one of {offered}")


def check_rate(rate_hz: int) -> None:
    """Raises OptionError for a rate that is neither 0 nor one of RATES_HZ."""
    if rate_hz not in (0, *RATES_HZ):
        offered = " or ".join(map(str, RATES_HZ))
        raise OptionError(f"rate is {shown(rate_hz)}; give {offered}, or 0 for what the model makes")


def loudness_target(text: str) -> float | None:
    """LUFS wanted, or None for 'none', in letters of any case. Raises OptionError for anything else."""
    name = text.strip().lower()
    if name == "none":
        return None
    if name in LOUDNESS_TARGETS:
        return LOUDNESS_TARGETS[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -60 <= value <= -6:
        names = ", ".join(LOUDNESS_TARGETS)
        raise OptionError(f"loudness is {shown(text)}; give {names}, none, or a number from -60 to -6 (LUFS)")
    return value


def parse_spans(text: str) -> list[tuple[float, float]]:
    """ "3.2-4.5, 0:07-0:08" → [(3.2, 4.5), (7.0, 8.0)], in seconds; a dash of any length parts. Raises OptionError."""
    spans = []
    for part in text.split(","):
        first, dash, end = DASHES.sub("-", part).partition("-")
        times = _clock_s(first), _clock_s(end)
        if not dash or times[0] is None or times[1] is None:
            raise OptionError(
                f"redo is {text!r}; give two times in seconds with a dash between, as 3.2-4.5 or 0:03-0:04"
            )
        spans.append((times[0], times[1]))
    return spans


def _clock_s(text: str) -> float | None:
    """Seconds of "4.5", "0:04.5" or "1:00:04.5"; None of what is no time."""
    *larger, last = text.strip().split(":")
    try:
        parts = [float(int(part)) for part in larger] + [float(last)]
    except ValueError:
        return None
    if len(parts) > 3 or (larger and not all(0 <= part < 60 for part in parts[1:])):
        return None
    total_s = 0.0
    for part in parts:
        total_s = 60 * total_s + part
    return total_s


def given_spans(redo: Any) -> tuple[tuple[float, float], ...]:
    """The spans that somebody gave, in seconds. Raises OptionError when they are no pairs of numbers."""
    try:
        spans = tuple((first, end) for first, end in redo)
        numbers = all(isinstance(time_s, Real) and not isinstance(time_s, bool) for span in spans for time_s in span)
    except (TypeError, ValueError):
        numbers = False
    if isinstance(redo, str) or not numbers:
        raise OptionError(f"redo is {shown(redo)}; give a list of spans (start, end) in seconds, as [(3.2, 4.5)]")
    return tuple((float(first), float(end)) for first, end in spans)


def checked_spans(spans: Sequence[tuple[float, float]], duration_s: Seconds) -> list[tuple[Seconds, Seconds]]:
    """The spans to be made anew, exact. An end shortly after the clip's is taken for the clip's.

    Raises OptionError when one is no span, too short, or outside a clip of `duration_s`.
    """
    checked = []
    for first, end in spans:
        if not (math.isfinite(first) and math.isfinite(end) and 0 <= first < end):
            raise OptionError(f"redo is {first:g}-{end:g}; give a start of at least 0 s and an end after it")
        if end > float(duration_s) + CLIP_END_S:
            way = "end there" if first < duration_s else "begin before that"
            raise OptionError(f"redo is {first:g}-{end:g}, and the clip lasts {float(duration_s):.3f} s; {way}")
        if end - first < SHORTEST_REDO_S - 1e-9:
            raise OptionError(f"redo is {first:g}-{end:g}; a span lasts at least {SHORTEST_REDO_S} s: make it longer")
        checked.append((seconds(float(first)), min(seconds(float(end)), duration_s)))
    return checked


def option_table(record: type[Any]) -> list[Sequence[str]]:
    """Rows (flag, default, help) of one options record, for docs and help pages."""
    rows: list[Sequence[str]] = []
    for field in dataclasses.fields(record):
        rows.append(("--" + field.name.replace("_", "-"), str(field.default), field.metadata["help"]))
    return rows
