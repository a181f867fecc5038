"""The list of projects and jobs, in SQLite. It is made from the projects' folders again where it is lost."""

import json
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, String, Text, create_engine, delete, event, select, text
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import QueuePool

from phonofilm.errors import OptionError, OutputError

logger = logging.getLogger(__name__)

SCHEMA = 1
KEPT_ENDED = 1000
"""Jobs that have ended and are remembered."""
ENDED = ("done", "failed", "cancelled")


class _Base(DeclarativeBase):
    pass


class _ProjectRow(_Base):
    __tablename__ = "projects"
    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    created_at: Mapped[str] = mapped_column(String(24), index=True)
    summary: Mapped[str] = mapped_column(Text)


class _JobRow(_Base):
    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    project: Mapped[str] = mapped_column(String(12), index=True)
    state: Mapped[str] = mapped_column(String(10), index=True)
    number: Mapped[int] = mapped_column(index=True)
    ended_at: Mapped[str | None] = mapped_column(String(24), index=True)
    record: Mapped[str] = mapped_column(Text)


@dataclass
class JobRecord:
    """A job as it is kept. number: rises with the order of asking. request: what was asked for."""

    id: str
    project: str
    kind: str
    number: int
    created_at: str
    request: dict[str, Any] = field(default_factory=dict)
    state: str = "queued"
    stage: str | None = None
    stages: list[str] = field(default_factory=list)
    share: float = 0.0
    error: dict[str, str] | None = None
    notes: list[str] = field(default_factory=list)
    takes: list[str] = field(default_factory=list)
    started_at: str | None = None
    ended_at: str | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def job_from(data: Any) -> JobRecord | None:
    """A job out of a file of ours; None where it is none."""
    if not isinstance(data, dict) or set(data) != {field.name for field in fields(JobRecord)}:
        return None
    return JobRecord(**data)


class Store:
    """One connection, which keeps all other servers out of the same folder."""

    def __init__(self, path: Path) -> None:
        """Open, or make anew where it is missing, damaged or of another version.

        Raises OptionError when another server has the folder.
        """
        self.path = path
        self._engine = self._opened() or self._anew()

    def close(self) -> None:
        self._engine.dispose()

    def _opened(self) -> Engine | None:
        fresh = not self.path.exists()
        engine = _engine(self.path)
        try:
            with engine.begin() as connection:
                sound = connection.execute(text("PRAGMA quick_check(1)")).scalar() == "ok"
                version = connection.execute(text("PRAGMA user_version")).scalar()
                if fresh or (sound and version == SCHEMA):
                    connection.execute(text(f"PRAGMA user_version = {SCHEMA}"))
                    _Base.metadata.create_all(connection)
                    return engine
        except OperationalError as error:
            engine.dispose()
            if "locked" in str(error.orig):
                raise OptionError(
                    f"another studio has the folder {self.path.parent}; stop it, or give another with --folder"
                ) from error
        except DatabaseError:
            pass
        engine.dispose()
        return None

    def _anew(self) -> Engine:
        aside = self.path.with_name(f"{self.path.name}.damaged-{int(time.time())}")
        logger.warning("%s is damaged or of another version; it is made anew, the old one is %s", self.path, aside.name)
        self.path.replace(aside)
        for ending in ("-wal", "-shm", "-journal"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        engine = self._opened()
        if engine is None:
            raise OutputError(f"cannot write {self.path}; check the disk, or give another folder with --folder")
        return engine

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            with Session(self._engine) as session, session.begin():
                yield session
        except SQLAlchemyError as error:
            raise OutputError(
                f"cannot use {self.path.name} ({type(error).__name__}); look at its disk and permissions"
            ) from error

    def put_project(self, summary: dict[str, Any]) -> None:
        row = _ProjectRow(id=summary["id"], created_at=summary["created_at"], summary=json.dumps(summary))
        with self._session() as session:
            session.merge(row)

    def drop_project(self, project_id: str) -> None:
        with self._session() as session:
            session.execute(delete(_ProjectRow).where(_ProjectRow.id == project_id))
            session.execute(delete(_JobRow).where(_JobRow.project == project_id))

    def replace_projects(self, summaries: Iterable[dict[str, Any]]) -> None:
        """The list is what the folders say; jobs of projects that are gone go too."""
        rows = {summary["id"]: summary for summary in summaries}
        with self._session() as session:
            session.execute(delete(_ProjectRow))
            for summary in rows.values():
                session.add(
                    _ProjectRow(id=summary["id"], created_at=summary["created_at"], summary=json.dumps(summary))
                )
            known = set(session.scalars(select(_JobRow.project).distinct()))
            session.execute(delete(_JobRow).where(_JobRow.project.in_(known - set(rows))))

    def projects(self) -> list[dict[str, Any]]:
        """Newest first."""
        with self._session() as session:
            rows = session.scalars(select(_ProjectRow).order_by(_ProjectRow.created_at.desc(), _ProjectRow.id))
            return [json.loads(row.summary) for row in rows]

    def put_job(self, job: JobRecord) -> None:
        row = _JobRow(
            id=job.id,
            project=job.project,
            state=job.state,
            number=job.number,
            ended_at=job.ended_at,
            record=json.dumps(asdict(job)),
        )
        with self._session() as session:
            session.merge(row)

    def job(self, job_id: str) -> JobRecord | None:
        with self._session() as session:
            row = session.get(_JobRow, job_id)
            return None if row is None else JobRecord(**json.loads(row.record))

    def waiting(self) -> list[JobRecord]:
        """Those that have not ended, in the order in which they were asked for."""
        with self._session() as session:
            rows = session.scalars(select(_JobRow).where(_JobRow.state.not_in(ENDED)).order_by(_JobRow.number))
            return [JobRecord(**json.loads(row.record)) for row in rows]

    def ended(self, count: int, project: str | None = None, state: str | None = None) -> list[JobRecord]:
        """The last that have ended, newest first."""
        query = select(_JobRow).where(_JobRow.state.in_(ENDED if state is None else (state,)))
        if project is not None:
            query = query.where(_JobRow.project == project)
        query = query.order_by(_JobRow.ended_at.desc(), _JobRow.number.desc()).limit(count)
        with self._session() as session:
            return [JobRecord(**json.loads(row.record)) for row in session.scalars(query)]

    def forget_old_jobs(self) -> None:
        with self._session() as session:
            ended = select(_JobRow.id).where(_JobRow.state.in_(ENDED)).order_by(_JobRow.number.desc())
            old = list(session.scalars(ended.offset(KEPT_ENDED)))
            session.execute(delete(_JobRow).where(_JobRow.id.in_(old)))

    def last_number(self) -> int:
        with self._session() as session:
            return session.scalar(select(_JobRow.number).order_by(_JobRow.number.desc()).limit(1)) or 0


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": 1},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _: Any) -> None:
        # Exclusive: the lock is held until the process ends, however it ends, so that no second server runs the jobs.
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
