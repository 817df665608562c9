"""What the service says of itself to Prometheus."""

from __future__ import annotations

import time
from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.services import Services
from storage import views
from storage.errors import StorageError
from storage.stream import LANES

MOST_CONFLICTS = 100_000
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10, 30)


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("wanjia_http_requests_total", "Requests answered", labels, registry=registry)
        self.seconds = Histogram(
            "wanjia_http_request_seconds",
            "Time to the end of the answer",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.rows = Counter("wanjia_push_rows_total", "Readings pushed over HTTP", ("verdict",), registry=registry)
        self._listeners = Gauge("wanjia_stream_listeners", "Open /v1/stream answers", registry=registry)
        self._backlog = Gauge(
            "wanjia_stream_backlog_messages", "Messages ingest has not stored yet", ("lane",), registry=registry
        )
        self._quarantine = Gauge("wanjia_quarantine_messages", "Messages in quarantine", registry=registry)
        self._conflicts = Gauge(
            "wanjia_conflicting_readings",
            f"Readings that differ from a stored one of the same time, counted up to {MOST_CONFLICTS}",
            registry=registry,
        )
        self._unproven = Gauge(
            "wanjia_unproven_days",
            "Days of points whose stored consumption is not what the registers counted, when last checked",
            registry=registry,
        )
        self._alerts = Gauge("wanjia_open_alerts", "Alerts open or acknowledged", registry=registry)

    async def page(self, services: Services) -> bytes:
        """The exposition. What cannot be asked now is NaN."""
        self._listeners.set(len(services.hub))
        for gauge in (self._alerts, self._quarantine, self._conflicts, self._unproven):
            gauge.set(float("nan"))
        for lane in LANES:
            self._backlog.labels(lane).set(float("nan"))
        with suppress(StorageError):
            for lane, count in (await services.stream.backlog()).items():
                self._backlog.labels(lane).set(count)
            self._quarantine.set(await services.stream.quarantine_size())
        with suppress(StorageError):
            self._alerts.set(await views.open_alerts(services.database))
            self._conflicts.set(await views.conflict_count(services.database, MOST_CONFLICTS))
            self._unproven.set(await views.unproven_days(services.database))
        return generate_latest(self._registry)


class Measured:
    """ASGI middleware: counts and times every request by its route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(scope["method"], route, status).inc()
            if route != "/v1/stream":
                self._metrics.seconds.labels(route).observe(time.perf_counter() - began)
