"""The shapes of an alert's evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.explain_models import GroundPart
from api.models import Buckets, Numbers, Starts, Words


class EvidenceSpan(BaseModel):
    model_config = {"populate_by_name": True}

    start: datetime = Field(alias="from")
    end: datetime | None = Field(alias="to", description="null: it lasts")


class ReferenceCourse(BaseModel):
    """What the consumption is compared with."""

    kind: Literal["usual", "below", "allowance", "power"]
    zh: str
    en: str
    value: Numbers


class FoundCourse(BaseModel):
    value: Numbers
    quality: Words


class EvidenceSeries(BaseModel):
    """Consumption around the finding; all arrays are as long as `start`."""

    quantity: str
    unit: str
    interval: str
    start: Starts
    end: datetime = Field(description="Where the last bucket ends")
    now: Buckets = Field(description="As known now")
    found: FoundCourse | None = Field(description="As known when the alert was found; null: nothing was known then")
    changed: bool = Field(description="Whether something shown then is shown otherwise now")
    reference: ReferenceCourse


class EvidenceGap(BaseModel):
    """Readings missing at a metering point over the same stretch, of all its quantities that lack them."""

    model_config = {"populate_by_name": True}

    metering_point: str
    start: datetime = Field(alias="from")
    end: datetime | None = Field(alias="to")
    cause: str
    state: str
    quantities: list[str]
    missing: int = Field(description="Of the quantity that lacks most")


class JudgedThreshold(BaseModel):
    key: str
    zh: str
    en: str
    unit: str
    then: float | bool | None
    now: float | bool | None


class JudgedBy(BaseModel):
    """The rule, its thresholds when the alert was found and now, and the software that judges."""

    rule: str
    zh: str
    en: str
    verified: bool
    software: str
    thresholds: list[JudgedThreshold]


class Evidence(BaseModel):
    alert: int
    rule: str
    zone: str
    marked: EvidenceSpan = Field(description="What the finding is about")
    found_at: datetime = Field(description="As of when `found` and `then` hold: when the alert was opened")
    as_of: datetime = Field(description="As of when all else holds")
    series: EvidenceSeries | None = Field(description="null: it is not about the consumption of a metering point")
    parts: list[GroundPart] = Field(
        description="The registers, with the readings at both edges of the finding (and `words`, their content on the "
        "wire), meters and ratios, verdicts, and edits in force"
    )
    gaps: list[EvidenceGap] = Field(description="At most 400")
    judged_by: JudgedBy
