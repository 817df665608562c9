"""Meters."""

from typing import Any

from fastapi import APIRouter

from api.deps import After, Enterprise, Limit, Seen, Served, behind, paged
from api.models import MeterItem, Page
from api.standing import meter_online
from config.samples import now_us
from storage import views
from storage.views import Row

router = APIRouter(tags=["registry"])


@router.get("/v1/meters", response_model=Page[MeterItem])
async def list_meters(
    served: Served, seen: Seen, enterprise: Enterprise = None, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """Meters by enterprise and code, with where each is installed now."""
    above = behind(after, tuple[str, str])
    rows = await views.meters(served.database, seen, enterprise=enterprise, above=above, limit=limit + 1)
    items, further = paged(rows, limit, "uscc", "code")
    now = now_us()

    def is_online(item: Row) -> bool:
        device = served.points.devices.get((item["uscc"], item["code"]))
        return bool(device and meter_online(device, served.points, served.latest, now))

    return {"items": [{**item, "online": is_online(item)} for item in items], "next": further}
