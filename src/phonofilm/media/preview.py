"""What a browser is shown of a clip: a film strip, a poster, a picture that it can play, sound that it can decode.

Dimension letters: F frames, H height, W width, C channels, S samples.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from phonofilm.errors import MediaError
from phonofilm.media.audio import read_clip_audio
from phonofilm.media.files import replacing
from phonofilm.media.frames import decode_frames
from phonofilm.media.h264 import CLOCK, Quality, shown_width, write_h264
from phonofilm.media.probe import open_media, video_stream
from phonofilm.types import ByteArray, ClipInfo, FrameRequest, Progress, no_progress

STRIP_HEIGHT = 96
POSTER_HEIGHT = 360
STRIP_RATE_HZ = 2
FEWEST_FRAMES, MOST_FRAMES = 8, 60
WIDEST_STRIP = 16_000
"""Pixels: browsers draw no picture wider than 16,384."""
WIDEST_SHAPE = 4
"""Frames of a strip are at most this many times as wide as high, or as high as wide."""
MOST_DECODED = 1.5e9
"""Pixels that are decoded for a strip: half a minute of full HD. Longer clips are read at their key frames alone."""
PROXY_LINES = 720
PROXY = Quality(
    crf=23, preset="superfast", tune="zerolatency", key_frames=25, most_lines=PROXY_LINES, widest_shape=WIDEST_SHAPE
)
"""A playhead that is dragged is followed at once, since every second has a picture that stands alone."""
JPEG_QUALITY = "4"
"""MPEG quantiser, 2 best to 31."""
PLAYED_PIXELS = ("yuv420p", "yuvj420p")
PLAYED = {
    "mov,mp4,m4a,3gp,3g2,mj2": ({"h264"}, {"aac", "mp3", "opus", "flac"}),
    "matroska,webm": ({"vp8", "vp9", "libvpx", "libvpx-vp9"}, {"opus", "vorbis", "libopus", "libvorbis"}),
}
"""By container: codecs of picture and of sound that every browser plays."""
LATEST_START_S = Fraction(1, 1000)
"""Browsers count from the file's zero, we from the first picture."""
SOUND_RATE_HZ = 44_100
BLOCK_SAMPLES = 65_536


@dataclass(frozen=True)
class FilmStrip:
    """Frames side by side in one row, and when each is on screen, in seconds from the first shown frame."""

    jpeg: bytes
    frame_width: int
    frame_height: int
    times_s: tuple[float, ...]


def plays_in_browsers(clip: ClipInfo) -> bool:
    """Whether every browser plays the file as it is, its picture from zero on."""
    pictures, sounds = PLAYED.get(clip.container, (set(), set()))
    if clip.video.codec not in pictures or (clip.audio is not None and clip.audio.codec not in sounds):
        return False
    if clip.container.startswith("matroska") and clip.path.suffix.lower() != ".webm":
        return False
    with open_media(clip.path) as container:
        stream = video_stream(container, clip.path)
        square = (stream.sample_aspect_ratio or 1) == 1
        return square and stream.codec_context.pix_fmt in PLAYED_PIXELS and abs(clip.start_s) <= LATEST_START_S


def film_strip(clip: ClipInfo) -> FilmStrip:
    """Frames at even steps through the whole clip. Raises MediaError when nothing decodes."""
    width = shown_width(clip, STRIP_HEIGHT, WIDEST_SHAPE)
    wanted = math.ceil(clip.duration_s * STRIP_RATE_HZ)
    count = min(max(wanted, FEWEST_FRAMES), MOST_FRAMES, WIDEST_STRIP // width)
    frames = clip.duration_s * clip.video.average_rate_hz
    if frames * clip.video.width * clip.video.height <= MOST_DECODED:
        rate_hz = count / clip.duration_s
        request = FrameRequest(rate_hz, width, STRIP_HEIGHT)
        found = decode_frames(clip, [request], start_s=1 / rate_hz / 2)[0]
        pictures, times_s = list(found.pixels), [float(time_s) for time_s in found.times_s]
    else:
        pictures, times_s = _key_frames(clip, count, width)
    row = np.concatenate(pictures, axis=1)  # (H, F W, 3)
    return FilmStrip(_jpeg(row), width, STRIP_HEIGHT, tuple(round(time_s, 4) for time_s in times_s))


def poster(clip: ClipInfo) -> bytes:
    """One frame as JPEG, from the first third of the clip but not from beyond its first second."""
    start_s = min(clip.duration_s / 3, Fraction(1))
    height = min(POSTER_HEIGHT, clip.video.height)
    request = FrameRequest(Fraction(1), shown_width(clip, height, WIDEST_SHAPE), height)
    found = decode_frames(clip, [request], start_s=start_s, end_s=start_s + CLOCK)[0]
    return _jpeg(found.pixels[0])


def write_proxy(clip: ClipInfo, path: Path, progress: Progress = no_progress) -> None:
    """Write the picture alone, of at most PROXY_LINES lines, as `write_h264` does. Raises MediaError or OutputError."""
    write_h264(clip, path, PROXY, progress)


def write_own_sound(clip: ClipInfo, path: Path) -> None:
    """Write the clip's own sound, from first to last shown frame, as 16-bit WAV.

    Raises MediaError where there is none.
    """
    rate_hz = SOUND_RATE_HZ if clip.audio is None else clip.audio.rate_hz or SOUND_RATE_HZ
    sound = read_clip_audio(clip, rate_hz)
    if sound is None:
        raise MediaError(f"{clip.path.name} has no sound of its own")
    with replacing(path) as partial:
        soundfile.write(str(partial), sound.samples.T, rate_hz, subtype="PCM_16", format="WAV")


def write_listening_copy(source: Path, path: Path) -> None:
    """Write a sound file again as 16-bit WAV, which every browser decodes, in memory that does not grow."""
    with replacing(path) as partial, soundfile.SoundFile(str(source)) as file:
        kind = {"subtype": "PCM_16", "format": "WAV"}
        with soundfile.SoundFile(str(partial), "w", file.samplerate, file.channels, **kind) as copy:
            for block in file.blocks(BLOCK_SAMPLES, dtype="float32", always_2d=True):
                copy.write(block)


def _key_frames(clip: ClipInfo, count: int, width: int) -> tuple[list[ByteArray], list[float]]:
    """For each of `count` even steps the key frame before it, (H, W, 3), and its instant."""
    pictures: list[ByteArray] = []
    times_s: list[float] = []
    turns = clip.video.rotation_degrees // 90
    size = (STRIP_HEIGHT, width) if turns % 2 else (width, STRIP_HEIGHT)
    for frame, time_s in _sought(clip, count):
        if times_s and time_s <= times_s[-1]:
            pictures.append(pictures[-1])
            times_s.append(times_s[-1])
            continue
        pixels = frame.reformat(*size, "rgb24", interpolation="AREA").to_ndarray()  # (H, W, 3)
        pictures.append(np.ascontiguousarray(np.rot90(pixels, turns)))
        times_s.append(time_s)
    if not pictures:
        raise MediaError(f"{clip.path} has no frame that can be decoded; it may be damaged or cut short")
    return pictures, times_s


def _sought(clip: ClipInfo, count: int) -> Iterator[tuple[VideoFrame, float]]:
    with open_media(clip.path) as container:
        stream = video_stream(container, clip.path)
        base = stream.time_base or Fraction(1, 1000)
        for number in range(count):
            target_s = clip.start_s + clip.duration_s * Fraction(2 * number + 1, 2 * count)
            try:
                container.seek(int(target_s / base), stream=stream)
                frame = next(container.decode(stream))
            except (av.error.FFmpegError, StopIteration):
                continue
            time_s = Fraction(0) if frame.pts is None else frame.pts * base - clip.start_s
            yield frame, max(0.0, float(time_s))


def _jpeg(picture: ByteArray) -> bytes:
    """(H, W, 3) RGB as JPEG."""
    encoder = CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext), "mjpeg is a picture codec"
    height, width = picture.shape[:2]
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": JPEG_QUALITY, "qmax": JPEG_QUALITY}
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(format="yuvj420p")
    frame.pts, frame.time_base = 0, encoder.time_base
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
