"""What the server is and can: health, models, options, and whether a file is ours."""

import dataclasses
import shutil
from typing import Any, cast

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

import phonofilm
from phonofilm.detection import detect, facts
from phonofilm.errors import PhonofilmError
from phonofilm.media.containers import check_film_or_sound
from phonofilm.settings import AddOptions
from phonofilm.web import schemas
from phonofilm.web.answers import ERRORS, FORM, TOO_LARGE, UNREADABLE, StudioHere
from phonofilm.web.problems import problem_of
from phonofilm.web.upload import Upload, receive_file
from phonofilm.weights.fetch import described, way_to_have
from phonofilm.weights.registry import MODELS, OWN, find_model

OFFERED = (
    "prompt",
    "negative",
    "takes",
    "seed",
    "steps",
    "guidance",
    "sync",
    "loudness",
    "mono",
    "rate",
    "music",
    "voices",
    "voice_engine",
    "keep_original",
    "original_db",
    "credentials",
)
"""Fields of AddOptions that a request may set: none that names a file of this computer or that the studio sets."""
KINDS = {str: "text", float: "number", int: "integer", bool: "switch"}
TESTING = "tiny"

router = APIRouter(tags=["system"], responses=ERRORS)


@router.get("/health")
def health(studio: StudioHere) -> schemas.Health:
    """That the server is there, and what it is doing."""
    waiting, running = studio.jobs.counts()
    return schemas.Health(
        status="ok", version=phonofilm.__version__, model=studio.config.model, waiting=waiting, running=running
    )


@router.get("/models")
def models(studio: StudioHere) -> list[schemas.Model]:
    """The models, and which of them are on this machine."""
    config = studio.config
    shown = [row for row in MODELS.values() if row.name not in (TESTING, OWN) or row.name == config.model]
    rows = [described(row, config.weights_dir) for row in shown]
    return [
        schemas.Model(
            name=row["name"],
            summary=row["summary"],
            ready=row["here"],
            licence=row["weights_licence"],
            hint=None if row["here"] else way_to_have(find_model(row["name"])),
        )
        for row in rows
    ]


@router.get("/options")
def options() -> list[schemas.Option]:
    """The options of a job, as the command line has them."""
    return [
        schemas.Option(
            name=field.name,
            kind=KINDS[field.type],  # type: ignore[index,arg-type]
            default=cast(str | float | int | bool, field.default),
            help=field.metadata["help"],
            low=field.metadata["low"],
            high=field.metadata["high"],
        )
        for field in page_options()
    ]


def page_options() -> "list[dataclasses.Field[Any]]":
    """The fields of AddOptions that a request may set."""
    return [field for field in dataclasses.fields(AddOptions) if field.name in OFFERED]


@router.post("/detect", responses={**TOO_LARGE, **UNREADABLE}, openapi_extra=FORM)
async def look_for_mark(request: Request, studio: StudioHere) -> dict[str, Any]:
    """Whether a file carries our watermark: what `phonofilm detect --json` says of it."""
    draft = await run_in_threadpool(studio.projects.draft)
    try:
        upload = await receive_file(request, draft / "file", studio.config.most_bytes)
        return await run_in_threadpool(_verdict, upload)
    finally:
        await run_in_threadpool(shutil.rmtree, draft, ignore_errors=True)


def _verdict(upload: Upload) -> dict[str, Any]:
    try:
        check_film_or_sound(upload.path)
        verdict = detect(upload.path)
    except PhonofilmError as error:
        names = {str(upload.path): upload.file_name, f"{upload.path.name} ": f"{upload.file_name} "}
        raise problem_of(error, names) from error
    return facts(verdict) | {"file": upload.file_name}
