"""Seconds per stage of one job."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from phonofilm.types import Progress

logger = logging.getLogger(__name__)


class Stopwatch:
    """Seconds per stage. A stage inside another counts for itself alone, so that the stages add up to the whole."""

    def __init__(self, seconds: dict[str, float] | None = None) -> None:
        self.seconds = dict(seconds or {})
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def stage(self, name: str, progress: Progress) -> Iterator[None]:
        """Time what runs inside; tell the progress callback of begin and end."""
        progress(name, 0.0)
        with self.inside(name):
            yield
        if name not in self._running:
            logger.debug("%s took %.2f s", name, self.seconds[name])
        progress(name, 1.0)

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """As `stage`, for one of many short pieces inside another stage: nothing is reported."""
        self._charge()
        self._running.append(name)
        try:
            yield
        finally:
            self._charge()
            self._running.pop()

    def _charge(self) -> None:
        """Book the time since the last change on the innermost stage."""
        now = time.perf_counter()
        if self._running:
            name = self._running[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now
