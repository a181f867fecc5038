"""Timecode: every frame number has one label and back, and clips say where they begin."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.errors import MediaError
from phonofilm.media.probe import probe
from phonofilm.media.timecode import STANDARD_RATES_HZ, Timecode, frame_rate, parse_timecode, start_timecode
from phonofilm.timeline import nearest

NTSC_30, NTSC_60, NTSC_24 = Fraction(30_000, 1001), Fraction(60_000, 1001), Fraction(24_000, 1001)


def labels(whole: int, left_out: int, first_hour: int = 0) -> Iterator[str]:
    """All labels in order, as ST 12-1 says it in words: the first few of each minute but every tenth are left out."""
    mark = ";" if left_out else ":"
    for hour in range(first_hour, 24):
        for minute in range(60):
            for second in range(60):
                for frame in range(whole):
                    if not (minute % 10 and second == 0 and frame < left_out):
                        yield f"{hour:02d}:{minute:02d}:{second:02d}{mark}{frame:02d}"


@pytest.mark.parametrize(
    ("rate_hz", "left_out", "count"),
    [(NTSC_30, 2, 40_000), (NTSC_60, 4, 40_000), (NTSC_30, 0, 5_000), (NTSC_24, 0, 5_000), (Fraction(50), 0, 5_000)],
)
def test_every_frame_number_has_its_label_and_back(rate_hz: Fraction, left_out: int, count: int) -> None:
    drop = left_out > 0
    for number, label in enumerate(islice(labels(round(rate_hz), left_out), count)):
        code = Timecode(number, rate_hz, drop)
        assert str(code) == label
        assert parse_timecode(label, rate_hz) == code


@pytest.mark.parametrize(("rate_hz", "left_out", "in_a_day"), [(NTSC_30, 2, 2_589_408), (NTSC_60, 4, 5_178_816)])
def test_the_last_hour_of_the_day_too(rate_hz: Fraction, left_out: int, in_a_day: int) -> None:
    last = list(labels(round(rate_hz), left_out, first_hour=23))
    for number in (0, 1, 1799, 1800, 17_981, 17_982, len(last) // 2, len(last) - 1):
        code = Timecode(in_a_day - len(last) + number, rate_hz, True)
        assert str(code) == last[number]
        assert parse_timecode(last[number], rate_hz) == code
    assert str(Timecode(in_a_day, rate_hz, True)) == "00:00:00;00", "a day later"


@given(st.sampled_from(STANDARD_RATES_HZ), st.integers(0, 24 * 3600 * 20))
def test_labels_without_drop_come_back_at_every_rate(rate_hz: Fraction, number: int) -> None:
    code = Timecode(number, rate_hz)
    assert parse_timecode(str(code), rate_hz) == code


@given(st.sampled_from([NTSC_30, NTSC_60]), st.integers(0, 2_589_407))
def test_drop_frame_labels_keep_up_with_the_clock(rate_hz: Fraction, number: int) -> None:
    code = Timecode(number, rate_hz, True)
    hours, minutes, rest = str(code).split(":")
    second, frame = rest.split(";")
    shown_s = int(hours) * 3600 + int(minutes) * 60 + int(second) + Fraction(int(frame), round(rate_hz))
    # The labels of a minute at most (1.8 frames), and what a day leaves over (2.6 frames).
    assert abs(shown_s - code.time_s) < Fraction(15, 100)


@given(st.sampled_from(STANDARD_RATES_HZ), st.integers(0, 5_000_000), st.sampled_from([16_000, 44_100, 48_000]))
def test_samples_lead_back_to_the_frame(rate_hz: Fraction, number: int, sound_rate_hz: int) -> None:
    count = Timecode(number, rate_hz).samples(sound_rate_hz)
    assert abs(count - number / rate_hz * sound_rate_hz) <= Fraction(1, 2)
    assert nearest(Fraction(count, sound_rate_hz) * rate_hz) == number


def test_an_hour_of_labels_in_samples() -> None:
    assert parse_timecode("01:00:00:00", Fraction(25)).samples(48_000) == 172_800_000
    assert parse_timecode("01:00:00:00", NTSC_24).samples(48_000) == 172_972_800, "labels of 24, frames of 23.976"
    assert parse_timecode("01:00:00;00", NTSC_30).samples(48_000) == 172_799_827, "3.6 ms short: 107892 frames"
    assert parse_timecode("00:00:00:01", Fraction(24)).samples(44_100) == 1838, "1837.5, to the nearest"


@pytest.mark.parametrize(
    ("text", "rate_hz", "wanted"),
    [
        ("1:00:00", Fraction(25), "hours, minutes, seconds and frames"),
        ("", Fraction(25), "not like"),
        ("24:00:00:00", Fraction(25), "does not exist"),
        ("00:60:00:00", Fraction(25), "does not exist"),
        ("00:00:00:25", Fraction(25), "does not exist at 25.000"),
        ("00:00:00;02", Fraction(25), "drop-frame, which 25.000"),
        ("00:00:00;02", NTSC_24, "drop-frame"),
        ("00:00:00;02", Fraction(30), "drop-frame"),
        ("00:01:00;01", NTSC_30, "leaves out"),
        ("00:01:00;03", NTSC_60, "leaves out"),
    ],
)
def test_what_is_no_timecode_is_refused_in_one_line(text: str, rate_hz: Fraction, wanted: str) -> None:
    with pytest.raises(MediaError, match=wanted) as raised:
        parse_timecode(text, rate_hz)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("rate_hz", STANDARD_RATES_HZ)
def test_measured_rates_find_their_standard_and_odd_ones_stay(rate_hz: Fraction) -> None:
    assert frame_rate(rate_hz) == rate_hz
    assert frame_rate(rate_hz * Fraction(10_002, 10_000)) == rate_hz
    assert frame_rate(rate_hz * Fraction(1004, 1000)) == rate_hz * Fraction(1004, 1000)


# Clips.


def write_clip(path: Path, rate_hz: Fraction, tags: dict[str, str], codec: str = "mpeg4") -> Path:
    with av.open(str(path), "w") as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=rate_hz)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuv422p" if path.suffix == ".mxf" else "yuv420p"
        for number in range(6):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, 1 / rate_hz
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mov", "mpeg4"), ("a.mp4", "mpeg4"), ("a.mkv", "mpeg4"), ("a.mxf", "mpeg2video")]
)
@pytest.mark.parametrize(
    ("label", "rate_hz", "frames"),
    [
        ("01:00:00:02", Fraction(25), 90_002),
        ("00:59:59;29", NTSC_30, 107_891),
        ("01:00:00:00", NTSC_24, 86_400),
        ("10:00:00:00", NTSC_30, 1_080_000),
    ],
)
def test_a_clip_says_where_it_begins(
    tmp_path: Path, name: str, codec: str, label: str, rate_hz: Fraction, frames: int
) -> None:
    clip = probe(write_clip(tmp_path / name, rate_hz, {"timecode": label}, codec))
    assert start_timecode(clip) == Timecode(frames, rate_hz, ";" in label)


@pytest.mark.parametrize("name", ["a.mov", "a.mkv"])
def test_a_clip_without_timecode_has_none(tmp_path: Path, name: str) -> None:
    assert start_timecode(probe(write_clip(tmp_path / name, Fraction(25), {}))) is None


def test_a_tag_that_cannot_be_is_told_and_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = probe(write_clip(tmp_path / "a.mkv", Fraction(25), {"timecode": "01:00:00:29"}))
    with caplog.at_level(logging.WARNING, "phonofilm"):
        assert start_timecode(clip) is None
    assert "does not exist at 25.000" in caplog.text


def test_a_track_that_counts_at_half_the_rate_is_doubled(tmp_path: Path) -> None:
    """As cameras write at 50 frames a second; made by hand, because FFmpeg does not write it."""
    path = write_clip(tmp_path / "a.mov", Fraction(50), {"timecode": "01:00:00:12"})
    data = path.read_bytes()
    counted = (180_012).to_bytes(4, "big")
    described = next(
        at for at in range(len(data)) if data[at : at + 4] == b"tmcd" and data[at - 16 : at - 12] == b"stsd"
    )
    assert data.count(counted) == 1
    rate_at = described + 4 + 8 + 4 + 12  # behind the name: reserved and index, reserved, flags, scale and length
    assert data[rate_at] == 50
    halved = data[:rate_at] + bytes([25]) + data[rate_at + 1 :]
    path.write_bytes(halved.replace(counted, (90_012).to_bytes(4, "big")))
    assert start_timecode(probe(path)) == Timecode(180_024, Fraction(50))
