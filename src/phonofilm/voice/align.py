"""The lines of a transcript spoken in time with the mouths of a clip.

Lines are placed (`place`), spoken by the voice at the speed that the place wants, and fitted to the mouth (`fit`). What
cannot be fitted is spoken naturally, and it is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phonofilm.types import FloatArray
from phonofilm.voice.fit import Fitted, fit_line, place_line
from phonofilm.voice.lips import Mouth
from phonofilm.voice.place import QUICKEST, SLOWEST, Span, place_lines
from phonofilm.voice.script import Line, Script
from phonofilm.voice.speak import FASTEST, Mark, Spoken, VoiceEngine
from phonofilm.voice.stretch import stretch

RATE_STEP = 0.02
RATE_TRIES = 2
"""Voices are asked for speeds on this grid, and once more by what came; stretching does the rest."""
SHORTENED_S = 0.02
DELIVERY = 0.04
"""How much faster or slower a take may speak a line by itself: what one speaker varies by."""


@dataclass(frozen=True, eq=False)
class SpokenLine:
    """A line as it is heard.

    start_s, end_s: in the clip. words: with times in the clip. samples: (S,) float32 at rate_hz, from start_s. fit: how
    well mouth and text go together, -1 to 1 (a correlation), None where no mouth says the line. fitted: whether it was
    stretched to the mouth. mouth: its number, place: -1 to 1 across the picture, None and 0 where no mouth says it.
    """

    line: Line
    voice: str
    start_s: float
    end_s: float
    words: tuple[Mark, ...]
    samples: FloatArray
    rate_hz: int
    fit: float | None
    fitted: bool
    mouth: int | None
    place: float


def align_script(
    script: Script,
    voices: Sequence[str],
    mouths: Sequence[Mouth],
    engine: VoiceEngine,
    duration_s: float,
    seed: int,
) -> tuple[list[SpokenLine], list[str]]:
    """Every line of the script, spoken within the clip, and what is to be said about it.

    voices: of each line. Raises InputError where the lines cannot be spoken in the time there is.
    """
    random = np.random.default_rng(seed)
    rates = 1 + DELIVERY * random.uniform(-1, 1, len(script.lines))
    natural = [
        engine.speak(line.text, voice, float(rate))
        for line, voice, rate in zip(script.lines, voices, rates, strict=True)
    ]
    natural_s = [spoken.duration_s * float(rate) for spoken, rate in zip(natural, rates, strict=True)]
    spans = place_lines(script.lines, natural_s, mouths, duration_s)
    spoken_lines: list[SpokenLine] = []
    notes: list[str] = []
    for index, (line, span) in enumerate(zip(script.lines, spans, strict=True)):
        before = [said.end_s for said in spoken_lines if said.line.speaker == line.speaker]
        later = zip(spans[index + 1 :], script.lines[index + 1 :], strict=True)
        after = [other.begin_s for other, its in later if its.speaker == line.speaker]
        room = (max(before, default=0.0), min(after, default=duration_s))
        voice, spoken = voices[index], natural[index]
        if span.mouth is not None or spoken.duration_s > span.end_s - span.begin_s + SHORTENED_S:
            spoken = _speak_for(engine, line, voice, spoken, float(rates[index]), span)
        if span.mouth is None:
            fitted = place_line(spoken, span.begin_s, *room)
        else:
            fitted = fit_line(spoken, mouths[span.mouth], span.begin_s, span.end_s, *room)
        place = mouths[span.mouth].place if span.mouth is not None else 0.0
        spoken_lines.append(_heard(line, voice, spoken, fitted, span.mouth, place))
        notes.extend(_notes(line, natural_s[index], fitted, span, len(mouths)))
    return spoken_lines, notes


def _speak_for(engine: VoiceEngine, line: Line, voice: str, natural: Spoken, rate: float, span: Span) -> Spoken:
    """The line as near to the length of its span as the voice speaks it by itself; `natural` was spoken at `rate`."""
    spoken = natural
    for _ in range(RATE_TRIES):
        wanted = rate * spoken.duration_s / (span.end_s - span.begin_s)
        rate = float(np.clip(round(wanted / RATE_STEP) * RATE_STEP, 1 / SLOWEST, FASTEST))
        spoken = engine.speak(line.text, voice, rate)
    return spoken


def _heard(line: Line, voice: str, spoken: Spoken, fitted: Fitted, mouth: int | None, place: float) -> SpokenLine:
    """The line with its sound stretched and its words at their times in the clip."""
    begin_s = fitted.begin_s
    to_s = [instant - begin_s for instant in fitted.to_s]
    samples = stretch(spoken.samples, spoken.rate_hz, fitted.from_s, to_s)  # (S,)
    words = tuple(
        Mark(word.text, *(float(np.interp(at, fitted.from_s, fitted.to_s)) for at in (word.start_s, word.end_s)))
        for word in spoken.words
    )
    return SpokenLine(
        line=line,
        voice=voice,
        start_s=begin_s,
        end_s=fitted.end_s,
        words=words,
        samples=samples,
        rate_hz=spoken.rate_hz,
        fit=fitted.fit,
        fitted=fitted.stretched,
        mouth=mouth,
        place=place,
    )


def _notes(line: Line, natural_s: float, fitted: Fitted, span: Span, mouths: int) -> list[str]:
    """What has to be said about how a line was spoken."""
    notes = []
    if not mouths:
        notes.append(f"line {line.number}: no face is seen; spoken naturally at {fitted.begin_s:.2f} s")
    elif span.mouth is None:
        notes.append(f"line {line.number}: no mouth moves at {fitted.begin_s:.2f} s; spoken naturally")
    elif not fitted.stretched and fitted.fit is not None:
        notes.append(f"line {line.number}: the mouth does not fit the text (fit {fitted.fit:.2f}); spoken unstretched")
    elif not fitted.stretched:
        notes.append(f"line {line.number}: too few frames to fit it to the mouth; spoken unstretched")
    length_s = fitted.end_s - fitted.begin_s
    if length_s < QUICKEST * natural_s:
        notes.append(f"line {line.number}: hurried from {natural_s:.2f} s into the {length_s:.2f} s there are")
    return notes
