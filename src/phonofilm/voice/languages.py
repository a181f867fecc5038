"""In which language a line is read, where its letters tell: those of a script that English is not written in.

Languages go by the names that eSpeak NG has for them. A script tells a script, not a language: what most people write
in it is read, unless letters of another language stand in the transcript. Latin letters tell nothing.
"""

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from phonofilm.voice.script import Line
from phonofilm.voice.speak import VoiceEngine


@dataclass(frozen=True)
class Writing:
    """A script. usual: the language it is read in. others: languages by letters that only they have; all: by name."""

    usual: str
    others: tuple[tuple[str, str], ...] = ()
    more: tuple[str, ...] = ()

    @property
    def languages(self) -> tuple[str, ...]:
        return (self.usual, *(language for _, language in self.others), *self.more)


WRITINGS = {
    "CYRILLIC": Writing(
        "ru",
        (("ўЎ", "be"), ("їЇєЄґҐіІ", "uk"), ("ѓЃќЌѕЅ", "mk"), ("ђЂћЋљЉњЊјЈ", "sr")),
        ("bg", "kk", "ky", "tt", "ba", "cv", "nog", "kaa", "uz", "az", "tk", "bs"),
    ),
    "GREEK": Writing("el", (), ("grc",)),
    "ARABIC": Writing("ar", (("ٹڈڑںے", "ur"), ("پچژگ", "fa")), ("ku", "sd", "ug", "pa", "kk", "az")),
    "HEBREW": Writing("he"),
    "CJK": Writing("cmn", (), ("yue", "hak", "ja", "ko", "zh")),
    "HIRAGANA": Writing("ja"),
    "KATAKANA": Writing("ja"),
    "HANGUL": Writing("ko"),
    "DEVANAGARI": Writing("hi", (), ("mr", "ne", "kok", "sd")),
    "THAI": Writing("th"),
    "BENGALI": Writing("bn", (("ৰৱ", "as"),), ("bpy",)),
    "GURMUKHI": Writing("pa"),
    "GUJARATI": Writing("gu"),
    "ORIYA": Writing("or"),
    "TAMIL": Writing("ta"),
    "TELUGU": Writing("te"),
    "KANNADA": Writing("kn"),
    "MALAYALAM": Writing("ml"),
    "SINHALA": Writing("si"),
    "GEORGIAN": Writing("ka"),
    "ARMENIAN": Writing("hy", (), ("hyw",)),
    "ETHIOPIC": Writing("am", (), ("ti",)),
    "MYANMAR": Writing("my", (), ("shn",)),
    "CHEROKEE": Writing("chr"),
}
"""By the first word of the names that Unicode gives to letters."""
KANA, JAPANESE = ("HIRAGANA", "KATAKANA"), "ja"
CALLED = {"CJK": "Chinese characters", "HIRAGANA": "kana", "KATAKANA": "kana"}


def script_of(text: str) -> str:
    """The script that most letters of a text are of, a key of WRITINGS; "" where that is Latin or none of them."""
    letters = [unicodedata.name(letter, "").partition(" ")[0] for letter in text if letter.isalpha()]
    if any(name in KANA for name in letters):  # Japanese is written in both, and most letters may be Chinese
        letters = [KANA[0] if name in (*KANA, "CJK", "KATAKANA-HIRAGANA") else name for name in letters]
    script, count = Counter(letters).most_common(1)[0] if letters else ("", 0)
    return script if script in WRITINGS and 2 * count > len(letters) else ""


def languages_of(texts: Sequence[str]) -> list[str]:
    """The language that each line of one transcript is read in, "" where its letters do not tell."""
    scripts = [script_of(text) for text in texts]
    if KANA[0] in scripts:  # a line without kana stands among Japanese ones
        scripts = [KANA[0] if script == "CJK" else script for script in scripts]
    read = {}
    for script in set(scripts) - {""}:
        letters = {letter for text, its in zip(texts, scripts, strict=True) if its == script for letter in text}
        writing = WRITINGS[script]
        told = (language for own, language in writing.others if letters.intersection(own))
        read[script] = next(told, writing.usual)
    return [read.get(script, "") for script in scripts]


def voices_of_lines(
    lines: Sequence[Line], voices: Mapping[str, str], chosen: Collection[str], engine: VoiceEngine
) -> tuple[list[str], list[str]]:
    """The voice of each line, and what is to be said about it.

    voices: of each speaker. chosen: the speakers whose voices somebody has chosen; these are taken as they are. The
    others read a line in the language that its letters tell, as far as the engine has it.
    """
    result: list[str] = []
    notes: list[str] = []
    for line, language in zip(lines, languages_of([line.text for line in lines]), strict=True):
        voice, script = voices[line.speaker], script_of(line.text)
        if language and _language(voice) not in (language, *WRITINGS[script].languages):
            letters, who = CALLED.get(script, f"{script.capitalize()} letters"), line.speaker or "(no name)"
            if line.speaker in chosen:
                way = f"choose one that does: voices '{line.speaker}={language}+f2'"
                notes.append(f"{who} says {letters} in the voice {voice}, which does not read them; {way}")
            elif engine.knows(f"{language}+{voice}"):
                voice = f"{language}+{voice}"
                way = f"another language goes by voices '{line.speaker}=LANGUAGE+f2'"
                notes.append(f"{letters} of {who} are read as eSpeak's language {language}; {way}")
            else:
                notes.append(f"{engine.name} has no voice for {letters}; {who} will not be understood there")
        if language == JAPANESE and any("CJK" in unicodedata.name(letter, "") for letter in line.text):
            notes.append("eSpeak reads kana but no kanji: write kana for them in the transcript")
        result.append(voice)
    return result, list(dict.fromkeys(notes))


def _language(voice: str) -> str:
    """That of a voice of eSpeak's, without its country: a variant alone is English."""
    language, plus, _ = voice.rpartition("+")
    return language.partition("-")[0].lower() if plus else "en"
