"""The studio as an ASGI app: routes, errors, and what wraps them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.sse import EventSourceResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

import phonofilm
from phonofilm.errors import PhonofilmError
from phonofilm.web import routes_jobs, routes_projects, routes_system, routes_takes
from phonofilm.web.config import StudioConfig
from phonofilm.web.films import Loader, load_film
from phonofilm.web.guard import Guard
from phonofilm.web.page import page_routes
from phonofilm.web.problems import ProblemError, not_found, problem_of
from phonofilm.web.studio import Studio
from phonofilm.web.views import BASE

logger = logging.getLogger(__name__)

PARTS = (routes_system, routes_projects, routes_takes, routes_jobs)
API_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def create_app(config: StudioConfig, load: Loader = load_film) -> FastAPI:
    """The server. load: how a model is loaded. Raises OptionError, OutputError when its folder cannot be used."""
    studio = Studio(config, load)

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        studio.start()
        yield
        await asyncio.to_thread(studio.stop)

    app = FastAPI(
        title="Phonofilm studio",
        description="Gives silent films their sound. Errors have one shape; see `ErrorBody`.",
        version=phonofilm.__version__,
        openapi_url=f"{BASE}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=living,
        redirect_slashes=False,
    )
    app.state.studio = studio
    for part in PARTS:
        app.include_router(part.router, prefix=BASE)
    _answer_heads(app)
    app.add_api_route("/api{path:path}", _unknown, methods=API_METHODS, include_in_schema=False)
    app.include_router(page_routes())
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(PhonofilmError, _on_phonofilm_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_anything)
    app.add_middleware(Guard, config=config)
    return app


def _routes() -> Iterator[APIRoute]:
    """Those of the API, without `BASE`."""
    for part in PARTS:
        yield from (route for route in part.router.routes if isinstance(route, APIRoute))


def _methods(route: APIRoute) -> set[str]:
    """What can be read can be asked for its size and kind (RFC 9110, 9.3.2), but for streams of events."""
    methods = set(route.methods or ())
    return methods | {"HEAD"} if "GET" in methods and route.response_class != EventSourceResponse else methods


def _answer_heads(app: FastAPI) -> None:
    for route in _routes():
        if "HEAD" in _methods(route):
            app.add_api_route(
                BASE + route.path,
                route.endpoint,
                methods=["HEAD"],
                response_class=route.response_class,
                response_model=route.response_model,
                include_in_schema=False,
            )


def _unknown(request: Request) -> Response:
    """There is no such address, or it takes other methods, which are named."""
    scope = {**request.scope, "path": request.scope["path"].removeprefix(BASE), "root_path": ""}
    there = {method for route in _routes() if route.matches(scope)[0] != Match.NONE for method in _methods(route)}
    if not there:
        raise not_found("address below /api")
    allowed = ", ".join(sorted(there))
    message = f"this address takes {allowed}, not {request.method}; see {BASE}/openapi.json"
    return _answer(ProblemError("bad_request", message, 405), {"allow": allowed})


def _answer(problem: ProblemError, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(problem.body(), problem.status, headers)


def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError), "registered for these"
    return _answer(error)


def _on_phonofilm_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, PhonofilmError), "registered for these"
    return _answer(problem_of(error, {}))


def _on_invalid(_: Request, error: Exception) -> Response:
    """The first thing that is wrong with a request, in one line."""
    assert isinstance(error, RequestValidationError), "registered for these"
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query"))
    if first["loc"][:1] == ("path",):
        return _answer(not_found(str(first["loc"][-1])))
    if first["type"] == "json_invalid":
        return _answer(ProblemError("bad_request", "the body is not JSON; send JSON in UTF-8", 400))
    what = f"{where}: " if where else ""
    return _answer(ProblemError("bad_request", f"{what}{first['msg']}; correct it, see {BASE}/openapi.json"))


def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for these"
    code = {404: "not_found", 401: "unauthorised", 413: "too_large"}.get(error.status_code, "bad_request")
    message = f"{error.detail}; see {BASE}/openapi.json for what can be asked"
    return _answer(ProblemError(code, message, error.status_code), dict(error.headers or {}))


def _on_anything(_: Request, error: Exception) -> Response:
    """Starlette raises the error again after this answer, and the server logs it."""
    return _answer(
        ProblemError("internal", f"{type(error).__name__} in the studio; the server's log has more: report it")
    )
