"""The shapes of edits and verdicts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from api.models import Said, Words
from storage.points import Action

Reason = Annotated[Said, Field(description="Why; it is kept for ever")]
Amount = Annotated[
    float | None,
    Field(description="`set`: the consumption, in the quantity's unit; `rollover`: the modulus, if not the register's"),
]


class EditTried(BaseModel):
    """What is to be done. Readings themselves never change."""

    model_config = {"populate_by_name": True}

    quantity: str | None = Field(None, description="A register; default: the one that counts its carrier")
    action: Action = Field(
        description="`exclude`: leave readings out; `accept`: take the steps into readings as they are (a questionable "
        "rise, energy the other way); `reset`, `rollover`: the register began anew, or passed its modulus, at the "
        "first reading not before `from`; `set`: intervals that start in [from, to) sum to `amount`, spread evenly; "
        "`estimate`: those of them that are missing get what like days had, as long as they are missing"
    )
    start: AwareDatetime = Field(alias="from", description="Of `set` and `estimate`: where an interval begins")
    end: AwareDatetime | None = Field(
        None,
        alias="to",
        description="The last reading, included; of `set` and `estimate` the end of the last interval; "
        "not of `reset` and `rollover`",
    )
    amount: Amount = None


class EditWish(EditTried):
    """What somebody wants done, and why."""

    reason: Reason


class OverruleTried(BaseModel):
    """What would be said instead of a verdict, about its readings."""

    action: Literal["exclude", "accept", "reset", "rollover"]
    amount: Amount = None


class Overrule(OverruleTried):
    """What people say instead of a verdict, about its readings, and why."""

    reason: Reason


class Undo(BaseModel):
    reason: Reason


class EditItem(BaseModel):
    model_config = {"populate_by_name": True}

    id: int
    uscc: str
    enterprise: str
    metering_point: str
    quantity: str
    action: Action
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to", description="The last reading; of `set` the end of the last interval")
    amount: float | None
    reason: str
    actor: str
    at: datetime
    state: Literal["in_force", "undone"]
    undone_by: str | None
    undone_at: datetime | None
    undo_reason: str | None


class Effect(BaseModel):
    """The intervals that an edit touches: as they were when it was made, and as they are (or were when undone, or would
    be)."""

    start: list[datetime]
    before: list[float | None]
    after: list[float | None]
    quality_before: Words
    quality_after: Words


class EditAnswer(EditItem):
    unit: str
    pending: bool = Field(description="Not all of it is computed yet; ask again in a moment")
    before: float | None = Field(description="Sum of what was known in the touched range; null: nothing")
    after: float | None
    intervals: Effect


class EditPreview(BaseModel):
    """What an edit would do, computed from the stored readings; nothing is written."""

    unit: str
    before: float | None = Field(description="Sum of what is known now in the range that it touches; null: nothing")
    after: float | None = Field(description="The same with the edit")
    changed: int = Field(description="Intervals that would differ")
    intervals: Effect = Field(description="The first 5000 of the range")


class VerdictItem(BaseModel):
    """What the register engine says of the readings in [from, to]."""

    model_config = {"populate_by_name": True}

    id: int
    uscc: str
    enterprise: str
    metering_point: str
    quantity: str
    kind: str = Field(
        description="transient, jitter, rollover, reset, reverse, frozen, limit; `held`: suspect, not yet to be told; "
        "`gap`: its energy was spread"
    )
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    base: datetime = Field(description="The last good reading before")
    told: datetime = Field(description="The reading that told")
    detected_at: datetime
    evidence: dict[str, Any]
