"""What requests and answers look like. The OpenAPI document is made from these records."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0, description="Seconds from the first shown frame.")]
ProjectId = Annotated[str, Field(pattern="^[0-9a-f]{12}$", examples=["3f9a0c21b7de"])]
JobId = Annotated[str, Field(pattern="^[0-9a-f]{12}$", examples=["a04be19f5c33"])]
TakeId = Annotated[str, Field(pattern="^[0-9a-f]{14}$", examples=["a04be19f5c3300"])]
Name = Annotated[str, Field(min_length=1, max_length=200, examples=["Chopping cabbage"])]
MOST_SPANS = 100
LONGEST_DIALOGUE = 100_000
"""Characters: an hour of speech."""


class Record(BaseModel):
    """Every record: fields that nobody knows are refused."""

    model_config = ConfigDict(extra="forbid")


class ErrorText(Record):
    """What went wrong, for programs and for people."""

    code: Literal[
        "not_found",
        "bad_request",
        "unreadable_clip",
        "too_large",
        "too_long",
        "queue_full",
        "conflict",
        "unauthorised",
        "missing_extra",
        "internal",
    ]
    message: str = Field(description="One line that says what to do.", examples=["there is no such take; reload"])


class ErrorBody(Record):
    """The body of every answer that is an error."""

    error: ErrorText


class Health(Record):
    """That the server is there, and what it is doing."""

    status: Literal["ok"]
    version: str = Field(examples=["0.1.0"])
    model: str = Field(examples=["mini"])
    waiting: int
    running: int


class Model(Record):
    """One model that sound can be made with."""

    name: str = Field(examples=["mini"])
    summary: str
    ready: bool
    licence: str
    hint: str | None = Field(description="What to run when it is not ready.")


class Option(Record):
    """One option of a job."""

    name: str = Field(examples=["prompt"])
    kind: Literal["text", "number", "integer", "switch"]
    default: str | float | int | bool
    help: str
    low: float | None
    high: float | None


class Clip(Record):
    """What was uploaded."""

    file_name: str = Field(examples=["chop.mp4"])
    duration_s: float
    width: int
    height: int
    frame_rate_hz: float
    container: str
    codec: str
    has_sound: bool


class Strip(Record):
    """The film strip: frames side by side in one row."""

    url: str
    frames: int
    frame_width: int
    frame_height: int
    times_s: list[float]


class CueRecord(Record):
    """Something heard at a time; a hit where it ends when it starts."""

    start_s: Seconds = Field(examples=[0.52])
    end_s: Seconds | None = Field(default=None, examples=[0.52])
    strength: float = Field(default=1.0, ge=0, le=1)
    place: float = Field(default=0.0, ge=-1, le=1)
    label: str = "hit"
    muted: bool = False
    prompt: str = Field(default="", max_length=200)


class CueClip(Record):
    """Which clip a cue sheet is of."""

    model_config = ConfigDict(extra="allow")
    name: str = ""
    duration_s: float = Field(ge=0, examples=[8.041])
    fingerprint: str = ""


class CueSheetRecord(Record):
    """A cue sheet as `phonofilm spot` writes it."""

    phonofilm_cue_sheet: Literal[1]
    clip: CueClip
    cues: list[CueRecord]


class Job(Record):
    """A piece of work: looking at a clip, adding sound, or making spans of a take anew."""

    id: JobId
    project: ProjectId
    kind: Literal["spot", "add", "redo"]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: str | None
    share: float = Field(ge=0, le=1, description="Of the stage.")
    stages: list[str] = Field(description="In order: those done so far and the running one.")
    position: int | None = Field(description="Of a queued job; 0 is the next.")
    error: ErrorText | None
    notes: list[str]
    takes: list[TakeId]
    created_at: str
    started_at: str | None
    ended_at: str | None


class Mark(Record):
    """The watermark in a take."""

    take_id: str = Field(examples=["a1b2"])
    marked: bool


class Stem(Record):
    """One layer of a take, as WAV."""

    name: Literal["effects", "music", "dialogue", "original"]
    url: str


class Reading(Record):
    """How the prompt was parted."""

    effects: list[str]
    music: list[str]


class SpokenLine(Record):
    """One line of dialogue as it is heard."""

    text: str
    speaker: str
    start_s: float
    end_s: float
    fit: float | None


class Take(Record):
    """One soundtrack."""

    id: TakeId
    number: int
    name: str
    starred: bool
    created_at: str
    seed: int
    model: str
    options: dict[str, Any]
    from_take: TakeId | None
    spans: list[tuple[float, float]] | None
    mark: Mark
    loudness_lufs: float | None
    duration_s: float
    sound_url: str
    video_url: str
    stems: list[Stem]
    midi_url: str | None
    cues_url: str
    reading: Reading | None
    lines: list[SpokenLine] | None
    notes: list[str]
    seconds: dict[str, float]


class ProjectSummary(Record):
    """A project in the list."""

    id: ProjectId
    name: str
    created_at: str
    updated_at: str
    duration_s: float
    takes: int
    poster_url: str


class Project(Record):
    """A clip and all that was made for it."""

    id: ProjectId
    name: str
    created_at: str
    updated_at: str
    duration_s: float
    poster_url: str
    clip: Clip
    video_url: str
    clip_url: str
    strip: Strip
    cues_url: str
    cues_edited: bool
    takes: list[Take]
    jobs: list[Job] = Field(description="Queued and running ones, and the newest that failed.")
    settings: dict[str, Any]


class ProjectChange(Record):
    """What of a project is to be changed."""

    name: Name | None = None
    settings: dict[str, Any] | None = Field(default=None, examples=[{"zoom": 2}])


class TakeChange(Record):
    """What of a take is to be changed."""

    name: Name | None = None
    starred: bool | None = None


class AddRequest(Record):
    """Sound for the whole clip. options: any of /options. use_cues: of the sheet that was edited."""

    kind: Literal["add"]
    model: str | None = Field(default=None, description="The server's own where it is left out.", examples=["mini"])
    use_cues: bool = True
    options: dict[str, Any] = Field(default_factory=dict, examples=[{"prompt": "footsteps on gravel", "takes": 2}])
    dialogue_text: str | None = Field(default=None, max_length=LONGEST_DIALOGUE, examples=["ANNA: Good morning."])


class RedoRequest(Record):
    """Spans of a take made anew; without spans those in which the cue sheet is another than the take's."""

    kind: Literal["redo"]
    take: TakeId
    spans: list[tuple[Seconds, Seconds]] = Field(default_factory=list, max_length=MOST_SPANS, examples=[[[1.2, 2.0]]])
    use_cues: bool = True
    options: dict[str, Any] = Field(default_factory=dict, examples=[{"seed": 7}])


JobRequest = Annotated[AddRequest | RedoRequest, Field(discriminator="kind")]
