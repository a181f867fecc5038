"""One prompt for everything, read: which phrases are for the music, which for the effects, and is music forbidden.

A phrase goes where the example phrases are that it is nearest to in meaning. An instrument that is played is music; one
that breaks or falls is an effect. A phrase that speaks of both is parted at the word between.

Dimension letters: K phrases, D width of a sentence vector.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phonofilm.errors import OptionError
from phonofilm.score.instruments import NOT_MUSIC, wanted_instruments
from phonofilm.score.mood import SentenceVectors

NONE = "none"
MUSICAL = (
    "music",
    "background music",
    "film score, soundtrack",
    "movie, cinematic, film",
    "thriller",
    "horror movie",
    "romantic comedy",
    "science fiction, fantasy, western",
    "tension, suspense",
    "dread and terror",
    "sad and melancholic",
    "happy, cheerful mood",
    "epic, heroic, majestic",
    "dreamy, magical, wonder",
    "mysterious and eerie mood",
    "tense strings, slow build",
    "gentle piano melody",
    "a person playing guitar",
    "a musician plays the violin",
    "a band playing a song",
    "drum solo, drum beat",
    "orchestra, symphony",
    "lo-fi hip hop",
    "techno, electronic dance music",
    "jazz, blues, rock, folk, pop",
    "a choir singing",
    "ambient drone, synthesizer pads",
    "upbeat tempo, major key",
    "emotional, dramatic",
    "documentary, corporate, inspiring",
    "heavy metal, punk, hard rock",
    "waltz, march, lullaby, Christmas carol",
    "ukulele, banjo, trumpet, saxophone",
)
AUDIBLE = (
    "footsteps on concrete",
    "rain and thunder",
    "wind in the trees",
    "ocean waves, water splashing",
    "underwater bubbles",
    "a car engine, traffic noise",
    "a door slams, a lock clicks",
    "glass breaking",
    "a guitar string breaks",
    "a dog barks, birds chirping",
    "an animal, marine life, insects",
    "jellyfish pulsating underwater",
    "people talking, a crowd",
    "a man coughs, a baby cries",
    "a machine humming, a motor",
    "typing on a keyboard, mouse click",
    "an explosion, a gunshot",
    "fire crackling",
    "metal clanging, wood cracking",
    "a ball bounces, something falls",
    "a train, a plane, a siren, a car horn",
    "room tone, street noise, ambience of a place",
    "cooking, cutting vegetables",
    "a person walks, runs, opens a door",
    "church bells ringing, a telephone rings",
    "whoosh, impact, creak, rustle",
    "a river, forest, city, beach",
    "a piano falls down the stairs, someone drops a guitar",
    "heartbeat, breathing, sighing",
    "screaming, whispering, laughter, applause",
    "wolf howling, monster growling, cat meowing",
    "ghostly whispers and screams",
    "clock ticking, keys jingling",
    "helicopter, spaceship, horse hooves",
)
NEAR_EXAMPLES = 3
UNDECIDED = 0.02
"""Likenesses nearer to each other than this decide nothing: such a phrase goes to the effects and, if there are others
for the music, to the music too."""
BETWEEN = re.compile(r"\s+(?:and|with|while|as|over|to|plus|then)\s+", re.IGNORECASE)
CLEARLY = 0.08
"""Both halves of a phrase must lean this far their own way for it to be parted."""
PLAYED = re.compile(r"\b(play(s|ed|ing|er|ers)?|strum\w*|solo|perform\w*|practi[sc]\w*|tune|melody|riff|music|song)\b")
SPOILT = re.compile(
    r"\b(break\w*|broken|broke|snap\w*|fall\w*|fell|drop\w*|smash\w*|crash\w*|burn\w*|carr(y|ies|ied)\w*|case)\b"
)
FORBIDS = re.compile(r"^(no|without|not any|never any)\s+(any\s+)?(background\s+)?(music|score|soundtrack)\W*$")

Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """How a prompt was read. music, effects: phrases in their order. forbidden: there shall be no music."""

    music: tuple[str, ...]
    effects: tuple[str, ...]
    forbidden: bool

    @property
    def music_words(self) -> str:
        """What is asked of the music, as one text; empty where there shall be none."""
        return "" if self.forbidden else ", ".join(self.music)

    @property
    def effects_words(self) -> str:
        """What is asked of the effects, as one text."""
        return ", ".join(self.effects)


def read_prompt(prompt: str, music: str, encoder: SentenceVectors) -> Reading:
    """Read a prompt, and what was said of the music apart from it.

    music: mood words, which all go to the music; "none" forbids it, and the musical phrases of the prompt then go
    nowhere; empty for nothing said. Raises OptionError for "none" together with other words.
    """
    said = [phrase.strip() for phrase in re.split(r"[,;\n]", music) if phrase.strip()]
    forbids = [phrase for phrase in said if phrase.lower() == NONE or FORBIDS.match(phrase.lower())]
    if forbids and len(said) > len(forbids):
        raise OptionError(f"music {music!r:.60} forbids music and asks for some; say none, or say which")
    phrases = [phrase.strip() for phrase in re.split(r"[,;\n]|\.(?:\s|$)", prompt) if phrase.strip()]
    kept = [phrase for phrase in phrases if not FORBIDS.match(phrase.lower())]
    forbidden = bool(forbids) or len(kept) < len(phrases)
    asked = [] if forbids else said
    pieces = _parted(kept, encoder)
    leans = _leans(pieces, encoder)
    clear = asked or any(lean > UNDECIDED for lean in leans)
    musical = [piece for piece, lean in zip(pieces, leans, strict=True) if lean > (-UNDECIDED if clear else UNDECIDED)]
    effects = [piece for piece, lean in zip(pieces, leans, strict=True) if lean <= UNDECIDED]
    return Reading((*asked, *musical) if not forbidden else (), tuple(effects), forbidden)


def _parted(phrases: Sequence[str], encoder: SentenceVectors) -> list[str]:
    """Phrases, parted at a joining word where what stands before it and after it clearly belong to different stems."""
    found = []
    for phrase in phrases:
        halves = BETWEEN.split(phrase, maxsplit=1)
        if len(halves) == 2 and all(halves):
            first, second = _leans(halves, encoder)
            if min(abs(first), abs(second)) >= CLEARLY and first * second < 0:
                found += halves
                continue
        found.append(phrase)
    return found


def _leans(phrases: Sequence[str], encoder: SentenceVectors) -> list[float]:
    """How much nearer each phrase is to music than to effects."""
    if not phrases:
        return []
    asked, musical, audible = (
        np.asarray(encoder.encode(sentences), np.float64) for sentences in (phrases, MUSICAL, AUDIBLE)
    )
    likeness = [np.sort(asked @ examples.T, axis=1)[:, -NEAR_EXAMPLES:].mean(axis=1) for examples in (musical, audible)]
    return [
        _with_instruments(phrase, float(lean)) for phrase, lean in zip(phrases, likeness[0] - likeness[1], strict=True)
    ]


def _with_instruments(phrase: str, lean: float) -> float:
    """The lean of a phrase that names an instrument: what is done with it decides."""
    text = phrase.lower()
    if not wanted_instruments(text).named or NOT_MUSIC.search(text):
        return lean
    if SPOILT.search(text) and not PLAYED.search(text):
        return min(lean, -CLEARLY)
    if PLAYED.search(text) or len(text.split()) <= 3:
        return max(lean, CLEARLY)
    return lean
