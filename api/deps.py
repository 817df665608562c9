"""What routes ask for: the services, who asks and what they may see, checked parameters, the body."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends, Query, Request, Security
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from api import times
from api.buckets import Interval
from api.problems import bad_parameter
from api.push import MOST_BYTES, too_large
from api.series import Form, accepted
from api.services import Services
from config import factors
from config.carriers import carriers
from storage import views
from storage.access import Principal
from storage.points import PointTable
from storage.views import Sight

COOKIE = "wanjia_key"
DRAINED = 64 * 2**20
"""Bytes of a body that is too large that are read, and dropped, so that its sender gets to see the answer."""

_bearer = HTTPBearer(auto_error=False, description="An API key of `wanjia keys create`")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="The same key, set by POST /v1/session")
_NO_CURSOR = "is not the `next` of an answer"
T = TypeVar("T")


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Served = Annotated[Services, Depends(services)]


def key_of(
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
    cookie: Annotated[str | None, Security(_cookie)],
) -> str | None:
    """The key that was sent; the most explicit one counts."""
    return bearer.credentials if bearer else header or cookie


Key = Annotated[str | None, Depends(key_of)]


async def principal(request: Request, served: Served, key: Key) -> Principal:
    """Who asks. Raises Problem."""
    return await served.gate.principal(key, address(request))


def address(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else "unknown"


Asker = Annotated[Principal, Depends(principal)]


def sight(who: Asker) -> Sight:
    return Sight.of(who)


Seen = Annotated[Sight, Depends(sight)]


def known_parameters(request: Request) -> None:
    """Refuse a parameter the route does not know: a typing error must not change what is asked."""
    operation = request.app.openapi()["paths"][request.scope["route"].path_format][request.method.lower()]
    known = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
    for name in request.query_params:
        if name not in known:
            has = f"use {', '.join(sorted(known))}" if known else "there are none here"
            raise bad_parameter(name, f"is not a parameter of {request.url.path}; {has}", "unknown-parameter")


def form(request: Request) -> Form:
    """How to answer a series."""
    return accepted(request.headers.get("Accept", "*/*"))


Accepted = Annotated[Form, Depends(form)]

From = Annotated[
    str | None,
    Query(alias="from", description="Start, ISO 8601 with offset, e.g. `2026-01-01T00:00:00+08:00`; included"),
]
To = Annotated[str | None, Query(description="End, ISO 8601 with offset; not included. Default: now")]
Length = Annotated[Interval, Query(description="Length of the buckets; days, months and years are the zone's")]
Unit = Annotated[
    factors.Unit,
    Query(
        description="`native`: as metered; `kgce`, `tce`: coal equivalent by energy content 当量; `kgce_equal`, "
        "`tce_equal`: by the energy to make it 等价; `tco2`: tonnes of CO2. The answer names the factors used "
        "(in JSON, and in the metadata of Arrow); problem `no-factor` where there is none for a day of the span"
    ),
]
Limit = Annotated[int, Query(ge=1, le=500, description="Most items in the answer")]
After = Annotated[str | None, Query(description="Cursor: `next` of the page before")]
Enterprise = Annotated[str | None, Query(description="Only this enterprise, by its unified social credit code")]


def span(start: str | None, past: str | None, now: int, days: float) -> tuple[int, int]:
    """[from, to) in microseconds; `days` back from `to` when `from` is not given. Raises Problem."""
    end = now if past is None else at_instant("to", past)
    begin = max(end - int(days * times.DAY), times.EARLIEST) if start is None else at_instant("from", start)
    if begin >= end:
        raise bad_parameter("from", "must be before `to`")
    return begin, end


def at_instant(name: str, text: str) -> int:
    try:
        instant = times.parse_query(text)
    except times.NoOffset as error:
        raise bad_parameter(name, str(error), "time-without-offset") from None
    except ValueError as error:
        raise bad_parameter(name, str(error)) from None
    if not times.EARLIEST <= instant <= times.LATEST:
        raise bad_parameter(name, f"{text} is not between 2000 and 2100")
    return instant


@dataclass(frozen=True, slots=True)
class Moment:
    """The instant as of which is answered, and the points with what was expected of them then."""

    now: int
    points: PointTable

    def said(self, zone: str) -> datetime:
        """As answers name it: asked again with it, they are the same."""
        return times.local(self.now, zone)


async def moment(
    served: Served,
    as_of: Annotated[
        str | None,
        Query(
            description="Answer as at that instant, ISO 8601 with offset: with the data, expectations and factors "
            "known then. Every answer says as of when it holds (`as_of`, and the header `Wanjia-As-Of`); asked again "
            "with that it is the same, whatever has changed since. Default: now"
        ),
    ] = None,
) -> Moment:
    """Raises Problem for an instant that is not over."""
    known = served.points
    at = present = await views.present(served.database)
    if as_of is not None:
        at = at_instant("as_of", as_of)
        if at > present:
            raise bad_parameter("as_of", f"{as_of} is not over yet")
    newest = await served.registry()
    if as_of is None and newest is known:
        return Moment(at, known)
    return Moment(at, await views.points_at(served.database, newest, at))


AsOf = Annotated[Moment, Depends(moment)]


def known_carrier(code: str | None) -> None:
    """Raises Problem for a carrier that does not exist."""
    if code is not None and code not in carriers():
        raise bad_parameter("carrier", f"unknown {code!r}; one of {', '.join(carriers())}")


def cursor(*key: object) -> str:
    """An opaque `next` that continues behind a key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key if len(key) > 1 else key[0])).decode().rstrip("=")


def behind(after: str | None, kind: type[T]) -> T | None:
    """The key in a cursor: a string, or a tuple of them. Raises Problem."""
    if after is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)), type=kind)
    except (ValueError, msgspec.MsgspecError):
        raise bad_parameter("after", _NO_CURSOR) from None


def numbered(after: str | None) -> str | None:
    """A cursor that is the number of an item. Raises Problem."""
    if after is not None and not re.fullmatch("[0-9]{1,18}", after):
        raise bad_parameter("after", _NO_CURSOR)
    return after


def paged(rows: list[dict[str, Any]], limit: int, *key: str) -> tuple[list[dict[str, Any]], str | None]:
    """The items of a page out of limit + 1 rows, and its `next`; `key` names what they are sorted by."""
    items = rows[:limit]
    return items, cursor(*(items[-1][name] for name in key)) if len(rows) > limit else None


async def body(request: Request) -> bytes:
    """The body as it came, at most MOST_BYTES. Raises Problem, after having read on for a while."""
    declared = request.headers.get("Content-Length", "")
    fits = not (declared.isdigit() and int(declared) > MOST_BYTES)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            fits = False
        if size > DRAINED:
            break
        if fits:
            parts.append(part)
        else:
            parts.clear()
    if not fits:
        raise too_large()
    return b"".join(parts)


def media(request: Request) -> str:
    """The body's type without its options."""
    return re.split(r"[;\s]", request.headers.get("Content-Type", "").strip().lower())[0]
