"""Simulated scenes as ordinary video files, each with its truth, and one manifest of all.

Beside `scene-000000017.mp4` lies `scene-000000017.json`: a cue sheet of the clip, as `phonofilm add CLIP --cues` takes
it, whose `clip` holds two fields more: `scene`, the whole truth, and `film`, how it was taken. `manifest.jsonl` has one
line a film. A scene's number is its seed; the number alone decides what is in the files.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import lru_cache
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import numpy as np

from phonofilm.cues import Cue, CueSheet
from phonofilm.data.simulate.damage import apply_damages, draw_damages
from phonofilm.data.simulate.library import SoundLibrary
from phonofilm.data.simulate.opencv import opencv
from phonofilm.data.simulate.picture import paint
from phonofilm.data.simulate.scene import PLOTS, compose
from phonofilm.data.simulate.sound import sound_of
from phonofilm.data.simulate.truth import Event, Phoneme, Stretch, Truth
from phonofilm.errors import InputError, OptionError, OutputError
from phonofilm.media.encode import TimedPicture, write_film
from phonofilm.media.files import make_folder, write_text
from phonofilm.media.probe import probe
from phonofilm.timeline import grid_count, grid_time, seconds
from phonofilm.types import Progress, no_progress

logger = logging.getLogger(__name__)

MANIFEST = "manifest.jsonl"
SOUND_HZ = 44_100
SIZES = (
    (320, 180),
    (426, 240),
    (480, 270),
    (480, 360),
    (640, 360),
    (640, 480),
    (854, 480),
    (960, 540),
    (1280, 720),
    (360, 640),
)
SIZE_WEIGHTS = (4, 3, 3, 2, 4, 2, 2, 1, 1, 1)
"""Small ones more often: the time to paint and to encode grows with the picture."""
RATES_HZ = tuple(
    Fraction(rate) for rate in ("8", "10", "12", "25/2", "15", "24000/1001", "24", "25", "30000/1001", "30", "50", "60")
)
VARIABLE_SHARE = 0.1
"""Films whose frames are unevenly spaced, as phones and screen recorders make them."""
SHUTTER_SHARES = (0.0, 0.5)
"""How long the shutter is open, in frame steps: not at all (animation), or half (the usual 180 degrees)."""
QUALITIES_CRF = (18, 23, 28)
LARGEST_SEED = 10**15
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Wish:
    """What the films of one folder have in common. sounds: name of the folder of recordings drawn on, or none."""

    plot: str | None
    damage_share: float
    silent: bool
    sounds: str | None


@dataclass(frozen=True)
class FilmRow:
    """One line of the manifest. rate_hz: a fraction as text, or "variable". damages: (name, level 1 to 3)."""

    file: str
    truth: str
    seed: int
    plot: str
    duration_s: float
    rate_hz: str
    width: int
    height: int
    damages: tuple[tuple[str, int], ...]
    captions: tuple[str, ...]
    transcript: str
    events: int
    bytes: int
    sha256: str
    wish: Wish


@dataclass(frozen=True)
class Shooting:
    """How a scene is filmed. rate_hz None: uneven. shutter: share of the frame step. crf: see `write_film`."""

    width: int
    height: int
    rate_hz: Fraction | None
    shutter: float
    crf: int
    damages: tuple[tuple[str, int], ...]


def simulate(
    out: Path,
    count: int,
    seed: int,
    *,
    workers: int = 1,
    sounds: Path | None = None,
    damage_share: float = 0.3,
    plot: str | None = None,
    silent: bool = False,
    progress: Progress = no_progress,
) -> list[FilmRow]:
    """Make the films seed, seed + 1, ... (`count` of them) in the folder `out`, those that are not there yet.

    Stopped and started again it goes on where it was; the count may be raised later. Every film depends on its own
    number and the wish alone, never on `workers` (processes of one thread each). With `sounds`, the folder of
    recordings, half of the events are heard as recordings of such things. silent: films without a sound track.

    Raises OptionError for values out of range or other than those that the folder was begun with, InputError for a
    folder of recordings without index, OutputError when `out` cannot be written, MissingExtraError without OpenCV.
    """
    wish = Wish(plot, damage_share, silent, None if sounds is None else sounds.resolve().name)
    _check(count, seed, workers, wish)
    if sounds is not None:
        _library(sounds.resolve())  # a folder that is none is told before anything is made
    opencv()
    make_folder(out)
    done = {number: row for number in range(seed, seed + count) if (row := _made(out, number)) is not None}
    for row in done.values():
        if row.wish != wish:
            raise OptionError(
                f"{out} holds films made with {_worded(row.wish)}, now {_worded(wish)}; "
                "ask for the same, or name another folder"
            )
    missing = [number for number in range(seed, seed + count) if number not in done]
    for row in _make_all(missing, out, wish, sounds, workers):
        done[row.seed] = row
        progress("films", len(done) / count)
    write_manifest(out)
    return [done[number] for number in range(seed, seed + count)]


def _check(count: int, seed: int, workers: int, wish: Wish) -> None:
    for value, name, least, most in (
        (count, "count", 1, 10**9),
        (seed, "seed", 0, LARGEST_SEED),
        (workers, "workers", 1, 1024),
        (wish.damage_share, "damage share", 0, 1),
    ):
        if not least <= value <= most:
            raise OptionError(f"{name} is {value}; give a number from {least} to {most}")
    unknown = set((wish.plot or PLOTS[0]).split(" with ")) - set(PLOTS)
    if unknown:
        raise OptionError(f"no plot is called {min(unknown)!r}; choose of: {', '.join(PLOTS)}")


def _worded(wish: Wish) -> str:
    parts = [
        f"plot {wish.plot}" if wish.plot else "all plots",
        f"damaged {wish.damage_share:g}",
        "no sound" if wish.silent else "sound",
        f"recordings of {wish.sounds}" if wish.sounds else "no recordings",
    ]
    return ", ".join(parts)


def _make_all(numbers: list[int], out: Path, wish: Wish, sounds: Path | None, workers: int) -> Iterator[FilmRow]:
    """Make films, in this process or in several; rows come as they are done."""
    if min(workers, len(numbers)) <= 1:
        for number in numbers:
            yield make_film(number, out, wish, sounds)
        return
    with _one_thread_each(), ProcessPoolExecutor(workers, get_context("spawn"), _begin_worker) as pool:
        jobs: list[Future[FilmRow]] = [pool.submit(make_film, number, out, wish, sounds) for number in numbers]
        try:
            for job in as_completed(jobs):
                yield job.result()
        except BrokenProcessPool as error:
            raise OutputError(
                f"a worker process was killed, perhaps for want of memory; {out} keeps what is done: "
                "start again with fewer workers"
            ) from error
        except SystemExit:  # told to end, and soon: what they have begun is taken away
            for worker in active_children():
                worker.kill()
                worker.join()
            for left in out.glob(".*.partial.*"):
                left.unlink(missing_ok=True)
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes begun inside inherit an environment in which the libraries take one thread: they read it only once."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin_worker() -> None:
    opencv().setNumThreads(1)


def shooting(seed: int, damage_share: float) -> Shooting:
    """How the scene of this seed is filmed."""
    chance = np.random.default_rng([seed, 1])
    width, height = SIZES[int(chance.choice(len(SIZES), p=np.array(SIZE_WEIGHTS) / sum(SIZE_WEIGHTS)))]
    rate_hz = None if chance.random() < VARIABLE_SHARE else RATES_HZ[int(chance.integers(len(RATES_HZ)))]
    shutter = float(chance.choice(SHUTTER_SHARES))
    return Shooting(
        width, height, rate_hz, shutter, int(chance.choice(QUALITIES_CRF)), draw_damages(chance, damage_share)
    )


def frame_times(rate_hz: Fraction | None, length_s: Fraction, seed: int) -> tuple[list[Fraction], Fraction]:
    """Instants of the frames in [0, length), and when the last one ends. Uneven ones are in whole milliseconds."""
    if rate_hz is not None:
        count = grid_count(length_s, rate_hz)
        return [grid_time(index, rate_hz) for index in range(count)], grid_time(count, rate_hz)
    chance = np.random.default_rng([seed, 2])
    step_ms = 1000 / chance.uniform(18, 50)
    times_s = [Fraction(0)]
    while times_s[-1] < length_s:
        # Light falls and the phone exposes longer: the pace drifts by turns, and each step is a little off.
        step_ms = float(np.clip(step_ms * np.exp(chance.normal(0, 0.05)), 16, 80))
        times_s.append(times_s[-1] + Fraction(max(8, round(step_ms * chance.uniform(0.7, 1.3))), 1000))
    return times_s[:-1], times_s[-1]


def film_pictures(seed: int, how: Shooting, plot: str | None) -> tuple[Truth, Iterator[TimedPicture], Fraction]:
    """The truth of a scene, its pictures as filmed and damaged, painted as they are asked for, and when they end."""
    scene = compose(seed, plot=plot)
    times_s, end_s = frame_times(how.rate_hz, seconds(round(scene.truth.duration_s, 3)), seed)
    shutter_s = how.shutter * float(end_s) / len(times_s)
    pictures = paint(scene, [float(time_s) for time_s in times_s], how.width, how.height, shutter_s)
    film = apply_damages(zip(pictures, times_s, strict=True), how.damages, np.random.default_rng([seed, 3]))
    return scene.truth, film, end_s


def make_film(seed: int, out: Path, wish: Wish, sounds: Path | None) -> FilmRow:
    """Make one film and its truth in `out`; each appears under its name only when it is whole, the truth last."""
    how = shooting(seed, wish.damage_share)
    path, sheet = _paths(out, seed)
    for left in out.glob(f".{path.stem}.*.partial.*"):
        left.unlink(missing_ok=True)
    truth, film, end_s = film_pictures(seed, how, wish.plot)
    sound = None if wish.silent else sound_of(truth, SOUND_HZ, None if sounds is None else _library(sounds.resolve()))
    write_film(path, film, end_s, sound, crf=how.crf)
    clip, whole = probe(path), path.read_bytes()
    row = FilmRow(
        file=path.name,
        truth=sheet.name,
        seed=seed,
        plot=truth.scene,
        duration_s=float(clip.duration_s),
        rate_hz="variable" if how.rate_hz is None else str(how.rate_hz),
        width=how.width,
        height=how.height,
        damages=how.damages,
        captions=truth.captions,
        transcript=truth.transcript,
        events=len(truth.events),
        bytes=len(whole),
        sha256=hashlib.sha256(whole).hexdigest(),
        wish=wish,
    )
    cues = CueSheet(path.name, float(clip.duration_s), clip.fingerprint, truth_cues(truth))
    data = json.loads(cues.to_json())
    data["clip"] |= {"scene": asdict(truth), "film": asdict(row)}
    write_text(json.dumps(data, indent=1) + "\n", sheet)
    return row


@lru_cache(1)
def _library(sounds: Path) -> SoundLibrary:
    """Kept for the next film: reading the index and cutting recordings up takes longer than most films."""
    return SoundLibrary(sounds)


def truth_cues(truth: Truth) -> tuple[Cue, ...]:
    """What is heard, as a cue sheet says it: events ("wood chop") and stretches ("rain"); see `cues.Cue` for units."""
    cues = [
        Cue(event.time_s, event.time_s, event.strength, _place(event.place), f"{event.material} {event.contact}")
        for event in truth.events
    ]
    for part in truth.stretches:
        level, place = (float(np.mean([value for _, value in knots])) for knots in (part.levels, part.places))
        if part.end_s > part.start_s:
            cues.append(Cue(part.start_s, part.end_s, min(1.0, max(0.0, level)), _place(place), part.what))
    return tuple(sorted(cues, key=lambda cue: (cue.start_s, cue.end_s)))


def _place(place: float) -> float:
    """Things outside the picture are heard from its edge."""
    return min(1.0, max(-1.0, place))


def _paths(out: Path, seed: int) -> tuple[Path, Path]:
    return out / f"scene-{seed:09d}.mp4", out / f"scene-{seed:09d}.json"


def _made(out: Path, seed: int) -> FilmRow | None:
    """The row of a film that is there, whole; None where it has to be made."""
    path, sheet = _paths(out, seed)
    if not path.is_file() or not sheet.is_file():
        return None
    try:
        row = read_row(sheet)
    except InputError as error:
        logger.warning("%s; the film is made again", error)
        return None
    return row if row.bytes == path.stat().st_size else None


def write_manifest(out: Path) -> list[FilmRow]:
    """Write `manifest.jsonl` from the films that are in the folder, in order of seeds. Raises OutputError."""
    numbers = sorted(int(path.stem.removeprefix("scene-")) for path in out.glob("scene-*.json"))
    rows = [row for number in numbers if (row := _made(out, number)) is not None]
    write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), out / MANIFEST)
    return rows


def read_manifest(out: Path) -> list[FilmRow]:
    """The films of a folder. Raises InputError when there is no manifest or it is damaged."""
    path = out / MANIFEST
    try:
        return [_row(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise InputError(
            f"no {MANIFEST} in {out} ({error.strerror}); make films with 'phonofilm data simulate'"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error}); 'phonofilm data simulate' writes it anew") from error


def read_row(sheet: Path) -> FilmRow:
    """How a film was taken, from the JSON beside it. Raises InputError as `read_truth`."""
    return _read(sheet)[1]


def read_truth(sheet: Path) -> Truth:
    """The truth of a film, from the JSON beside it. Raises InputError when it is missing or is no truth."""
    return _read(sheet)[0]


def _read(sheet: Path) -> tuple[Truth, FilmRow]:
    try:
        clip = json.loads(sheet.read_text(encoding="utf-8"))["clip"]
        return _truth(clip["scene"]), _row(clip["film"])
    except OSError as error:
        raise InputError(f"truth {sheet} cannot be read ({error.strerror}); check the path") from error
    except (ValueError, TypeError, KeyError, AssertionError) as error:
        raise InputError(
            f"{sheet} is not the truth of a simulated film ({error!s:.80}); give the .json beside such a film"
        ) from error


def _row(data: dict[str, Any]) -> FilmRow:
    """From JSON; unknown and missing fields are TypeErrors."""
    damages = tuple((str(name), int(level)) for name, level in data["damages"])
    changed = {"damages": damages, "captions": tuple(data["captions"]), "wish": Wish(**data["wish"])}
    return FilmRow(**(data | changed))


def _truth(data: dict[str, Any]) -> Truth:
    """From JSON; unknown and missing fields are TypeErrors."""
    changed = {name: tuple(data[name]) for name in ("captions", "silent", "cuts_s")}
    changed["labels"] = tuple(tuple(names) for names in data["labels"])
    changed["events"] = tuple(Event(**row) for row in data["events"])
    changed["phonemes"] = tuple(Phoneme(**row) for row in data["phonemes"])
    changed["stretches"] = tuple(
        Stretch(**(row | {name: tuple((knot[0], knot[1]) for knot in row[name]) for name in ("levels", "places")}))
        for row in data["stretches"]
    )
    return Truth(**(data | changed))
