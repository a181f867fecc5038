"""Who may talk to the server, and how much they may say. Wrapped around everything else."""

import re
import secrets
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phonofilm.web.config import StudioConfig
from phonofilm.web.problems import ProblemError
from phonofilm.web.views import BASE

COOKIE = "phonofilm_token"
COOKIE_AGE_S = 30 * 24 * 3600
WRITING = ("POST", "PUT", "PATCH", "DELETE")
MOST_JSON_BYTES = 4_000_000
"""A cue sheet of twenty thousand cues."""
UPLOADS = (f"{BASE}/projects", f"{BASE}/detect")
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::\d{1,5})?")
SECURITY = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Guard:
    """ASGI middleware: Host, token, Origin, size of what is sent; and headers that keep browsers careful."""

    def __init__(self, app: ASGIApp, config: StudioConfig) -> None:
        self._app, self._config = app, config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        sender = _careful(send)
        try:
            refused = self._answer(scope)
        except ProblemError as problem:
            refused = _refusal(scope, problem)
        if refused is not None:
            await refused(scope, receive, sender)
            return
        limited = receive if _is_upload(scope) else _limited(receive)
        await self._app(scope, limited, sender)

    def _answer(self, scope: Scope) -> Response | None:
        """What is answered in place of the app; None where the app shall. Raises ProblemError."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        match = HOST.fullmatch(host)
        name = "" if match is None else match[1].strip("[]").lower()
        if not self._config.answers_to(name):
            raise ProblemError("bad_request", "this server has another name; use the address that it printed", 421)
        if self._config.token:
            entered = self._entered(scope)
            if entered is not None:
                return entered
            if not self._knows_token(headers):
                way = "send 'Authorization: Bearer ...'; ?token=... is for the page"
                way = way if scope["path"].startswith("/api") else "open the address that it printed, with ?token=..."
                raise ProblemError("unauthorised", f"this server wants its token; {way}")
        origin = headers.get("origin")
        if scope["method"] in WRITING and origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise ProblemError(
                "bad_request", "another site's page may not change anything here; use the studio's own", 403
            )
        announced = headers.get("content-length", "0")
        if not _is_upload(scope) and announced.isdigit() and int(announced) > MOST_JSON_BYTES:
            raise _too_much()
        return None

    def _entered(self, scope: Scope) -> Response | None:
        """The token came in the address of the page: it goes into a cookie, and out of the address."""
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token")
        if scope["method"] != "GET" or scope["path"] != "/" or given is None:
            return None
        if not _same(given[0], self._config.token):
            raise ProblemError("unauthorised", "this is not the server's token; copy the address that it printed")
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, given[0], COOKIE_AGE_S, httponly=True, samesite="strict")
        return answer

    def _knows_token(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(given.strip(), self._config.token):
            return True
        cookies: SimpleCookie = SimpleCookie()
        cookies.load(headers.get("cookie", ""))
        return COOKIE in cookies and _same(cookies[COOKIE].value, self._config.token)


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def _is_upload(scope: Scope) -> bool:
    return scope["method"] == "POST" and scope["path"] in UPLOADS


def _refusal(scope: Scope, problem: ProblemError) -> Response:
    headers = {"www-authenticate": "Bearer"} if problem.status == 401 else {}
    if scope["path"].startswith("/api"):
        return JSONResponse(problem.body(), problem.status, headers)
    return PlainTextResponse(problem.message + "\n", problem.status, headers)


def _too_much() -> ProblemError:
    return ProblemError("too_large", f"more than {MOST_JSON_BYTES / 1e6:g} MB came; send less at once")


def _limited(receive: Receive) -> Receive:
    """Counts what comes in where nobody announced how much it is."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MOST_JSON_BYTES:
            raise _too_much()
        return message

    return counted


def _careful(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sent
