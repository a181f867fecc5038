"""ComfyUI's values and files: IMAGE batches and VIDEO go out as clips, sound comes back as AUDIO.

Dimension letters: F frames, H height, W width, C channels, S samples.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import soundfile
import torch
from torch import Tensor

from phonofilm.errors import InputError, PhonofilmError
from phonofilm.media.audio import read_audio
from phonofilm.media.probe import probe
from phonofilm.types import Progress

from .progress import WRITING_CLIP

NTSC = Fraction(1000, 1001)
NTSC_NOMINAL_HZ = (24, 30, 48, 60, 120)
NTSC_WITHIN_HZ = 0.005
"""23.976, 23.98 and 29.97 stand for 24000/1001 and 30000/1001."""
LOWEST_HZ, HIGHEST_HZ = 1.0, 240.0
LOSSLESS = {"qp": "0", "preset": "ultrafast", "threads": "4"}
"""x264 in RGB, which holds 8 bits and any size exactly. It writes its number of threads into the first packet, by which
a cue sheet knows its clip: a fixed number, or a sheet would not fit the same images on another computer."""
CONTAINERS = (".mp4", ".mov", ".mkv")
"""In which a VIDEO is copied, the first that can hold it; Matroska holds all, but rounds times to milliseconds."""
NAME_DIGITS = 6

Audio = dict[str, Any]
"""ComfyUI's AUDIO: waveform (1, C, S) float32 and sample_rate."""


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder for the files of one run. Its name, which says nothing to anyone, is left out of error messages."""
    with tempfile.TemporaryDirectory(prefix="phonofilm-") as name:
        try:
            yield Path(name)
        except PhonofilmError as error:
            raise type(error)(str(error).replace(name + os.sep, "")) from error


def clip_of(folder: Path, video: Any, images: Tensor | None, fps: float, progress: Progress) -> Path:
    """One clip in `folder` of what is connected. Raises InputError when that is nothing, both, or no picture."""
    if (video is None) == (images is None):
        came = "both a video and images are" if video is not None else "neither a video nor images are"
        raise InputError(f"{came} connected; connect one of them")
    if images is None:
        path = save_video(video, folder)
    else:
        path = folder / "clip.mp4"
        write_images(images, frame_rate(fps), path, progress)
    # The name stands in cue sheets and in what is said when one belongs to another clip: clips need different ones.
    return path.rename(path.with_stem(f"clip-{probe(path).fingerprint[:NAME_DIGITS]}"))


def save_video(video: Any, folder: Path) -> Path:
    """A VIDEO as a file; its packets are copied where it is no cut-out. Raises InputError."""
    if not hasattr(video, "save_to"):
        raise InputError(f"a value of type {type(video).__name__} came, a VIDEO is wanted; connect Load Video's output")
    failure: Exception | None = None
    for suffix in CONTAINERS:
        path = folder / f"clip{suffix}"
        try:
            # Not the source's own path: a VIDEO may be a part of its file.
            video.save_to(str(path))
            probe(path)
        except (av.FFmpegError, OSError, ValueError, InputError) as error:
            failure = failure or error
        else:
            return path
    reason = " ".join(str(failure).split())
    raise InputError(f"the video cannot be copied ({reason}); load another file, or connect its images and fps instead")


def write_images(images: Tensor, rate_hz: Fraction, path: Path, progress: Progress) -> None:
    """An IMAGE batch (F, H, W, 3 or more), 0..1, as a clip without loss; what follows RGB is left out.

    One frame is converted at a time. Raises InputError on another shape.
    """
    if not isinstance(images, Tensor) or images.ndim != 4 or images.shape[-1] < 3 or not images.numel():
        came = f"shape {tuple(images.shape)}" if isinstance(images, Tensor) else f"type {type(images).__name__}"
        raise InputError(f"images of {came} came, (frames, height, width, 3) are wanted; connect an IMAGE batch")
    count, height, width, _ = images.shape
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264rgb", rate=rate_hz, options=LOSSLESS)
        stream.width, stream.height, stream.pix_fmt = width, height, "rgb24"
        for number, image in enumerate(images):
            picture = image[..., :3].detach().to("cpu", torch.float32)  # (H, W, 3)
            pixels = (picture.nan_to_num(0).clamp(0, 1) * 255).round().to(torch.uint8).contiguous().numpy()
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            progress(WRITING_CLIP, (number + 1) / count)
        file.mux(stream.encode(None))


def frame_rate(fps: float) -> Fraction:
    """The exact rate that is meant by a number with a few decimals. Raises InputError."""
    if not LOWEST_HZ <= fps <= HIGHEST_HZ:
        raise InputError(
            f"{fps:g} frames a second came, {LOWEST_HZ:g} to {HIGHEST_HZ:g} are wanted; connect the rate of the images"
        )
    for nominal_hz in NTSC_NOMINAL_HZ:
        if abs(fps - float(nominal_hz * NTSC)) < NTSC_WITHIN_HZ:
            return nominal_hz * NTSC
    return Fraction(fps).limit_denominator(1001)


def audio_of(path: Path) -> Audio:
    """A sound file as AUDIO."""
    sound = read_audio(path)
    return {"waveform": torch.from_numpy(sound.samples.copy())[None], "sample_rate": sound.rate_hz}  # (1, C, S)


def silence_like(audio: Audio) -> Audio:
    """As long and with as many channels."""
    return {"waveform": torch.zeros_like(audio["waveform"]), "sample_rate": audio["sample_rate"]}


def write_audio(audio: Audio, path: Path) -> None:
    """AUDIO as a WAV file of 32-bit floats. Raises InputError on a batch of several sounds, and on none."""
    waveform = audio.get("waveform") if isinstance(audio, dict) else None
    if waveform is None or waveform.ndim != 3 or waveform.shape[0] != 1 or not waveform.numel():
        came = "no sound" if waveform is None else f"sound of shape {tuple(waveform.shape)}"
        raise InputError(f"{came} came, (1, channels, samples) is wanted; connect one AUDIO that is not empty")
    sound = waveform[0].detach().to("cpu", torch.float32).T.numpy()  # (S, C)
    soundfile.write(str(path), sound, int(audio["sample_rate"]), subtype="FLOAT")


def certainty(log10_chance: float) -> float:
    """How many noughts the chance of an error has behind its point: 9 and more is marked."""
    return max(0.0, -log10_chance)


def video_from_file(path: Path) -> Any:
    """A film as VIDEO."""
    try:
        from comfy_api.latest import InputImpl  # type: ignore[import-not-found]
    except ImportError:
        from comfy_api.input_impl import VideoFromFile  # type: ignore[import-not-found]

        return VideoFromFile(str(path))
    return InputImpl.VideoFromFile(str(path))


def video_from_images(images: Tensor, audio: Audio, rate_hz: Fraction) -> Any:
    """Images with their sound as VIDEO, encoded by whoever saves it.

    An odd last row or column is left out, as in ComfyUI's own films: its codecs cannot hold it.
    """
    _, height, width, _ = images.shape
    shown = images[:, : max(1, height // 2 * 2), : max(1, width // 2 * 2), :3]  # a view (F, H, W, 3)
    try:
        from comfy_api.latest import InputImpl, Types
    except ImportError:
        from comfy_api.input_impl import VideoFromComponents
        from comfy_api.util import VideoComponents  # type: ignore[import-not-found]

        return VideoFromComponents(VideoComponents(images=shown, audio=audio, frame_rate=rate_hz))
    return InputImpl.VideoFromComponents(Types.VideoComponents(images=shown, audio=audio, frame_rate=rate_hz))


def film_path(suffix: str) -> Path:
    """Where a film goes that later nodes read: ComfyUI empties its folder of temporary files when it starts."""
    try:
        import folder_paths  # type: ignore[import-not-found]

        folder = Path(folder_paths.get_temp_directory())
    except ImportError:
        folder = Path(tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"phonofilm-{uuid.uuid4().hex}{suffix}"
