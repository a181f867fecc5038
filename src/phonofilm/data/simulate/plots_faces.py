"""Plots of faces: one that speaks a short sentence, whose mouth follows the speech sounds, and one that does not."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from phonofilm.data.simulate.canvas import Canvas, tone
from phonofilm.data.simulate.moves import Wobble, wobble
from phonofilm.data.simulate.optics import Point
from phonofilm.data.simulate.stage import Hum, Plan, Setting
from phonofilm.data.simulate.textures import Colour
from phonofilm.data.simulate.truth import Phoneme

WORDS = {
    "a": "AH",
    "again": "AH G EH N",
    "all": "AO L",
    "are": "AA R",
    "bird": "B ER D",
    "book": "B UH K",
    "boy": "B OY",
    "bread": "B R EH D",
    "bring": "B R IH NG",
    "can": "K AE N",
    "coffee": "K AO F IY",
    "cold": "K OW L D",
    "come": "K AH M",
    "day": "D EY",
    "dog": "D AO G",
    "door": "D AO R",
    "down": "D AW N",
    "every": "EH V R IY",
    "five": "F AY V",
    "for": "F AO R",
    "four": "F AO R",
    "garden": "G AA R D AH N",
    "give": "G IH V",
    "good": "G UH D",
    "have": "HH AE V",
    "hear": "HH IH R",
    "hello": "HH AH L OW",
    "help": "HH EH L P",
    "house": "HH AW S",
    "how": "HH AW",
    "i": "AY",
    "in": "IH N",
    "is": "IH Z",
    "it": "IH T",
    "like": "L AY K",
    "listen": "L IH S AH N",
    "many": "M EH N IY",
    "me": "M IY",
    "milk": "M IH L K",
    "morning": "M AO R N IH NG",
    "music": "M Y UW Z IH K",
    "my": "M AY",
    "near": "N IH R",
    "nice": "N AY S",
    "now": "N AW",
    "old": "OW L D",
    "one": "W AH N",
    "open": "OW P AH N",
    "play": "P L EY",
    "please": "P L IY Z",
    "rain": "R EY N",
    "read": "R IY D",
    "red": "R EH D",
    "see": "S IY",
    "shoes": "SH UW Z",
    "speak": "S P IY K",
    "sun": "S AH N",
    "tea": "T IY",
    "thank": "TH AE NG K",
    "the": "DH AH",
    "there": "DH EH R",
    "three": "TH R IY",
    "to": "T UW",
    "today": "T AH D EY",
    "tomorrow": "T AH M AA R OW",
    "tree": "T R IY",
    "two": "T UW",
    "very": "V EH R IY",
    "water": "W AO T ER",
    "we": "W IY",
    "what": "W AH T",
    "where": "W EH R",
    "will": "W IH L",
    "window": "W IH N D OW",
    "with": "W IH DH",
    "yellow": "Y EH L OW",
    "you": "Y UW",
    "your": "Y AO R",
}
"""How words are spoken, in ARPABET without stress."""
SENTENCES = (
    "hello how are you today",
    "please open the window",
    "thank you for the tea",
    "where is my red book",
    "good morning",
    "we will see you tomorrow",
    "listen to the rain",
    "can you hear the music",
    "give me the milk please",
    "the old dog is in the garden",
    "what a nice day",
    "come down to the water now",
    "i like coffee with milk",
    "every bird in the tree",
    "bring your yellow shoes",
    "there is bread for all",
    "one two three four five",
    "help me open the door again",
    "speak to me please",
    "it is cold near the house",
    "the boy will play in the sun",
    "how many are there",
    "i have tea for you",
    "read me the book",
)
Spot = Callable[..., Point]
"""Turns (right, up, near) on a face into a point of the world."""
_VOWELS = {
    "AA": (0.95, 0.55),
    "AE": (0.8, 0.75),
    "AH": (0.6, 0.55),
    "AO": (0.75, 0.3),
    "AW": (0.85, 0.4),
    "AY": (0.85, 0.65),
    "EH": (0.6, 0.7),
    "ER": (0.4, 0.35),
    "EY": (0.5, 0.8),
    "IH": (0.4, 0.75),
    "IY": (0.3, 0.95),
    "OW": (0.55, 0.15),
    "OY": (0.6, 0.25),
    "UH": (0.35, 0.3),
    "UW": (0.25, 0.05),
}
_CONSONANTS = {
    "B": (0.0, 0.5),
    "P": (0.0, 0.5),
    "M": (0.0, 0.5),
    "F": (0.08, 0.6),
    "V": (0.08, 0.6),
    "W": (0.15, 0.05),
    "R": (0.25, 0.25),
    "SH": (0.2, 0.2),
    "TH": (0.2, 0.6),
    "DH": (0.2, 0.6),
    "L": (0.35, 0.6),
    "SIL": (0.0, 0.5),
}
"""How far the mouth is open (0 to 1) and how wide (0 rounded, 1 spread) for each speech sound; others (0.2, 0.6)."""


def mouth_of(symbol: str) -> tuple[float, float]:
    """Opening and width of the mouth for an ARPABET symbol, 0 to 1 each."""
    return _VOWELS.get(symbol) or _CONSONANTS.get(symbol, (0.2, 0.6))


def speak(setting: Setting, sentence: str, start_s: float) -> tuple[Phoneme, ...]:
    """The speech sounds of a sentence from start_s on, with silence before, between some words, and after."""
    pace = setting.between(0.85, 1.25)
    sounds = [Phoneme(0.0, start_s, "SIL")]
    now_s = start_s
    for word in sentence.split():
        if now_s > start_s:
            gap = pace * (setting.between(0.15, 0.35) if setting.rng.random() < 0.15 else setting.between(0.015, 0.06))
            sounds.append(Phoneme(now_s, now_s + gap, "SIL"))
            now_s += gap
        for symbol in WORDS[word].split():
            long = setting.between(0.08, 0.17) if symbol in _VOWELS else setting.between(0.045, 0.1)
            sounds.append(Phoneme(now_s, now_s + pace * long, symbol))
            now_s += pace * long
    return tuple(sounds)


@dataclass(frozen=True)
class _Face:
    """A head that turns a little, blinks and moves its mouth. mouth: (K, 3) knots of time_s, opening, width."""

    knots: np.ndarray
    skin: Colour
    hair: Colour
    shirt: Colour
    eyes: Colour
    nod: Wobble
    turn: Wobble
    blinks: tuple[float, ...]
    shape: float
    beard: bool

    def mouth(self, time_s: float) -> tuple[float, float]:
        """Opening and width, running smoothly from one sound's middle to the next."""
        times = self.knots[:, 0]
        index = int(np.searchsorted(times, time_s))
        if index == 0 or index == len(times):
            row = self.knots[min(index, len(times) - 1)]
            return float(row[1]), float(row[2])
        before, after = self.knots[index - 1], self.knots[index]
        share = (time_s - before[0]) / max(1e-6, after[0] - before[0])
        share = share * share * (3 - 2 * share)
        return float(before[1] + share * (after[1] - before[1])), float(before[2] + share * (after[2] - before[2]))

    def draw(self, canvas: Canvas, time_s: float) -> None:
        opened, wide = self.mouth(time_s)
        dx, dy = 0.02 * self.turn(time_s), 0.012 * self.nod(time_s) - 0.004 * opened
        high, broad = 0.125, 0.095 * self.shape

        def spot(x: float, y: float, near: float = 0.0) -> Point:
            return dx * (1 + 12 * near) + x, dy + y, -near

        canvas = canvas.whole((dx, dy, 0.0))
        self._back(canvas, spot, dx)
        chin = 0.03 * opened
        outline = [
            spot(
                broad * math.cos(a) * (1 - 0.22 * max(0.0, -math.sin(a))),
                (high + (chin if math.sin(a) < 0 else 0)) * math.sin(a),
            )
            for a in np.linspace(0, 6.28, 30)
        ]
        canvas.patch(outline, self.skin)
        fringe = [
            spot(1.05 * broad * math.cos(a), 0.055 + 0.085 * math.sin(a), 0.002) for a in np.linspace(0.1, 3.04, 14)
        ]
        canvas.patch(fringe, self.hair)
        if self.beard:
            canvas.patch(
                [
                    spot(0.8 * broad * math.cos(a), -0.055 + (0.068 + chin) * math.sin(a), 0.003)
                    for a in np.linspace(3.14, 6.28, 16)
                ],
                self.hair,
            )
        self._eyes(canvas, spot, time_s)
        canvas.limb(spot(0, 0.02, 0.012), spot(0.002, -0.022, 0.02), 0.008, 0.013, tone(self.skin, 0.9))
        self._lips(canvas, spot, opened, wide)

    def _back(self, canvas: Canvas, spot: Spot, dx: float) -> None:
        """Shoulders, neck, the hair behind, and the ears."""
        high, broad = 0.125, 0.095 * self.shape
        canvas.limb((-0.16, -0.33, 0.06), (0.16, -0.33, 0.06), 0.11, 0.11, self.shirt)
        canvas.limb((0.5 * dx, -0.2, 0.05), (0.8 * dx, -0.06, 0.05), 0.058, 0.055, tone(self.skin, 0.78))
        canvas.patch(
            [
                spot(1.16 * broad * math.cos(a), 0.03 + 1.1 * high * math.sin(a), -0.03)
                for a in np.linspace(0, 6.28, 26)
            ],
            self.hair,
        )
        for ear in (-1, 1):
            canvas.disc(spot(ear * 1.02 * broad, 0.0, -0.01), 0.02, tone(self.skin, 0.85))

    def _eyes(self, canvas: Canvas, spot: Spot, time_s: float) -> None:
        lid = max([1 - abs(time_s - at) / 0.09 for at in self.blinks], default=0.0)
        lid = min(1.0, max(0.0, lid))
        for side in (-1, 1):
            x, y = side * 0.037, 0.027
            tall = 0.011 * (1 - lid) + 0.001
            canvas.patch(
                [spot(x + 0.018 * math.cos(a), y + tall * math.sin(a), 0.004) for a in np.linspace(0, 6.28, 14)],
                (246, 244, 240),
            )
            if lid < 0.6:
                canvas.disc(spot(x + 0.004 * self.turn(time_s), y, 0.005), 0.0085, self.eyes)
                canvas.disc(spot(x + 0.004 * self.turn(time_s), y, 0.006), 0.004, (12, 12, 14))
            canvas.line(
                [spot(x - 0.022, y + 0.02, 0.006), spot(x, y + 0.026, 0.006), spot(x + 0.022, y + 0.02, 0.006)],
                0.006,
                tone(self.hair, 0.8),
            )

    def _lips(self, canvas: Canvas, spot: Spot, opened: float, wide: float) -> None:
        half = 0.021 + 0.02 * wide
        tall = 0.004 + 0.026 * opened
        y = -0.066 - 0.4 * tall
        lips = (min(255.0, 0.9 * self.skin[0] + 20), 0.55 * self.skin[1], 0.55 * self.skin[2])

        def ring(a: float, b: float, near: float) -> list[Point]:
            return [spot(a * math.cos(t), y + b * math.sin(t), near) for t in np.linspace(0, 6.28, 20)]

        canvas.patch(ring(half, tall + 0.006, 0.008), lips)
        if opened > 0.02:
            canvas.patch(ring(0.84 * half, tall, 0.009), (40, 14, 14))
            if opened > 0.15:
                canvas.patch(
                    [
                        spot(-0.6 * half, y + 0.75 * tall, 0.01),
                        spot(0.6 * half, y + 0.75 * tall, 0.01),
                        spot(0.5 * half, y + 0.4 * tall, 0.01),
                        spot(-0.5 * half, y + 0.4 * tall, 0.01),
                    ],
                    (240, 238, 230),
                )
        else:
            canvas.line([spot(-half, y, 0.009), spot(half, y, 0.009)], 0.003, tone(lips, 0.5))


def _face(setting: Setting, sounds: Sequence[Phoneme]) -> _Face:
    rows = [
        (0.5 * (s.start_s + s.end_s) if s.symbol != "SIL" else s.start_s + 0.04, *mouth_of(s.symbol)) for s in sounds
    ]
    rows = sorted([(0.0, 0.0, 0.5), *rows, (sounds[-1].end_s + 0.06, 0.0, 0.5)])
    first = next((s.start_s for s in sounds if s.symbol != "SIL"), 0.1)
    rows = sorted([*rows, (max(0.01, first - 0.08), 0.0, 0.5)])
    blinks = np.cumsum(setting.rng.uniform(0.8, 3.5, 8))
    return _Face(
        np.array(rows),
        setting.skin(),
        setting.colour(10, 130),
        setting.colour(),
        setting.colour(20, 130),
        wobble(setting.rng, 1.0, (0.15, 0.9)),
        wobble(setting.rng, 1.0, (0.1, 0.5)),
        tuple(float(at) for at in blinks),
        setting.between(0.9, 1.08),
        bool(setting.rng.random() < 0.25),
    )


def speaking_face(setting: Setting) -> Plan:
    """A person says a short sentence into the camera."""
    sounds: tuple[Phoneme, ...] = ()
    sentence, start_s = "", setting.between(0.3, 1.0)
    for _ in range(20):
        sentence = setting.pick(*(s for s in SENTENCES if all(word in WORDS for word in s.split())))
        sounds = speak(setting, sentence, start_s)
        if sounds[-1].end_s < setting.duration_s - 0.1:
            break
    end_s = sounds[-1].end_s
    after = (Phoneme(end_s, setting.duration_s, "SIL"),) if end_s < setting.duration_s else ()
    levels = [(start_s, 0.0)]
    for sound in sounds[1:]:
        level = 0.9 if sound.symbol in _VOWELS else 0.0 if sound.symbol == "SIL" else 0.45
        levels.append((0.5 * (sound.start_s + sound.end_s), level))
    levels.append((end_s, 0.0))
    hum = Hum(start_s, end_s, "speech", tuple(levels), lambda time_s: (0.0, -0.07, -0.01), 0)
    return Plan(
        actors=(_face(setting, sounds).draw,),
        captions=(
            "person speaking",
            f'A person says: "{sentence}".',
            "A single voice speaks a short sentence {where}, close and clear, in a quiet room",
            "speech, one speaker, indoors",
        ),
        reach_m=setting.between(0.26, 0.6),
        target=(0.0, -0.03, 0.0),
        pitches=(-0.05, 0.1),
        hums=(hum,),
        phonemes=(*sounds, *after),
        transcript=sentence,
        labels=(("speech",),),
        grounds=(),
        backs=("wall", "crop", "gradient", "noise", "planks"),
        back_m=0.7,
    )


def silent_face(setting: Setting) -> Plan:
    """A person who looks about, blinks, and says nothing."""
    words = "a person looks about and says nothing"
    return Plan(
        actors=(_face(setting, (Phoneme(0.0, setting.duration_s, "SIL"),)).draw,),
        captions=(
            "silence",
            "Nobody speaks.",
            "A quiet room in which a person sits and makes no sound",
            "no speech and no other sound",
        ),
        reach_m=setting.between(0.26, 0.6),
        target=(0.0, -0.03, 0.0),
        pitches=(-0.05, 0.1),
        silent=(words,),
        grounds=(),
        backs=("wall", "crop", "gradient", "noise", "planks"),
        back_m=0.7,
    )
