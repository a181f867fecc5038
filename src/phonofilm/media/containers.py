"""Is a file of unknown origin one that stands alone? Asked before anything else opens it.

Playlists and scripts (HLS, DASH, concat) make FFmpeg open other files of this computer, by names that whoever wrote
them chose. So only formats that hold their own picture and sound are let in, by what the bytes are, not by the name.
"""

from pathlib import Path

import av

from phonofilm.errors import MediaError
from phonofilm.media.probe import OPEN_OPTIONS, address

FILMS = "mov,matroska,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,gif,mxf,dv,ivf,nut,rm,h264,hevc,m4v,yuv4mpegpipe"
"""FFmpeg's names of the formats that films come in."""
SOUNDS = "wav,w64,flac,mp3,aac,aiff,caf,ac3,eac3,dts,ape,wv,au,amr,opus"
MOST_PIXELS = 8192 * 4352
"""Of one frame: 8K, and what decodes in a few hundred megabytes."""


def check_film(path: Path) -> None:
    """Raises MediaError when a file is no film that stands alone, or its frames are too large to be decoded."""
    _check(path, FILMS, "a video (mp4, mov, mkv, webm, avi, ...)")


def check_film_or_sound(path: Path) -> None:
    """As `check_film`, for files that may also hold sound alone."""
    _check(path, f"{FILMS},{SOUNDS}", "a video or sound file")


def _check(path: Path, formats: str, wanted: str) -> None:
    if path.stat().st_size == 0:
        raise MediaError(f"{path.name} is empty (0 bytes); copy or download it again")
    try:
        options = {**OPEN_OPTIONS, "format_whitelist": formats}
        with av.open(address(path), metadata_errors="replace", options=options) as container:
            sizes = [stream.width * stream.height for stream in container.streams.video if stream.codec_context]
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path.name} is not {wanted}, or it is damaged or cut short; give another file") from error
    if max(sizes, default=0) > MOST_PIXELS:
        raise MediaError(f"{path.name} has a picture larger than 8K; scale it down first")
