"""Answers of several consumption series with the same buckets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import Response

from api import series
from api.consumption import Buckets
from api.series import QUALITY, Times, Words
from config.samples import Instants

Groups = Sequence[tuple[dict[str, str], Buckets]]
"""(what a group is, its sum); all say the same things of themselves."""


def answer(form: series.Form, head: dict[str, Any], starts: Instants, groups: Groups) -> Response:
    """JSON: a series per group. CSV and Arrow: one table, the groups below each other."""
    if form == "application/json":
        texts = [series.to_json(about, series.bucket_columns(total), head["zone"]) for about, total in groups]
        opening = series.to_json(head, {"start": Times(starts)}, head["zone"])[:-1]
        return series.reply(form, b'%s,"series":[%s]}' % (opening, b",".join(texts)))
    count, number = len(groups), np.repeat(np.arange(len(groups)), len(starts))
    names = groups[0][0] if groups else ("key", "name", "carrier", "unit")
    columns: dict[str, series.Column] = {
        name: Words(number, tuple(about[name] for about, _ in groups)) for name in names
    }
    columns["start"] = Times(np.tile(starts, count))
    for name in ("value", "quality", "expected", "received", "estimated"):
        parts = [getattr(total, name) for _, total in groups]
        whole = np.concatenate(parts) if parts else np.empty(0, np.int64)
        columns[name] = Words(whole, QUALITY) if name == "quality" else whole
    return series.answer(form, head, columns, head["zone"])
