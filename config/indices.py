"""Quality figures and the indices of authorities: rows of `data/quality.toml`, with their formulas in words."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from config import datafile
from config.factors import Verified

SHIPPED = Path(str(files("config").joinpath("data/quality.toml")))


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    zh: str
    en: str


class Figure(_Row):
    """A quality figure: a count divided by another, by their names in answers."""

    numerator: str
    denominator: str
    formula_zh: str
    formula_en: str


class Unknown(_Row):
    """An index of which no more than its name is known."""

    edition: str
    source: str


class Index(Unknown):
    """An index that can be worked out; `demanded`: the share that is asked for at least, None: not known."""

    formula_zh: str
    formula_en: str
    demanded: float | None = None
    verified: Verified


class Known(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: tuple[Figure, ...]
    index: tuple[Index, ...]
    unknown: tuple[Unknown, ...]


@cache
def known() -> Known:
    """The figures and indices as shipped."""
    return Known.model_validate(datafile.read(SHIPPED)[1])
