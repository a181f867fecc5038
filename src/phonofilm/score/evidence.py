"""What the words of a phrase say by themselves: that it speaks of music, that it speaks of effects, or neither.

Effects are the default. Bells, horns and whistles are heard in a street as often as in an orchestra, birds sing and
crickets have theirs, so that the name of an instrument is not enough; that it plays has to be said, or nothing else.
"""

import re
from typing import Literal

from phonofilm.score.instruments import NOT_MUSIC, Wanted, wanted_instruments

Evidence = Literal["music", "effects"]

FOREIGN_MUSIC = (
    r"(?:\w*musik|musique|m[úu]sica|muziek|muzyk\w*|музык\w*|музик\w*|hudb\w*|müzik|zene|musiikki|muzic[ăa]|glazb\w*|"
    r"μουσικ\w*|nhạc|מוזיקה|موسيقى|संगीत|음악|音楽|音乐|音樂)"
)
"""Music, in the languages in which this word alone is known."""
NO_MUSIC_BUT = r"(?! (?:stand|box|shop|store|room|hall|toy|player)\b)"
"""What stands behind `music` where no music is meant."""
_WORKS = (
    rf"music(?:al)?{NO_MUSIC_BUT}|soundtracks?|(?:film|movie|musical|background|orchestral|original) score|"
    r"songs?|melod(?:y|ies)|tunes?|riffs?|ballads?|lullab(?:y|ies)|symphon(?:y|ies)|sonatas?|concertos?|overture|"
    r"requiem|opera(?! (?:house|singer))|waltz|tango|anthem|hymns?|fanfares?|carols?|nocturne|"
    r"arpeggios?|chords?|ambient drone|bass ?lines?|"
    r"(?:drum|hip hop|trap|lo-?fi|disco|techno|funky|slow|heavy) (?:beats?|loops?)"
)
_GENRES = (
    r"jazz|blues|techno|hip[- ]hop|lo-?fi|reggae|synthwave|vaporwave|bossa nova|salsa|samba|flamenco|funk|disco|edm|"
    r"dubstep|drum (?:and|&|n|'n') bass|ragtime|bluegrass|chiptune|klezmer|polka|bebop|chillhop|"
    r"(?:heavy|death|black|thrash|doom|nu|power) metal$|(?:deep|acid|tech|progressive) house$|punk$|"
    r"(?:hard|soft|punk|folk|indie|classic|progressive|psychedelic|blues|post)[- ]rock$"
)
"""Rock, metal, house and punk are genres only at the end of a phrase, and all but the last only behind their kind."""
_BANDS = r"(?:brass|marching|big) band|string (?:quartet|section|orchestra)"
SPOKEN = re.compile(rf"\b(?:{_WORKS}|{_GENRES}|{_BANDS}|{FOREIGN_MUSIC})\b|音楽|音乐|音樂|음악|संगीत")
PLAYED = re.compile(
    r"\b(?:play(?:s|ed|ing|ers?)?(?! with)|strum\w*|solo|perform\w*|practi[sc]\w*|loops?|groove|swells?|crescendo|"
    r"legato|pizzicato|staccato|tremolo|drone|ensemble|pieces?|accompan\w*)\b"
)
SPOILT = re.compile(
    r"\b(?:break\w*|broken|broke|snap\w*|fall\w*|fell|drop\w*|smash\w*|crash\w*|burn\w*|carr(?:y|ies|ied)\w*|case|lid|"
    r"stool|drag\w*|push\w*|shov\w*|lift\w*|mov(?:e|es|ed|ing)|open(?:s|ed|ing)?|clos(?:e|es|ed|ing)|slam\w*|hits?|"
    r"hammer\w*|kick\w*|knock\w*|squeak\w*|creak\w*|scrap\w*|rattl\w*|clink\w*|roll(?:s|ing)|tun(?:ing|er))\b"
)
"""What is done to things, and to an instrument that is not played."""
HEARD = re.compile(r"\b(?:sings?|singing|singers?|hum(?:s|ming)?|whistl\w+|radio|tv|television)\b")
"""Voices and sets, which are no score; a choir is one of its instruments."""
_ANIMALS = (
    r"(?:(?:song)?birds?|nightingales?|robins?|blackbirds?|larks?|crickets?|cicadas?|frogs?|toads?|insects?|whales?|"
    r"wol(?:f|ves)|canar(?:y|ies)|kettles?)"
)
_SINGING = r"(?:sing\w*|songs?|choirs?|chorus|orchestras?|music|tunes?|melod\w+)"
_PLAYERS = (
    r"(?:strings|violins?|cellos?|voices?|children|boys|girls|men|women|monks|angels|drums?|guitars?|flutes?|brass|"
    r"horns|singers|musicians)"
)
NATURE = re.compile(
    rf"\b(?:{_SINGING} (?:of |by |from )?(?:the |an? )?(?:\w+ )?{_ANIMALS}|{_ANIMALS}(?:'s?)? {_SINGING}|birdsongs?|"
    r"(?:dawn|evening) chorus|elephants? trumpet\w*|\w+ of a kettle|sheet music|beat[- ]up|"
    r"(?:heart|wing)s?'? ?beats?|jazz (?:club|bar|caf[eé])|"
    r"(?:choirs?|chorus|orchestras?|symphony|concert|band|ensemble)"
    rf" of (?:the |an? )?(?!.*\b{_PLAYERS}\b)\w+)\b"
)
"""What sings or sounds like a band and is none."""
AMBIGUOUS = frozenset(
    ("tubular bells", "french horn", "whistle", "voices", "crystal", "recorder", "brushed drums", "warm pad", "choir")
)
NAMED_CLEARLY = re.compile(
    r"\b(?:tubular bells|french horns?|tin whistle|whistling tune|vocal pad|oohs|brushed drums|jazz drums|synth pad|"
    r"choirs?|choral|(?:evolving|ambient|warm|soft|lush|dark|slow) pads?)\b"
)
"""Of the instruments above, the words that mean nothing but the instrument."""
PLACED = re.compile(r"\b(?:on|in|at|by|into|onto|of|to|from|near|under|off|against|across|over|(?<!^)(?:a|an|the))\b")
"""A guitar on a chair is not heard as one."""
BESIDE = re.compile(
    r"\b(?:in|with|from|by|at|for|then|like|building|rising|growing|fading|slowly|softly|quietly|gently|loudly)\b"
)
"""What follows the name of an instrument that is heard: how, and where."""


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text)


MOODS = frozenset(
    _words(
        """
        sad happy joyful joyous cheerful merry melancholy melancholic uplifting inspiring inspirational motivational
        epic heroic majestic triumphant romantic nostalgic dreamy dreamlike mysterious magical eerie spooky scary creepy
        suspense suspenseful tension tense dread terror thriller horror drama dramatic emotional sentimental cinematic
        film movie noir western documentary comedy trailer adventure fantasy sci-fi upbeat energetic playful whimsical
        quirky mischievous hopeful optimistic bittersweet reflective somber sombre ominous sinister haunting ethereal
        groovy funky orchestral symphonic classical baroque instrumental folk jazzy bluesy crescendo build buildup
        build-up climax corporate fiction romance crime mystery
        """
    )
)
BESIDES = frozenset(
    _words(
        """
        and of or a an the but very more mood vibe feel feeling style slow fast quick dark bright soft gentle calm quiet
        loud wild deep low warm light big simple distant moving rising growing up steady science
        """
    )
)
"""Words that leave a mood a mood, and are none themselves."""


def evidence(phrase: str) -> Evidence | None:
    """What the words of a phrase are evidence of; None where they say nothing and their meaning has to be asked."""
    text = phrase.lower().strip()
    if NATURE.search(text):
        return "effects"
    if SPOKEN.search(text):
        return "music"
    if NOT_MUSIC.search(text):
        return "effects"
    wanted = wanted_instruments(text)
    if wanted.named:
        return _of_instruments(text, wanted)
    if only_describes(text):
        return "music" if MOODS.intersection(_words(text)) else "effects"
    return "effects" if SPOILT.search(text) or HEARD.search(text) else None


def only_describes(phrase: str) -> bool:
    """Whether a phrase consists of words for moods and manners: nothing in it can be heard by itself."""
    return all(word in MOODS or word in BESIDES for word in _words(phrase.lower()))


def _of_instruments(text: str, wanted: Wanted) -> Evidence | None:
    """What a text says of the instruments that it names: they are played, spoilt, or only there."""
    if PLAYED.search(text):
        return "music"
    clear = NAMED_CLEARLY.search(text) or any(one.name not in AMBIGUOUS for one in wanted.named)
    if SPOILT.search(text) or not clear:
        return "effects"
    head = BESIDE.split(text, maxsplit=1)[0].strip()
    if not head or PLACED.search(head):
        return None
    ends = any(head.endswith(word) for one in wanted.named for word in one.words)
    return "music" if ends else None
