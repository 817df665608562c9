"""Whose point a reading is of: from the words of a row to a point of the registry, each combination looked up once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.importing.cells import Array, Verdicts, texts
from collector.importing.report import Reason
from config.quantities import QUANTITIES, to_canonical
from config.readingsform import FIELDS, Source
from config.samples import Instants, Points, Values
from storage.points import PointTable

_FAR = np.iinfo(np.int64).max


class Words(NamedTuple):
    """What a row says of where its value is from, in the order of FIELDS."""

    uscc: str
    meter: str
    metering_point: str
    quantity: str
    unit: str


@dataclass(frozen=True, slots=True)
class Target:
    """What a combination of words means: a reason against it, or the points it was by time: (from, to, id)."""

    reason: Reason | None = None
    factor: float = 1.0
    pieces: tuple[tuple[int, int, int], ...] = ()


class Places:
    """Look-ups in one state of the registry. `quantities`: the file's words for ours."""

    def __init__(self, table: PointTable, quantities: Mapping[str, str]) -> None:
        self._table = table
        self._quantities = quantities
        self._usccs = {point.uscc for point in table.points.values()} | {uscc for uscc, _ in table.devices}
        self._found: dict[Words, Target] = {}

    def points(
        self, columns: Mapping[str, Array], fields: Mapping[str, Source], time: Instants, verdicts: Verdicts
    ) -> tuple[Points, Values]:
        """The point of each row and the factor to its canonical unit; -1 with a verdict where there is none."""
        words, row = _combinations(columns, fields, len(time))
        targets = [self._target(one) for one in words]
        for number, target in enumerate(targets):
            if target.reason:
                verdicts.refuse(row == number, target.reason)
        point = np.full(len(time), -1, np.int32)
        for depth in range(max((len(target.pieces) for target in targets), default=0)):
            pieces = [target.pieces[depth] if depth < len(target.pieces) else (0, 0, -1) for target in targets]
            start, end, ids = np.array(pieces, np.int64).T
            inside = (time >= start[row]) & (time < end[row])
            point[inside] = ids[row][inside]
        verdicts.refuse(point == -2, Reason.NOT_KEPT)
        verdicts.refuse(point == -1, Reason.NOT_INSTALLED)
        return point, np.array([target.factor for target in targets])[row]

    def _target(self, words: Words) -> Target:
        target = self._found.get(words)
        if target is None:
            target = self._found[words] = self._look_up(words)
        return target

    def _look_up(self, words: Words) -> Target:
        quantity = self._quantities.get(words.quantity, words.quantity)
        if quantity not in QUANTITIES:
            return Target(Reason.NO_QUANTITY)
        try:
            factor = to_canonical(quantity, words.unit) if words.unit else 1.0
        except KeyError:
            return Target(Reason.NO_UNIT)
        if words.uscc not in self._usccs:
            return Target(Reason.NO_ENTERPRISE)
        if bool(words.meter) == bool(words.metering_point):
            return Target(Reason.NEITHER)
        return self._of_meter(words, quantity, factor) if words.meter else self._of_place(words, quantity, factor)

    def _of_meter(self, words: Words, quantity: str, factor: float) -> Target:
        device = self._table.devices.get((words.uscc, words.meter))
        if device is None:
            return Target(Reason.NO_METER)
        pieces = tuple((start, end or _FAR, points.get(quantity, -2)) for start, end, points in device.points)
        return Target(None, factor, pieces)

    def _of_place(self, words: Words, quantity: str, factor: float) -> Target:
        points = self._table.by_metering_point.get((words.uscc, words.metering_point))
        if points is None:
            return Target(Reason.NO_PLACE)
        if quantity not in points:
            return Target(Reason.NOT_KEPT)
        point = self._table.points[points[quantity]]
        pieces = tuple((one.valid_from, one.valid_to or _FAR, point.id) for one in point.segments)
        return Target(None, factor, pieces)


def _combinations(
    columns: Mapping[str, Array], fields: Mapping[str, Source], rows: int
) -> tuple[list[Words], NDArray[np.intp]]:
    """The different combinations of words, and which of them each row has."""
    encoded = [_encoded(columns, fields[name], rows) for name in FIELDS]
    key = reduce(_joined, (code for _, code in encoded))
    _, first, row = np.unique(key, return_index=True, return_inverse=True)
    picked = [[words[code] for code in codes[first].tolist()] for words, codes in encoded]
    return [Words(*one) for one in zip(*picked, strict=True)], row.reshape(-1)


def _joined(key: NDArray[np.int64], code: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers that differ where either does, dense enough never to overflow."""
    if not code.any():
        return key
    if not key.any():
        return code
    key = key * (int(code.max()) + 1) + code
    if int(key.max(initial=0)) > 1 << 31:
        key = np.unique(key, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return key


def _encoded(columns: Mapping[str, Array], source: Source, rows: int) -> tuple[list[str], NDArray[np.int64]]:
    """Different texts, and which of them each row has."""
    if not source.column:
        return [source.text], np.zeros(rows, np.int64)
    column = columns[source.column]
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    words = [word or "" for word in texts(column.dictionary).to_pylist()]
    code = column.indices.fill_null(len(words)).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return [*words, ""], np.asarray(code, np.int64)
