"""ComfyUI's values and files: IMAGE batches and VIDEO go out as clips, sound comes back as AUDIO.

Dimension letters: F frames, H height, W width, C channels, S samples.
"""

from __future__ import annotations

import tempfile
import uuid
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import soundfile
import torch
from torch import Tensor
from torch.nn import functional as F

from phonofilm.errors import InputError
from phonofilm.media.audio import read_audio

NTSC = Fraction(1000, 1001)
NTSC_WITHIN_HZ = 0.005
"""23.976 and 29.97 stand for 24000/1001 and 30000/1001."""
CRF = "12"
"""x264's quality of a clip made from images: seen as without loss."""

Audio = dict[str, Any]
"""ComfyUI's AUDIO: waveform (1, C, S) float32 and sample_rate."""


def clip_of(folder: Path, video: Any, images: Tensor | None, fps: float) -> Path:
    """One clip in `folder` of what is connected. Raises InputError when that is nothing, or both."""
    if (video is None) == (images is None):
        came = "both a video and images are" if video is not None else "neither a video nor images are"
        raise InputError(f"{came} connected; connect one of them")
    path = folder / "clip.mp4"
    if images is not None:
        write_images(images, fps, path)
    else:
        # Not the source's own path: a VIDEO may be a part of its file. The packets are copied where that is possible.
        video.save_to(str(path))
    return path


def write_images(images: Tensor, fps: float, path: Path) -> None:
    """An IMAGE batch (F, H, W, 3 or more), 0..1, as a clip of `fps` frames a second; odd sizes grow by one pixel."""
    if images.ndim != 4 or images.shape[-1] < 3 or not len(images):
        raise InputError(f"images of shape {tuple(images.shape)} came, (frames, height, width, 3) are wanted")
    if not 1 <= fps <= 240:
        raise InputError(f"{fps:g} frames a second came, 1 to 240 are wanted; connect the rate of the video")
    rate = frame_rate(fps)
    _, height, width, _ = images.shape
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=rate, options={"crf": CRF, "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        for image in images:
            picture = image[..., :3].detach().to("cpu", torch.float32).permute(2, 0, 1)[None]  # (1, 3, H, W)
            picture = F.pad(picture, (0, width % 2, 0, height % 2), mode="replicate")[0].permute(1, 2, 0)  # (H, W, 3)
            pixels = (picture.nan_to_num(0).clamp(0, 1) * 255).round().to(torch.uint8).contiguous().numpy()
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        file.mux(stream.encode(None))


def frame_rate(fps: float) -> Fraction:
    """The rate that is meant by a number with a few decimals."""
    broadcast = round(fps / float(NTSC)) * NTSC
    return broadcast if abs(fps - broadcast) < NTSC_WITHIN_HZ else Fraction(fps).limit_denominator(1000)


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
    if waveform is None or waveform.ndim != 3 or waveform.shape[0] != 1 or not waveform.shape[-1]:
        came = "no sound" if waveform is None else f"sound of shape {tuple(waveform.shape)}"
        raise InputError(f"{came} came, (1, channels, samples) is wanted; connect one AUDIO that is not empty")
    sound = waveform[0].detach().to("cpu", torch.float32).T.numpy()  # (S, C)
    soundfile.write(str(path), sound, int(audio["sample_rate"]), subtype="FLOAT")


def video_of(path: Path) -> Any:
    """A film as VIDEO."""
    try:
        from comfy_api.latest import InputImpl
    except ImportError:
        from comfy_api.input_impl import VideoFromFile
    else:
        VideoFromFile = InputImpl.VideoFromFile  # noqa: N806
    return VideoFromFile(str(path))


def film_path() -> Path:
    """Where a film goes that later nodes read: ComfyUI empties its folder of temporary files when it starts."""
    try:
        import folder_paths

        folder = Path(folder_paths.get_temp_directory())
    except ImportError:
        folder = Path(tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"phonofilm-{uuid.uuid4().hex}.mp4"
