"""Answers of several consumption series with the same buckets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import Response

from api import series
from api.consumption import Buckets
from api.series import Times, Words
from config.samples import Instants

Groups = Sequence[tuple[dict[str, str], series.Columns]]
"""(what a group is, its columns); all say the same things of themselves and have the same columns."""
EMPTY = ("key", "zh", "en", "carrier", "unit"), series.bucket_columns(Buckets.empty(0))


def answer(
    form: series.Form,
    head: dict[str, Any],
    starts: Instants,
    groups: Groups,
    none: tuple[Sequence[str], series.Columns] = EMPTY,
) -> Response:
    """JSON: a series per group. CSV and Arrow: one table, the groups below each other; where there are none, with the
    columns `none`: what a group says of itself, and its series."""
    if form == "application/json":
        texts = [series.to_json(about, columns, head["zone"]) for about, columns in groups]
        opening = series.to_json(head, {"start": Times(starts)}, head["zone"])[:-1]
        return series.reply(form, head, b'%s,"series":[%s]}' % (opening, b",".join(texts)))
    count, number = len(groups), np.repeat(np.arange(len(groups)), len(starts))
    names, shape = groups[0] if groups else (dict.fromkeys(none[0], ""), none[1])
    columns: dict[str, series.Column] = {
        name: Words(number, tuple(about[name] for about, _ in groups)) for name in names
    }
    columns["start"] = Times(np.tile(starts, count))
    for name, column in shape.items():
        columns[name] = _stacked(column, [own[name] for _, own in groups])
    return series.answer(form, head, columns, head["zone"])


def _stacked(like: series.Column, parts: Sequence[series.Column]) -> series.Column:
    """Columns of one kind below each other; of none at all `like`, which is empty then."""
    if isinstance(like, Words):
        codes = [like.codes[:0], *(part.codes for part in parts if isinstance(part, Words))]
        return Words(np.concatenate(codes), like.table)
    numbers = [part for part in parts if isinstance(part, np.ndarray)]
    return np.concatenate(numbers) if numbers else like
