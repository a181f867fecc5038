"""Broadcast WAV: the chunk says what it was told, to readers of others, and the sound stays as it was."""

import os
import struct
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile
from wavinfo import WavInfoReader

from phonofilm.errors import MediaError, OutputError
from phonofilm.mark.certificate import local_identity
from phonofilm.mark.provenance import Claim, read_credentials, sign
from phonofilm.media.audio import read_audio, write_audio
from phonofilm.media.broadcast import BroadcastRecord, Loudness, add_broadcast
from phonofilm.types import Waveform

RATE_HZ = 44_100
RECORD = BroadcastRecord(
    description="effects of a.mp4",
    originator="phonofilm",
    reference="7A3F",
    made=datetime(2026, 11, 23, 7, 5, 9),
    start_samples=158_760_000,
    tool="phonofilm 0.1.0",
    loudness=Loudness(integrated_lufs=-22.644, true_peak_dbtp=-1.006),
)


def sound(path: Path, count: int = 1001, channels: int = 2, comment: str = "made by a test") -> Path:
    noise = np.random.default_rng(0).normal(0, 0.1, (channels, count)).clip(-1, 1).astype(np.float32)
    write_audio(Waveform(noise, RATE_HZ), path, comment)
    return path


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """A slow, strict reader: the chunks fill the file to the byte."""
    assert data[8:12] == b"WAVE"
    found, at = [], 12
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if data[:4] == b"RF64" and name == b"data" and size == 0xFFFFFFFF:
            size = struct.unpack_from("<8xQ", found[0][1])[0]
        found.append((name, data[at + 8 : at + 8 + size]))
        assert len(found[-1][1]) == size
        assert data[at + 8 + size : at + 8 + size + size % 2] == bytes(size % 2)
        at += 8 + size + size % 2
    assert at == len(data)
    return found


@given(
    st.integers(1, 4000), st.integers(1, 2), st.integers(0, (1 << 64) - 1), st.text(max_size=300), st.text(max_size=9)
)
@settings(max_examples=40)
def test_everything_that_was_there_stays_and_the_sizes_are_right(
    tmp_path_factory: pytest.TempPathFactory, count: int, channels: int, start: int, words: str, tool: str
) -> None:
    path = sound(tmp_path_factory.mktemp("wav") / "a.wav", count, channels)
    before = path.read_bytes()
    add_broadcast(path, replace(RECORD, start_samples=start, description=words, originator=words, tool=tool))
    after = path.read_bytes()
    assert struct.unpack_from("<I", after, 4)[0] == len(after) - 8
    assert [chunk for chunk in chunks(after) if chunk[0] != b"bext"] == chunks(before)
    assert chunks(after)[0][0] == b"bext", "before the sound"
    assert len(chunks(after)[0][1]) > 602
    assert len(chunks(after)[0][1]) % 2 == 0, "readers stumble over odd ones"
    assert WavInfoReader(str(path)).bext.time_reference == start
    assert np.array_equal(soundfile.read(path)[0], soundfile.read(_written(path, before))[0])


def _written(path: Path, data: bytes) -> Path:
    other = path.with_name("other.wav")
    other.write_bytes(data)
    return other


def test_independent_readers_see_what_was_told(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav")
    add_broadcast(path, RECORD)
    found = WavInfoReader(str(path)).bext
    assert (found.description, found.originator, found.originator_ref) == ("effects of a.mp4", "phonofilm", "7A3F")
    assert (found.originator_date, found.originator_time) == ("2026-11-23", "07:05:09")
    assert found.time_reference == RECORD.start_samples
    assert found.version == 2
    assert (found.loudness_value, found.max_true_peak) == (-22.64, -1.01)
    assert found.coding_history == "A=PCM,F=44100,W=24,M=stereo,T=phonofilm 0.1.0\r\n"
    with av.open(str(path)) as container:
        tags = dict(container.metadata)
    assert tags["time_reference"] == "158760000"
    assert tags["encoded_by"] == "phonofilm", "FFmpeg's name for the originator"
    assert tags["originator_reference"] == "7A3F"
    assert tags["comment"] == "made by a test", "the file's own comment goes before the description"
    assert (tags["date"], tags["creation_time"]) == ("2026-11-23", "07:05:09")


def test_figures_that_were_not_measured_are_marked_so_and_without_any_it_is_version_1(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav")
    add_broadcast(path, replace(RECORD, loudness=Loudness(integrated_lufs=float("-inf"), true_peak_dbtp=-1.0)))
    content = chunks(path.read_bytes())[0][1]
    assert struct.unpack_from("<5h", content, 412) == (0x7FFF, 0x7FFF, -100, 0x7FFF, 0x7FFF)
    assert struct.unpack_from("<H", content, 346) == (2,)
    add_broadcast(path, replace(RECORD, loudness=None))
    content = chunks(path.read_bytes())[0][1]
    assert struct.unpack_from("<H", content, 346) == (1,)
    assert content[348:602] == bytes(254), "UMID, what became loudness, and reserved"


def test_a_second_record_replaces_the_first(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav")
    add_broadcast(path, RECORD)
    once = path.read_bytes()
    add_broadcast(path, replace(RECORD, start_samples=5))
    add_broadcast(path, RECORD)
    assert path.read_bytes() == once


def test_the_usual_readers_still_read_the_sound(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav")
    samples = soundfile.read(path, dtype="float32")[0]
    add_broadcast(path, RECORD)
    assert np.array_equal(soundfile.read(path, dtype="float32")[0], samples)
    assert np.array_equal(read_audio(path).samples.T, samples)
    with pytest.warns(wavfile.WavFileWarning, match="skipping it"):  # scipy tells of every chunk that is not its own
        rate_hz, whole = wavfile.read(path)
    assert rate_hz == RATE_HZ
    assert np.array_equal((whole / 2**31).astype(np.float32), samples)


@pytest.mark.parametrize(("kind", "channels"), [("RF64", 2), ("WAVEX", 6), ("WAV", 1)])
def test_other_kinds_of_wav(tmp_path: Path, kind: str, channels: int) -> None:
    path = tmp_path / "a.wav"
    noise = np.random.default_rng(0).normal(0, 0.1, (333, channels)).clip(-1, 1)
    soundfile.write(path, noise, 48_000, subtype="PCM_16", format=kind)
    before = chunks(path.read_bytes())
    samples = soundfile.read(path)[0]
    add_broadcast(path, RECORD)
    data = path.read_bytes()
    after = chunks(data)
    assert np.array_equal(soundfile.read(path)[0], samples)
    assert soundfile.info(path).format == ("RF64" if kind == "RF64" else "WAVEX" if kind == "WAVEX" else "WAV")
    if kind == "RF64":
        assert after[0][0] == b"ds64", "readers want it first"
        assert struct.unpack_from("<Q", after[0][1])[0] == len(data) - 8
        assert after[0][1][8:] == before[0][1][8:]
        before, after = before[1:], after[1:]
    assert after[0][0] == b"bext"
    assert after[1:] == before
    with av.open(str(path)) as container:
        assert container.metadata["time_reference"] == "158760000"


def test_text_fits_its_fields_in_ascii(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav")
    add_broadcast(path, replace(RECORD, description="Zoë, 東京 " + 300 * "x", reference=40 * "r", tool="a, b"))
    found = WavInfoReader(str(path)).bext
    assert found.description == ("Zoe, ?? " + 300 * "x")[:256]
    assert found.originator_ref == 32 * "r"
    assert found.coding_history.endswith("T=a  b\r\n"), "a comma would begin the next field"


@pytest.mark.parametrize(
    ("content", "wanted"),
    [(b"", "not a WAV file"), (b"fLaC" + bytes(40), "not a WAV"), (b"RIFF\4\0\0\0WAVE", "how its sound is coded")],
)
def test_what_is_no_wav_stays_as_it_was(tmp_path: Path, content: bytes, wanted: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=wanted):
        add_broadcast(path, RECORD)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_cut_short_stays_as_it_was(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav")
    os.truncate(path, 1000)
    before = path.read_bytes()
    with pytest.raises(MediaError, match="cut short"):
        add_broadcast(path, RECORD)
    assert path.read_bytes() == before
    with pytest.raises(MediaError, match="check the path"):
        add_broadcast(tmp_path / "none.wav", RECORD)
    with pytest.raises(OutputError, match="does not exist"):
        add_broadcast(tmp_path / "no" / "none.wav", RECORD)


def test_an_interrupt_leaves_the_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sound(tmp_path / "a.wav")
    before = path.read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("phonofilm.media.broadcast._copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        add_broadcast(path, RECORD)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_wav_that_grows_over_its_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sound(tmp_path / "a.wav")
    before = path.read_bytes()
    monkeypatch.setattr("phonofilm.media.broadcast.LARGEST_RIFF", len(before) + 100)
    with pytest.raises(OutputError, match="over 4 GB"):
        add_broadcast(path, RECORD)
    assert path.read_bytes() == before


def test_a_signature_keeps_the_chunk_and_must_come_after_it(tmp_path: Path) -> None:
    identity = local_identity(tmp_path / "identity")
    path = sound(tmp_path / "a.wav")
    add_broadcast(path, RECORD)
    before = chunks(path.read_bytes())
    assert sign(path, Claim("a", "mini", "1", 7, None, None), identity)
    found = read_credentials(path)
    assert found is not None
    assert found.state == "valid"
    assert WavInfoReader(str(path)).bext.time_reference == RECORD.start_samples
    after = dict(chunks(path.read_bytes()))
    assert all(after[name] == content for name, content in before)
    add_broadcast(path, replace(RECORD, start_samples=5))
    found = read_credentials(path)
    assert found is None or found.state == "invalid", "any change after it breaks the signature"
