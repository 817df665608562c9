"""What the registry means for each point over time, as pure functions: segments, schedule, and what to compute anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from config.grid import Grid, first_grid, next_grid
from config.registry_checks import Registry, counting
from config.registry_models import Enterprise, Installation, Meter, MeteringPoint

MARGIN = 1.2
"""A rise beyond the rated power times this is questionable."""
ALWAYS = datetime.max.replace(tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Span = tuple[datetime, datetime | None]
Schedule = tuple[tuple[datetime, int | None], ...]
"""(from when on, seconds between expected readings or None)."""


class Stretch(NamedTuple):
    """A row of `segment`, with the meter by its code."""

    start: datetime
    end: datetime | None
    meter: str
    multiplier: float
    modulus: float | None
    resolution: float
    limit_per_hour: float | None
    initial: float | None
    final: float | None


class Cover(NamedTuple):
    """A meter stands at a point during [start, end) and is read every so many seconds; None: it is not read."""

    start: datetime
    end: datetime | None
    cadence_s: int | None
    expected_from: datetime | None = None
    """Readings are expected from then on, also in the past; None: as they were so far."""
    declared: bool = False
    """Whether `expected_from` is news."""


@dataclass(frozen=True, slots=True)
class Life:
    """What is to be known of a point."""

    stretches: tuple[Stretch, ...]
    covers: tuple[Cover, ...]


class Facts(NamedTuple):
    """What the stretches of a quantity during one installation depend on; quantities mostly share them."""

    ratio: str
    modulus: float | None
    resolution: float
    limit_per_hour: float | None
    initial: float | None
    final: float | None


def lives(registry: Registry, enterprise: Enterprise, before: Enterprise | None) -> Iterator[tuple[str, str, Life]]:
    """(metering point, quantity, life) of every point of an enterprise that ever had a meter; `before`: the enterprise
    as it was so far."""
    points = {point.code: point for point in enterprise.metering_points}
    declared = {meter.code: meter.expected_from for meter in before.meters} if before else {}
    found: dict[tuple[str, str], tuple[list[Stretch], list[Cover]]] = {}
    placed = [(place, meter) for meter in enterprise.meters for place in meter.installations]
    for place, meter in sorted(placed, key=lambda item: item[0].start):
        point, known = points[place.at], dict[Facts, list[Stretch]]()
        cadence_s = meter.every if meter.driver is not None and meter.enabled else None
        since = meter.expected_from
        read = Cover(place.start, place.end, cadence_s, since, since is not None and declared.get(meter.code) != since)
        unread = Cover(place.start, place.end, None)
        for quantity in registry.quantities_of(meter, point):
            facts = _facts(registry, meter, place, point, quantity)
            if facts not in known:
                known[facts] = list(_stretches(meter, place, facts))
            stretches, covers = found.setdefault((point.code, quantity), ([], []))
            stretches += known[facts]
            covers.append(read if registry.expected(meter, point, quantity) else unread)
    for (code, quantity), (stretches, covers) in found.items():
        yield code, quantity, Life(tuple(stretches), tuple(covers))


def _facts(registry: Registry, meter: Meter, place: Installation, point: MeteringPoint, quantity: str) -> Facts:
    rated = meter.rated_per_hour if quantity in counting(point) else None
    return Facts(
        *registry.register(meter, quantity),
        None if rated is None else rated * MARGIN,
        place.initial.get(quantity),
        place.final.get(quantity),
    )


def _stretches(meter: Meter, place: Installation, facts: Facts) -> Iterator[Stretch]:
    """One stretch per ratio of an installation; its readings at both ends belong to the outer ones."""
    ratios = place.all_ratios
    for index, one in enumerate(ratios):
        last = index == len(ratios) - 1
        yield Stretch(
            start=one.start,
            end=place.end if last else ratios[index + 1].start,
            meter=meter.code,
            multiplier=(one.ct if "ct" in facts.ratio else 1.0) * (one.pt if "pt" in facts.ratio else 1.0),
            modulus=facts.modulus,
            resolution=facts.resolution,
            limit_per_hour=facts.limit_per_hour,
            initial=facts.initial if index == 0 else None,
            final=facts.final if last else None,
        )


def schedule(known: Schedule, before: Sequence[Stretch], covers: tuple[Cover, ...], now: datetime) -> Schedule:
    """What `_schedule` says; the quantities of a meter mostly share all it depends on."""
    return _schedule(known, tuple((one.start, one.end) for one in before), covers, now)


@lru_cache(maxsize=1024)
def _schedule(known: Schedule, before: tuple[Span, ...], covers: tuple[Cover, ...], now: datetime) -> Schedule:
    """When readings are expected how often, from what was expected so far and from the meters there are now.

    From `now` on the meters' present cadence holds. The past stays as it was expected, save where a meter's stay was
    taken back, and what `expected_from` says: nothing is expected before it, and from it on also what was not so far,
    if it is news itself or holds for a stay that was added.
    """
    edges = {start for start, _ in known} | {now}
    borders = (*before, *((cover.start, cover.end, cover.expected_from) for cover in covers))
    edges.update(edge for some in borders for edge in some if edge is not None)
    rows: list[tuple[datetime, int | None]] = []
    for at in sorted(edges):
        cover = next((cover for cover in covers if cover.start <= at < (cover.end or ALWAYS)), None)
        cadence_s = _due(cover, known, before, at, now) if cover else None
        if cadence_s != (rows[-1][1] if rows else None):
            rows.append((at, cadence_s))
    return tuple(rows)


@lru_cache(maxsize=1024)
def grid(known: Grid, due: Schedule, now: datetime | None) -> Grid:
    """How long a point's intervals are with this schedule; `now` None: the point is new."""
    micro = tuple((microseconds(at), cadence_s) for at, cadence_s in due)
    return first_grid(micro) if now is None else next_grid(known, micro, microseconds(now))


def microseconds(at: datetime) -> int:
    """Since the epoch."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _due(cover: Cover, known: Schedule, before: Iterable[Span], at: datetime, now: datetime) -> int | None:
    """Seconds between the readings that are expected of a meter standing there at an instant."""
    since = cover.expected_from
    if since is not None and at < since:
        return None
    if at >= now:
        return cover.cadence_s
    so_far = _in_force(known, at)
    added = since is not None and (cover.declared or not _within(before, at))
    return cover.cadence_s if added and so_far is None else so_far


def _within(spans: Iterable[Span], at: datetime) -> bool:
    return any(start <= at < (end or ALWAYS) for start, end in spans)


def _in_force(known: Schedule, at: datetime) -> int | None:
    cadence_s = None
    for start, value in known:
        if start <= at:
            cadence_s = value
    return cadence_s


def differing(before: Sequence[Stretch], after: Sequence[Stretch], now: datetime) -> list[tuple[datetime, datetime]]:
    """The ranges of the past in which the two mean different things for the same readings."""
    borders = {now}
    for one in (*before, *after):
        borders.update((one.start, one.end or ALWAYS))
    ranges: list[tuple[datetime, datetime]] = []
    for start, end in pairwise(sorted(border for border in borders if border <= now)):
        if _meaning(before, start) == _meaning(after, start):
            continue
        if ranges and ranges[-1][1] == start:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((start, end))
    return ranges


def _meaning(stretches: Sequence[Stretch], at: datetime) -> tuple[object, ...] | None:
    for one in stretches:
        if one.start <= at < (one.end or ALWAYS):
            return one[2:]
    return None
