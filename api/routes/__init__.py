"""One file per resource, one line here."""

from api.routes import (
    alerts,
    carriers,
    enterprises,
    factors,
    gaps,
    health,
    metering_points,
    meters,
    overview,
    profiles,
    quality,
    quantities,
    readings,
    session,
    stream,
)

ROUTERS = (
    session.router,
    readings.router,
    enterprises.router,
    metering_points.router,
    meters.router,
    carriers.router,
    factors.router,
    quantities.router,
    profiles.router,
    overview.router,
    quality.router,
    gaps.router,
    alerts.router,
    stream.router,
    health.router,
)
