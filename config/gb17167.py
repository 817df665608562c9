"""What GB 17167 demands of an enterprise's instruments: rows of `data/gb17167.toml`, each with edition, source and how
sure it is."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from config import datafile
from config.factors import Verified

SHIPPED = Path(str(files("config").joinpath("data/gb17167.toml")))


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    edition: str
    source: str


class Edition(_Row):
    """An edition of the standard, in force on the days [valid_from, valid_to); `figures`: whose figures are used."""

    valid_from: date
    valid_to: date | None = None
    figures: str


class Rate(_Row):
    """Equipping rates 配备率 in %, one for each level of a kind of energy."""

    energy: str
    zh: str
    en: str
    carriers: tuple[str, ...]
    levels: tuple[float, float, float]
    verified: Verified


class Limit(BaseModel):
    """The accuracy class an instrument needs at least in one use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str
    accuracy_class: str


class Category(_Row):
    """A kind of instruments; `carriers`: those it is taken to measure where a meter names no category itself."""

    code: str
    zh: str
    en: str
    carriers: tuple[str, ...]
    limits: tuple[Limit, ...]
    verified: Verified

    @property
    def loosest(self) -> str | None:
        """The least accurate class allowed in any use."""
        return max(
            (limit.accuracy_class for limit in self.limits), key=lambda name: rank(name) or (0.0, 0), default=None
        )


class Standard(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edition: tuple[Edition, ...]
    rate: tuple[Rate, ...]
    category: tuple[Category, ...]

    def in_force(self, day: date) -> Edition:
        """The edition of a day; before the first one, the first."""
        fitting = [one for one in self.edition if one.valid_from <= day and not (one.valid_to and one.valid_to <= day)]
        return fitting[0] if fitting else self.edition[0]


@cache
def standard() -> Standard:
    """The standard as shipped."""
    return Standard.model_validate(datafile.read(SHIPPED)[1])


@cache
def categories() -> dict[str, Category]:
    """Kinds of instruments by code."""
    return {one.code: one for one in standard().category}


@cache
def rates() -> dict[str, Rate]:
    """The rate of each carrier."""
    return {carrier: rate for rate in standard().rate for carrier in rate.carriers}


@cache
def usual() -> dict[str, str]:
    """The category of the instruments that measure each carrier."""
    return {carrier: one.code for one in standard().category for carrier in one.carriers}


def rank(accuracy_class: str) -> tuple[float, int] | None:
    """How inaccurate a class is, to compare: 0.2S before 0.2 before 0.5. None: it is not a number, so not known."""
    found = re.match(r"\s*(\d+(?:\.\d+)?)\s*([Ss])?", accuracy_class)
    return (float(found[1]), 0 if found[2] else 1) if found else None
