"""Factors of coal equivalent and CO2."""

from typing import Any

from fastapi import APIRouter

from api.deps import Asker, Served
from api.derived import shown
from api.models import FactorItem, Page

router = APIRouter(tags=["registry"])


@router.get("/v1/factors", response_model=Page[FactorItem])
async def list_factors(_: Asker, served: Served) -> dict[str, Any]:
    """All factors that derived units are worked out with: value, edition, validity, source, how sure it is."""
    return {"items": [shown(factor) for factor in served.factors], "next": None}
