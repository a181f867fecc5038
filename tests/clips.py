"""Small clips made on the fly, whose truth is known: which frame is shown when, and when the click is heard.

Each frame carries its own number as eight black or white blocks, so that a test can tell which frame it was handed,
whatever the codec did to it.

Dimension letters: F frames, H height, W width, C channels, S samples.
"""

import functools
import struct
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import av
import numpy as np

from phonofilm.pipeline import Phonofilm

_LOAD = Phonofilm.load  # before any test puts a stand-in there

WIDTH, HEIGHT = 64, 48
COLUMNS, ROWS = 4, 2
"""The grid of blocks: bit k stands in column k % 4 of row k // 4."""
SOUND_RATE_HZ = 48_000
CLOCK = Fraction(1, 90_000)
"""Clock of the encoders; the container may round it to its own."""

PIXELS = {"prores_ks": "yuv422p10le", "gif": "gray", "mjpeg": "yuvj420p", "huffyuv": "yuv422p", "utvideo": "gbrp"}
PIXELS |= {
    "zmbv": "bgr0",
    "v210": "yuv422p10le",
    "cinepak": "rgb24",
    "svq1": "yuv410p",
    "apng": "rgb24",
    "png": "rgb24",
}
PIXELS |= {"flashsv2": "bgr24", "rawvideo": "bgr24"}
OLD_CODECS = ("wmv1", "wmv2", "flv", "msmpeg4", "msmpeg4v2", "h261", "h263", "huffyuv", "utvideo", "rawvideo", "zmbv")
OLD_CODECS += ("dvvideo", "v210", "cinepak", "svq1", "rv20", "apng", "png", "flashsv2")
FIXED_RATE = ("mpeg1video", "mpeg2video", "mpeg4", "gif", "mjpeg", "libsvtav1", *OLD_CODECS)
"""Encoders that count frames instead of keeping the timestamps of a fine clock."""
CODEC_OPTIONS = {
    "libx264": {"preset": "ultrafast", "bf": "2", "g": "12"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "threads": "1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "threads": "1"},
    "libsvtav1": {"preset": "10", "crf": "30"},
}
SOUND_CODECS = {".webm": "libopus", ".mkv": "libopus", ".mpg": "mp2", ".avi": "libmp3lame"}


def even_times(count: int, rate_hz: Fraction, first_s: Fraction = Fraction(0)) -> list[Fraction]:
    """F timestamps of a clip of constant rate."""
    return [first_s + k / rate_hz for k in range(count)]


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(H, W, 3) uint8: the number in black and white blocks."""
    columns = np.arange(width) * COLUMNS // width
    rows = np.arange(height) * ROWS // height
    bit = rows[:, None] * COLUMNS + columns[None]  # (H, W)
    return np.repeat((((number >> bit) & 1) * 200 + 20)[..., None], 3, axis=-1).astype(np.uint8)  # (H, W, 3)


def numbers(pixels: np.ndarray) -> list[int]:
    """The numbers that upright frames (F, H, W, 3) carry."""
    _, height, width, _ = pixels.shape
    found = []
    for frame in pixels[..., 0]:
        number = 0
        for bit in range(ROWS * COLUMNS):
            row, column = divmod(bit, COLUMNS)
            y, x = int((row + 0.5) * height / ROWS), int((column + 0.5) * width / COLUMNS)
            number |= int(frame[y, x] > 110) << bit
        found.append(number)
    return found


def click_track(length_s: float, click_s: float, channels: int, rate_hz: int = SOUND_RATE_HZ) -> np.ndarray:
    """(C, S) silence with one short click in every channel, its middle at `click_s`."""
    sound = np.zeros((channels, ceil(length_s * rate_hz)), np.float32)
    pulse = click(rate_hz)
    first = round(click_s * rate_hz) - len(pulse) // 2
    sound[:, first : first + len(pulse)] = pulse
    return sound


def click(rate_hz: int) -> np.ndarray:
    """(S,) a burst of 4 ms at 2 kHz, its middle at S // 2."""
    half = round(0.002 * rate_hz)
    offset = np.arange(-half, half + 1)
    window = 0.5 + 0.5 * np.cos(np.pi * offset / half)
    return np.asarray(0.8 * window * np.cos(2 * np.pi * 2000 * offset / rate_hz), np.float32)


def click_time(samples: np.ndarray, rate_hz: int) -> float:
    """When the click is in (C, S), in seconds: where the track looks most like it."""
    pulse = click(rate_hz)
    likeness = np.correlate(samples[0], pulse, "same")
    return float(np.argmax(np.abs(likeness))) / rate_hz


def make_clip(
    path: Path,
    times_s: Sequence[Fraction] | None = None,
    *,
    codec: str = "libx264",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    rate_hz: Fraction = Fraction(25),
    sound: str = "none",
    click_s: float = 0.5,
    sound_first_s: float = 0.0,
    rotation: int = 0,
    pixel_format: str | None = None,
    number_mask: int = 255,
) -> Path:
    """Write a clip and return its path.

    times_s: timestamp of each frame (one second at `rate_hz` when None); frame k shows the number k. sound: none,
    silent, click (mono), stereo or 5.1 (a click in every channel), beginning at `sound_first_s`. rotation: degrees
    clockwise that a player turns the stored picture by (mp4 and mov); the stored picture is turned back, so that the
    shown one is upright and of `size`.
    """
    times_s = even_times(round(rate_hz), rate_hz) if times_s is None else times_s
    shown = (picture(k & number_mask, *size) for k in range(len(times_s)))
    with av.open(str(path), "w") as file:
        sideways = rotation in (90, 270)
        stream = file.add_stream(codec, rate=rate_hz, options=CODEC_OPTIONS.get(codec, {}))
        stream.width, stream.height = size[::-1] if sideways else size
        stream.pix_fmt = pixel_format or PIXELS.get(codec, "yuv420p")
        clock = 1 / rate_hz if codec in FIXED_RATE else CLOCK
        stream.codec_context.time_base = clock
        if codec != "libsvtav1":
            stream.bit_rate = 2_000_000
        track = None if sound == "none" else _sound_stream(file, path, sound)
        for number, (time_s, pixels) in enumerate(zip(times_s, shown, strict=True)):
            stored = np.ascontiguousarray(np.rot90(pixels, rotation // 90))
            frame = av.VideoFrame.from_ndarray(stored, "rgb24").reformat(format=stream.pix_fmt)
            frame.pts = number + round(times_s[0] / clock) if codec in FIXED_RATE else round(time_s / clock)
            frame.time_base = clock
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        if track is not None:
            length_s = float(times_s[-1] - times_s[0] + 1 / rate_hz)
            _write_sound(file, track, sound, length_s, click_s, sound_first_s)
    if rotation:
        turn(path, rotation)
    return path


def _sound_stream(file: Any, path: Path, sound: str) -> Any:
    layout = {"5.1": "5.1", "stereo": "stereo"}.get(sound, "mono")
    return file.add_stream(SOUND_CODECS.get(path.suffix, "aac"), rate=SOUND_RATE_HZ, layout=layout)


def _write_sound(file: Any, track: Any, sound: str, length_s: float, click_s: float, first_s: float) -> None:
    channels = {"5.1": 6, "stereo": 2}.get(sound, 1)
    samples = click_track(length_s, click_s, channels)
    if sound == "silent":
        samples[:] = 0
    if track.codec_context.name == "libmp3lame" or track.codec_context.name == "mp2":
        samples = samples[:, : samples.shape[1] // 1152 * 1152]
    # The sample format that the encoder wants is found by the encoder's own resampler.
    frame = av.AudioFrame.from_ndarray(samples, "fltp", layout=track.layout.name)
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE_HZ, 0, Fraction(1, SOUND_RATE_HZ)
    wanted = av.AudioResampler(
        format=track.format.name, layout=track.layout.name, rate=SOUND_RATE_HZ, frame_size=track.frame_size or 1024
    )
    for piece in [*wanted.resample(frame), *wanted.resample(None)]:
        piece.pts = (piece.pts or 0) + round(first_s * SOUND_RATE_HZ)
        file.mux(track.encode(piece))
    file.mux(track.encode(None))


def turn(path: Path, degrees: int) -> None:
    """Set the matrix of the first track header of an mp4 or mov: the picture is shown turned clockwise."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40  # version 0 header, ISO 14496-12 section 8.3.2
    matrix = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    a, b, c, d = (value * 0x10000 for value in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(data)


def cut_by_edit_list(path: Path, first_s: float) -> None:
    """Move the start of the first track of an mp4 by its edit list: what lies before is decoded, never shown."""
    data = bytearray(path.read_bytes())
    movie_hz = struct.unpack_from(">I", data, data.index(b"mvhd") + 4 + 12)[0]
    media_hz = struct.unpack_from(">I", data, data.index(b"mdhd") + 4 + 12)[0]
    entry = data.index(b"elst") + 4 + 8
    duration, media_time = struct.unpack_from(">Ii", data, entry)
    struct.pack_into(">Ii", data, entry, duration - round(first_s * movie_hz), media_time + round(first_s * media_hz))
    path.write_bytes(data)


def shown_packets(path: Path) -> list[tuple[Fraction, bytes]]:
    """(timestamp in seconds, payload) of every picture packet, in the file's order; the clock starts at the first."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        packets = [(p.pts, bytes(p)) for p in file.demux(stream) if p.size]
        base = stream.time_base
    first = min(pts for pts, _ in packets)
    return [((pts - first) * base, payload) for pts, payload in packets]


@functools.cache
def tiny_film() -> Phonofilm:
    """The model `tiny`, loaded once for all tests."""
    return _LOAD("tiny", "cpu")
