"""Refusals and failures as `application/problem+json` (RFC 9457): a stable `type`, what to do, the field at fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from storage.errors import RowsRefused, StreamFull, TooSlow, Unavailable

MEDIA = "application/problem+json"


class Kind(NamedTuple):
    """A kind of problem; its key in KINDS is the last part of its `type`."""

    status: int
    title: str


KINDS: dict[str, Kind] = {
    "invalid-parameter": Kind(400, "A parameter cannot be used"),
    "unknown-parameter": Kind(400, "There is no such parameter here"),
    "time-without-offset": Kind(400, "A time has no offset from UTC"),
    "span-too-long": Kind(400, "More was asked for than one answer may hold"),
    "unreadable-body": Kind(400, "The body is not what its content type says"),
    "key-needed": Kind(401, "A valid API key is needed"),
    "forbidden": Kind(403, "This key may not do that"),
    "not-found": Kind(404, "There is no such thing, or this key may not see it"),
    "method-not-allowed": Kind(405, "The address does not know this method"),
    "not-acceptable": Kind(406, "The answer does not exist in an accepted form"),
    "conflict": Kind(409, "Its state does not allow that"),
    "body-too-large": Kind(413, "The body is too large"),
    "unsupported-media-type": Kind(415, "The body's form is not known"),
    "invalid-body": Kind(422, "The body lacks something or says something wrong"),
    "no-reading-accepted": Kind(422, "None of the readings can be accepted"),
    "no-factor": Kind(422, "No factor turns that carrier into that unit on those days"),
    "no-tariff": Kind(422, "No tariff plan is known for that region on those days"),
    "too-many-requests": Kind(429, "Too many for now"),
    "internal": Kind(500, "A mistake in the service"),
    "unavailable": Kind(503, "The database or the stream cannot be reached now"),
    "stream-full": Kind(503, "The stream takes no more readings now"),
    "query-timeout": Kind(504, "The query took too long"),
}
_BY_STATUS = {404: "not-found", 405: "method-not-allowed", 406: "not-acceptable", 413: "body-too-large"}
_RETRY_S = {"unavailable": 5, "stream-full": 60, "query-timeout": 30}


class Problem(Exception):
    """Ends a request with a problem of KINDS. `errors`: (field, message) pairs; `more`: further members."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.more = dict(more or {})


def bad_parameter(name: str, message: str, kind: str = "invalid-parameter") -> Problem:
    """The query or path parameter `name` cannot be used."""
    return Problem(kind, f"{name}: {message}", errors=[(name, message)])


def answer(problem: Problem) -> Response:
    """The problem as it goes out."""
    status, title = KINDS[problem.kind]
    body: dict[str, Any] = {
        "type": f"/problems/{problem.kind}",
        "title": title,
        "status": status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = [{"field": field, "message": message} for field, message in problem.errors]
    headers = problem.headers
    if problem.kind in _RETRY_S:
        headers.setdefault("Retry-After", str(_RETRY_S[problem.kind]))
    return Response(msgspec.json.encode(body | problem.more), status, headers, MEDIA)


def install(app: FastAPI) -> None:
    """Have every refusal and failure of the application answered as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for error in (StreamFull, TooSlow, Unavailable, RowsRefused):
        app.add_exception_handler(error, _storage)
    app.add_exception_handler(Exception, _internal)


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(error)


def _invalid(_: Request, error: Exception) -> Response:
    """What FastAPI found wrong: parameters are 400, bodies 422."""
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    body = any(fault["loc"][0] == "body" for fault in faults)
    errors = [(".".join(str(part) for part in fault["loc"][1:]) or "body", _told(fault)) for fault in faults]
    detail = "; ".join(f"{field}: {message}" for field, message in errors)
    return answer(Problem("invalid-body" if body else "invalid-parameter", detail, errors=errors))


def _told(fault: Mapping[str, Any]) -> str:
    empty = fault["type"] == "string_too_short" and not str(fault["input"]).strip()
    return "is empty; write something" if empty else str(fault["msg"])


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _BY_STATUS.get(error.status_code, "invalid-parameter" if error.status_code < 500 else "internal")
    return answer(Problem(kind, f"{request.method} {request.url.path}: {error.detail}", headers=error.headers))


def _storage(_: Request, error: Exception) -> Response:
    if isinstance(error, StreamFull):
        return answer(Problem("stream-full", f"{error}. Nothing of this request is lost: send it again later."))
    if isinstance(error, TooSlow):
        return answer(Problem("query-timeout", f"{error}. Ask for a shorter span or fewer things."))
    if isinstance(error, RowsRefused):
        return answer(Problem("invalid-parameter", str(error)))
    return answer(Problem("unavailable", f"{error}. Send the request again later."))


def _internal(request: Request, _: Exception) -> Response:
    detail = f"{request.method} {request.url.path} failed by a mistake in the service; its log says where"
    return answer(Problem("internal", detail))
