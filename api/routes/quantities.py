"""What can be measured."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from api.deps import Asker
from api.models import Page, QuantityItem
from config.quantities import QUANTITIES

router = APIRouter(tags=["registry"])


@router.get("/v1/quantities", response_model=Page[QuantityItem])
async def list_quantities(_: Asker) -> dict[str, Any]:
    """All quantities, with their canonical units and names."""
    return {"items": [asdict(quantity) for quantity in QUANTITIES.values()], "next": None}
