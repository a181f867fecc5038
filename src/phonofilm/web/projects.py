"""A project is a folder. What is in it is all there is to know of it; everything else can be made from it again.

    ID/project.json     names, clip, film strip, settings
    ID/clip.SUFFIX      what was uploaded
    ID/video.mp4        the picture for browsers, where they do not play the clip
    ID/strip.jpg, poster.jpg, sound.wav (the clip's own sound, made when somebody asks)
    ID/seen.json        the cue sheet of what is seen;  ID/cues.json: what a person made of it
    ID/jobs/JOB.json    a job that waits or runs
    ID/takes/TAKE/      take.json, cues.json, film.*, sound.wav (16 bit), stems.zip (made when somebody asks)

Every file and every take appears whole or not at all.
"""

import json
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from phonofilm.cues import CueSheet, parse_cue_sheet
from phonofilm.errors import CueError
from phonofilm.web.disk import load_json, publish_folder, remove_folder, save_json, save_text, sweep
from phonofilm.web.problems import not_found, shown_names

ID = re.compile(r"[0-9a-f]{12}")
TAKE_ID = re.compile(r"[0-9a-f]{14}")
FORMAT = 1


def now() -> str:
    """The time of day, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id() -> str:
    """Of a project or a job."""
    return secrets.token_hex(6)


@dataclass(frozen=True)
class TakeFiles:
    """A take that is being published: the files by the name that they get, and what is known of it."""

    take_id: str
    files: dict[str, Path]
    record: dict[str, Any]
    cues: CueSheet


class Project:
    """One folder. Reads are of what lies there now; writes go through `Projects.changing`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        return self.folder.name

    def record(self) -> dict[str, Any]:
        """project.json. Raises ProblemError when the project is gone."""
        found = load_json(self.folder / "project.json")
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise not_found("project")
        return found

    @property
    def clip(self) -> Path:
        return self.folder / Path(self.record()["clip_path"]).name

    @property
    def video(self) -> Path:
        return self.folder / Path(self.record()["video_path"]).name

    @property
    def names(self) -> dict[str, str]:
        """What people call the files that an error may speak of."""
        record = self.record()
        return shown_names(self.folder, self.folder / record["clip_path"], record["clip"]["file_name"])

    @property
    def cues_edited(self) -> bool:
        return (self.folder / "cues.json").exists()

    def seen(self) -> CueSheet | None:
        """What is seen; None as long as nobody has looked."""
        return _sheet(self.folder / "seen.json")

    def cues(self) -> CueSheet | None:
        """What a person made of it, else what is seen."""
        return _sheet(self.folder / "cues.json") or self.seen()

    def take_folder(self, take_id: str) -> Path:
        """Raises ProblemError when there is no such take."""
        folder = self.folder / "takes" / take_id
        if not TAKE_ID.fullmatch(take_id) or not (folder / "take.json").exists():
            raise not_found("take")
        return folder

    def take(self, take_id: str) -> dict[str, Any]:
        """take.json. Raises ProblemError when there is no such take."""
        record = load_json(self.take_folder(take_id) / "take.json")
        if not isinstance(record, dict):
            raise not_found("take")
        return record

    def take_cues(self, take_id: str) -> CueSheet | None:
        """The cue sheet of a take."""
        return _sheet(self.take_folder(take_id) / "cues.json")

    def takes(self) -> list[dict[str, Any]]:
        """In the order in which they were made."""
        folders = (self.folder / "takes").glob("[0-9a-f]*")
        found = [load_json(folder / "take.json") for folder in folders]
        return sorted((take for take in found if isinstance(take, dict)), key=lambda take: take["number"])

    def take_count(self) -> int:
        return sum(1 for _ in (self.folder / "takes").glob("[0-9a-f]*"))

    def workshop(self, job_id: str) -> Path:
        """An empty folder for what a job makes on the way, on the same disk."""
        folder = self.folder / "work" / job_id
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


class Projects:
    """All projects below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock, self._making = threading.RLock(), threading.Lock()

    def tidy(self) -> None:
        """Delete what a server that died has left half made."""
        sweep(self.folder)
        for project in self.all():
            shutil.rmtree(project.folder / "work", ignore_errors=True)
            for folder in (project.folder, project.folder / "takes", project.folder / "jobs"):
                sweep(folder)

    def all(self) -> list[Project]:
        """Every folder that holds a whole project."""
        found = [Project(path) for path in sorted(self.folder.glob("[0-9a-f]*")) if ID.fullmatch(path.name)]
        return [project for project in found if (load_json(project.folder / "project.json") or {}).get("format") == 1]

    def get(self, project_id: str) -> Project:
        """Raises ProblemError when there is none."""
        project = Project(self.folder / project_id)
        if not ID.fullmatch(project_id) or not (project.folder / "project.json").exists():
            raise not_found("project")
        return project

    def draft(self) -> Path:
        """A folder that nobody sees, for a project that is being made."""
        folder = self.folder / f".new-{new_id()}"
        folder.mkdir()
        return folder

    def publish(self, draft: Path, record: dict[str, Any]) -> Project:
        """Let a drafted project appear. record: without id and times, which it gets here."""
        project_id, time = new_id(), now()
        whole = {"format": FORMAT, "id": project_id, "created_at": time, "updated_at": time, **record}
        save_json(whole | {"settings": {}, "next_number": 1}, draft / "project.json")
        publish_folder(draft, self.folder / project_id)
        for inner in ("takes", "jobs"):
            (self.folder / project_id / inner).mkdir(exist_ok=True)
        return Project(self.folder / project_id)

    def delete(self, project: Project) -> None:
        with self._lock:
            remove_folder(project.folder)

    @contextmanager
    def changing(self, project: Project) -> Iterator[dict[str, Any]]:
        """The record of a project, written back with the time when the block ends well."""
        with self._lock:
            record = project.record()
            yield record
            save_json(record | {"updated_at": now()}, project.folder / "project.json")

    @contextmanager
    def changing_take(self, project: Project, take_id: str) -> Iterator[dict[str, Any]]:
        """As `changing`, of a take."""
        with self._lock, self.changing(project):
            record = project.take(take_id)
            yield record
            save_json(record, project.take_folder(take_id) / "take.json")

    def delete_take(self, project: Project, take_id: str) -> None:
        with self._lock, self.changing(project):
            remove_folder(project.take_folder(take_id))

    def save_seen(self, project: Project, sheet: CueSheet) -> None:
        with self._lock:
            project.record()
            save_text(sheet.to_json(), project.folder / "seen.json")

    def save_cues(self, project: Project, sheet: CueSheet | None) -> None:
        """None: back to what is seen."""
        with self._lock, self.changing(project):
            if sheet is None:
                (project.folder / "cues.json").unlink(missing_ok=True)
            else:
                save_text(sheet.to_json(), project.folder / "cues.json")

    def publish_take(self, project: Project, made: TakeFiles) -> None:
        """Let a take appear with its number. One that is there already, from before a crash, stays as it is."""
        with self._lock:
            final = project.folder / "takes" / made.take_id
            if final.exists():
                return
            with self.changing(project) as record:
                number = record["next_number"]
                record["next_number"] = number + 1
            draft = final.with_name(f".{made.take_id}")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            for name, path in made.files.items():
                path.rename(draft / name)
            save_text(made.cues.to_json(), draft / "cues.json")
            own = {
                "id": made.take_id,
                "number": number,
                "name": f"Take {number}",
                "starred": False,
                "created_at": now(),
            }
            save_json(own | made.record, draft / "take.json")
            publish_folder(draft, final)

    @contextmanager
    def making(self, path: Path) -> Iterator[bool]:
        """Whether a file that can be made from others is missing; nobody else makes one meanwhile."""
        with self._making:
            yield not path.exists()

    def keep_job(self, project_id: str, job_id: str, record: dict[str, Any]) -> None:
        """Write a waiting job down beside what it is for, so that it outlives the database."""
        folder = self.get(project_id).folder / "jobs"
        folder.mkdir(exist_ok=True)
        save_json(record, folder / f"{job_id}.json")

    def drop_job(self, project_id: str, job_id: str) -> None:
        (self.folder / project_id / "jobs" / f"{job_id}.json").unlink(missing_ok=True)

    def kept_jobs(self) -> list[dict[str, Any]]:
        """All that were written down and not dropped."""
        found = [load_json(path) for project in self.all() for path in (project.folder / "jobs").glob("[0-9a-f]*.json")]
        return [record for record in found if isinstance(record, dict)]


def _sheet(path: Path) -> CueSheet | None:
    try:
        return parse_cue_sheet(json.loads(path.read_text(encoding="utf-8")), path.name)
    except (OSError, ValueError, CueError):
        return None
