"""CPU seconds of composing and rendering a minute of music in each style, and how many times faster than real time.

    python benchmarks/score.py [--seconds 60] [--styles thriller lo-fi ...]

The picture is made up: a cut every two to six seconds, a strong cue every five, and an activity curve that wanders, all
seeded. CPU seconds are those of one thread, so that waiting on a busy machine does not count; composing is without the
sentence encoder, whose time is printed first, for one prompt.
"""

import argparse
import time
from fractions import Fraction

import numpy as np

from phonofilm.encoders.sentences import SentenceEncoder
from phonofilm.score.compose import compose
from phonofilm.score.mood import read_mood
from phonofilm.score.piece import Hit, ScoreRequest
from phonofilm.score.render import render
from phonofilm.score.styles import BY_STYLE


def picture(length_s: int, seed: int) -> ScoreRequest:
    """Cuts, cues and activity of a picture that does not exist."""
    rng = np.random.default_rng(seed)
    cuts_s = [float(time_s) for time_s in np.cumsum(rng.uniform(2, 6, length_s)) if time_s < length_s - 1]
    hits = [
        Hit(float(time_s), float(rng.uniform(0.4, 1))) for time_s in np.sort(rng.uniform(1, length_s, length_s // 5))
    ]
    points = np.linspace(0, 1, 12 * length_s)
    activity = np.interp(points, np.linspace(0, 1, 9), rng.random(9)).astype(np.float32)
    return ScoreRequest(Fraction(length_s), tuple(cuts_s), tuple(hits), activity, Fraction(12))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--styles", nargs="*", choices=BY_STYLE, default=list(BY_STYLE))
    options = parser.parse_args()
    encoder = SentenceEncoder.load()
    read_mood("music", encoder)
    start = time.process_time()
    moods = {name: read_mood(BY_STYLE[name].sentences[0], encoder) for name in options.styles}
    print(f"reading a prompt: {(time.process_time() - start) / len(moods):.2f} CPU s")
    print(f"{'style':14}{'notes':>8}{'compose s':>11}{'render s':>10}{'times real time':>17}")
    for number, (name, mood) in enumerate(moods.items()):
        asked = picture(options.seconds, number)
        start = time.process_time()
        piece = compose(asked, mood, number)
        composed = time.process_time()
        render(piece)
        end = time.process_time()
        notes = sum(len(part.notes) for part in piece.parts)
        ratio = options.seconds / (end - start)
        print(f"{name:14}{notes:8}{composed - start:11.2f}{end - composed:10.2f}{ratio:17.1f}", flush=True)


if __name__ == "__main__":
    main()
