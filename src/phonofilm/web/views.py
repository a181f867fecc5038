"""Projects and takes as they are answered: what lies on the disk, with the addresses of its files."""

from typing import Any

from phonofilm.web.projects import Project

BASE = "/api/v1"


def project_url(project_id: str) -> str:
    return f"{BASE}/projects/{project_id}"


def summary_view(project: Project) -> dict[str, Any]:
    """A project as the list has it. Raises ProblemError when it is gone."""
    record = project.record()
    return _head(record) | {"takes": project.take_count()}


def project_view(project: Project, jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole project. Raises ProblemError when it is gone."""
    record, url = project.record(), project_url(project.id)
    return _head(record) | {
        "clip": record["clip"],
        "video_url": f"{url}/video",
        "clip_url": f"{url}/clip",
        "strip": {"url": f"{url}/strip", **record["strip"]},
        "cues_url": f"{url}/cues",
        "cues_edited": project.cues_edited,
        "takes": [take_view(project.id, take) for take in project.takes()],
        "jobs": jobs,
        "settings": record["settings"],
    }


def take_view(project_id: str, take: dict[str, Any]) -> dict[str, Any]:
    """A take.json with addresses in place of file names."""
    url = f"{project_url(project_id)}/takes/{take['id']}"
    files = take["files"]
    shown = {name: value for name, value in take.items() if name not in ("files", "job")}
    return shown | {
        "sound_url": f"{url}/sound",
        "video_url": f"{url}/video",
        "stems": [{"name": name, "url": f"{url}/stems/{name}"} for name in files["stems"]],
        "midi_url": f"{url}/midi" if files["midi"] else None,
        "cues_url": f"{url}/cues",
    }


def _head(record: dict[str, Any]) -> dict[str, Any]:
    own = {name: record[name] for name in ("id", "name", "created_at", "updated_at")}
    return own | {"duration_s": record["clip"]["duration_s"], "poster_url": f"{project_url(record['id'])}/poster"}
