"""Factors of coal equivalent and CO2."""

from typing import Any

from fastapi import APIRouter

from api.deps import Asker
from api.models import FactorItem, Page
from config.factors import factors

router = APIRouter(tags=["registry"])


@router.get("/v1/factors", response_model=Page[FactorItem])
async def list_factors(_: Asker) -> dict[str, Any]:
    """All factors that derived units are worked out with: value, edition, validity, source, how sure it is."""
    return {"items": [{**factor.model_dump(), "value": float(factor.value)} for factor in factors()], "next": None}
