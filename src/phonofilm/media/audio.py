"""Sound out of files and into files.

Dimension letters: C channels, S samples.
"""

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from phonofilm.errors import MediaError, OutputError
from phonofilm.media.files import check_writable, replacing
from phonofilm.media.probe import open_media
from phonofilm.timeline import samples
from phonofilm.types import ClipInfo, FloatArray, Waveform

SOUNDFILE_FORMATS = {
    ".wav": ("WAV", "PCM_24"),
    ".flac": ("FLAC", "PCM_24"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
SOUND_SUFFIXES = (*SOUNDFILE_FORMATS, ".m4a")
AAC_BITS_A_CHANNEL = 128_000
BLOCK_SAMPLES = 65_536


def read_audio(path: Path, rate_hz: int | None = None) -> Waveform:
    """The first sound track of any media file, all channels, resampled to `rate_hz` when given.

    Raises MediaError when the file cannot be read or has no sound.
    """
    waveform, _ = _read_with_start(path)
    if waveform is None:
        raise MediaError(f"{path} has no sound; give a file that has")
    return waveform if rate_hz is None else resample(waveform, rate_hz)


def read_clip_audio(clip: ClipInfo, rate_hz: int) -> Waveform | None:
    """The clip's own sound from its first to its last shown frame, to the sample; None when it has none.

    Where the track begins late or ends early there is silence. Downmixed to stereo when it has more channels.
    """
    if clip.audio is None:
        return None
    waveform, start_s = _read_with_start(clip.path)
    if waveform is None:
        return None
    waveform = resample(to_stereo(waveform), rate_hz)
    out = np.zeros((waveform.channels, samples(clip.duration_s, rate_hz)), np.float32)  # (C, S)
    first = samples(start_s - clip.start_s, rate_hz)
    source = waveform.samples[:, max(0, -first) :]
    space = out[:, max(0, first) :]
    count = min(source.shape[1], space.shape[1])
    space[:, :count] = source[:, :count]
    return Waveform(out, rate_hz)


def _read_with_start(path: Path) -> tuple[Waveform | None, Fraction]:
    """The whole first sound track and the instant of its first sample on the file's clock."""
    start_s: Fraction | None = None
    pieces: list[FloatArray] = []
    with open_media(path) as container:
        stream = next(iter(container.streams.audio), None)
        if stream is None:
            return None, Fraction(0)
        rate_hz = 0
        resampler: av.AudioResampler | None = None
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            for frame in frames:
                if resampler is None:
                    rate_hz = frame.sample_rate
                    resampler = av.AudioResampler(format="fltp", layout=frame.layout, rate=rate_hz)
                if start_s is None and frame.pts is not None and frame.time_base is not None:
                    start_s = frame.pts * frame.time_base
                pieces += [part.to_ndarray().astype(np.float32) for part in resampler.resample(frame)]
    if not pieces:
        return None, Fraction(0)
    return Waveform(np.concatenate(pieces, axis=1), rate_hz), start_s or Fraction(0)


def resample(waveform: Waveform, rate_hz: int) -> Waveform:
    """The same sound at another rate (band-limited, linear phase)."""
    if waveform.rate_hz == rate_hz:
        return waveform
    out = soxr.resample(waveform.samples.T, waveform.rate_hz, rate_hz, quality="HQ")  # (S, C)
    return Waveform(np.ascontiguousarray(out.T, np.float32), rate_hz)


def to_stereo(waveform: Waveform) -> Waveform:
    """At most two channels: ITU-R BS.775 for 5.1 (L R C LFE Ls Rs, without LFE), the mean of pairs for other counts."""
    count = waveform.channels
    if count <= 2:
        return waveform
    x = waveform.samples
    half = math.sqrt(0.5)
    if count == 6:
        left = x[0] + half * x[2] + half * x[4]
        right = x[1] + half * x[2] + half * x[5]
    else:
        left, right = x[0::2].mean(axis=0), x[1::2].mean(axis=0)
    out = np.stack([left, right]).astype(np.float32)  # (2, S)
    return Waveform(out / max(1.0, float(np.abs(out).max())), waveform.rate_hz)


def check_sound_path(path: Path) -> None:
    """Raises OutputError when the suffix is none that can be written, or the folder cannot be written to."""
    if path.suffix.lower() not in SOUND_SUFFIXES:
        raise OutputError(
            f"cannot write sound as {path.suffix or 'a file without suffix'!r}; use {', '.join(SOUND_SUFFIXES)}"
        )
    check_writable(path)


def write_audio(waveform: Waveform, path: Path) -> None:
    """Write sound, whole or not at all: wav and flac 24 bit, ogg Vorbis, mp3, m4a AAC. Raises OutputError."""
    check_sound_path(path)
    suffix = path.suffix.lower()
    with replacing(path) as partial:
        if suffix == ".m4a":
            _write_aac(waveform, partial)
            return
        kind, subtype = SOUNDFILE_FORMATS[suffix]
        try:
            file = soundfile.SoundFile(
                str(partial), "w", waveform.rate_hz, waveform.channels, subtype=subtype, format=kind
            )
        except soundfile.LibsndfileError as error:
            raise OutputError(f"cannot write {path} ({error.error_string}); choose another folder") from error
        with file:
            # In blocks: libsndfile's Vorbis writer overflows its stack on minutes handed over at once.
            for first in range(0, waveform.samples.shape[1], BLOCK_SAMPLES):
                file.write(waveform.samples[:, first : first + BLOCK_SAMPLES].T)


def _write_aac(waveform: Waveform, path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        layout = "mono" if waveform.channels == 1 else "stereo"
        stream = container.add_stream("aac", rate=waveform.rate_hz, layout=layout)
        stream.bit_rate = AAC_BITS_A_CHANNEL * waveform.channels
        for frame in sound_frames(waveform, stream.codec_context.frame_size or 1024):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def sound_frames(waveform: Waveform, size: int) -> "list[av.AudioFrame]":
    """The waveform as float planar frames of `size` samples with timestamps from 0."""
    frames = []
    layout = "mono" if waveform.channels == 1 else "stereo"
    for first in range(0, waveform.samples.shape[1], size):
        piece = np.ascontiguousarray(waveform.samples[:, first : first + size])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = waveform.rate_hz, first, Fraction(1, waveform.rate_hz)
        frames.append(frame)
    return frames
