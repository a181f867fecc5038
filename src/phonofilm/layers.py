"""What is heard beside the effects: the dialogue of a transcript, and music. Read and seen once for a clip, made for
each take.

Dimension letters: C channels, S samples.
"""

import logging
import math
import re
from dataclasses import dataclass, replace

import numpy as np

from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.errors import MissingExtraError
from phonofilm.scenes.guide import Sight
from phonofilm.scenes.mini import SOUND_LAG_S
from phonofilm.score.compose import compose
from phonofilm.score.instruments import Instrument
from phonofilm.score.mood import Mood, read_mood
from phonofilm.score.piece import LONGEST_S, SHORTEST_S, Hit, Score, ScoreRequest, can_last
from phonofilm.score.played import Stroke, can_follow, instrument_in, play_along
from phonofilm.score.render import render
from phonofilm.score.soundfont import font_path
from phonofilm.score.split import Reading, read_prompt
from phonofilm.settings import AddOptions
from phonofilm.stopwatch import Stopwatch
from phonofilm.types import ClipInfo, Progress, Waveform
from phonofilm.voice.casting import read_casting
from phonofilm.voice.dialogue import Dialogue, make_dialogue
from phonofilm.voice.lips import Mouth, watch_mouths
from phonofilm.voice.script import Script
from phonofilm.voice.speak import VoiceEngine
from phonofilm.weights.fetch import cache_folder

logger = logging.getLogger(__name__)

UNWANTED_MUSIC = re.compile(r"\b(music|musical|score|soundtrack)\b", re.IGNORECASE)
"""A negative prompt that says so forbids the score too."""
SPEAKS = re.compile(
    r"\b(?:says|said|saying|speaks|speaking|talks|talking|narrat\w+|voice-?overs?|announcers?|newsreaders?|recit(?:es|ing)|"
    r"reads? aloud|reading aloud|dialogues?|monologues?|conversations?|speech(?:es)?|"
    r"(?:woman|man|boy|girl|child|female|male)(?:'s)? voice)\b",
    re.IGNORECASE,
)
"""Words that ask for words..."""
MANY = re.compile(
    r"\b(?:no|not|without|nobody|crowds?|audience|chatter\w*|babbl\w*|murmur\w*|distant|muffled|in the background)\b",
    re.IGNORECASE,
)
"""... unless nobody is to speak, or so many or so far away that there are none to understand."""


@dataclass(frozen=True, eq=False)
class Speech:
    """A transcript, who speaks it, and the mouths of the clip that it is for."""

    clip: ClipInfo
    script: Script
    mouths: tuple[Mouth, ...]
    engine: VoiceEngine
    voices: dict[str, str]

    def dialogue(self, rate_hz: int, seed: int) -> Dialogue:
        """The dialogue of one take. Raises InputError for lines that do not fit into the clip."""
        return make_dialogue(self.script, self.clip, self.mouths, self.engine, rate_hz, seed, self.voices)


class Cast:
    """The transcript and voices that the options name, read before anything is computed. Raises PhonofilmError."""

    def __init__(self, chosen: AddOptions) -> None:
        self._casting = read_casting(chosen.dialogue, chosen.voices, chosen.voice_engine, cache_folder() / "voices")

    def watch(self, clip: ClipInfo, watch: Stopwatch, progress: Progress) -> Speech | None:
        """What is needed to speak in time with a clip; None where there is no transcript."""
        if self._casting is None:
            return None
        with watch.stage("lips", progress):
            mouths = watch_mouths(clip, lambda _, share: progress("lips", share))
        casting = self._casting
        logger.info("%d lines, %d mouths", len(casting.script.lines), len(mouths))
        return Speech(clip, casting.script, mouths, casting.engine, casting.chosen)


@dataclass(frozen=True, eq=False)
class Band:
    """How the prompts were read, and the mood of the music; None where there shall be none.

    player: the instrument that is seen and heard; None where the music has nothing to do with what is seen.
    """

    reading: Reading
    mood: Mood | None
    player: Instrument | None = None

    @property
    def effects_words(self) -> str:
        """What is left of the prompt for the effects."""
        return self.reading.effects_words

    def silent(self) -> "Band":
        """The same without music."""
        return replace(self, mood=None)

    def joined(self, sight: Sight, chosen: AddOptions) -> "Band":
        """The same with the player of an instrument that is seen, where nothing else is asked for; silent for a clip
        that no piece can be as long as, unless music was asked for by its own option (composing it is an error)."""
        if not can_last(sight.clip.duration_s) and not chosen.music.strip():
            return self._handed_back(float(sight.clip.duration_s), chosen.prompt)
        seen = instrument_in(sight.label) if sight.kind == "music" else None
        if seen is None or self.reading.forbidden:
            return self
        if self.mood is not None:
            return replace(self, player=next((one for one in self.mood.wanted.named if _alike(one, seen)), None))
        if chosen.prompt.strip() or chosen.music.strip() or UNWANTED_MUSIC.search(chosen.negative):
            return self
        try:
            font_path()
        except MissingExtraError as error:
            logger.warning("%s; then the %s that is seen is played", error, seen.name)
            return self
        logger.info("playing the %s that is seen", seen.name)
        return replace(self, mood=read_mood(f"solo {seen.name}", SentenceEncoder.load()), player=seen)

    def _handed_back(self, duration_s: float, prompt: str) -> "Band":
        """The same without music, all words of the prompt for the effects."""
        if self.mood is None:
            return self
        lengths = f"the clip is {duration_s:.2f} s long, and music can be {SHORTEST_S:g} to {LONGEST_S:g} s"
        logger.warning("%s; there is none, and the effects get %r", lengths, prompt)
        return replace(self, reading=replace(self.reading, music=(), effects=(prompt,)), mood=None)

    @property
    def plays_the_picture(self) -> bool:
        """Whether the sound of what is seen is played, so that no effects are wanted for it."""
        return self.player is not None and not self.effects_words

    def compose(self, sight: Sight, seed: int) -> Score:
        """The piece of one take."""
        assert self.mood is not None, "no music is wanted"
        if self.player is not None:
            late_s = 0.0 if sight.edited else SOUND_LAG_S
            end_s = float(sight.clip.duration_s)
            events = [cue for cue in sight.sheet.events if cue.start_s + late_s < end_s]
            strokes = [Stroke(cue.start_s + late_s, cue.strength, cue.place) for cue in events]
            if can_follow(self.player, strokes, sight.clip.duration_s):
                return play_along(self.player, strokes, sight.clip.duration_s, self.mood, seed)
        hits = tuple(Hit(cue.start_s, cue.strength) for cue in sight.sheet.events)
        clip = sight.clip
        activity = sight.curves.activity
        request = ScoreRequest(clip.duration_s, sight.cuts_s, hits, activity, sight.curves.rate_hz)
        return compose(request, self.mood, seed)


def _alike(one: Instrument, other: Instrument) -> bool:
    """A jazz guitar and a steel guitar are, as are drums of all kinds."""
    return one.name.split()[-1] == other.name.split()[-1]


def book(chosen: AddOptions) -> Band:
    """Read what the options say of music. Where musical words of the prompt cannot be played, the effects get them.

    Raises OptionError, or MissingExtraError where `--music` cannot be played.
    """
    if not chosen.prompt.strip() and not chosen.music.strip():
        return Band(Reading((), (), False), None)
    encoder = SentenceEncoder.load()
    music = chosen.music
    if not music.strip() and UNWANTED_MUSIC.search(chosen.negative):
        music = "none"
    reading = read_prompt(chosen.prompt, music, encoder)
    if not reading.music_words:
        return Band(reading if reading.forbidden else replace(reading, effects=(chosen.prompt,)), None)
    try:
        font_path()
    except MissingExtraError as error:
        if chosen.music:
            raise
        logger.warning("%s; there is no music, and the effects get %r", error, reading.music_words)
        return Band(replace(reading, music=(), effects=(chosen.prompt,)), None)
    mood = read_mood(reading.music_words, encoder)
    if mood.unlearnt:
        unknown, name = reading.music_words, mood.style.name
        logger.warning("no music that is known is called like %r; it is taken for %s", unknown, name)
    return Band(reading, mood)


def warn_of_unmade(prompt: str) -> None:
    """Say what words alone do not make: music, and speech that can be understood."""
    reading = read_prompt(prompt, "", SentenceEncoder.load())
    speaks = [words for words in (*reading.effects, *reading.music) if SPEAKS.search(words) and not MANY.search(words)]
    asked = [*(["music"] if reading.music_words else []), *(["speech"] if speaks else [])]
    options = {"music": f"--music {reading.music_words!r}", "speech": "--dialogue TRANSCRIPT"}
    if asked:
        ways = " and ".join(options[kind] for kind in asked)
        logger.warning(
            "words alone make neither music nor speech, and the prompt asks for %s: what comes will hardly be that; "
            "give it to a clip with 'phonofilm add CLIP' and %s",
            " and ".join(asked),
            ways,
        )


@dataclass(frozen=True, eq=False)
class Extras:
    """What one take has beside its effects; None for what there is not."""

    reading: Reading
    score: Score | None = None
    music: Waveform | None = None
    dialogue: Dialogue | None = None


def make_extras(
    band: Band, speech: Speech | None, sight: Sight, rate_hz: int, seed: int, watch: Stopwatch, progress: Progress
) -> Extras:
    """The layers of one take, each as long as the clip: music in stereo, dialogue in one channel."""
    extras = Extras(band.reading)
    if speech is not None:
        with watch.stage("speak", progress):
            extras = replace(extras, dialogue=speech.dialogue(rate_hz, seed))
    if band.mood is not None:
        with watch.stage("score", progress):
            score = band.compose(sight, seed)
            extras = replace(extras, score=score, music=render(score, rate_hz))
    return extras


def fold(sound: Waveform, channels: int) -> Waveform:
    """(C, S): stereo as it is, or its mean where one channel is wanted."""
    return sound if sound.channels == channels else Waveform(sound.samples.mean(axis=0, keepdims=True), sound.rate_hz)


def spread(mono: Waveform, channels: int) -> Waveform:
    """A mono sound (1, S) in the middle of some channels, with the power that it had."""
    alike = np.float32(math.sqrt(1 / channels))
    return Waveform(np.repeat(mono.samples * alike, channels, axis=0), mono.rate_hz)
