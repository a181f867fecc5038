"""What is said of loudness that was not reached."""

import logging
from typing import Any, cast

import numpy as np
import pytest

from phonofilm.assembly import tell_loudness
from phonofilm.mark.payload import Payload
from phonofilm.outlet import Sealed
from phonofilm.scenes.guide import Scene
from phonofilm.settings import AddOptions
from phonofilm.types import Waveform


class Place:
    """As much of a scene as is asked: how loud it may be."""

    def __init__(self, loudest_lufs: float | None) -> None:
        self.loudest_lufs = loudest_lufs


def told(
    lufs: float, loudness: str, caplog: pytest.LogCaptureFixture, loudest: float | None = None, **more: Any
) -> str:
    """The level and text of what is said of a tone of some loudness; empty for nothing."""
    at = np.arange(96_000) / 48_000
    # BS.1770: a full-scale sine of 997 Hz in one channel reads -3.01 LUFS.
    tone = np.sin(2 * np.pi * 997 * at) * 10 ** ((lufs + 3.01) / 20)
    if more.get("peaks"):
        tone[0] = 10 ** (-1 / 20)
    made = Sealed(Waveform(tone[None].astype(np.float32), 48_000), Payload(1, 34, 0xABC), True)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        tell_loudness(made, cast(Scene, Place(loudest)), AddOptions(loudness=loudness), more.get("spoken", False))
    return " ".join(f"{record.levelname} {record.message}" for record in caplog.records)


@pytest.mark.parametrize(
    ("loudness", "target"), [("web", -16), ("-16", -16), ("ebu-r128", -23), ("cinema", -27), ("-30", -30)]
)
def test_a_take_under_the_loudness_that_was_chosen_is_said(
    loudness: str, target: float, caplog: pytest.LogCaptureFixture
) -> None:
    level = "INFO" if loudness == "web" else "WARNING"
    assert told(target - 6, loudness, caplog).startswith(f"{level} take ")
    assert f"is at {target - 6:.1f} LUFS: it came out faint" in caplog.text
    assert f"take another seed, where the loudness asked for is {target}" in caplog.text
    assert "more would crush its peaks" in told(target - 6, loudness, caplog, peaks=True)
    assert told(target - 0.3, loudness, caplog) == ""
    assert told(target + 1, loudness, caplog) == ""
    assert "a place that nobody asked for" in told(target - 6, loudness, caplog, target - 6)
    assert "is silent" in told(-300, loudness, caplog)


def test_nothing_is_said_where_nothing_was_missed(caplog: pytest.LogCaptureFixture) -> None:
    assert told(-60, "none", caplog) == ""
    assert told(-35, "cinema", caplog, spoken=True) == "", "the words are at the target, not the whole"
