"""From an uploaded file to a project: is it a film, how long is it, and what does a browser need to show it."""

import os
import shutil
from pathlib import Path
from typing import Any

from phonofilm.errors import PhonofilmError
from phonofilm.media.containers import check_film
from phonofilm.media.preview import film_strip, plays_in_browsers, poster, write_proxy
from phonofilm.media.probe import probe, refuse_animated_webp
from phonofilm.types import ClipInfo
from phonofilm.web.disk import save_bytes
from phonofilm.web.problems import ProblemError, problem_of
from phonofilm.web.projects import Project, Projects
from phonofilm.web.upload import Upload

SUFFIXES = {
    "mov,mp4,m4a,3gp,3g2,mj2": (".mp4", ".mov", ".m4v"),
    "matroska,webm": (".mkv", ".webm"),
    "avi": (".avi",),
    "mpegts": (".ts",),
    "mpeg": (".mpg",),
    "flv": (".flv",),
    "asf": (".wmv",),
    "ogg": (".ogv",),
    "gif": (".gif",),
    "mxf": (".mxf",),
}
"""By what the bytes are; of several the one that the file came with, else the first."""
OTHER_SUFFIX = ".video"


def receive_clip(projects: Projects, upload: Upload, draft: Path, longest_s: float) -> Project:
    """Publish the project of an uploaded file that lies in `draft`.

    Raises ProblemError when it is no film, or too long. Either way the draft is gone afterwards.
    """
    try:
        return projects.publish(draft, _record(upload, draft, longest_s))
    except PhonofilmError as error:
        raise problem_of(error, {str(draft) + "/": "", upload.path.name: upload.file_name}) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _record(upload: Upload, draft: Path, longest_s: float) -> dict[str, Any]:
    refuse_animated_webp(upload.path)
    check_film(upload.path)
    info = probe(upload.path)
    if info.duration_s > longest_s:
        limit = f"{longest_s:g} s" if longest_s < 120 else f"{longest_s / 60:g} minutes"
        raise ProblemError(
            "too_long", f"the clip lasts {float(info.duration_s):.1f} s, at most {limit} are taken; cut it"
        )
    clip = draft / f"clip{_suffix(info, upload.file_name)}"
    os.replace(upload.path, clip)
    info = probe(clip)
    strip = film_strip(info)
    save_bytes(strip.jpeg, draft / "strip.jpg")
    save_bytes(poster(info), draft / "poster.jpg")
    video = clip
    if not plays_in_browsers(info):
        video = draft / "video.mp4"
        write_proxy(info, video)
    return {
        "name": Path(upload.file_name).stem or upload.file_name,
        "clip_path": clip.name,
        "video_path": video.name,
        "clip": _clip(info, upload.file_name),
        "strip": {
            "frames": len(strip.times_s),
            "frame_width": strip.frame_width,
            "frame_height": strip.frame_height,
            "times_s": list(strip.times_s),
        },
    }


def _clip(info: ClipInfo, file_name: str) -> dict[str, Any]:
    return {
        "file_name": file_name,
        "duration_s": round(float(info.duration_s), 6),
        "width": info.video.width,
        "height": info.video.height,
        "frame_rate_hz": round(float(info.video.average_rate_hz), 6),
        "container": info.container,
        "codec": info.video.codec,
        "has_sound": info.audio is not None,
    }


def _suffix(info: ClipInfo, file_name: str) -> str:
    known = SUFFIXES.get(info.container, (OTHER_SUFFIX,))
    own = Path(file_name).suffix.lower()
    return own if own in known else known[0]
