"""Mouths seen in a clip: how far each is open, frame by frame, and whether it is speaking.

Frames come one by one at their own times, whatever the rate, and are let go after a few seconds' worth; of each face
only a small grey piece around the mouth is kept.

Dimension letters: F frames, H height, W width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from phonofilm.media.frames import stream_frames
from phonofilm.timeline import seconds
from phonofilm.types import ByteArray, ClipInfo, FloatArray, FrameRequest, Progress, VideoStream, no_progress
from phonofilm.voice.faces import Face, Floats, cut_out, find_faces, overlap
from phonofilm.voice.lip_reader import load_reader
from phonofilm.voice.mouth import PIECE_ASIDE, PIECE_DOWN, PIECE_HEIGHT, PIECE_UNIT, PIECE_WIDTH, measure_mouth
from phonofilm.voice.opencv import opencv

LARGEST_HEIGHT = 540
"""Pixels. Larger pictures are scaled down to it; mouths of the smallest faces found are 20 pixels wide then."""
LEAST_STEP_S = seconds("0.031")
"""Frames that follow sooner are passed over: 30 a second show all that lips do."""
CHUNK_FRAMES = 250
"""Frames that are searched together; at 540 lines, 130 MB."""
SHORTEST_S = 0.5
"""Faces seen for less time tell nothing about speech."""
SAME_FACE = 0.3
"""Overlap of boxes across two chunks."""
SWITCH_COST = 1.0
"""In log odds, what it takes to call a mouth silent that spoke, or the other way: lone frames do not count."""
LEAST_ODDS = 0.02


@dataclass(frozen=True, eq=False)
class Mouth:
    """One mouth while it is followed.

    times_s: F exact instants from the first shown frame. opening: (F,) float32, 0 shut to 1 wide. speaking: (F,)
    float32, chance that it speaks. place: -1 left edge to 1 right edge. width: of the face over that of the picture.
    """

    times_s: tuple[Fraction, ...]
    opening: FloatArray
    speaking: FloatArray
    place: float
    width: float


@dataclass(frozen=True)
class Segment:
    """A mouth, by its number, that speaks from `start_s` to `end_s`; chance: its mean there."""

    mouth: int
    start_s: float
    end_s: float
    chance: float


@dataclass(eq=False)
class _Seen:
    """A face across chunks."""

    last: Floats
    times_s: list[Fraction] = field(default_factory=list)
    pieces: list[ByteArray] = field(default_factory=list)
    places: list[float] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)


class MouthWatcher:
    """A sink of frames that finds the mouths in them. Raises MissingExtraError without OpenCV."""

    def __init__(self, video: VideoStream) -> None:
        scale = min(1.0, LARGEST_HEIGHT / video.height)
        self.request = FrameRequest(None, max(1, round(video.width * scale)), max(1, round(video.height * scale)))
        self._cv = opencv()
        self._grey: list[ByteArray] = []
        self._times_s: list[Fraction] = []
        self._last_s: Fraction | None = None
        self._searched_s: Fraction | None = None
        self._seen: list[_Seen] = []

    def add(self, picture: ByteArray, time_s: Fraction) -> None:
        """Take the next frame, (H, W, 3) RGB."""
        if self._last_s is not None and time_s - self._last_s < LEAST_STEP_S:
            return
        self._last_s = time_s
        self._grey.append(self._cv.cvtColor(picture, self._cv.COLOR_RGB2GRAY))  # (H, W)
        self._times_s.append(time_s)
        if len(self._grey) == CHUNK_FRAMES:
            self._search()

    def mouths(self) -> tuple[Mouth, ...]:
        """All mouths, those that speak most first. To be called after the last frame."""
        reader = load_reader()
        mouths = []
        for seen, (times_s, measures) in zip(self._faces(), self.measures(), strict=True):
            opening, speaking = reader.read(measures, times_s)
            place, width = float(np.clip(np.median(seen.places), -1, 1)), float(np.median(seen.widths))
            mouths.append(Mouth(tuple(seen.times_s), opening, speaking, place, width))
        return tuple(sorted(mouths, key=lambda mouth: -float(mouth.speaking.sum())))

    def measures(self) -> list[tuple[Floats, Floats]]:
        """Of each face its times (F,) and what is measured of its mouth, (F, M); see `measure_mouth`."""
        clocks = [np.array([float(time) for time in seen.times_s]) for seen in self._faces()]
        return [
            (clock, measure_mouth(np.stack(seen.pieces), clock))
            for clock, seen in zip(clocks, self._faces(), strict=True)
        ]

    def _faces(self) -> list[_Seen]:
        if self._grey:
            self._search()
        return [seen for seen in self._seen if seen.times_s[-1] - seen.times_s[0] >= SHORTEST_S]

    def _search(self) -> None:
        """Find the faces of the chunk, and join them to those that were there at the end of the one before."""
        grey = np.stack(self._grey)  # (F, H, W)
        before = [seen for seen in self._seen if seen.times_s[-1] == self._searched_s]
        for face in find_faces(grey, self._times_s):
            same = [seen for seen in before if face.first == 0 and overlap(seen.last, face.boxes[0]) > SAME_FACE]
            if same:
                seen = same[0]
                before.remove(seen)
            else:
                seen = _Seen(face.boxes[0])
                self._seen.append(seen)
            self._keep(seen, face, grey)
        self._searched_s = self._times_s[-1]
        self._grey, self._times_s = [], []

    def _keep(self, seen: _Seen, face: Face, grey: ByteArray) -> None:
        width = grey.shape[2]
        for index, box in enumerate(face.boxes, start=face.first):
            centre = box[:2] + np.array([face.view * PIECE_ASIDE, PIECE_DOWN]) * box[2]
            unit = PIECE_UNIT * box[2]
            seen.pieces.append(cut_out(self._cv, grey[index], centre, unit, (PIECE_WIDTH, PIECE_HEIGHT)))
            seen.times_s.append(self._times_s[index])
            seen.places.append(2 * box[0] / width - 1)
            seen.widths.append(box[2] / width)
        seen.last = face.boxes[-1]


def watch_mouths(clip: ClipInfo, progress: Progress = no_progress) -> tuple[Mouth, ...]:
    """The mouths of a clip, those that speak most first; none where no face is seen.

    Raises MediaError when nothing decodes and MissingExtraError without OpenCV.
    """
    watcher = MouthWatcher(clip.video)
    stream_frames(clip, [(watcher.request, watcher.add)], progress=progress)
    return watcher.mouths()


def speaking_segments(mouths: Sequence[Mouth]) -> tuple[Segment, ...]:
    """Who speaks when, in order of time. Mouths are judged one by one, so that two may speak at once."""
    segments = []
    for number, mouth in enumerate(mouths):
        times = np.array([float(time) for time in mouth.times_s])
        speaks = _smoothed(mouth.speaking)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], speaks, [0]])))
        step_s = float(np.median(np.diff(times)))
        for first, last in edges.reshape(-1, 2):
            chance = float(mouth.speaking[first:last].mean())
            segments.append(Segment(number, float(times[first]), float(times[last - 1]) + step_s, chance))
    return tuple(sorted(segments, key=lambda segment: (segment.start_s, segment.mouth)))


def _smoothed(speaking: FloatArray) -> Floats:
    """(F,) 0 or 1: the likeliest course of speaking and silence when each switch costs (Viterbi)."""
    chance = np.clip(speaking.astype(float), LEAST_ODDS, 1 - LEAST_ODDS)
    scores = np.stack([np.log(1 - chance), np.log(chance)], axis=1)  # (F, 2)
    best, came = scores[0].copy(), np.zeros((len(scores), 2), int)
    for index in range(1, len(scores)):
        stay, switch = best, best[::-1] - SWITCH_COST
        came[index] = np.where(stay >= switch, [0, 1], [1, 0])
        best = np.maximum(stay, switch) + scores[index]
    course = np.zeros(len(scores))
    state = int(np.argmax(best))
    for index in range(len(scores) - 1, -1, -1):
        course[index] = state
        state = int(came[index, state])
    return course
