"""Jobs: asking for sound, seeing how far it is, and changing one's mind."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from phonofilm.errors import OptionError, PhonofilmError
from phonofilm.settings import AddOptions, checked_spans
from phonofilm.timeline import seconds
from phonofilm.web import schemas
from phonofilm.web.answers import CONFLICT, ERRORS, NOT_FOUND, QUEUE_FULL, JobIdInPath, ProjectHere, StudioHere
from phonofilm.web.events import Message
from phonofilm.web.problems import ProblemError, problem_of
from phonofilm.web.projects import Project
from phonofilm.web.routes_projects import shown
from phonofilm.web.routes_system import page_options
from phonofilm.web.store import ENDED
from phonofilm.web.studio import Studio
from phonofilm.web.work import KEPT
from phonofilm.weights.registry import find_model

router = APIRouter(tags=["jobs"], responses=ERRORS)
Asked = Annotated[
    schemas.JobRequest,
    Body(
        openapi_examples={
            "add": {
                "summary": "Two takes for the whole clip",
                "value": {"kind": "add", "options": {"prompt": "footsteps on gravel", "takes": 2}},
            },
            "redo": {
                "summary": "One span of a take anew",
                "value": {"kind": "redo", "take": "a04be19f5c3300", "spans": [[1.2, 2.0]], "options": {"seed": 7}},
            },
        }
    ),
]


@router.post(
    "/projects/{project}/jobs",
    status_code=202,
    response_model=schemas.Job,
    responses={**NOT_FOUND, **CONFLICT, **QUEUE_FULL},
)
def submit(studio: StudioHere, project: ProjectHere, asked: Asked) -> Any:
    """Ask for sound, or for a part of it anew.

    Values are checked now; what takes the model, an extra or the transcript to know is told when the job runs. What is
    made anew keeps the loudness, the rate and the channels of its take, whatever the options say.
    """
    try:
        request = _checked(studio, project, asked)
    except PhonofilmError as error:
        raise problem_of(error, project.names) from error
    return studio.jobs.submit(project.id, asked.kind, request)


def _checked(studio: Studio, project: Project, asked: schemas.AddRequest | schemas.RedoRequest) -> dict[str, Any]:
    """The request as it is kept. Raises ProblemError or PhonofilmError."""
    known = {field.name: field.type for field in page_options()}
    unknown = sorted(set(asked.options) - set(known))
    if unknown:
        raise ProblemError("bad_request", f"there is no option {unknown[0]!r:.60}; see /api/v1/options")
    for name, value in asked.options.items():
        _check_kind(name, value, known[name])
    AddOptions(**asked.options)
    request = {"use_cues": asked.use_cues, "options": asked.options}
    if isinstance(asked, schemas.AddRequest):
        model = find_model(asked.model or studio.config.model).name
        return request | {"model": model, "dialogue_text": asked.dialogue_text}
    take = project.take(asked.take)
    duration_s = seconds(project.record()["clip"]["duration_s"])
    checked_spans(asked.spans, duration_s)
    if not asked.spans and not asked.use_cues:
        raise ProblemError(
            "bad_request", "nothing says what to make anew; select a span of time, or change cues and use them"
        )
    if asked.options.get("music"):
        raise ProblemError("bad_request", "a part that is made anew keeps its music; leave the music out")
    kept = {name: take["options"][name] for name in KEPT if name in take["options"]}
    request["options"] = {name: value for name, value in asked.options.items() if name not in KEPT} | kept
    return request | {"model": take["model"], "take": asked.take, "spans": [list(span) for span in asked.spans]}


def _check_kind(name: str, value: Any, kind: Any) -> None:
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise OptionError(f"--{name.replace('_', '-')} is {value!r:.40}; see /api/v1/options for what it takes")


@router.get("/jobs", response_model=list[schemas.Job])
def jobs(studio: StudioHere) -> Any:
    """All jobs that run or wait, then the last fifty that ended."""
    return studio.jobs.listing()


@router.get("/jobs/{job}", response_model=schemas.Job, responses=NOT_FOUND)
def job(studio: StudioHere, job_id: JobIdInPath) -> Any:
    """How far one job is."""
    return studio.jobs.view(job_id)


@router.delete("/jobs/{job}", status_code=202, response_model=schemas.Job, responses=NOT_FOUND)
def cancel(studio: StudioHere, job_id: JobIdInPath) -> Any:
    """Cancel a job; one that has ended stays as it is."""
    return studio.jobs.cancel(job_id)


def _existing_job(studio: StudioHere, job_id: JobIdInPath) -> str:
    studio.jobs.view(job_id)
    return job_id


@router.get("/jobs/{job}/events", response_class=EventSourceResponse, responses=NOT_FOUND)
async def job_events(
    studio: StudioHere, job_id: Annotated[str, Depends(_existing_job)]
) -> AsyncIterator[ServerSentEvent]:
    """A whole job at the start and at every change; ends with the job."""
    with studio.bus.reading(lambda message: message.event == "job" and message.data["id"] == job_id) as reader:
        first = studio.jobs.view(job_id)
        yield ServerSentEvent(event="job", data=first)
        if first["state"] in ENDED:
            return
        async for message in reader.messages():
            yield ServerSentEvent(event="job", data=message.data)
            if message.data["state"] in ENDED:
                return


@router.get("/projects/{project}/events", response_class=EventSourceResponse, responses=NOT_FOUND)
async def project_events(studio: StudioHere, project: ProjectHere) -> AsyncIterator[ServerSentEvent]:
    """The project and its jobs at the start and at every change."""

    def wanted(message: Message) -> bool:
        return bool(message.data["project" if message.event == "job" else "id"] == project.id)

    with studio.bus.reading(wanted) as reader:
        yield ServerSentEvent(event="project", data=shown(studio, project))
        async for message in reader.messages():
            yield ServerSentEvent(event=message.event, data=message.data)
