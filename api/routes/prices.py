"""Prices by which alerts are ranked."""

from typing import Any

from fastapi import APIRouter

from api.deps import Asker, Served
from api.models import Page, PriceItem

router = APIRouter(tags=["registry"])


@router.get("/v1/prices", response_model=Page[PriceItem])
async def list_prices(_: Asker, served: Served) -> dict[str, Any]:
    """All prices that the money at stake in an alert is worked out with; they are no tariffs."""
    return {"items": [price.model_dump() for price in served.prices], "next": None}
