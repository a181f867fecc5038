"""One prompt for everything, read: which phrases are for the music, which for the effects, and is music forbidden.

Effects are the default. A phrase goes to the music if its words say so (see `evidence`), or if they say nothing and its
meaning is clearly nearer to phrases about music. A phrase that speaks of both is parted at the word between.

Dimension letters: K phrases, D width of a sentence vector.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phonofilm.errors import OptionError
from phonofilm.score.evidence import evidence, only_describes
from phonofilm.score.forbidding import FORBIDS, trimmed
from phonofilm.score.instruments import NOT_MUSIC, wanted_instruments
from phonofilm.score.mood import SentenceVectors
from phonofilm.settings import plain_prompt

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
CLEARLY = 0.15
"""Words that say nothing by themselves are music if they are so much nearer to music than to effects..."""
KNOWN = 0.5
"""... and so near to one example of it. The encoder knows English: in other languages, whatever is said lies within
0.3 of everything, and the difference means nothing."""
AUDIBLY = -0.08
"""What is parted from music must lean this far to the effects..."""
HARDLY = 0.05
"""... or only not further than this to the music, where it comes first and no `and` joins it: "frogs with jazz"."""
BETWEEN = re.compile(r"\s+(and|with|while|as|over|to|plus|then)\s+", re.IGNORECASE)
BREAKS = re.compile(r"[,;\uff0c\uff1b、。،]|\.(?:\s|$)")
NEGATED = re.compile(r"^(?:no|without|never|not (?:any|an?))\b", re.IGNORECASE)

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
    said = _phrases(plain_prompt(music))
    forbids = [phrase for phrase in said if phrase.lower() == NONE or FORBIDS.fullmatch(phrase)]
    if forbids and len(said) > len(forbids):
        raise OptionError(f"music {music!r:.60} forbids music and asks for some; say none, or say which")
    rest = FORBIDS.split(unicodedata.normalize("NFC", plain_prompt(prompt)))
    forbidden = bool(forbids) or len(rest) > 1
    phrases = [phrase for part in rest for phrase in _phrases(part)]
    ear = _Ear(encoder)
    pieces = _parted(phrases if len(rest) == 1 else trimmed(phrases), ear)
    musical = [piece for piece in pieces if ear.musical(piece)]
    effects = tuple(piece for piece in pieces if piece not in musical)
    if musical and not said and all(NEGATED.match(piece) for piece in musical):
        forbidden = True  # "no drums" and nothing else of music asks for none
    return Reading(() if forbidden else (*said, *musical), effects, forbidden)


def _phrases(text: str) -> list[str]:
    return [phrase.strip() for phrase in BREAKS.split(text) if phrase.strip()]


class _Ear:
    """Tells music from effects. The examples are turned into vectors once, and only if a meaning has to be asked."""

    def __init__(self, encoder: SentenceVectors) -> None:
        self._encoder = encoder
        self._examples: tuple[Vectors, Vectors] | None = None

    def musical(self, phrase: str) -> bool:
        """Whether a phrase is for the music: by its words, and where they say nothing by its meaning."""
        said = evidence(phrase)
        if said is not None:
            return said == "music"
        lean, near = self.lean(phrase)
        return lean >= CLEARLY and near >= KNOWN

    def lean(self, phrase: str) -> tuple[float, float]:
        """How much nearer a phrase is to music than to effects, and how near to the nearest example of music."""
        if self._examples is None:
            self._examples = (self._vectors(MUSICAL), self._vectors(AUDIBLE))
        (asked,) = self._vectors((phrase,))
        musical, audible = (np.sort(examples @ asked)[-NEAR_EXAMPLES:] for examples in self._examples)
        return float(musical.mean() - audible.mean()), float(musical[-1])

    def _vectors(self, sentences: Sequence[str]) -> Vectors:
        return np.asarray(self._encoder.encode(sentences), np.float64)


def _parted(phrases: Sequence[str], ear: _Ear) -> list[str]:
    """Phrases, parted at the joining word before and after which there is most clearly music and no music."""
    found: list[str] = []
    for phrase in phrases:
        joins = BETWEEN.finditer(phrase)
        ways = [(phrase[: join.start()], join[1].lower(), phrase[join.end() :]) for join in joins]
        apart = [(_apart(*way, ear), way) for way in ways if way[0] and way[2]]
        best, (first, _, second) = max(apart, default=(0.0, ("", "", "")))
        found += (first, second) if best > 0 else (phrase,)
    return found


def _apart(first: str, join: str, second: str, ear: _Ear) -> float:
    """How clearly one of two texts is for the music and the other is not; 0 where they belong together."""
    music_first = ear.musical(first)
    if music_first == ear.musical(second) or (music_first and _perhaps_played(second)):
        return 0.0  # two of a kind, or music with bells
    leans = ear.lean(first)[0], ear.lean(second)[0]
    loose = not music_first and join != "and" and not only_describes(first)
    return abs(leans[0] - leans[1]) if leans[music_first] <= (HARDLY if loose else AUDIBLY) else 0.0


def _perhaps_played(text: str) -> bool:
    """Whether a text names an instrument that may belong to the music before it, as bells do and car horns do not."""
    return bool(wanted_instruments(text).named) and not NOT_MUSIC.search(text)
