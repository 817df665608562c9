"""The shapes of questions and answers about gaps."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.alert_models import Said

GapState = Literal["open", "accepted", "closed"]


class GapItem(BaseModel):
    model_config = {"populate_by_name": True}

    id: int
    uscc: str
    metering_point: str
    quantity: str
    start: datetime = Field(alias="from")
    end: datetime | None = Field(alias="to", description="null: it still lasts")
    cause: str
    state: GapState = Field(
        description="open: the data are still missing; accepted: they are, and somebody accepts it; closed: filled"
    )
    assignee: str = Field(description="The name of a key; empty: nobody")
    opened_at: datetime = Field(description="When it was found")
    due: datetime = Field(
        description="When the third working day after that ends; Monday to Friday count, public holidays are not known"
    )
    overdue: bool = Field(description="It is open and that is past")
    missing: int


class GapEvent(BaseModel):
    at: datetime
    actor: str
    action: Literal["accepted", "assigned", "commented"]
    note: str


class GapAnswer(GapItem):
    events: list[GapEvent]


class Accept(BaseModel):
    reason: Said
