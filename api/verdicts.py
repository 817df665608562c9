"""Which pushed rows can be taken: checked against the registry and the clock, each becomes a sample or a reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from api import times
from api.push import Refused, Row
from config.quality import Flag
from config.quantities import QUANTITIES, to_canonical
from config.samples import MICROSECOND, SampleBatch
from storage.points import PointTable
from storage.stream import LaneName

FUTURE = 300 * MICROSECOND
"""How far a sender's clock may be ahead."""
LIVE = 3600 * MICROSECOND
"""Older readings go by the backfill lane: a gateway that sends its store must not hold up what is new."""

Sample = tuple[int, int, float]


class _No(Exception):
    """Why a row cannot be taken."""


@dataclass(slots=True)
class Verdicts:
    """Samples to publish by enterprise, and the rows refused."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        return sum(len(rows) for rows in self.samples.values())

    def batches(self, now: int) -> Iterable[tuple[str, SampleBatch, LaneName]]:
        """For each enterprise a batch of what is new and one of what is late, each with its lane."""
        for uscc, rows in self.samples.items():
            new = [row for row in rows if row[1] >= now - LIVE]
            late = [row for row in rows if row[1] < now - LIVE]
            if new:
                yield uscc, SampleBatch.from_rows(new, received=now, flags=int(Flag.SENDER_CLOCK)), "live"
            if late:
                flags = int(Flag.SENDER_CLOCK | Flag.BACKFILL)
                yield uscc, SampleBatch.from_rows(late, received=now, flags=flags), "backfill"


def judge(
    rows: Sequence[Row | Refused], table: PointTable, now: int, only: str | None, *, kept_from: int = times.EARLIEST
) -> Verdicts:
    """`only`: the enterprise whose key it is; it need not name itself and may name no other. `kept_from`: from when
    on readings are kept."""
    verdicts = Verdicts()
    for number, row in enumerate(rows, 1):
        if isinstance(row, Refused):
            verdicts.refused.append(row)
            continue
        try:
            uscc = _whose(row, only)
            time = _time(row, now, kept_from)
            value = _value(row)
            sample = (_point(row, uscc, time, table), time, value)
        except _No as reason:
            verdicts.refused.append(Refused(number, str(reason)))
        else:
            verdicts.samples.setdefault(uscc, []).append(sample)
    return verdicts


def _whose(row: Row, only: str | None) -> str:
    uscc = row.uscc or only
    if not uscc:
        raise _No("uscc: missing; say whose meter it is")
    if only and uscc != only:
        raise _No(f"uscc: this key pushes for {only} only")
    return uscc


def _time(row: Row, now: int, kept_from: int) -> int:
    try:
        time = times.parse(row.time)
    except ValueError as error:
        raise _No(f"time: {error}") from None
    if time > now + FUTURE:
        raise _No(f"time: {row.time} is more than 5 minutes in the future; check the sender's clock")
    if time < times.EARLIEST:
        raise _No(f"time: {row.time} is before 2000; check the sender's clock")
    if time < kept_from:
        raise _No(f"time: {row.time} is before what is kept of readings (WANJIA_RETENTION_DAYS)")
    return time


def _value(row: Row) -> float:
    if row.quantity not in QUANTITIES:
        raise _No(f"quantity: unknown {row.quantity!r}; see GET /v1/quantities")
    try:
        value = row.value * to_canonical(row.quantity, row.unit) if row.unit else row.value
    except KeyError as error:
        raise _No(f"unit: {error.args[0]}") from None
    if not math.isfinite(value):
        raise _No("value: is not a finite number")
    return value


def _point(row: Row, uscc: str, time: int, table: PointTable) -> int:
    if bool(row.meter) == bool(row.metering_point):
        raise _No("meter: give either meter or metering_point")
    point = _of_meter(row, uscc, time, table) if row.meter else _of_place(row, uscc, time, table)
    if point is None:
        raise _No(f"quantity: {row.quantity} is not kept of {row.meter or row.metering_point}")
    return point


def _of_meter(row: Row, uscc: str, time: int, table: PointTable) -> int | None:
    device = table.devices.get((uscc, row.meter))
    if device is None:
        raise _No(f"meter: {uscc} has no meter {row.meter!r}")
    for start, past, points in device.points:
        if start <= time and (past is None or time < past):
            return points.get(row.quantity)
    raise _No(f"meter: {row.meter} was not installed anywhere at {row.time}")


def _of_place(row: Row, uscc: str, time: int, table: PointTable) -> int | None:
    points = table.by_metering_point.get((uscc, row.metering_point))
    if points is None:
        raise _No(f"metering_point: {uscc} has no metering point {row.metering_point!r} with a meter")
    point = points.get(row.quantity)
    if point is not None and not any(
        one.valid_from <= time and (one.valid_to is None or time < one.valid_to) for one in table.points[point].segments
    ):
        raise _No(f"metering_point: no meter was installed at {row.metering_point} at {row.time}")
    return point
