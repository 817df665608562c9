"""The shapes of questions and answers about gaps."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.models import Said
from storage.ledger import Cause, Owner, Shown


class GapItem(BaseModel):
    """What a metering point lacks for a while, all its quantities together."""

    model_config = {"populate_by_name": True}

    id: int
    uscc: str
    enterprise: str
    metering_point: str = Field(description="Of several silenced together (`group=together`): the first")
    name: str
    gaps: int = Field(description="How many gaps this stands for; more than one only with `group=together`")
    metering_points: int = Field(description="Of how many metering points they are")
    quantities: list[str]
    start: datetime = Field(alias="from", description="When the first missing reading was due")
    end: datetime | None = Field(alias="to", description="null: it still lasts")
    zone: str
    cause: Cause = Field(
        description="silent: the device, or nobody can tell; refused: the meter has no such register; rejected: at "
        "least half of what was expected came and could not be stored; gateway, collector, stream: all that comes by "
        "it was silent at the same time; planned: it began in an announced maintenance window"
    )
    evidence: dict[str, Any] = Field(description="What the cause rests on")
    group: int | None = Field(description="Silenced together with others: the first gap of these")
    state: Shown = Field(
        description="open: the data are missing; backfilling: history of its enterprise is coming in; estimated: its "
        "energy is known in sum, or estimated; accepted: missing, and somebody accepts it; closed: filled"
    )
    owner: Owner = Field(description="Whose it is to repair, by its cause: the enterprise's or the metering centre's")
    assignee: str = Field(description="The name of a key; empty: nobody")
    opened_at: datetime = Field(description="When it was found")
    due: datetime = Field(
        description="End of the last of the working days for repair (WANJIA_REPAIR_DAYS); public holidays are reckoned "
        "with in the years that the calendar has (WANJIA_HOLIDAYS)"
    )
    overdue: bool = Field(description="Its data are missing and that is past")
    missing: int = Field(description="Readings, of the quantity that lacks most")
    closed_at: datetime | None
    closed_by: Literal["", "live", "backfill", "not_expected"] = Field(
        description="How the readings came; not_expected: the registry wants none there any more"
    )


class GapEvent(BaseModel):
    at: datetime
    actor: str
    action: Literal["accepted", "assigned", "commented"]
    note: str


class GapStep(BaseModel):
    """A way to fill the gap or to deal with it."""

    step: Literal["queue", "history", "import", "estimate", "accept"]
    possible: bool
    zh: str = Field(description="What to do, or why that is not possible")
    en: str
    command: str | None = Field(None, description="To be run on the server")
    file: str | None = Field(None, description="How the file of the command begins")
    edits: list[dict[str, Any]] = Field([], description="To be sent, with a reason, to the metering point's edits")


class GapAnswer(GapItem):
    events: list[GapEvent]
    plan: list[GapStep] = Field(description="In the order to try; nothing for a closed gap")


class Accept(BaseModel):
    reason: Said
