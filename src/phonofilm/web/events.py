"""Who wants to know of jobs and projects is told, without ever holding up who tells."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

SHARE_STEP_S = 0.2
"""Shares are told at most five times a second."""
MOST_WAITING = 1000
"""Messages that are kept for one slow reader; beyond them the oldest are lost."""


@dataclass(frozen=True)
class Message:
    """One event. share_of: the job of which it says only how far it is; a later one then takes its place."""

    event: str
    data: dict[str, Any]
    share_of: str = ""


class Reader:
    """One connection. Filled from any thread, read by one coroutine."""

    def __init__(self, wants: Callable[[Message], bool]) -> None:
        self._wants = wants
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._lock = threading.Lock()
        self._messages: deque[Message] = deque(maxlen=MOST_WAITING)
        self._shares: dict[str, Message] = {}
        self.closed = False

    def put(self, message: Message) -> None:
        """From any thread."""
        if not self._wants(message):
            return
        with self._lock:
            if message.share_of:
                self._shares[message.share_of] = message
            else:
                self._shares.pop(message.data.get("id", ""), None)
                self._messages.append(message)
        self._wake()

    def close(self) -> None:
        """From any thread: nothing more comes."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)

    async def messages(self) -> AsyncIterator[Message]:
        """What was put, in order, shares no more often than SHARE_STEP_S; ends when closed."""
        last_s = 0.0
        while True:
            self._news.clear()
            with self._lock:
                ready = list(self._messages)
                self._messages.clear()
                waiting = bool(self._shares)
                if waiting and time.monotonic() - last_s >= SHARE_STEP_S:
                    ready += self._shares.values()
                    self._shares.clear()
                    waiting, last_s = False, time.monotonic()
            for message in ready:
                yield message
            if self.closed:
                return
            if not ready:
                await self._wait(last_s + SHARE_STEP_S - time.monotonic() if waiting else None)

    async def _wait(self, timeout_s: float | None) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s if timeout_s is None else max(0.0, timeout_s))
        except TimeoutError:
            return


class Bus:
    """Hands every message to every reader that wants it."""

    def __init__(self) -> None:
        self._readers: set[Reader] = set()
        self._lock = threading.Lock()
        self._closed = False

    def publish(self, message: Message) -> None:
        """From any thread; returns at once."""
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            reader.put(message)

    @contextmanager
    def reading(self, wants: Callable[[Message], bool]) -> Iterator[Reader]:
        """A reader for as long as the block lasts; inside a running event loop."""
        reader = Reader(wants)
        with self._lock:
            reader.closed = self._closed
            self._readers.add(reader)
        try:
            yield reader
        finally:
            with self._lock:
                self._readers.discard(reader)

    def close(self) -> None:
        """End all streams: the server stops."""
        with self._lock:
            self._closed = True
            readers = list(self._readers)
        for reader in readers:
            reader.close()
