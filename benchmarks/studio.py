"""What the studio's server costs beside the pipeline itself, how fast it answers while it works, and its memory.

    python benchmarks/studio.py [--jobs 50] [--model mini]

The same jobs are done by calls of the library in this process first: that is the baseline of the ratio. Then a server
is started, given the clip and all jobs at once, and asked for its health and its project ten times a second while it
works them off. Absolute times depend on the machine and on what else it does; the ratio does not, or little.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import av
import numpy as np

from phonofilm import Phonofilm

SECONDS, RATE_HZ = 4, 25
EVERY_S = 0.1


def make_clip(path: Path) -> None:
    """A ball that strikes the ground once a second."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for frame in range(SECONDS * RATE_HZ):
            picture = np.full((240, 320, 3), 90, np.uint8)
            top = int(180 * abs(((frame % RATE_HZ) - 12.5) / 12.5) ** 2)
            picture[180 - top : 220 - top, 140:180] = (230, 120, 40)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        file.mux(stream.encode(None))


def in_this_process(clip: Path, model: str, jobs: int) -> float:
    """Seconds of a job, without the first."""
    film = Phonofilm.load(model)
    start_s = 0.0
    for seed in range(jobs + 1):
        if seed == 1:
            start_s = time.perf_counter()
        film.add_sound(clip, clip.with_name("direct.mp4"), seed=seed, stems=True)
    return (time.perf_counter() - start_s) / jobs


class Server:
    """`phonofilm studio` as a process."""

    def __init__(self, folder: Path, model: str) -> None:
        words = ["studio", "--port", "0", "--model", model, "--folder", str(folder)]
        self.process = subprocess.Popen([sys.executable, "-m", "phonofilm", *words], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        found = re.search(r"http://\S+/", self.process.stdout.readline())
        if not found:
            raise SystemExit("the studio did not start; is the extra installed? pip install '.[studio]'")
        self.address = found[0]

    def ask(self, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
        request = urllib.request.Request(f"{self.address}api/v1{path}", body, {"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def upload(self, clip: Path) -> str:
        head = b'--part\r\nContent-Disposition: form-data; name="file"; filename="clip.mp4"\r\n\r\n'
        body = head + clip.read_bytes() + b"\r\n--part--\r\n"
        return str(self.ask("/projects", body, "multipart/form-data; boundary=part")["id"])

    def busy(self) -> int:
        health = self.ask("/health")
        return int(health["waiting"]) + int(health["running"])

    def resident_mb(self) -> float:
        """0 where the system does not tell."""
        status = Path(f"/proc/{self.process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--model", default="mini")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        clip = Path(name) / "clip.mp4"
        make_clip(clip)
        direct_s = in_this_process(clip, asked.model, max(3, asked.jobs // 10))
        server = Server(Path(name) / "studio", asked.model)
        try:
            report(server, clip, asked.model, asked.jobs, direct_s)
        finally:
            server.process.terminate()
            server.process.wait(20)


def report(server: Server, clip: Path, model: str, jobs: int, direct_s: float) -> None:
    start_s = time.perf_counter()
    project = server.upload(clip)
    uploaded_s = time.perf_counter() - start_s
    while server.busy():
        time.sleep(EVERY_S / 10)
    print(f"upload answered after {uploaded_s:.2f} s, cues there after {time.perf_counter() - start_s:.2f} s")
    start_s = time.perf_counter()
    for seed in range(jobs):
        wanted = {"kind": "add", "model": model, "use_cues": False, "options": {"seed": seed}}
        server.ask(f"/projects/{project}/jobs", json.dumps(wanted).encode())
    answers_s: list[float] = []
    memory: dict[int, float] = {}
    while left := server.busy():
        for path in ("/health", f"/projects/{project}"):
            before_s = time.perf_counter()
            server.ask(path)
            answers_s.append(time.perf_counter() - before_s)
        if (jobs - left) % 10 == 0:
            memory.setdefault(jobs - left, server.resident_mb())
        time.sleep(EVERY_S)
    memory[jobs] = server.resident_mb()
    job_s = (time.perf_counter() - start_s) / jobs
    states = {job["state"] for job in server.ask("/jobs")}
    print(f"{jobs} jobs of {SECONDS} s of film, all {'/'.join(sorted(states))}: {60 / job_s:.0f} a minute")
    print(f"a job takes {job_s:.2f} s, the same call by the library {direct_s:.2f} s: {job_s / direct_s:.2f} times")
    middle, late = np.quantile(answers_s, [0.5, 0.99])
    print(f"answers while it works: median {middle * 1000:.0f} ms, 99 % within {late * 1000:.0f} ms")
    print(
        "memory in MB after jobs: " + ", ".join(f"{count}: {mb:.0f}" for count, mb in sorted(memory.items()) if count)
    )


if __name__ == "__main__":
    main()
