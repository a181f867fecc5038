"""That there shall be no music, wherever in a prompt it is said, and in the languages of many who say it."""

import re
from collections.abc import Sequence

from phonofilm.score.evidence import FOREIGN_MUSIC, NO_MUSIC_BUT

_NOUN = (
    r"(?:(?:film |movie |musical |background )?score|music(?:al accompaniment)?|soundtracks?|songs?|"
    rf"{FOREIGN_MUSIC}){NO_MUSIC_BUT}"
)
"""What there can be none of. A tune is not among it: music without a tune is still music."""
_NO = (
    r"(?:no|without|w/o|never|zero|sans|pas de|aucune|ohne|keine?|sin|sem|senza|niente|nada de|nessuna|zonder|geen|"
    r"utan|ingen|uten|uden|bez|nie ma|без|нет|χωρίς|fără|ilman)"
)
_BETWEEN = r"(?:(?!but|just|only|with|in|more|too|one|while)[\w']+[\s/]+)"
"""A word that may stand between `no` and `music`: "no loud music", "no speech or music", but not "no, only music"."""
_WAYS = (
    rf"\b{_NO}\s+{_BETWEEN}{{0,3}}?{_NOUN}",
    rf"\bnot\s+(?:any\s+|a\s+)?{_NOUN}",
    r"\b(?:do not|don.?t|never)\s+(?:add|use|want|need|play|include|have|put|make|compose|generate)\s+"
    rf"(?:\w+\s+){{0,3}}?{_NOUN}",
    rf"\b(?:remove|mute|skip|omit|disable|exclude|avoid|leave out|turn off|free of)\s+(?:\w+\s+){{0,2}}?{_NOUN}",
    rf"\b{_NOUN}(?:[- ]free|\s*[:=]?\s*(?:none|off(?!\s+\w))|\s+(?:is\s+)?not\s+(?:wanted|needed|allowed))",
    r"müziksiz|müzik\s+(?:yok|olmadan)|(?:بدون|بلا)\s+موسيقى|बिना\s+संगीत|संगीत\s+नहीं|음악\s*(?:없이|없음|없는)",
    "(?:音楽|音乐|音樂)(?:なし|無し|は?不要|はいらない|抜き)で?|(?:没有|沒有|不要|无|無|别加)(?:背景)?(?:音楽|音乐|音樂)",
)
_LED_BY = r"(?:\b(?:but|and|with|please|or|i|we|absolutely|there (?:is|should be)|mais|et|aber|und|pero|y|ma|e)\s+)*"
_ENDED_BY = (
    r"(?:\b|(?<=[^\W\x00-\u02ff]))(?:\s*(?:\bor\b|\bnor\b|/)\s*(?:any\s+)?\w+)?"
    r"(?:\s+(?:please|at all|whatsoever|thanks|in the background|bitte|por favor))*"
)
"""Chinese and Japanese write no spaces: where their words end is no border for \\b."""
FORBIDS = re.compile(rf"\(?{_LED_BY}(?:{'|'.join(_WAYS)}){_ENDED_BY}\)?", re.IGNORECASE)
"""No music, with the words that belong to saying it."""
_LEFT_OVER = re.compile(r"^(?:(?:and|but|with|while)\s+)+", re.IGNORECASE)


def trimmed(phrases: Sequence[str]) -> list[str]:
    """Phrases without what stood between them and the words that forbade music."""
    bare = (_LEFT_OVER.sub("", phrase.lstrip(" :!?.-\u2013\u2014").rstrip(" :-\u2013\u2014")) for phrase in phrases)
    return [phrase for phrase in bare if phrase]
