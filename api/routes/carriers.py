"""Energy carriers."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from api.deps import Asker
from api.models import CarrierItem, Page
from config.carriers import carriers
from config.quantities import QUANTITIES

router = APIRouter(tags=["registry"])


@router.get("/v1/carriers", response_model=Page[CarrierItem])
async def list_carriers(_: Asker) -> dict[str, Any]:
    """All energy carriers, with the quantity that counts each and its unit."""
    items = [{**asdict(carrier), "unit": QUANTITIES[carrier.quantity].unit} for carrier in carriers().values()]
    return {"items": items, "next": None}
