"""Sound out of files and into files.

Dimension letters: C channels, S samples.
"""

import logging
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from av.audio.stream import AudioStream as AvAudioStream
from av.container import InputContainer

from phonofilm.errors import MediaError, OutputError
from phonofilm.media.clock import LONGEST_PAUSE_S
from phonofilm.media.files import check_writable, disk_is_full, replacing
from phonofilm.media.probe import address, audio_stream, clocks_of, decoded, open_media
from phonofilm.media.suffixes import WRITTEN_SOUND_SUFFIXES
from phonofilm.timeline import samples
from phonofilm.types import ClipInfo, FloatArray, Waveform

logger = logging.getLogger(__name__)

SOUNDFILE_FORMATS = {
    ".wav": ("WAV", "PCM_24"),
    ".flac": ("FLAC", "PCM_24"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
SOUND_SUFFIXES = WRITTEN_SOUND_SUFFIXES
"""FFmpeg writes what `SOUNDFILE_FORMATS` does not name."""
AAC_BITS_A_CHANNEL = 128_000
BLOCK_SAMPLES = 65_536
HALF_POWER = math.sqrt(0.5)
DOWNMIX = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FC": (HALF_POWER, HALF_POWER),
    "BC": (0.5, 0.5),
    "FLC": (math.cos(math.pi / 8), math.sin(math.pi / 8)),
    "FRC": (math.sin(math.pi / 8), math.cos(math.pi / 8)),
    "LFE": (0.0, 0.0),
    "LFE2": (0.0, 0.0),
}
"""What a channel, by FFmpeg's name for it, gives to left and right: ITU-R BS.775, table 2. Those beside the centre are
not in it; they are panned half-way by constant power."""
USUAL_LAYOUTS = {3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""Where the channels stand in sound that does not say."""
LARGEST_JITTER_S = 0.02
"""Timestamps may be this far from the count of samples: containers round them to milliseconds, encoders to frames."""


@dataclass(frozen=True)
class _Track:
    """A whole sound track, the instant of its first sample on the file's clock, and FFmpeg's name of its layout."""

    waveform: Waveform
    start_s: Fraction
    layout: str


@dataclass(frozen=True)
class _Piece:
    """A frame of a track (C, S), with what holds for the whole of it."""

    samples: FloatArray
    rate_hz: int
    layout: str
    start_s: Fraction


def read_audio(path: Path, rate_hz: int | None = None) -> Waveform:
    """The first sound track of any media file, all channels, resampled to `rate_hz` when given.

    Raises MediaError when the file cannot be read or has no sound.
    """
    track = _read_track(path)
    if track is None:
        raise MediaError(f"{path} has no sound; give a file that has")
    return track.waveform if rate_hz is None else resample(track.waveform, rate_hz)


def read_clip_audio(clip: ClipInfo, rate_hz: int) -> Waveform | None:
    """The clip's own sound from its first to its last shown frame, to the sample; None when it has none.

    Where the track begins late or ends early there is silence. Downmixed to stereo when it has more channels. Of
    several tracks it is the first, with a logged notice.
    """
    if clip.audio is None:
        return None
    tracks = sound_tracks(clip.path)
    if tracks > 1:
        logger.warning("%s: of its %d tracks of sound the first is used", clip.path, tracks)
    track = _read_track(clip.path)
    if track is None:
        return None
    waveform = resample(to_stereo(track.waveform, track.layout), rate_hz)
    out = np.zeros((waveform.channels, samples(clip.duration_s, rate_hz)), np.float32)  # (C, S)
    first = samples(track.start_s - clip.start_s, rate_hz)
    source = waveform.samples[:, max(0, -first) :]
    space = out[:, max(0, first) :]
    count = min(source.shape[1], space.shape[1])
    space[:, :count] = source[:, :count]
    return Waveform(out, rate_hz)


def audio_blocks(path: Path, track: int = 0) -> Iterator[Waveform]:
    """A sound track of any media file, block by block, so that memory does not grow with its length; C stays the same.

    track: which of `sound_tracks`. Raises MediaError when the file cannot be read or has no such track.
    """
    with open_media(path) as container:
        tracks = _tracks(container)
        if not 0 <= track < len(tracks):
            raise MediaError(f"{path} has {len(tracks)} tracks of sound; there is no number {track + 1}")
        for piece in _pieces(container, tracks[track], path):
            yield Waveform(piece.samples, piece.rate_hz)


def sound_comment(path: Path) -> str:
    """The comment tag of a sound file, empty where it has none. Raises MediaError when the file cannot be read."""
    with open_media(path) as container:
        return container.metadata.get("comment", "")


def sound_tracks(path: Path) -> int:
    """How many tracks of sound a file has that can be decoded. Raises MediaError when it cannot be read."""
    with open_media(path) as container:
        return len(_tracks(container))


def _tracks(container: InputContainer) -> list[AvAudioStream]:
    return [stream for stream in container.streams.audio if stream.codec_context is not None]


def _read_track(path: Path) -> _Track | None:
    """The first sound track; None when there is none, or none of it decodes."""
    with open_media(path) as container:
        stream = audio_stream(container)
        pieces = [] if stream is None else list(_pieces(container, stream, path))
    if not pieces:
        return None
    first = pieces[0]
    whole = np.concatenate([piece.samples for piece in pieces], axis=1)
    return _Track(Waveform(whole, first.rate_hz), first.start_s, first.layout)


def _pieces(container: InputContainer, stream: AvAudioStream, path: Path) -> Iterator[_Piece]:
    """The frames of a track as they come; what is missing between them is silence."""
    start_s = Fraction(0)
    rate_hz = count = told = passed = 0
    layout, joined = "", False
    clock = clocks_of(container, [stream], path)[stream.index]
    for frame in decoded(container, stream, path, clock):
        assert isinstance(frame, av.AudioFrame), "a sound stream holds frames of sound"
        time_s = None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
        if not rate_hz:
            rate_hz, layout, start_s = frame.sample_rate, frame.layout.name, time_s or Fraction(0)
        samples_here = _planar(frame, layout, rate_hz)  # (C, S)
        late = 0 if time_s is None else samples(time_s - start_s, rate_hz) - count
        if LARGEST_JITTER_S * rate_hz < late < LONGEST_PAUSE_S * rate_hz:
            # What was lost or never sent was silence while it lasted; closing the gap would shift the rest.
            samples_here = np.pad(samples_here, ((0, 0), (late, 0)))
        # Where recordings are joined the sound of the first may end after its picture, that of the next begin before;
        # kept whole it would shift the rest.
        joined = joined or clock.passed > passed
        if joined and -LONGEST_PAUSE_S * rate_hz < late < -LARGEST_JITTER_S * rate_hz:
            told, joined = -late, False
        passed = clock.passed
        dropped = min(told, samples_here.shape[1])
        samples_here, told = samples_here[:, dropped:], told - dropped
        count += samples_here.shape[1]
        if samples_here.shape[1]:
            yield _Piece(samples_here, rate_hz, layout, start_s)


def _planar(frame: av.AudioFrame, layout: str, rate_hz: int) -> FloatArray:
    """(C, S) float32 in the layout and rate of the first frame: broadcasts change both on the way."""
    if (frame.layout.name, frame.sample_rate) == (layout, rate_hz):
        data = frame.to_ndarray()  # (C, S), or (1, S C) when the channels lie side by side
        if not frame.format.is_planar:
            data = data.reshape(-1, frame.layout.nb_channels).T  # (C, S)
        middle, full = {"u": (128, 128), "i": (0, 1 << (8 * data.itemsize - 1))}.get(data.dtype.kind, (0, 1))
        return ((data.astype(np.float64) - middle) / full).astype(np.float32)
    frame.pts = None
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate_hz)
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    channels = av.AudioLayout(layout).nb_channels
    return np.concatenate([np.zeros((channels, 0), np.float32), *(part.to_ndarray() for part in parts)], axis=1)


def resample(waveform: Waveform, rate_hz: int) -> Waveform:
    """The same sound at another rate (band-limited, linear phase)."""
    if waveform.rate_hz == rate_hz:
        return waveform
    out = soxr.resample(waveform.samples.T, waveform.rate_hz, rate_hz, quality="HQ")  # (S, C)
    return Waveform(np.ascontiguousarray(out.T, np.float32), rate_hz)


def to_stereo(waveform: Waveform, layout: str = "") -> Waveform:
    """At most two channels, by ITU-R BS.775: centre and surround at -3 dB, no LFE; turned down where it would clip.

    layout: FFmpeg's name of where the channels stand ("5.1", "7.1", "quad", ...); empty means the usual one for their
    number (6: L R C LFE Ls Rs).
    """
    if waveform.channels <= 2:
        return waveform
    gains = np.asarray(_gains(waveform.channels, layout), np.float32)  # (C, 2)
    out = gains.T @ waveform.samples  # (2, S)
    return Waveform(out / max(1.0, float(np.abs(out).max(initial=0.0))), waveform.rate_hz)


def _gains(channels: int, layout: str) -> list[tuple[float, float]]:
    """What each channel gives to left and right."""
    places = [channel.name for channel in av.AudioLayout(layout).channels] if layout else ["NONE"]
    if "NONE" in places:  # what FFmpeg calls the channels of a file that says only how many there are
        if channels not in USUAL_LAYOUTS:
            return [(0.5, 0.5)] * channels
        places = [channel.name for channel in av.AudioLayout(USUAL_LAYOUTS[channels]).channels]
    assert len(places) == channels, f"layout {layout!r} has {len(places)} channels, the sound {channels}"
    # Surround and height channels are named by where they stand, with their side last.
    sides = {"L": (HALF_POWER, 0.0), "R": (0.0, HALF_POWER)}
    return [DOWNMIX.get(place) or sides.get(place[-1:], (0.5, 0.5)) for place in places]


def check_sound_path(path: Path) -> None:
    """Raises OutputError when the suffix is none that can be written, or the folder cannot be written to."""
    if path.suffix.lower() not in SOUND_SUFFIXES:
        raise OutputError(
            f"cannot write sound as {path.suffix or 'a file without suffix'!r}; use {', '.join(SOUND_SUFFIXES)}"
        )
    check_writable(path)


def write_audio(waveform: Waveform, path: Path, comment: str = "") -> None:
    """Write sound, whole or not at all: wav and flac 24 bit, ogg Vorbis, mp3, m4a AAC. Raises OutputError.

    comment: written as the file's comment tag.
    """
    check_sound_path(path)
    suffix = path.suffix.lower()
    with replacing(path) as partial:
        try:
            if suffix == ".m4a":
                _write_aac(waveform, partial, comment)
            else:
                _write_blocks(waveform, partial, *SOUNDFILE_FORMATS[suffix], comment)
        except (soundfile.LibsndfileError, av.error.FFmpegError) as error:
            if disk_is_full(path.parent):
                raise OutputError(
                    f"cannot write {path} (the disk is full); free some space or choose another folder"
                ) from error
            reason = error.error_string if isinstance(error, soundfile.LibsndfileError) else error.strerror
            raise OutputError(f"cannot write {path} ({reason}); choose another folder or format") from error


def _write_blocks(waveform: Waveform, path: Path, kind: str, subtype: str, comment: str) -> None:
    # As bytes, for soundfile takes no name that is not Unicode as text; on Windows all names are.
    name = os.fsencode(path) if os.name == "posix" else str(path)
    with soundfile.SoundFile(name, "w", waveform.rate_hz, waveform.channels, subtype=subtype, format=kind) as file:
        if comment:
            file.comment = comment
        # In blocks: libsndfile's Vorbis writer overflows its stack on minutes handed over at once.
        for first in range(0, waveform.samples.shape[1], BLOCK_SAMPLES):
            file.write(waveform.samples[:, first : first + BLOCK_SAMPLES].T)


def _write_aac(waveform: Waveform, path: Path, comment: str) -> None:
    with av.open(address(path), "w", format="mp4") as container:
        if comment:
            container.metadata["comment"] = comment
        layout = "mono" if waveform.channels == 1 else "stereo"
        stream = container.add_stream("aac", rate=waveform.rate_hz, layout=layout)
        stream.bit_rate = AAC_BITS_A_CHANNEL * waveform.channels
        for frame in sound_frames(waveform, stream.codec_context.frame_size or 1024):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def sound_frames(waveform: Waveform, size: int) -> Iterator[av.AudioFrame]:
    """The waveform as float planar frames of `size` samples with timestamps from 0, made as they are asked for."""
    layout = "mono" if waveform.channels == 1 else "stereo"
    for first in range(0, waveform.samples.shape[1], size):
        piece = np.ascontiguousarray(waveform.samples[:, first : first + size])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = waveform.rate_hz, first, Fraction(1, waveform.rate_hz)
        yield frame
