"""How often words say that a thing is heard: "two gunshots" twice, "a door slams" once, "hammering" as often as it is.

Rules for English, the language of the sentence encoder. They read articles, numerals and endings and know some verbs;
they know no nouns, so "a drum" is one stroke as "a gunshot" is one shot.
"""

import re
from dataclasses import dataclass

NUMERALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
MOST_HITS = 20
"""Larger numbers count something else than sounds."""

_NUMBER = "|".join(NUMERALS) + r"|\d{1,2}"
_TIMES = re.compile(rf"\b(?:(once|twice|thrice)|({_NUMBER}) times)\b")
_SINGLE = re.compile(r"\b(?:single|one)\s+(?!of\b|another\b|\w+s\b)")
_MOMENT = re.compile(r"(?:[\w'-]+ ){0,2}(?:click|tap|beep|blip|ding|footstep)")
"""What a moment is called, with what it is of: "a mouse click", "UI click"."""
_COUNTED = re.compile(rf"\b({_NUMBER})\s+(?:([a-z-]+)\s+)?([a-z]+s)\b")
_MEASURE = re.compile(
    r"(?:milli)?seconds?|minutes?|hours?|days?|years?|(?:milli|centi|kilo)?met(?:re|er)s?|inch(?:es)?|miles?|degrees?|"
    r"mm|cm|km|kg|hz|khz|db|am|pm|of|to|by"
)
_ONE = re.compile(r"(?:an?|another|the|someone|somebody|something)\b")
_MANY = re.compile(
    r"\b(?:lots?|few|several|many|series|bursts?|row|number|couple|bunch|volleys?|pair|salvos?|repeated(?:ly)?|again|"
    r"over|constant(?:ly)?|continuous(?:ly)?|keeps|rapid(?:ly)?|fast|regular(?:ly)?|rhythmic(?:ally)?|stead(?:y|ily)|"
    r"always|often|automatic|every)\b"
)
_PREPOSITION = re.compile(r"\b(?:in|on|at|of|from|near|behind|under|across|into|through|against|outside|inside)\b.*")
_AT_ONCE = re.compile(
    r"slams|shuts|closes|opens|breaks|shatters|smashes|explodes|bursts|pops|falls|drops|crashes|collapses|snaps|fires|"
    r"lands|thuds|splashes|sneezes|coughs|screams|gasps|sighs|burps|bangs"
)
"""What is done in a moment and is over: "a door slams", but "a dog barks" and "a clock ticks" go on."""
_NAMES_IN_ING = frozenset(("king", "ring", "spring", "string", "thing", "wing", "building", "ceiling", "lightning"))


@dataclass(frozen=True)
class Count:
    """hits: the number that is said, or None. once: whether one sound is meant, however many strokes it has."""

    hits: int | None = None
    once: bool = False


UNTOLD = Count()


def count_of(phrase: str) -> Count:
    """What a phrase says about how often."""
    said = " ".join(re.findall(r"[\w'-]+", phrase.lower()))
    words = said.split()
    if not words or _MANY.search(said):
        return UNTOLD
    if times := _TIMES.search(said):
        return _told(("once", "twice", "thrice").index(times[1]) + 1 if times[1] else _value(times[2]))
    if any(word.endswith("ing") and word not in _NAMES_IN_ING for word in words):
        return UNTOLD  # "two men hammering": who does it is counted, not how often it is done
    if _SINGLE.search(said) or _MOMENT.fullmatch(_PREPOSITION.sub("", said).strip()):
        return Count(1)
    for number, between, noun in _COUNTED.findall(said):
        if not _MEASURE.fullmatch(between) and not _MEASURE.fullmatch(noun):
            return _told(_value(number))
    if not _ONE.match(said):
        return UNTOLD
    does = [word for word in _PREPOSITION.sub("", said).split() if word.endswith("s") and not word.endswith("ss")]
    return Count(once=not does or any(_AT_ONCE.fullmatch(word) for word in does))


def _value(number: str) -> int:
    return NUMERALS.index(number) + 1 if number in NUMERALS else int(number)


def _told(hits: int) -> Count:
    return Count(hits) if 1 <= hits <= MOST_HITS else UNTOLD
