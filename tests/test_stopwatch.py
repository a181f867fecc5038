"""Stages add up to the whole, also when one runs inside another."""

import time

import pytest

from phonofilm.stopwatch import Stopwatch
from phonofilm.types import no_progress


def test_inner_stages_count_for_themselves_alone() -> None:
    watch, start = Stopwatch(), time.perf_counter()
    with watch.stage("outer", no_progress):
        time.sleep(0.02)
        for _ in range(3):
            with watch.inside("inner"):
                time.sleep(0.01)
        with watch.stage("outer", no_progress):
            time.sleep(0.01)
    whole = time.perf_counter() - start
    assert watch.seconds["inner"] >= 0.03
    assert watch.seconds["outer"] >= 0.03
    assert sum(watch.seconds.values()) == pytest.approx(whole, abs=0.005)


def test_progress_is_told_of_begin_and_end_and_a_failure_leaves_the_watch_right() -> None:
    told: list[tuple[str, float]] = []
    watch = Stopwatch({"before": 1.0})
    with pytest.raises(ValueError, match="stop"), watch.stage("one", lambda name, share: told.append((name, share))):
        raise ValueError("stop")
    with watch.stage("two", lambda name, share: told.append((name, share))):
        pass
    assert told == [("one", 0.0), ("two", 0.0), ("two", 1.0)]
    assert set(watch.seconds) == {"before", "one", "two"}
    assert watch.seconds["before"] == 1.0
