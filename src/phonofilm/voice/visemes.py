# ruff: noqa: RUF001 - these letters are the phonetic alphabet
"""What lips do while a speech sound is spoken, for sounds written in the International Phonetic Alphabet.

The classes are those of lip-reading (Fisher 1968); the openings are ours, in even steps from shut to wide.
"""

SHUT = frozenset("pbm")
"""Lips meet. Nothing else in speech looks like it, so these hold the picture and the sound together."""
ON_TEETH = frozenset("fvɱʋ")
ROUNDED = frozenset("wuʊyʏɥʍ")
NARROW = frozenset("sztdnlɹrɾʃʒθðjiɪɨçʔɬʂʐɲʎ")
MIDDLE = frozenset("eoəɛɜɚɝɔøœɤʌɵɘɞkɡgŋhxɣqχʁħɦɫ")
WIDE = frozenset("aɑæɐɒɶ")
OPENINGS = ((SHUT, 0.0), (ON_TEETH, 0.2), (ROUNDED, 0.4), (NARROW, 0.4), (MIDDLE, 0.7), (WIDE, 1.0))
REST = 0.05
"""Between sentences, and for what is no speech sound."""
VOWELS = frozenset("aeiouyɑæɐɒɶəɛɜɚɝɔøœɤʌɵɘɞɪɨʊʏ")


def _plain(symbol: str) -> str:
    """The base letters of a symbol, without length, stress and tie marks."""
    return "".join(letter for letter in symbol if letter.isalpha() and letter not in "ːˑʰʲʷ")


def opening(symbol: str) -> float:
    """How far the mouth is open in a speech sound, 0 shut to 1 wide; of a diphthong, its widest part."""
    letters = [value for letter in _plain(symbol) for members, value in OPENINGS if letter in members]
    if is_shut(symbol) or not letters:
        return 0.0 if is_shut(symbol) else REST
    return max(letters) if is_vowel(symbol) else letters[0]


def is_shut(symbol: str) -> bool:
    """Whether the lips meet."""
    return _plain(symbol)[:1] in SHUT and bool(_plain(symbol))


def is_vowel(symbol: str) -> bool:
    return _plain(symbol)[:1] in VOWELS and bool(_plain(symbol))
