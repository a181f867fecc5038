"""The queue: what waits, what runs, what has ended. Every change is on the disk before anybody is told of it."""

import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from phonofilm.web.events import Bus, Message
from phonofilm.web.problems import ProblemError, not_found
from phonofilm.web.projects import Projects, new_id, now
from phonofilm.web.store import JobRecord, Store, job_from

SPOT = "spot"
LISTED_ENDED = 50


class JobBook:
    """Jobs by id. Safe from any thread; looks at pictures (`spot`) go before everything else, for they are short."""

    def __init__(self, store: Store, projects: Projects, bus: Bus, most_waiting: int) -> None:
        self._store, self._projects, self._bus, self._most_waiting = store, projects, bus, most_waiting
        self._news = threading.Condition(threading.RLock())
        self._active: dict[str, JobRecord] = {}
        self._stopping: set[str] = set()
        self._closed = False
        self._number = store.last_number()
        self._restore()

    def _restore(self) -> None:
        """What had not ended when the last server did waits again, in its order."""
        jobs = {job.id: job for job in self._store.waiting()}
        for data in self._projects.kept_jobs():
            job = job_from(data)
            if job is None:
                continue
            known = self._store.job(job.id)
            if known is not None and known.ended:
                self._projects.drop_job(job.project, job.id)
            else:
                jobs.setdefault(job.id, job)
        for job in sorted(jobs.values(), key=lambda job: job.number):
            self._number = max(self._number, job.number)
            job.state, job.stage, job.share, job.started_at = "queued", None, 0.0, None
            job.stages, job.notes = [], []
            self._store.put_job(job)
            self._active[job.id] = job

    # What the doors ask.

    def submit(self, project: str, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        """A new job, waiting. Raises ProblemError when too many wait."""
        with self._news:
            if kind != SPOT and len(self._queue()) >= self._most_waiting:
                raise ProblemError("queue_full", f"{self._most_waiting} jobs are waiting; try again when some are done")
            self._number += 1
            job = JobRecord(new_id(), project, kind, self._number, now(), request)
            self._projects.keep_job(project, job.id, asdict(job))
            self._store.put_job(job)
            self._active[job.id] = job
            self._news.notify_all()
            self._tell(job)
            return self._view(job)

    def cancel(self, job_id: str) -> dict[str, Any]:
        """A waiting job ends at once, a running one as soon as it says how far it is. Raises ProblemError."""
        with self._news:
            job = self._active.get(job_id)
            if job is None:
                return self.view(job_id)
            if job.state == "queued":
                self._end(job, "cancelled")
            else:
                self._stopping.add(job_id)
            return self._view(job)

    def cancel_all_of(self, project: str) -> None:
        with self._news:
            for job in [job for job in self._active.values() if job.project == project]:
                self.cancel(job.id)

    def view(self, job_id: str) -> dict[str, Any]:
        """Raises ProblemError when there is no such job."""
        with self._news:
            job = self._active.get(job_id) or self._store.job(job_id)
            if job is None:
                raise not_found("job")
            return self._view(job)

    def active(self, project: str | None = None) -> list[dict[str, Any]]:
        """The running one, then those that wait, in their order."""
        with self._news:
            running = [job for job in self._active.values() if job.state == "running"]
            return [self._view(job) for job in (*running, *self._queue()) if project in (None, job.project)]

    def listing(self) -> list[dict[str, Any]]:
        """All that wait or run, then those that ended last."""
        return [*self.active(), *(self._view(job) for job in self._store.ended(LISTED_ENDED))]

    def of_project(self, project: str) -> list[dict[str, Any]]:
        """Those that wait or run, and the newest that failed."""
        failed = self._store.ended(1, project, "failed")
        return [*self.active(project), *(self._view(job) for job in failed)]

    def counts(self) -> tuple[int, int]:
        """How many wait and how many run."""
        with self._news:
            waiting = len(self._queue())
            return waiting, len(self._active) - waiting

    # What the worker asks.

    def take_next(self) -> JobRecord | None:
        """The next job, now running; waits for one. None when the book is closed."""
        with self._news:
            while not self._closed and not self._queue():
                self._news.wait()
            if self._closed:
                return None
            job = self._queue()[0]
            job.state, job.started_at = "running", now()
            self._store.put_job(job)
            self._tell(job)
            for other in self._queue():
                self._tell(other, share_only=True)
            return job

    def progress(self, job: JobRecord, stage: str, share: float) -> bool:
        """How far a running job is. False: it shall stop."""
        with self._news:
            changed = stage != job.stage
            job.stage, job.share = stage, round(min(max(share, 0.0), 1.0), 4)
            if stage not in job.stages:
                job.stages.append(stage)
            self._tell(job, share_only=not changed)
            return not self._closed and job.id not in self._stopping

    def note(self, job: JobRecord, text: str) -> None:
        with self._news:
            if text not in job.notes:
                job.notes.append(text)
                self._tell(job)

    def done(self, job: JobRecord, takes: list[str]) -> None:
        with self._news:
            job.takes = takes
            self._end(job, "done")

    def failed(self, job: JobRecord, problem: ProblemError) -> None:
        with self._news:
            job.error = problem.body()["error"]
            self._end(job, "failed")

    def stopped(self, job: JobRecord) -> None:
        """It was cancelled; or the server stops, and the next one makes it."""
        with self._news:
            if job.id in self._stopping or not self._closed:
                self._end(job, "cancelled")

    def is_stopping(self, job: JobRecord) -> bool:
        with self._news:
            return self._closed or job.id in self._stopping

    def close(self) -> None:
        """Nothing is begun any more, and what runs stops."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def _queue(self) -> list[JobRecord]:
        waiting = [job for job in self._active.values() if job.state == "queued"]
        return sorted(waiting, key=lambda job: (job.kind != SPOT, job.number))

    def _end(self, job: JobRecord, state: str) -> None:
        job.state, job.ended_at = state, now()
        self._active.pop(job.id, None)
        self._stopping.discard(job.id)
        self._store.put_job(job)
        self._projects.drop_job(job.project, job.id)
        self._tell(job)

    def _tell(self, job: JobRecord, share_only: bool = False) -> None:
        self._bus.publish(Message("job", self._view(job), job.id if share_only else ""))

    def _view(self, job: JobRecord) -> dict[str, Any]:
        queue = [other.id for other in self._queue()] if job.state == "queued" else []
        shown = asdict(job)
        for inner in ("number", "request"):
            del shown[inner]
        return shown | {"position": queue.index(job.id) if job.id in queue else None}


Work = Callable[[JobRecord, Callable[[str, float], None], Callable[[str], None]], list[str]]
"""Does a job, telling stage and share (which may raise JobStoppedError) and notes; returns the takes it made."""
