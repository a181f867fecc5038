"""A transcript and the mouths of a clip in, the dialogue stem out.

Dimension letters: C channels, S samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from phonofilm.timeline import samples as samples_of
from phonofilm.timeline import seconds
from phonofilm.types import ClipInfo, FloatArray, Waveform
from phonofilm.voice.align import SpokenLine, align_script
from phonofilm.voice.languages import voices_of_lines
from phonofilm.voice.lips import Mouth
from phonofilm.voice.script import Script, fit_script
from phonofilm.voice.speak import VoiceEngine, assign_voices

FADE_S = 0.004
"""Lines begin and end without a click; shorter than any speech sound."""
FULL_SCALE = 0.99


@dataclass(frozen=True, eq=False)
class Dialogue:
    """The dialogue of one take.

    stem: mono, as long as the clip, at the level of the voice. lines: in order, with times, fit and place.
    voices: of each speaker. notes: everything that was repaired, guessed or given up, one sentence each.
    """

    stem: Waveform
    lines: tuple[SpokenLine, ...]
    voices: Mapping[str, str]
    notes: tuple[str, ...]


def make_dialogue(
    script: Script,
    clip: ClipInfo,
    mouths: Sequence[Mouth],
    engine: VoiceEngine,
    rate_hz: int,
    seed: int,
    overrides: Mapping[str, str],
) -> Dialogue:
    """Speak a script in time with the mouths of a clip.

    mouths: of `watch_mouths`; may be empty. overrides: voices by speaker. The same seed gives the same stem; others
    speak a little faster or slower. Raises InputError for lines that begin after the clip or do not fit into it, and
    OptionError for overrides that name nobody or no voice.
    """
    duration_s = float(clip.duration_s)
    fitting = fit_script(script, duration_s)
    voices, said = assign_voices(fitting.speakers, engine, overrides)
    named = {name.casefold() for name in overrides}
    chosen = {speaker for speaker in fitting.speakers if speaker.casefold() in named}
    each, read = voices_of_lines(fitting.lines, voices, chosen, engine)
    lines, spoken = align_script(fitting, each, mouths, engine, duration_s, seed)
    stem = np.zeros(samples_of(clip.duration_s, rate_hz), np.float32)  # (S,)
    for line in lines:
        _lay(stem, line, rate_hz)
    peak = float(np.abs(stem).max(initial=0.0))
    if peak > FULL_SCALE:
        stem *= np.float32(FULL_SCALE / peak)
    return Dialogue(Waveform(stem[None], rate_hz), tuple(lines), voices, (*fitting.notes, *said, *read, *spoken))


def _lay(stem: FloatArray, line: SpokenLine, rate_hz: int) -> None:
    """Add a line at its time, to the sample; what would reach past the clip by rounding is left off."""
    sound = soxr.resample(line.samples, line.rate_hz, rate_hz).astype(np.float32)  # (S,)
    begin = samples_of(seconds(line.start_s), rate_hz)
    sound = sound[: max(0, len(stem) - begin)]
    fade = min(len(sound) // 2, round(FADE_S * rate_hz))
    if fade:
        ramp = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
        sound[:fade] *= ramp
        sound[-fade:] *= ramp[::-1]
    stem[begin : begin + len(sound)] += sound
