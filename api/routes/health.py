"""Whether the service lives and can work; what it says of itself."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from api.deps import Served
from config.errors import ConfigError
from storage.errors import StorageError
from storage.migrate import pending

router = APIRouter(tags=["service"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """200 while the process lives."""
    return {"status": "alive"}


@router.get("/readyz", response_model=dict[str, str])
async def readyz(served: Served) -> JSONResponse:
    """200 when database and stream can be reached and the schema is current, else 503; each is named with its state."""
    state = {"database": "ok", "schema": "current", "stream": "ok"}
    try:
        missing = await pending(served.database)
        if missing:
            state["schema"] = f"lacks {', '.join(missing)}; run `wanjia migrate`"
    except StorageError as error:
        state["database"], state["schema"] = str(error), "unknown"
    except ConfigError as error:
        state["schema"] = str(error)
    try:
        await served.stream.backlog()
    except StorageError as error:
        state["stream"] = str(error)
    ready = set(state.values()) == {"ok", "current"}
    return JSONResponse(state, 200 if ready else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request, served: Served) -> Response:
    """Requests, latencies, pushed rows, backlog and open alerts for Prometheus."""
    return Response(await request.app.state.metrics.page(served), media_type=CONTENT_TYPE_LATEST)
