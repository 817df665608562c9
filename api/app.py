"""The API role: the application, and the server it runs in."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api import docs, problems
from api.deps import known_parameters
from api.metrics import Measured, Metrics
from api.models import ProblemAnswer
from api.routes import ROUTERS
from api.services import Services
from config.errors import ConfigError, Fault
from config.settings import Settings, split_address
from storage.embedded import servers

log = logging.getLogger(__name__)

CONSOLE = Path(__file__).parent / "console"
POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
"""What the console's pages may load. Charts set styles on their elements."""
GRACE_S = 5
"""How long requests under way may take when the service stops."""
_PROBLEM = {"model": ProblemAnswer, "description": "A problem", "content": {problems.MEDIA: {}}}


def create_app(services: Services) -> FastAPI:
    """The application over these services."""
    metrics = Metrics()
    app = FastAPI(
        title="Wanjia",
        version="1",
        description=docs.ABOUT,
        docs_url=None,
        redoc_url=None,
        responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
        dependencies=[Depends(known_parameters)],
    )
    app.state.services, app.state.metrics = services, metrics
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    docs.install(app)
    app.mount("/", _Console(directory=CONSOLE, html=True))
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=1)
    app.add_middleware(Measured, metrics=metrics)
    return app


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop`, through outages of database and stream. Raises ConfigError for settings it cannot use."""
    services = Services(
        own_factors=settings.factors,
        own_tariffs=settings.tariffs,
        own_prices=settings.prices,
        own_holidays=settings.holidays,
        repair_days=settings.repair_days,
        retention_days=settings.retention_days,
    )
    with _listening(settings.http) as listening, servers(settings) as addresses:
        server = _Server(
            uvicorn.Config(
                create_app(services),
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        host, port = listening.getsockname()[:2]
        log.info("listening on http://%s:%d", host, port)
        working = asyncio.create_task(services.run(addresses.database_url, addresses.nats_url))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait((working, serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            services.hub.close()
            server.should_exit = True
            await serving
            working.cancel()
            stopping.cancel()
            await asyncio.wait((working, stopping))
            await services.close()
        for task in done:
            task.result()


@contextlib.contextmanager
def _listening(address: str) -> Iterator[socket.socket]:
    """A socket that listens on host:port. Raises ConfigError naming WANJIA_HTTP."""
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen(2048)
        except OSError as error:
            raise ConfigError(
                [Fault("WANJIA_HTTP", f"cannot listen on {address}: {error.strerror}", _fix(error))]
            ) from None
        yield listening


def _fix(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "stop the program that uses it, or set WANJIA_HTTP to another host:port"
    if error.errno == errno.EACCES:
        return "set WANJIA_HTTP to a port above 1023"
    return "set WANJIA_HTTP to an address of this machine, host:port"


class _Server(uvicorn.Server):
    """Leaves signals to the program the role runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Console(StaticFiles):
    """The console's files; they may load nothing from elsewhere."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-cache"
        return response
