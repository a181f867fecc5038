"""A full queue, and a server killed in its midst twice: nothing is lost, nothing done twice, memory is flat."""

import json
import signal
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from clips import even_times, make_clip
from phonofilm.media.probe import probe
from studio_server import Server

pytestmark = pytest.mark.thorough
JOBS, PROJECTS = 50, 3
KILLED_AFTER = (12, 30)
"""So many jobs are done when the server is killed."""
SETTLED = 8
"""From so many jobs in one process on, its memory must not grow."""
MOST_GROWN_MB = 40.0
PATIENCE_S = 300.0


def resident_mb(server: Server) -> float:
    """Memory of the server; 0 where the system does not tell."""
    status = Path(f"/proc/{server.process.pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def until(seen: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.1)


def test_fifty_jobs_and_two_kills_lose_nothing(tmp_path: Path) -> None:
    rate_hz = Fraction(12)
    clip = make_clip(tmp_path / "clip.mp4", even_times(12, rate_hz), rate_hz=rate_hz)
    folder = tmp_path / "studio"
    server = Server(folder, "--model", "tiny", "--device", "cpu")
    projects = [server.upload(clip) for _ in range(PROJECTS)]
    jobs = []
    for number in range(JOBS):
        wanted = {"kind": "add", "model": "tiny", "use_cues": False, "options": {"seed": number, "credentials": "off"}}
        answer = server.ask(f"/projects/{projects[number % PROJECTS]}/jobs", json.dumps(wanted).encode())
        jobs.append(str(answer["id"]))

    def done() -> int:
        health = server.ask("/health")
        return JOBS - int(health["waiting"]) - int(health["running"])

    for count in KILLED_AFTER:
        until(lambda count=count: done() >= count)  # type: ignore[misc]
        server.end(signal.SIGKILL)
        server.start()
    before = done()
    until(lambda: done() >= before + SETTLED)
    settled_mb = resident_mb(server)
    until(lambda: done() == JOBS)
    grown_mb = resident_mb(server) - settled_mb

    takes = [(take, project) for project in projects for take in server.ask(f"/projects/{project}")["takes"]]
    assert [server.ask(f"/jobs/{job}")["state"] for job in jobs] == ["done"] * JOBS
    assert sorted(take["seed"] for take, _ in takes) == list(range(JOBS)), "each once"
    for project in projects:
        numbers = [take["number"] for take, of in takes if of == project]
        assert numbers == list(range(1, len(numbers) + 1))
    health = server.ask("/health")
    assert (health["waiting"], health["running"]) == (0, 0)
    server.close()
    assert grown_mb < MOST_GROWN_MB
    assert not list(folder.rglob("jobs/*")), "no workshop is left"
    assert not list(folder.rglob("work/*"))
    assert not list(folder.rglob(".*")), "no half-written file is left"
    films = list(folder.rglob("takes/*/film.mp4"))
    assert len(films) == JOBS
    assert all(probe(film).audio is not None for film in films)
