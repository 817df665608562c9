"""The documentation page and what problems mean; nothing on it comes from outside."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import JSONResponse

from api.problems import KINDS, Problem

ASSETS = "/vendor/swagger-ui"
POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'"
"""The page has its start as a script inside."""
ABOUT = """
Readings in, consumption and alerts out.

* **Keys**: `Authorization: Bearer <key>`, `X-API-Key: <key>`, or the cookie of `POST /v1/session`. Admin and operator
  see all; an enterprise sees and pushes its own; a regulator reads the enterprises of its region.
* **Times** are ISO 8601 with offset, in and out; answers use the enterprise's zone. A time without offset is refused.
* **Series** are columns: JSON, `text/csv` or `application/vnd.apache.arrow.stream`, by `Accept`. `null` is missing,
  never zero. One answer holds at most 400,000 buckets.
* **Lists** are pages: `limit` (at most 500), and `after` with the `next` of the page before.
* **Problems** are `application/problem+json`; `errors` names the field at fault.
"""


def install(app: FastAPI) -> None:
    """Add the pages."""
    app.add_route("/docs", _docs)
    app.add_route("/problems/{kind}", _problem)


async def _docs(_: Request) -> Response:
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Wanjia API",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon-32x32.png",
        swagger_ui_parameters={"validatorUrl": None},
    )
    page.headers["Content-Security-Policy"] = POLICY
    return page


async def _problem(request: Request) -> Response:
    """What a problem's `type` means."""
    kind = request.path_params["kind"]
    if kind not in KINDS:
        raise Problem("not-found", f"no problem is called {kind}")
    status, title = KINDS[kind]
    return JSONResponse({"type": f"/problems/{kind}", "title": title, "status": status})
