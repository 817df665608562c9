"""`wanjia verify energy`: prove days now, as the reconciler does at night, and print what differs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from collector.reconcile import verify
from config.errors import ConfigError, Fault
from config.samples import MICROSECOND, now_us
from storage.database import Database
from storage.points import PointTable, load_points
from storage.proofs import Proof

MOST = 400
"""Days that are proved in one run."""
_HEAD = (
    f"{'day':10}  {'metering point':40} {'register':>14} {'open':>12} {'allocated':>12} {'edited':>12} "
    f"{'intervals':>14} {'difference':>12}  wrong intervals, rollups"
)


async def verify_energy(
    db: Database, first: date | None, last: date | None, uscc: str | None, code: str | None, *, retention_days: int
) -> int:
    """Prints the days that differ and a summary; 1 if there are any, or nothing could be proved. Raises ConfigError and
    StorageError."""
    table, now = await load_points(db), now_us()
    points = _chosen(table, uscc, code)
    checked, wrong, waiting = 0, 0, set[int]()
    for day in _days(first, last, now, {table.points[point].zone for point in points}):
        async for part in verify(db, table, points, day, now - retention_days * 86_400 * MICROSECOND):
            checked += len(part.proofs)
            waiting |= set(part.waiting)
            for one in (one for one in part.proofs if not one.sound):
                print(*([] if wrong else [_HEAD]), _row(one, table), sep="\n")
                wrong += 1
    print(f"{checked} days of points proved, {wrong} of them do not add up{'; they are made again' if wrong else ''}")
    if waiting:
        print(f"{len(waiting)} points were left out: something of them waits to be computed; ask again later")
    return int(wrong > 0)


def _chosen(table: PointTable, uscc: str | None, code: str | None) -> list[int]:
    if code and not uscc:
        raise ConfigError([Fault("--metering-point", "is unique only within its enterprise", "give --enterprise too")])
    found = [
        point.id
        for point in table.points.values()
        if point.register and uscc in (None, point.uscc) and code in (None, point.metering_point)
    ]
    if not found:
        where = f"{uscc}/{code}" if code else uscc or "the registry"
        raise ConfigError([Fault(where, "has no registers", "see `wanjia registry export`")])
    return found


def _days(first: date | None, last: date | None, now: int, zones: set[str]) -> list[date]:
    """Whole days that have ended in all zones."""
    ended = min(datetime.fromtimestamp(now / MICROSECOND, ZoneInfo(zone)).date() for zone in zones) - timedelta(days=1)
    first = first or last or ended
    last = last or first
    if first > last:
        raise ConfigError([Fault("--from", f"{first} is after {last}", "exchange them")])
    if last > ended:
        raise ConfigError([Fault("--to", f"{last} is not over yet", f"{ended} is the last day that can be proved")])
    if (last - first).days >= MOST:
        raise ConfigError([Fault("--from", f"is more than {MOST} days before --to", "make several runs")])
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _row(one: Proof, table: PointTable) -> str:
    point = table.points[one.point]
    name = f"{point.uscc}/{point.metering_point} {point.quantity}"
    return (
        f"{one.day}  {name:40} {one.register:14.6g} {one.open:12.6g} {one.allocated:12.6g} {one.edited:12.6g} "
        f"{one.intervals:14.6g} {one.difference:12.6g}  {one.intervals_wrong}, {one.rollups_wrong}"
    )
