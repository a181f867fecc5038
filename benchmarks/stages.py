"""Seconds and memory of each stage of `phonofilm add`, from a cold start, and of each further take.

    python benchmarks/stages.py [--clip CLIP] [--takes 3] [--repeats 3]

Without a clip, 8 s of 1280x720 at 30 frames a second are made. Every figure is also printed as a ratio to a baseline
measured in the same run, a float32 matrix product of 10 GFLOP on the same threads, so that runs on machines of
different speed, or on a busy one, can be compared.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

BASELINE = """
import time, torch
a, b = torch.randn(2048, 1024), torch.randn(1024, 2384)
a @ b
start = time.perf_counter()
a @ b
print(time.perf_counter() - start)
"""


def make_clip(path: Path) -> None:
    """8 s of 720p30: a textured ground and a ball that strikes it once a second."""
    generator = np.random.default_rng(0)
    ground = generator.integers(60, 120, (720, 1280, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(240):
            phase = (number % 30 - 15) / 15
            top = int(480 * (1 - phase**2))
            picture = ground.copy()
            picture[560 - top : 680 - top, 580:700] = (230, 120, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))


def run_once(clip: Path, takes: int, folder: Path) -> tuple[dict[str, float], float, float]:
    """(seconds per stage summed over takes, wall seconds of the whole command, peak memory in MB)."""
    command = [sys.executable, "-m", "phonofilm", "add", str(clip), "-o", str(folder / "out.mp4")]
    before = time.perf_counter()
    process = subprocess.Popen([*command, "--takes", str(takes), "--json"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - before
    if status:
        raise SystemExit(f"phonofilm failed with status {status}")
    rows = json.loads(text)[0]["takes"]
    stages: dict[str, float] = {}
    for row in rows:
        for name, value in row["seconds"].items():
            # The stages that all takes share are reported with each take and count once.
            shared = name in ("probe", "frames", "see", "encode")
            stages[name] = value if shared else stages.get(name, 0.0) + value
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    return stages, wall_s, usage.ru_maxrss / unit


def baseline_s() -> float:
    """Seconds of one 10 GFLOP float32 product in a fresh process."""
    return float(subprocess.check_output([sys.executable, "-c", BASELINE]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--takes", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = options.clip or folder / "clip.mp4"
        if options.clip is None:
            make_clip(clip)
        one, many, base = [], [], []
        for _ in range(options.repeats):
            base.append(baseline_s())
            one.append(run_once(clip, 1, folder))
            many.append(run_once(clip, 1 + options.takes, folder))
    unit_s = statistics.median(base)
    print(f"baseline product {unit_s * 1000:.0f} ms; {os.cpu_count()} cores; medians of {options.repeats} runs")
    print(f"{'stage':16}{'seconds':>9}{'ratio':>8}")
    for stage in one[0][0]:
        value = statistics.median(run[0][stage] for run in one)
        print(f"{stage:16}{value:9.2f}{value / unit_s:8.1f}")
    whole = statistics.median(run[1] for run in one)
    further = statistics.median((b[1] - a[1]) / options.takes for a, b in zip(one, many, strict=True))
    print(f"{'whole command':16}{whole:9.2f}{whole / unit_s:8.1f}")
    print(f"{'further take':16}{further:9.2f}{further / unit_s:8.1f}")
    print(f"peak memory {max(run[2] for run in one):.0f} MB")


if __name__ == "__main__":
    main()
