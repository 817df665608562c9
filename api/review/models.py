"""The shapes of reviews and their reports. A report is ready bytes; its shape here only documents it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from api.models import Equipping, InstrumentItem, Said

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class NewReview(BaseModel):
    """Which report to make; times with offset, widened to whole days of the enterprise's zone."""

    enterprise: str = Field(description="Unified social credit code")
    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to", description="Not included")


class Signed(BaseModel):
    note: Text = ""


class Rejected(BaseModel):
    reason: Said


class ReviewItem(BaseModel):
    model_config = {"populate_by_name": True}

    id: int
    uscc: str
    enterprise: str = Field(description="The enterprise's name")
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    as_of: datetime = Field(description="The report holds what was known then")
    hash: str = Field(description="SHA-256 of the report's JSON")
    state: Literal["made", "signed", "rejected"]
    made_by: str
    made_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str = Field(description="Why it was rejected, or what was noted when it was signed")


class Report(BaseModel):
    """A review report. Its figures are those of the questions of the same names."""

    form: int = Field(description="Of this document")
    software: str
    enterprise: dict[str, Any]
    period: dict[str, Any]
    as_of: datetime
    quality: dict[str, Any] = Field(description="As GET /v1/quality: `total`, by `points` and by `days`")
    consumption: dict[str, Any] = Field(
        description="`carriers`: native value, tce, tce_equal, tco2, the year before, the value of each of `days`; "
        "`totals`; `factors` used"
    )
    balance: list[dict[str, Any]]
    quotas: list[dict[str, Any]] = Field(description="Allowances of metering points, and what they used")
    gaps: dict[str, Any]
    alerts: dict[str, Any]
    edits: list[dict[str, Any]] = Field(description="Of the period's data, also undone ones")
    rules: list[dict[str, Any]] = Field(description="The alert rules with their thresholds for the enterprise")
    equipping: Equipping
    instruments: list[InstrumentItem]
    staff: list[dict[str, Any]]
    equipment: list[dict[str, Any]]
    stock: list[dict[str, Any]]
