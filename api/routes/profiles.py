"""Meter profiles in use."""

from typing import Any

from fastapi import APIRouter

from api.deps import Asker, Served
from api.models import Page, ProfileItem
from storage import views

router = APIRouter(tags=["registry"])


@router.get("/v1/profiles", response_model=Page[ProfileItem])
async def list_profiles(served: Served, _: Asker) -> dict[str, Any]:
    """The meter profiles in use, as they were when the registry was applied."""
    return {"items": await views.profiles(served.database), "next": None}
