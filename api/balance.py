"""Energy balance: what a metering point counts against what those directly below it count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from api.composition import Composition, composition, weighted
from api.consumption import Buckets, Stored
from api.series import QUALITY, Columns, Words
from config.samples import Instants, Values
from storage.points import PointTable
from storage.views import Row


@dataclass(frozen=True, slots=True)
class Node:
    """A metering point and the sum of those below it; None: never metered."""

    row: Row
    own: Composition | None
    children: Composition | None
    difference: Composition
    """own − children, known where both are."""

    def columns(self, rows: Stored, at: Instants, now: int) -> Columns:
        """The balance between the edges `at`, of rows that hold those of all points."""
        difference = self.difference.buckets(rows, at, now, None)
        own, children = (_value(side, rows, at, now) for side in (self.own, self.children))
        loss = np.divide(difference.value, own, out=np.full(len(own), np.nan), where=own > 0)
        return _columns(own, children, loss, difference)


def nodes(table: PointTable, rows: Sequence[Row]) -> Iterator[Node]:
    """The metering points with others of their carrier below them, as far as anything was metered."""
    below: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row["parent"] is not None:
            below[row["parent"], row["carrier"]].append(row)
    for row in rows:
        found = below[row["code"], row["carrier"]]
        own = weighted([(composition(table, row["uscc"], row["code"]), 1.0)])
        signed = [(composition(table, one["uscc"], one["code"]), _sign(row, one)) for one in found]
        difference = weighted([(own, 1.0), *((made, -sign) for made, sign in signed)])
        if found and difference:
            yield Node(row, own, weighted(signed), difference)


def _sign(parent: Row, child: Row) -> float:
    """What is generated below a metering point comes in beside what it counts itself."""
    return -1.0 if child["direction"] == "generation" and parent["direction"] in ("import", "internal") else 1.0


def _value(side: Composition | None, rows: Stored, at: Instants, now: int) -> Values:
    return side.buckets(rows, at, now, None).value if side else np.full(len(at) - 1, np.nan)


def _columns(own: Values, children: Values, loss: Values, difference: Buckets) -> Columns:
    return {
        "own": own,
        "children": children,
        "difference": difference.value,
        "loss": loss,
        "quality": Words(difference.quality, QUALITY),
        "expected": difference.expected,
        "received": difference.received,
        "estimated": difference.estimated,
    }


NONE = ("key", "name", "carrier", "unit"), _columns(np.empty(0), np.empty(0), np.empty(0), Buckets.empty(0))
