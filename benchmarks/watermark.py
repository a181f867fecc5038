"""What the watermark survives, how little it changes, how fast it is, and that it is seen nowhere else.

    python benchmarks/watermark.py [--sounds DIR] [--takes] [--durations 3,5,10,30] [--attacks accept|core|all|NAMES]
    python benchmarks/watermark.py --unmarked DIR [--attacks NAMES | --keys 200]
    python benchmarks/watermark.py --hour

The first marks sounds (the middle of each file; without a folder, sounds made here) with a payload of their own each,
attacks them, and prints how many of a hundred are detected and how many payloads come out right. The second looks for
marks where there are none, and sets what it sees, or the scores of random keys, beside the bound that the verdict rests
on. The third marks and searches an hour as a stream. Times are CPU seconds. Everything is also written as --json.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from watermark_attacks import sixteen_bits
from watermark_chance import looks, sounds_in, tail
from watermark_quality import quality
from watermark_rows import ROWS, chosen
from watermark_sounds import KINDS, make, middle, takes

from phonofilm.mark.detect import Detector, detect
from phonofilm.mark.embed import Marker, mark
from phonofilm.mark.payload import EARLIEST_MONTH, MODEL_LIMIT, Payload
from phonofilm.media.audio import resample
from phonofilm.types import Waveform

Row = dict[str, Any]
Work = tuple[str, Waveform, float, list[str]]
KEYED_FILES = 20
BLOCK_S = 10


def own_payload(name: str) -> Payload:
    """A payload that follows from a name."""
    digest = sha256(name.encode()).digest()
    month = EARLIEST_MONTH + digest[1] % 32
    return Payload(model=digest[0] % MODEL_LIMIT, month=month, take=int.from_bytes(digest[2:4], "big"))


def own_generator(*names: object) -> np.random.Generator:
    """The same randomness for the same names in every run."""
    return np.random.default_rng(list(sha256(repr(names).encode()).digest()))


def sounds(options: argparse.Namespace, seconds: float) -> Iterator[tuple[str, Waveform]]:
    """What is to be marked, `seconds` long, in stereo or mono at the wanted rate. Shorter files are left out."""
    if options.sounds:
        found = ((path.stem, sound) for path, sound in sounds_in(options.sounds))
    else:
        found = (
            (f"{kind} {seed}", make(kind, seconds, 44100, seed)) for kind in KINDS for seed in range(options.seeds)
        )
    for name, sound in (*found, *(takes(seconds).items() if options.takes else ())):
        if sound.duration_s < seconds - 0.05:
            continue
        cut = Waveform(middle(sound, seconds), sound.rate_hz)
        if options.rate:
            cut = resample(cut, options.rate)
        if options.mono:
            cut = Waveform(cut.samples.mean(0, keepdims=True), cut.rate_hz)
        yield name, sixteen_bits(cut)


def measure(work: Work) -> Row:
    """Marks one sound, attacks it in every way asked for, and looks. What an attack leaves silent is left out."""
    name, sound, seconds, attacks = work
    payload = own_payload(name)
    begin = time.process_time()
    marked = mark(sound, payload)
    embed_s = time.process_time() - begin
    written = sixteen_bits(marked.sound)
    rows = []
    for attack in attacks:
        changed = sixteen_bits(ROWS[attack](written, own_generator(name, seconds, attack)))
        if changed.samples.any():
            rows.append({"attack": attack, **looked(changed, payload)})
    return {
        "clip": name,
        "seconds": seconds,
        "markable": sum(marked.markable) / max(1, len(marked.markable)),
        "times_real_time": seconds / max(embed_s, 1e-4),
        **asdict(quality(sound.samples, written.samples, sound.rate_hz)),
        "rows": rows,
    }


def looked(sound: Waveform, payload: Payload) -> Row:
    """What is seen in a sound that bears `payload`."""
    begin = time.process_time()
    seen = detect(sound)
    detect_s = time.process_time() - begin
    return {
        "detected": seen.marked,
        "right": seen.payload == payload,
        "wrong": seen.payload not in (None, payload),
        "score": seen.score,
        "log10_chance": seen.log10_chance,
        "times_real_time": float(sound.duration_s) / max(detect_s, 1e-4),
    }


def over_all(work: list[Work], jobs: int) -> Iterator[Row]:
    """Results as they come, in order, with a line about each on standard error."""
    results = map(measure, work) if jobs == 1 else get_context("spawn").Pool(jobs).imap(measure, work)
    for result in results:
        lost = [row["attack"] for row in result["rows"] if not row["right"]]
        print(f"{result['seconds']:g} s {result['clip']}: lost {', '.join(lost) or 'nothing'}", file=sys.stderr)
        yield result


def marked_table(options: argparse.Namespace) -> list[Row]:
    """Prints the table of attacks."""
    attacks = chosen(options.attacks or "accept")
    durations = [float(text) for text in options.durations.split(",")]
    work = [(name, cut, seconds, attacks) for seconds in durations for name, cut in sounds(options, seconds)]
    results = list(over_all(work, options.jobs))
    bearing = [result for result in results if result["markable"]]
    for seconds in durations:
        print_quality(seconds, [result for result in results if result["seconds"] == seconds])
    print(f"\n{'detected %, payload %':24}" + "".join(f"{seconds:>9g} s " for seconds in durations))
    for attack in attacks:
        line = f"{attack:24}"
        for seconds in durations:
            rows = [
                row
                for result in bearing
                if result["seconds"] == seconds
                for row in result["rows"]
                if row["attack"] == attack
            ]
            shares = [100 * sum(row[what] for row in rows) / max(1, len(rows)) for what in ("detected", "right")]
            line += f"{shares[0]:6.0f} {shares[1]:4.0f}"
        print(line)
    wrong = sum(bool(row["wrong"]) for result in results for row in result["rows"])
    print(f"wrong payloads: {wrong}")
    return results


def print_quality(seconds: float, results: list[Row]) -> None:
    """One line for each duration. Means over the clips that bear the mark; the worst frame of all of them."""
    bearing = [result for result in results if result["markable"]]
    silent = [str(result["clip"]) for result in results if not result["markable"]]
    if not bearing:
        print(f"{seconds:g} s: nothing to mark")
        return

    def mean(name: str) -> float:
        return float(np.mean([result[name] for result in bearing]))

    plain = [row["times_real_time"] for result in bearing for row in result["rows"] if row["attack"] == "none"]
    slowest = min(row["times_real_time"] for result in bearing for row in result["rows"])
    worst = max(float(result["worst_db"]) for result in bearing)
    print(
        f"{seconds:g} s, {len(bearing)} clips: SNR {mean('snr_db'):.1f} dB, segmental {mean('segmental_db'):.1f} dB, "
        f"noise to mask {mean('nmr_db'):.1f} dB (worst frame {worst:.1f}), "
        f"frames above +1.5 dB {mean('disturbed'):.4f}; embeds {mean('times_real_time'):.0f}x, "
        f"detects {np.mean(plain or [0.0]):.0f}x real time (slowest row {slowest:.0f}x)"
    )
    if silent:
        print(f"    too quiet to mark, left out: {', '.join(silent)}")


def peak_mb() -> float:
    """Most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def an_hour() -> list[Row]:
    """Marks and searches an hour as a stream; prints memory and speed on the way."""
    pieces = [make(kind, BLOCK_S, 44100, seed) for seed in range(2) for kind in KINDS]
    marker, detector = Marker(44100, 2, own_payload("hour")), Detector(44100)
    rows: list[Row] = []
    embed_s = detect_s = 0.0
    for second in range(0, 3600, BLOCK_S):
        block = pieces[second // BLOCK_S % len(pieces)].samples
        begin = time.process_time()
        ready = marker.feed(block)
        middle_s = time.process_time()
        detector.feed(ready)
        embed_s, detect_s = embed_s + middle_s - begin, detect_s + time.process_time() - middle_s
        if (second + BLOCK_S) % 600 == 0 or second + BLOCK_S == 120:
            so_far = second + BLOCK_S
            rows.append(
                {"seconds": so_far, "peak_mb": peak_mb(), "embed": so_far / embed_s, "detect": so_far / detect_s}
            )
            print(
                f"{so_far:5} s: {peak_mb():.0f} MB at most, embeds {so_far / embed_s:.0f}x, "
                f"detects {so_far / detect_s:.0f}x real time"
            )
    detector.feed(marker.finish())
    seen = detector.finish()
    covered = sum(span.end_s - span.start_s for span in seen.spans)
    print(f"marked: {seen.marked}, payload right: {seen.payload == own_payload('hour')}, {covered:.0f} s of 3600 found")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sounds", type=Path, help="folder of sounds or videos to mark; made here when left out")
    parser.add_argument("--seeds", type=int, default=2, help="how many of each kind are made")
    parser.add_argument("--takes", action="store_true", help="also mark what the mini model makes")
    parser.add_argument("--durations", default="3,5,10,30", help="seconds")
    parser.add_argument("--attacks", help="accept, core, all, or names; accept by default, none with --unmarked")
    parser.add_argument("--rate", type=int, help="resample the sounds to this rate first")
    parser.add_argument("--mono", action="store_true", help="mix the sounds down first")
    parser.add_argument("--unmarked", type=Path, help="folder of sounds that bear no mark")
    parser.add_argument(
        "--keys", type=int, default=0, help=f"scores of random keys, in {KEYED_FILES} of the unmarked files"
    )
    parser.add_argument("--hour", action="store_true", help="an hour of sound as a stream")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.hour:
        results = an_hour()
    elif options.unmarked and options.keys:
        results = tail(options.unmarked, KEYED_FILES, options.keys)
    elif options.unmarked:
        results = looks(options.unmarked, chosen(options.attacks or "none"))
    else:
        results = marked_table(options)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1, default=float))


if __name__ == "__main__":
    main()
