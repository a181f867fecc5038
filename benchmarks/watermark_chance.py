"""What the detector sees where there is no mark, beside the bound that its verdict rests on.

B bands, Q columns of a period
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
from watermark_attacks import sixteen_bits
from watermark_rows import ROWS

from phonofilm.errors import InputError
from phonofilm.mark.chance import log_chance
from phonofilm.mark.detect import PIECE_S, detect
from phonofilm.mark.grid import BANDS, CENTRE_COLUMN, COLUMNS_PER_SLOT, PERIOD_COLUMNS, ROWS_PER_BAND
from phonofilm.mark.key import Key, pattern, secret_key
from phonofilm.mark.piece import PITCH_ROWS, Piece
from phonofilm.mark.search import fold
from phonofilm.media.audio import read_audio, to_stereo
from phonofilm.types import FloatArray, Waveform

Row = dict[str, Any]
POWERS = (-1, -2, -3, -6, -9)
SCORES = np.arange(2.0, 7.0, 0.5)
SHORTEST_S = 4
SEED = 7


def sound_files(folder: Path) -> list[Path]:
    """All files of a folder and the folders in it that may hold sound, in a shuffled order that is always the same."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".md", ".tsv", ".txt"))
    return [found[at] for at in np.random.default_rng(SEED).permutation(len(found))]


def sounds_in(folder: Path) -> Iterator[tuple[Path, Waveform]]:
    """Those that can be read, in stereo or mono."""
    for path in sound_files(folder):
        try:
            yield path, to_stereo(read_audio(path))
        except InputError:
            continue


def looks(folder: Path, attacks: list[str]) -> list[Row]:
    """Looks for the public key's mark in every file, after each attack; prints what was seen."""
    rows: list[Row] = []
    for number, (path, sound) in enumerate(sounds_in(folder)):
        for attack in attacks:
            changed = sixteen_bits(ROWS[attack](sixteen_bits(sound), np.random.default_rng([SEED, number])))
            seen = detect(changed)
            rows.append(
                {
                    "file": str(path.relative_to(folder)),
                    "attack": attack,
                    "seconds": float(changed.duration_s),
                    "marked": seen.marked,
                    "score": seen.score,
                    "log10_chance": seen.log10_chance,
                }
            )
    if not rows:
        raise SystemExit(f"{folder} holds no sound")
    _print_looks(rows)
    return rows


def _print_looks(rows: list[Row]) -> None:
    chances = np.array([row["log10_chance"] for row in rows])
    files, seconds = len({row["file"] for row in rows}), sum(row["seconds"] for row in rows)
    print(f"{len(rows)} looks at {files} files, {seconds:.0f} s of sound")
    print(f"highest score {max(row['score'] for row in rows):.2f}, least bound 1e{chances.min():.2f}")
    for power in POWERS:
        allowed = len(rows) * 10.0**power
        print(f"bound at most 1e{power}: {(chances <= power).sum()} looks, at most {allowed:.3g} expected")
    print(f"called marked: {sum(row['marked'] for row in rows)}")


def tail(folder: Path, files: int, keys: int) -> list[Row]:
    """Scores of random keys' presence cells at every offset and pitch, as often seen as the bound allows? Prints it."""
    drawn = np.random.default_rng(SEED).integers(0, 256, (keys, 32), np.uint8)
    secrets = [secret_key(bytes(secret)) for secret in drawn]
    long_enough = (sound for _, sound in sounds_in(folder) if sound.duration_s >= SHORTEST_S)
    counted = np.zeros(len(SCORES))
    total, highest = 0, 0.0
    for _, sound in zip(range(files), long_enough, strict=False):
        for scores in _scores(sound, secrets):
            counted += (scores[:, None] >= SCORES).sum(0)
            total, highest = total + len(scores), max(highest, float(scores.max()))
    if not total:
        raise SystemExit(f"{folder} holds no sound of {SHORTEST_S} s or more")
    print(f"{total} scores, the highest {highest:.2f}")
    rows = [
        {"score": float(score), "seen": count / total, "bound": float(np.exp(log_chance(float(score), 0.0)))}
        for score, count in zip(SCORES, counted, strict=True)
    ]
    for row in rows:
        print(f"score {row['score']:.1f} or more: seen {row['seen']:.2e}, bound {row['bound']:.2e}")
    return rows


def _scores(sound: Waveform, keys: Iterable[Key]) -> Iterator[npt.NDArray[np.float64]]:
    """For each key and pitch (Q,) the presence cells' score at every offset of the first piece."""
    piece = Piece(np.ascontiguousarray(sound.samples[:, : PIECE_S * sound.rate_hz]), sound.rate_hz)
    folded = fold(piece.evidence, 1.0)
    spectrum, squares = scipy.fft.rfft(folded, axis=1), scipy.fft.rfft(folded**2, axis=1)
    for key in keys:
        signs = _spread_out(pattern(key).presence)
        used = _spread_out(np.abs(pattern(key).presence))
        for first in range(0, 2 * PITCH_ROWS + 1, 2):
            rows = slice(first, first + BANDS * ROWS_PER_BAND, ROWS_PER_BAND)
            sums = scipy.fft.irfft((spectrum[rows] * signs).sum(0), PERIOD_COLUMNS)
            sizes = scipy.fft.irfft((squares[rows] * used).sum(0), PERIOD_COLUMNS)
            yield sums / np.sqrt(np.maximum(sizes, 0) + 1e-9)


def _spread_out(cells: FloatArray) -> npt.NDArray[np.complex64]:
    """(B, Q / 2 + 1) spectrum of cells (B, N) on the finer grid, turned round for correlation."""
    columns = np.zeros((BANDS, PERIOD_COLUMNS), np.float32)
    columns[:, CENTRE_COLUMN::COLUMNS_PER_SLOT] = cells
    return np.conj(scipy.fft.rfft(columns, axis=1))
