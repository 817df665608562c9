"""The shapes of quality figures and indices. Figures are ready bytes; their shape here only documents them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from api.models import Verified

Share = float | None


class Counts(BaseModel):
    """What figures are divided from."""

    expected: int = Field(description="Readings of registers that should have come by now, by the schedule")
    received: int = Field(description="Of those, the ones that came; what a day has beyond `expected` does not count")
    readings: int = Field(description="All readings that came")
    prompt: int = Field(description="Of those, the ones received within 15 minutes of their time")
    judged: int = Field(description="All readings that came, and those in conflict")
    plausible: int = Field(description="Of those, the ones in no conflict and without doubt")
    intervals: int = Field(description="Intervals that have a value")
    estimated: int = Field(description="Of those, the ones whose value is estimated")
    edited: int = Field(description="Of those, the ones whose value people set")
    conflicts: int = Field(description="Readings set aside: they differ from a stored one of the same time")


class QualityItem(Counts):
    """Counts and figures; null: there is nothing to divide by."""

    key: str
    name: str
    completeness: Share = Field(description="received / expected; estimates never count")
    timeliness: Share = Field(description="prompt / readings")
    plausibility: Share = Field(description="plausible / judged")
    estimated_share: Share = Field(description="estimated / intervals")
    edited_share: Share = Field(description="edited / intervals")
    columns: dict[str, list[float | None]] | None = Field(
        None, description="With `each`: the same counts and figures by day or month, as long as `start`"
    )


class FigureItem(BaseModel):
    """What a figure is, so that it can be recomputed."""

    name: str
    zh: str
    en: str
    numerator: str
    denominator: str
    formula_zh: str
    formula_en: str


class Quality(BaseModel):
    items: list[QualityItem]
    next: str | None
    start: list[str] = Field(description="With `each`: the days `2026-10-31` or months `2026-10` of the columns")
    formulas: list[FigureItem]


class IndexItem(BaseModel):
    """An index: value = numerator / denominator. All are null where its formula is not known."""

    name: str
    zh: str
    en: str
    formula_zh: str | None
    formula_en: str | None
    numerator: int | None
    denominator: int | None
    value: Share
    demanded: Share = Field(description="Asked for at least; null: not known")
    meets: bool | None
    edition: str
    source: str
    verified: Annotated[Verified | None, Field(description="null: the formula is not known")]


class Indices(BaseModel):
    month: str
    items: list[IndexItem]
