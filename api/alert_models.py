"""The shapes of questions and answers about alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from api.models import Said

Id = Annotated[int, Field(ge=1, le=2**63 - 1)]


class AlertItem(BaseModel):
    id: int
    rule: str
    severity: Literal["info", "warning", "critical"]
    uscc: str
    enterprise: str
    zone: str
    metering_point: str | None
    carrier: str | None = Field(description="Of the metering point")
    meter: str | None
    onset: datetime
    ended: datetime | None = Field(description="null: it still lasts, whatever people did with the alert")
    reopened: int = Field(description="How often it came back within ten minutes of its end")
    state: Literal["open", "acknowledged", "resolved", "dismissed", "suppressed"] = Field(
        description="suppressed: it began within a maintenance window or an exception"
    )
    suppression: int | None = Field(description="That maintenance window or exception")
    assignee: str = Field(description="The name of a key; empty: nobody")
    opened_at: datetime
    updated_at: datetime
    amount: float | None = Field(description="Energy at stake, in `unit`; null: unknown")
    unit: str
    tce: float | None = Field(description="The same as coal equivalent 当量")
    money: float | None = Field(description="The same in CNY, by the prices of GET /v1/prices")
    zh: str
    en: str
    evidence: dict[str, Any]


class AlertEvent(BaseModel):
    at: datetime
    actor: str
    action: str
    note: str


class Excerpt(BaseModel):
    """Where the series is that shows it: ask for readings, consumption or verdicts of this span."""

    model_config = {"populate_by_name": True}

    metering_point: str
    quantity: str | None = Field(description="null: the metering point's register")
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")


class AlertAnswer(AlertItem):
    events: list[AlertEvent]
    excerpt: Excerpt | None = Field(description="null: it is not about a single metering point")


class Note(BaseModel):
    note: str = Field("", max_length=2000)


class Comment(BaseModel):
    note: Said


class Assign(BaseModel):
    assignee: str = Field(max_length=64, description="The name of a valid key of admin, operator or the enterprise")
    note: str = Field("", max_length=2000)


class Dismiss(BaseModel):
    reason: Said
    except_until: AwareDatetime | None = Field(
        None,
        description="Make an exception: the same rule about the same subject is not told again until then, at most "
        "400 days from now",
    )


class Reopen(BaseModel):
    reason: Said


Several = Annotated[
    list[Id],
    Field(min_length=1, max_length=500, description="All, or none and every one that stands in the way is named"),
]


class Acknowledge(Note):
    """Several alerts at once."""

    ids: Several


class Acknowledged(BaseModel):
    acknowledged: list[int]


class DismissMany(Dismiss):
    """Several alerts at once, for one reason."""

    ids: Several


class Dismissed(BaseModel):
    dismissed: list[int]


class SuppressionItem(BaseModel):
    """What begins in [from, to) is recorded, but while it is in force neither told nor counted as open."""

    model_config = {"populate_by_name": True}

    id: int
    kind: Literal["maintenance", "exception"]
    uscc: str
    enterprise: str
    address: str = Field(description="Only what is connected there; empty: anywhere")
    metering_point: str | None
    rule: str = Field(description="Of an exception; empty: any")
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    reason: str
    actor: str
    at: datetime
    revoked_at: datetime | None
    revoked_by: str


class Maintenance(BaseModel):
    """Planned work of an enterprise, or only of a gateway's address or a metering point."""

    model_config = {"populate_by_name": True}

    enterprise: str = Field(description="Its unified social credit code")
    address: str = Field("", max_length=300, description="Of a gateway, as alerts show it")
    metering_point: str | None = Field(None, description="Its code")
    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to", description="At most 400 days later")
    reason: Said


class Created(BaseModel):
    id: int


class Revoke(BaseModel):
    reason: Said
