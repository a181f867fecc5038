"""The instruments of the orchestra: their General MIDI programme, range, seat, and the words that name them."""

import re
from dataclasses import dataclass
from typing import Literal

Role = Literal["melody", "inner", "bass", "motion", "beat", "colour"]


@dataclass(frozen=True)
class Instrument:
    """What a player can do. `low`, `high`: the comfortable range as MIDI pitches.

    place: -1 left .. 1 right as an audience sees the orchestra. distance: 0 near .. 1 far. held: its notes can be held
    (bowed, blown), so that it needs no new attack. roles: what it does when it is asked for by name, best first.
    words: what it is called in a prompt.
    """

    name: str
    programme: int
    low: int
    high: int
    place: float
    distance: float
    held: bool
    roles: tuple[Role, ...]
    words: tuple[str, ...]
    drums: bool = False


MELODIC: tuple[Role, ...] = ("melody", "inner", "motion")
CHORDAL: tuple[Role, ...] = ("motion", "inner", "melody")
INNER: tuple[Role, ...] = ("inner", "motion", "melody")
LOW: tuple[Role, ...] = ("bass", "melody", "inner")
COLOUR: tuple[Role, ...] = ("colour", "melody", "motion")
BEAT: tuple[Role, ...] = ("beat",)

INSTRUMENTS = (
    Instrument("piano", 0, 28, 96, -0.1, 0.35, False, CHORDAL, ("piano", "grand piano", "pianist")),
    Instrument("upright piano", 1, 33, 91, -0.1, 0.3, False, CHORDAL, ("upright piano",)),
    Instrument(
        "honky-tonk piano",
        3,
        33,
        91,
        -0.15,
        0.3,
        False,
        CHORDAL,
        ("honky tonk", "honky-tonk", "saloon piano", "ragtime piano"),
    ),
    Instrument(
        "electric piano", 4, 33, 91, -0.05, 0.25, False, CHORDAL, ("electric piano", "rhodes", "wurlitzer", "e-piano")
    ),
    Instrument("harpsichord", 6, 36, 84, -0.2, 0.4, False, CHORDAL, ("harpsichord", "cembalo")),
    Instrument("celesta", 8, 60, 100, -0.35, 0.5, False, COLOUR, ("celesta", "celeste")),
    Instrument("glockenspiel", 9, 72, 103, 0.35, 0.55, False, COLOUR, ("glockenspiel",)),
    Instrument("music box", 10, 60, 96, 0.2, 0.4, False, COLOUR, ("music box",)),
    Instrument("vibraphone", 11, 53, 89, 0.25, 0.45, False, COLOUR, ("vibraphone", "vibes")),
    Instrument("marimba", 12, 45, 91, 0.3, 0.4, False, CHORDAL, ("marimba",)),
    Instrument("xylophone", 13, 60, 96, 0.35, 0.5, False, COLOUR, ("xylophone",)),
    Instrument(
        "tubular bells", 14, 58, 77, 0.4, 0.7, False, COLOUR, ("tubular bells", "church bells", "bells", "chimes")
    ),
    Instrument("dulcimer", 15, 48, 84, 0.2, 0.35, False, CHORDAL, ("dulcimer",)),
    Instrument("organ", 16, 36, 91, 0.0, 0.4, True, INNER, ("organ", "hammond")),
    Instrument("church organ", 19, 31, 91, 0.0, 0.85, True, INNER, ("church organ", "pipe organ")),
    Instrument("accordion", 21, 53, 89, 0.15, 0.3, True, MELODIC, ("accordion", "bandoneon", "concertina")),
    Instrument("harmonica", 22, 60, 88, 0.1, 0.3, True, MELODIC, ("harmonica", "mouth organ")),
    Instrument(
        "nylon guitar",
        24,
        40,
        84,
        0.05,
        0.25,
        False,
        CHORDAL,
        ("classical guitar", "nylon guitar", "spanish guitar", "guitar", "guitarist"),
    ),
    Instrument("ukulele", 24, 60, 84, 0.1, 0.25, False, CHORDAL, ("ukulele", "mandolin")),
    Instrument(
        "steel guitar", 25, 40, 86, 0.05, 0.25, False, CHORDAL, ("acoustic guitar", "steel guitar", "folk guitar")
    ),
    Instrument("jazz guitar", 26, 40, 84, 0.15, 0.3, False, CHORDAL, ("jazz guitar",)),
    Instrument("electric guitar", 27, 40, 86, 0.2, 0.25, False, CHORDAL, ("electric guitar", "clean guitar")),
    Instrument(
        "distorted guitar",
        30,
        40,
        84,
        0.2,
        0.25,
        True,
        INNER,
        ("distorted guitar", "distortion guitar", "heavy guitar", "metal guitar", "overdriven guitar"),
    ),
    Instrument("double bass", 32, 28, 55, 0.3, 0.35, False, LOW, ("upright bass", "double bass")),
    Instrument("bass guitar", 33, 28, 55, 0.0, 0.15, False, LOW, ("bass guitar", "electric bass", "bass")),
    Instrument("synth bass", 38, 24, 60, 0.0, 0.1, True, LOW, ("synth bass", "sub bass")),
    Instrument("violin", 40, 55, 98, -0.35, 0.45, True, MELODIC, ("violin", "violins", "violinist")),
    Instrument("viola", 41, 48, 86, 0.15, 0.5, True, MELODIC, ("viola", "violas")),
    Instrument(
        "cello", 42, 36, 74, 0.3, 0.45, True, ("melody", "bass", "inner"), ("cello", "cellos", "cellist", "violoncello")
    ),
    Instrument("contrabass", 43, 28, 55, 0.45, 0.55, True, LOW, ("contrabass", "bowed bass", "low strings")),
    Instrument(
        "tremolo strings", 44, 40, 92, -0.1, 0.55, True, INNER, ("tremolo strings", "tremolo", "nervous strings")
    ),
    Instrument(
        "pizzicato strings", 45, 36, 88, 0.1, 0.5, False, ("motion", "bass", "inner"), ("pizzicato", "plucked strings")
    ),
    Instrument("harp", 46, 31, 96, -0.45, 0.5, False, CHORDAL, ("harp", "harpist")),
    Instrument("timpani", 47, 38, 57, 0.25, 0.7, False, ("colour", "beat"), ("timpani", "kettledrum", "kettledrums")),
    Instrument(
        "strings",
        48,
        36,
        91,
        -0.15,
        0.55,
        True,
        INNER,
        ("strings", "string section", "string orchestra", "string quartet", "strings section", "orchestra"),
    ),
    Instrument(
        "slow strings",
        49,
        36,
        91,
        -0.15,
        0.6,
        True,
        INNER,
        ("slow strings", "warm strings", "soft strings", "lush strings"),
    ),
    Instrument("synth strings", 50, 36, 91, 0.0, 0.4, True, INNER, ("synth strings",)),
    Instrument("choir", 52, 48, 81, 0.0, 0.75, True, INNER, ("choir", "chorus", "choral", "choirs")),
    Instrument("voices", 53, 48, 79, 0.0, 0.65, True, INNER, ("humming", "vocal pad", "oohs")),
    Instrument("trumpet", 56, 54, 84, 0.3, 0.6, True, MELODIC, ("trumpet", "trumpets")),
    Instrument("trombone", 57, 40, 72, 0.4, 0.6, True, ("inner", "bass", "melody"), ("trombone", "trombones")),
    Instrument("tuba", 58, 28, 58, 0.5, 0.6, True, LOW, ("tuba",)),
    Instrument("muted trumpet", 59, 54, 82, 0.3, 0.5, True, MELODIC, ("muted trumpet",)),
    Instrument("french horn", 60, 41, 77, -0.3, 0.7, True, MELODIC, ("french horn", "french horns", "horn", "horns")),
    Instrument("brass", 61, 36, 82, 0.35, 0.65, True, INNER, ("brass", "brass section", "brass band")),
    Instrument("synth brass", 62, 36, 84, 0.0, 0.3, True, INNER, ("synth brass",)),
    Instrument("saxophone", 66, 44, 76, 0.2, 0.35, True, MELODIC, ("saxophone", "sax", "tenor sax", "alto sax")),
    Instrument("oboe", 68, 58, 91, 0.0, 0.5, True, MELODIC, ("oboe", "oboes")),
    Instrument("english horn", 69, 52, 81, 0.05, 0.5, True, MELODIC, ("english horn", "cor anglais")),
    Instrument("bassoon", 70, 34, 70, 0.15, 0.5, True, ("melody", "bass", "motion"), ("bassoon", "bassoons")),
    Instrument("clarinet", 71, 50, 89, 0.1, 0.5, True, MELODIC, ("clarinet", "clarinets")),
    Instrument("piccolo", 72, 74, 102, -0.1, 0.5, True, MELODIC, ("piccolo",)),
    Instrument("flute", 73, 60, 96, -0.1, 0.5, True, MELODIC, ("flute", "flutes", "flautist")),
    Instrument("recorder", 74, 60, 90, -0.05, 0.4, True, MELODIC, ("recorder",)),
    Instrument("pan flute", 75, 60, 91, 0.1, 0.5, True, MELODIC, ("pan flute", "panpipes", "pan pipes")),
    Instrument("shakuhachi", 77, 55, 84, 0.1, 0.55, True, MELODIC, ("shakuhachi",)),
    Instrument("whistle", 78, 67, 96, 0.05, 0.35, True, MELODIC, ("tin whistle", "whistle", "whistling tune")),
    Instrument("ocarina", 79, 60, 88, 0.1, 0.4, True, MELODIC, ("ocarina",)),
    Instrument("square lead", 80, 48, 96, 0.05, 0.2, True, MELODIC, ("square wave", "chiptune", "8-bit", "8 bit")),
    Instrument(
        "saw lead",
        81,
        48,
        96,
        0.05,
        0.25,
        True,
        MELODIC,
        ("synth lead", "saw lead", "lead synth", "synthesizer", "synthesiser", "synth", "synths"),
    ),
    Instrument("fantasia", 88, 40, 90, 0.0, 0.5, True, INNER, ("fantasia",)),
    Instrument("warm pad", 89, 36, 88, 0.0, 0.5, True, INNER, ("warm pad", "synth pad", "pad", "pads")),
    Instrument("space voice", 91, 40, 88, 0.0, 0.6, True, INNER, ("space voice",)),
    Instrument("bowed glass", 92, 40, 90, 0.1, 0.6, True, INNER, ("bowed glass", "glass harmonica", "waterphone")),
    Instrument("metal pad", 93, 36, 88, -0.1, 0.6, True, INNER, ("metal pad",)),
    Instrument("halo pad", 94, 40, 90, 0.0, 0.6, True, INNER, ("halo pad",)),
    Instrument("sweep pad", 95, 36, 88, 0.0, 0.5, True, INNER, ("sweep pad",)),
    Instrument("crystal", 98, 55, 96, 0.2, 0.6, False, COLOUR, ("crystal",)),
    Instrument("atmosphere guitar", 99, 40, 90, 0.0, 0.5, False, CHORDAL, ()),
    Instrument("sitar", 104, 48, 79, 0.15, 0.3, False, MELODIC, ("sitar",)),
    Instrument("banjo", 105, 48, 84, 0.2, 0.25, False, CHORDAL, ("banjo",)),
    Instrument("shamisen", 106, 50, 79, 0.2, 0.3, False, MELODIC, ("shamisen",)),
    Instrument("koto", 107, 43, 84, -0.2, 0.35, False, CHORDAL, ("koto", "guzheng")),
    Instrument("kalimba", 108, 55, 88, 0.15, 0.35, False, CHORDAL, ("kalimba", "thumb piano", "mbira")),
    Instrument("bagpipes", 109, 55, 79, 0.0, 0.5, True, MELODIC, ("bagpipe", "bagpipes")),
    Instrument("fiddle", 110, 55, 93, -0.25, 0.3, True, MELODIC, ("fiddle",)),
    Instrument("steel drum", 114, 55, 84, 0.2, 0.35, False, MELODIC, ("steel drum", "steel drums", "steelpan")),
    Instrument("taiko", 116, 36, 60, 0.0, 0.65, False, BEAT, ("taiko", "taikos", "taiko drums")),
    Instrument(
        "drums",
        0,
        27,
        87,
        0.0,
        0.3,
        False,
        BEAT,
        ("drums", "drum", "drum kit", "drummer", "percussion", "beat", "beats"),
        True,
    ),
    Instrument("room drums", 8, 27, 87, 0.0, 0.35, False, BEAT, (), True),
    Instrument("power drums", 16, 27, 87, 0.0, 0.4, False, BEAT, ("rock drums",), True),
    Instrument("electronic drums", 24, 27, 87, 0.0, 0.15, False, BEAT, ("electronic drums",), True),
    Instrument("drum machine", 25, 27, 87, 0.0, 0.15, False, BEAT, ("drum machine", "808"), True),
    Instrument("brushed drums", 40, 27, 87, 0.0, 0.3, False, BEAT, ("brushes", "brushed drums", "jazz drums"), True),
    Instrument("orchestral percussion", 48, 27, 87, 0.1, 0.65, False, BEAT, ("orchestral percussion",), True),
)
BY_NAME = {instrument.name: instrument for instrument in INSTRUMENTS}
_WORDS = sorted(((word, one) for one in INSTRUMENTS for word in one.words), key=lambda pair: -len(pair[0]))
WITHOUT = re.compile(r"\b(no|without|not|never|except|minus)\b[^,.;]*$")
ALONE = re.compile(r"\b(solo|unaccompanied|alone|only|just)\b")
WITH_OTHERS = re.compile(r"\b(accompan\w*|orchestra\w*|backing|ensemble)\b")
NOT_MUSIC = re.compile(
    r"\b(sea bass|bass (fish|fishing|drop\w*)|horn honk\w*|bull ?horns?|eardrums?|harp seals?|"
    r"(car|train|fog|air|ship'?s?|truck|bike|bus|boat)s? horns?|bell rings?|(wind|door) chimes?|champagne flutes?|"
    r"(oil|machine|brake|fuel) drums?|(bow|shoe|puppet) ?strings?|tape recorders?|door knobs?|"
    r"organ (donor|transplant)s?|internal organs?)\b"
)
"""What bears the name of an instrument and is none."""


@dataclass(frozen=True)
class Wanted:
    """The instruments that words ask for, in their order, those they forbid, and whether nobody else shall play."""

    named: tuple[Instrument, ...]
    forbidden: tuple[Instrument, ...]
    alone: bool


def wanted_instruments(words: str) -> Wanted:
    """Find instruments in mood words; of overlapping names the longest counts ("french horn" is no "horn" more)."""
    text = words.lower()
    found: list[tuple[int, Instrument]] = []
    taken = [False] * len(text)
    for word, instrument in _WORDS:
        for match in re.finditer(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text):
            if any(taken[match.start() : match.end()]):
                continue
            taken[match.start() : match.end()] = [True] * (match.end() - match.start())
            found.append((match.start(), instrument))
    found.sort(key=lambda pair: pair[0])
    forbidden = [one for at, one in found if WITHOUT.search(text[:at])]
    named = list(dict.fromkeys(one for at, one in found if not WITHOUT.search(text[:at])))
    alone = bool(named and ALONE.search(text) and not WITH_OTHERS.search(text))
    return Wanted(tuple(named), tuple(dict.fromkeys(forbidden)), alone)
