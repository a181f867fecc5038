"""What the pipeline warns of while a job runs, for whoever asked for it."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def warnings_to(note: Callable[[str], None]) -> Iterator[None]:
    """What this thread warns of, as notes."""
    handler = _Listener(note)
    root = logging.getLogger("phonofilm")
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Listener(logging.Handler):
    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._note, self._thread = note, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self._note(record.getMessage())
