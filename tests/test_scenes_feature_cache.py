"""What was kept comes back, damage and lack of room lose nothing but time."""

import logging
import os
from pathlib import Path

import pytest
import torch

from phonofilm.scenes.feature_cache import FeatureCache, file_digest


def test_what_is_put_comes_back(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "features")
    assert cache.get(("a", "b")) is None
    tensors = {"clip": torch.randn(3, 4), "sync": torch.randn(8, 2).t()}
    cache.put(("a", "b"), tensors)
    found = cache.get(("a", "b"))
    assert found is not None
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert cache.get(("ab",)) is None
    assert cache.get(("b", "a")) is None
    assert [path.suffix for path in (tmp_path / "features").iterdir()] == [".safetensors"]


def test_a_damaged_entry_is_as_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = FeatureCache(tmp_path)
    cache.put(("a",), {"x": torch.zeros(2)})
    (entry,) = tmp_path.iterdir()
    entry.write_bytes(b"nonsense")
    with caplog.at_level(logging.WARNING):
        assert cache.get(("a",)) is None
    assert "made again" in caplog.text
    caplog.clear()
    cache.put(("a",), {"x": torch.ones(2)})
    found = cache.get(("a",))
    assert found is not None
    assert torch.equal(found["x"], torch.ones(2))


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, limit_bytes=3 * 4200)
    for number, name in enumerate("abc"):
        cache.put((name,), {"x": torch.zeros(1000)})
        for path in tmp_path.iterdir():
            if path.stat().st_mtime > 1e9:
                os.utime(path, (1e8 + number, 1e8 + number))
    assert cache.get(("a",)) is not None
    cache.put(("d",), {"x": torch.zeros(1000)})
    assert [cache.get((name,)) is not None for name in "abcd"] == [True, False, True, True]


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = FeatureCache(blocked / "features")
    with caplog.at_level(logging.WARNING):
        cache.put(("a",), {"x": torch.zeros(2)})
    assert "cannot be kept" in caplog.text
    caplog.clear()


def test_digest_is_of_the_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"abc")
    two.write_bytes(b"abc")
    assert file_digest(one) == file_digest(two) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
