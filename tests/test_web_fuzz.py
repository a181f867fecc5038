"""The studio's API does what its OpenAPI description says, whatever is asked."""

import contextlib
import urllib.request
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.generation import GenerationMode  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from clips import even_times, make_clip  # noqa: E402
from studio_server import Server  # noqa: E402

pytestmark = pytest.mark.thorough
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("studio"), "--model", "tiny", "--device", "cpu")
    yield server
    server.close()


@pytest.fixture(scope="module")
def known(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Names of what is there, by the names of path parameters."""
    rate_hz = Fraction(12)
    clip = make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", even_times(12, rate_hz), rate_hz=rate_hz)
    project = server.upload(clip)
    job = server.ask(f"/projects/{project}/jobs", b'{"kind": "add", "model": "tiny", "use_cues": false}')["id"]
    with urllib.request.urlopen(f"{server.address}api/v1/jobs/{job}/events", timeout=300) as events:
        events.read()  # it ends with the job
    (take,) = server.ask(f"/jobs/{job}")["takes"]
    return {"project": project, "job": job, "take": take, "name": "effects"}


# schemathesis's own parametrisation is not used: it does not work with the pytest that the other tests need.
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_as_described(server: Server, known: dict[str, str], mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{server.address}api/v1/openapi.json")
    schema = schema.exclude(path_regex="/events$")  # streams of events need not end
    for result in schema.get_all_operations():
        with contextlib.suppress(Unsatisfiable):  # nothing can be wrong in a request without parameters
            examine(result.ok().as_strategy(generation_mode=mode), known)


def examine(strategy: Any, known: dict[str, str]) -> None:
    @settings(max_examples=10, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=strategy)
    def examined(case: Any) -> None:
        if case.method != "DELETE" and case.path_parameters:
            # Half of the time, by what was drawn, it is about something that exists.
            there = sum(map(ord, str(case.path_parameters))) % 2
            drawn = case.path_parameters
            case.path_parameters = {name: known[name] if there else value for name, value in drawn.items()}
        case.call_and_validate(checks=CHECKS)

    examined()
