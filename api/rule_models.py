"""Shapes of questions and answers about alert rules."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

Value = float | bool | None


class ThresholdItem(BaseModel):
    key: str
    default: Value = Field(description="null: off until it is set")
    least: float | None
    most: float | None
    whole: bool = Field(description="Only whole numbers")
    optional: bool = Field(description="May be null, which switches it off")
    unit: str = Field(description="Empty: a plain number, or the carrier's own unit where the text says so")
    zh: str
    en: str


class RuleItem(BaseModel):
    name: str
    zh: str
    en: str
    about_zh: str
    about_en: str
    period: Literal["at once", "hour", "day"] = Field(description="How often it looks")
    verified: bool = Field(description="false: its figures are customary or from memory; no standard was seen")
    source: str
    thresholds: list[ThresholdItem]
    effective: dict[str, Value] = Field(description="What holds where no narrower scope says otherwise")
    settings: int = Field(description="Scopes for which something is set, of those you may see")


class SettingItem(BaseModel):
    scope: str
    set: dict[str, Value] = Field(description="What is set for this very scope")
    effective: dict[str, Value] = Field(description="What holds there, with what is set for the wider scopes")


class DryRunAsked(BaseModel):
    scope: str = Field("default", description="As thresholds are set: `default`, `carrier:CODE`, `enterprise:USCC` …")
    thresholds: dict[str, Value] = Field({}, description="As if these were set for the scope")
    days: int = Field(30, ge=1, le=90, description="Closed days looked at")


class DryRunFinding(BaseModel):
    """What would have been an alert."""

    compared: Literal["same", "more", "fewer"] = Field(
        description="`same`: the present thresholds raise it, too; `more`: they do not; `fewer`: only they do"
    )
    uscc: str
    metering_point: str
    severity: Literal["info", "warning", "critical"]
    onset: datetime
    ended: datetime | None = Field(description="null: it would stand")
    zh: str
    en: str
    amount: float | None = Field(description="Energy at stake, in the carrier's own unit")


class DryRunCount(BaseModel):
    uscc: str
    metering_point: str
    count: int


class DryRunAnswer(BaseModel):
    start: datetime = Field(alias="from")
    to: datetime
    looked_at: int = Field(description="Metering points in the scope")
    count: int = Field(description="Findings with these thresholds: `same` and `more`")
    present: int = Field(description="Findings with what is set now, over the same days")
    same: int
    more: int
    fewer: int
    by_metering_point: list[DryRunCount] = Field(description="The 500 with most of them")
    findings: list[DryRunFinding] = Field(description="The newest 500, with those of the present thresholds alone")
