"""What a picture asks for where nobody has said it: words for what it shows, and how loud that is.

The network is told in its image stream what is seen, but words move it far more (`docs/log.md`): a picture of a dog
came out as a dog in 2 of 100 cases, and in 97 with the sentence that stands for it told as words too. So the sentence
of `encoders/heard.py` that fits a picture is asked for as a prompt would be. What nobody has asked for is not as loud
as the rest, either: wind in the trees does not fill a film as a voice does.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from phonofilm.encoders.heard import NamedShot
from phonofilm.scenes.guide import Sight

logger = logging.getLogger(__name__)

SHORTEST_SHOT_S, SHOT_KNOWN_SHARE = 1.0, 0.5
"""A shot is asked for by its own name where it is so long and so much of it names something; one of which next to
nothing names anything is heard as such a film would be."""
KNOWN_SHARE = 0.25
"""Share of the picture's rows that must name something for the picture to be taken at its word."""
STRUCK_WORDS = "a dull thud, something is tapped, quiet room tone"
STILL_WORDS = "quiet room tone, fabric rustling"
"""What is asked for when there is no prompt and the picture names nothing: an unguided draw would be a random sound, a
chainsaw as likely as rain. Where things strike each other in the picture they are heard to."""
CONTACT_WORDS = {
    "step": "footsteps, someone walking",
    "bounce": "a ball bouncing",
    "chop": "chopping on a wooden board",
    "drip": "water dripping",
    "slam": "a door closing",
    "click": "keys clicking",
}
CONTACT_SHARE = 0.6
"""A picture that names nothing is asked for by how things touch in it, where so many of its hits are of one kind: of 18
simulated films of unseen seeds that seemed to be of these kinds 17 were. Strikes can be anything."""
STRUCK_EVENTS_HZ = 0.3
CONTINUOUS_KINDS = ("ambience", "vehicle")
"""Expected sounds that go on without hits: a jolt in the picture of a driving car is no blow."""
FULL_LUFS = -16.0
"""What is not held down counts as so loud beside what is."""
ROOM_TONE_LUFS = -46.0
"""A room in which nothing happens: there, and not noticed."""
HANDLED_LUFS = -30.0
"""Somebody moves in it now and then: cloth, a chair. At full loudness the nods of people who talk were drum beats."""
FAINT_LUFS = -34.0
AMBIENCE_LUFS = -26.0
"""Places: recordings of them in the clips of the log lie at -25 to -35 LUFS, where single things lie at -12 to -24."""
ROOM_TONES = ("quiet room tone", "a quiet room")
FAINT = ("quiet", "a quiet", "faint", "soft", "calm", "gentle", "light")
"""How the sentences for such places begin."""


@dataclass(frozen=True)
class Asked:
    """Words for one soundtrack. seen: they come from what the picture names, not from a person.

    lasts: they mean what goes on, whatever strikes in the picture. still: nothing is to strike. loudest_lufs: as in
    `Scene`.
    """

    words: str
    seen: bool
    lasts: bool = False
    still: bool = False
    loudest_lufs: float | None = None


def asked_for(prompt: str, sight: Sight, known_share: float, quiet: bool, goes_on: Callable[[str], bool]) -> Asked:
    """What a soundtrack is to hold.

    known_share: of the picture's rows, how many name something. quiet: what moves in it makes no sound, as people who
    talk, whose nods and hands are not heard. goes_on: whether words name nothing but what goes on.
    """
    if prompt:
        return Asked(prompt, seen=False)
    if not sight.label or known_share < KNOWN_SHARE:
        return _unnamed(sight, quiet)
    words, kind = sight.label, sight.kind
    if kind in CONTINUOUS_KINDS:
        lasts = not sight.edited
        return Asked(words, seen=True, lasts=lasts, loudest_lufs=_loudest(words) if kind == "ambience" else None)
    if kind == "event" and not sight.sheet.events and not sight.edited:
        # A hammer that lies there is not heard; a fan that nobody sees turning is.
        return Asked(words, seen=True, lasts=True) if goes_on(words) else _unnamed(sight, quiet)
    return Asked(words, seen=True)


def asked_in_shots(
    whole: Asked, sight: Sight, shots: Sequence[NamedShot], quiet: bool, goes_on: Callable[[str], bool]
) -> list[tuple[NamedShot, Asked]]:
    """The shots that ask for something else than the film as a whole does, and what they ask for.

    A film of one shot is a whole: looked at row by row it would now and then contradict itself.
    """
    others: list[tuple[NamedShot, Asked]] = []
    for shot in shots if len(shots) > 1 else ():
        if shot.end_s - shot.start_s < SHORTEST_SHOT_S or KNOWN_SHARE <= shot.known_share < SHOT_KNOWN_SHARE:
            continue
        cues = tuple(cue for cue in sight.sheet.cues if shot.start_s <= cue.start_s < shot.end_s)
        alone = replace(sight, sheet=replace(sight.sheet, cues=cues), label=shot.label, kind=shot.kind)
        asked = asked_for("", alone, shot.known_share, quiet, goes_on)
        if asked.words != whole.words:
            others.append((shot, asked))
    return others


def levels_of(
    whole: Asked, shots: Sequence[tuple[NamedShot, Asked]], duration_s: float
) -> tuple[float | None, tuple[tuple[float, float, float], ...]]:
    """The loudness that a film is not to be raised above, and which spans of it are to be quieter (see `Scene`).

    What is heard nowhere, because shots with words of their own fill the film, does not count.
    """
    heard = [(shot.start_s, shot.end_s, _level(asked)) for shot, asked in shots]
    heard += [(first_s, end_s, _level(whole)) for first_s, end_s in elsewhere(shots, duration_s)]
    highest = max(level for _, _, level in heard)
    quieter = ((first_s, end_s, level - highest) for first_s, end_s, level in sorted(heard) if level < highest)
    return None if highest == FULL_LUFS else highest, tuple(quieter)


def elsewhere(shots: Sequence[tuple[NamedShot, Asked]], duration_s: float) -> list[tuple[float, float]]:
    """When the words for the whole film are heard, in seconds: where no shot has its own. The last span has no end."""
    edges = [0.0, *(edge for shot, _ in shots for edge in (shot.start_s, shot.end_s))]
    ends = [*edges[1:], math.inf if edges[-1] < duration_s else edges[-1]]
    return [(first_s, end_s) for first_s, end_s in zip(edges[::2], ends[::2], strict=True) if first_s < end_s]


def _level(asked: Asked) -> float:
    return FULL_LUFS if asked.loudest_lufs is None else asked.loudest_lufs


def _unnamed(sight: Sight, quiet: bool) -> Asked:
    """What is heard of a picture that names nothing."""
    if not quiet and len(sight.sheet.events) >= STRUCK_EVENTS_HZ * float(sight.clip.duration_s):
        kind, count = Counter(cue.label for cue in sight.sheet.events).most_common(1)[0]
        alike = count >= CONTACT_SHARE * len(sight.sheet.events)
        return Asked(CONTACT_WORDS.get(kind, STRUCK_WORDS) if alike else STRUCK_WORDS, seen=False)
    at_rest = quiet or not sight.sheet.events
    return Asked(STILL_WORDS, seen=False, still=quiet, loudest_lufs=ROOM_TONE_LUFS if at_rest else HANDLED_LUFS)


def _loudest(words: str) -> float:
    """The loudness of a place, LUFS, by the sentence that stands for it."""
    if words.startswith(ROOM_TONES):
        return ROOM_TONE_LUFS
    return FAINT_LUFS if words.startswith(FAINT) else AMBIENCE_LUFS
