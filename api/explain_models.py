"""The shapes of a number's lineage."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.models import Used, Word


class ChangeItem(BaseModel):
    at: datetime
    actor: str = Field(description="`ingest` when readings did, `reconciler` when it was made again")
    reason: str


class VersionItem(BaseModel):
    """What an interval shows, or showed."""

    seconds: int
    value: float | None
    quality: Word
    method: Literal["register", "linear", "like_day", "like_day_free", "set"]
    expected: int
    received: int
    since: datetime


class EarlierVersion(VersionItem):
    until: datetime
    change: ChangeItem = Field(description="What replaced it")


class ExplainedInterval(BaseModel):
    start: datetime
    seconds: int | None = None
    value: float | None
    quality: Word
    method: str | None
    expected: int | None = None
    received: int | None = None
    since: datetime | None = None
    earlier: list[EarlierVersion]


class ExplainedReading(BaseModel):
    time: datetime
    value: float = Field(description="As the meter showed it, before CT and PT")
    received: datetime
    stored: datetime
    flags: list[str]
    left_out: str | None = Field(description="Why nothing is booked from it: `excluded` or a verdict")
    words: list[str] | None = Field(description="Modbus registers, worked out from the value; null: it came otherwise")


class BoundaryItem(BaseModel):
    """The good readings on both sides of a boundary, between which the register is interpolated."""

    at: datetime
    before: ExplainedReading | None
    after: ExplainedReading | None
    left_out: list[ExplainedReading] = Field(description="Readings between them that are not used")


class BoundaryItems(BaseModel):
    start: BoundaryItem
    end: BoundaryItem


class EntryItem(BaseModel):
    """The entry of a profile or payload mapping by which a quantity is read."""

    kind: Literal["profile", "mapping"]
    name: str
    source: str
    verified: bool | None
    entry: dict[str, Any]


class ExplainedSegment(BaseModel):
    """A meter in place with its ratios."""

    model_config = {"populate_by_name": True}

    start: datetime = Field(alias="from")
    end: datetime | None = Field(alias="to")
    meter: str
    maker: str
    model: str
    serial: str
    ct: float | None
    pt: float | None
    multiplier: float
    modulus: float | None
    resolution: float
    limit_per_hour: float | None
    initial: float | None
    final: float | None
    driver: str | None
    source: EntryItem | None


class ExplainedVerdict(BaseModel):
    model_config = {"populate_by_name": True}

    id: int
    kind: str
    base: datetime
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    told: datetime
    detected_at: datetime
    evidence: dict[str, Any]


class ExplainedEdit(BaseModel):
    model_config = {"populate_by_name": True}

    id: int
    action: str
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    amount: float | None
    reason: str
    actor: str
    at: datetime


class GroundPart(BaseModel):
    share: float
    metering_point: str
    quantity: str
    unit: str
    readings: BoundaryItems
    segments: list[ExplainedSegment]
    verdicts: list[ExplainedVerdict]
    edits: list[ExplainedEdit]


class ExplainedPart(GroundPart):
    intervals: list[ExplainedInterval]


class Sentences(BaseModel):
    zh: list[str]
    en: list[str]


class Explained(BaseModel):
    """The lineage of one number."""

    metering_point: str
    quantity: str
    unit: str
    zone: str
    as_of: datetime
    start: datetime
    end: datetime
    value: float | None
    quality: Word
    factors: Used = []
    sentences: Sentences
    parts: list[ExplainedPart]
