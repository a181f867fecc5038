"""The thread that does the jobs, one after the other."""

import logging
import threading
from collections.abc import Callable

from phonofilm.errors import PhonofilmError
from phonofilm.web.jobs import JobBook, Work
from phonofilm.web.problems import ProblemError, problem_of
from phonofilm.web.store import JobRecord

logger = logging.getLogger(__name__)


class JobStoppedError(Exception):
    """Raised out of the pipeline's progress callback: the job is not wanted any more, or the server stops."""


class Worker:
    """One thread for one device. prepare: done first, while nobody waits yet."""

    def __init__(self, book: JobBook, work: Work, prepare: Callable[[], None]) -> None:
        self._book, self._work, self._prepare = book, work, prepare
        self._thread = threading.Thread(target=self._run, name="phonofilm-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Close the book and wait for the thread; False when it is still busy after `timeout_s`."""
        self._book.close()
        self._thread.join(timeout_s)
        return self.ended

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._prepare()
        except Exception as error:  # whatever it is, the job that needs the model says it to whoever asked
            logger.debug("cannot load the model ahead of time: %s", error)
        while (job := self._book.take_next()) is not None:
            try:
                self._do(job)
            except Exception:  # the disk is full or the folder gone; the others still want their turn
                logger.exception("job %s could not be finished", job.id)

    def _do(self, job: JobRecord) -> None:
        def progress(stage: str, share: float) -> None:
            if not self._book.progress(job, stage, share):
                raise JobStoppedError

        try:
            takes = self._work(job, progress, lambda text: self._book.note(job, text))
        except Exception as error:
            if isinstance(error, JobStoppedError) or self._book.is_stopping(job):
                # Whatever went wrong after its project was deleted is of no interest to anybody.
                self._book.stopped(job)
            else:
                self._book.failed(job, _problem(error, job))
        else:
            self._book.done(job, takes)


def _problem(error: Exception, job: JobRecord) -> ProblemError:
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, PhonofilmError):
        return problem_of(error, {})
    logger.error("job %s failed", job.id, exc_info=error)
    return ProblemError(
        "internal", f"{type(error).__name__} in the studio; the server's log has more: please report it"
    )
