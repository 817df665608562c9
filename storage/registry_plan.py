"""The difference between a registry file and the database: what an apply would do, and how that is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from config.addresses import masked
from config.errors import ConfigError, Fault
from config.grid import Grid
from config.quantities import QUANTITIES
from config.registry_checks import Registry, check
from config.registry_models import HEAD, Enterprise, Installation, Meter, MeteringPoint
from config.registry_text import plain
from config.rules import Scope, Setting
from storage import thresholds
from storage.registry_state import PointKey, State
from storage.timeline import Cover, Schedule, Stretch, differing, grid, lives, schedule

Item = Enterprise | MeteringPoint | Meter
Kind = Literal["enterprise", "metering_point", "meter"]
_SHOWN = 200
"""Lines of each kind shown; the rest is counted."""
_NAMED = 5
"""Changes that a reason names."""


@dataclass(frozen=True, slots=True)
class Change:
    """An object that is new (`before` None) or different."""

    kind: Kind
    uscc: str
    code: str
    before: Item | None
    after: Item


class Dirty(NamedTuple):
    """Intervals of a point that must be made again."""

    key: PointKey
    start: datetime
    end: datetime


class Month(NamedTuple):
    """Consumption of a month of the zone, or of the part of it that is made again; None: nothing known."""

    name: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What will become of a range: how many intervals are in it, how many of them change, and the months' sums."""

    intervals: int
    different: int
    unit: str
    months: tuple[Month, ...]

    def __str__(self) -> str:
        if not self.different:
            return f"{self.intervals} intervals, none changes"
        sums = ", ".join(
            f"{month.name} {_amount(month.before)} → {_amount(month.after)}"
            for month in self.months
            if month.before != month.after
        )
        return f"{self.different} of {self.intervals} intervals change" + (f"; {self.unit}: {sums}" if sums else "")


@dataclass
class Plan:
    """What is to be done; `now` is the instant everything that begins now begins."""

    now: datetime
    changes: list[Change] = field(default_factory=list)
    kept: list[tuple[Kind, str, str]] = field(default_factory=list)
    """Objects of mentioned enterprises that are not in the file."""
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Bodies of profiles that are new or different."""
    mappings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Bodies of payload mappings that are new or different."""
    stretches: dict[PointKey, tuple[Stretch, ...]] = field(default_factory=dict)
    """New segments of the points whose segments differ."""
    schedules: dict[PointKey, Schedule] = field(default_factory=dict)
    grids: dict[PointKey, Grid] = field(default_factory=dict)
    dirty: list[Dirty] = field(default_factory=list)
    points: dict[PointKey, int] = field(default_factory=dict)
    """Points there are already."""
    zones: dict[str, ZoneInfo] = field(default_factory=dict)
    foreseen: dict[Dirty, Foreseen] = field(default_factory=dict)
    """What becomes of what is made again, as far as it was looked at."""
    settings: list[thresholds.Change] = field(default_factory=list)
    kept_settings: list[Setting] = field(default_factory=list)
    """Thresholds that are not among those of the file."""

    @property
    def empty(self) -> bool:
        """Whether an apply would change nothing."""
        objects = self.changes or self.profiles or self.mappings or self.settings
        return not (objects or self.stretches or self.schedules or self.grids)

    @property
    def reason(self) -> str:
        """What changed, in short."""
        lines = [self._line(change) for change in self.changes if change.kind != "enterprise"] or ["profiles"]
        return "; ".join(lines[:_NAMED]) + (f"; and {len(lines) - _NAMED} more" if len(lines) > _NAMED else "")

    def __str__(self) -> str:
        """For people: one line per object, with the dates whose intervals are made again."""
        sections = [
            [self._line(change) for change in self.changes],
            [f"~ profile {name}" for name in self.profiles],
            [f"~ mapping {name}" for name in self.mappings],
            [str(change) for change in self.settings],
            [f"! enterprise {one.uscc}: all its days are made again" for one in self.changes if rezoned(one)],
            [f"! {line}" for line in self._recomputed()],
            [f"= {kind.replace('_', ' ')} {uscc}/{code}: not in file, kept" for kind, uscc, code in self.kept],
            [f"= threshold {one.rule} {one.scope}: not in file, kept" for one in self.kept_settings],
        ]
        lines = [line for section in sections for line in _cut(section)]
        if self.empty:
            lines.append("nothing to change")
        return "\n".join(lines)

    def _line(self, change: Change) -> str:
        name = f"{change.kind.replace('_', ' ')} {change.uscc}{'/' if change.code else ''}{change.code}"
        if change.before is None:
            return f"+ {name}"
        zone = self.zones[change.uscc]
        before, after = shown(change.before, zone), shown(change.after, zone)
        keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        return f"~ {name}: " + ", ".join(f"{key} {_text(before.get(key))} → {_text(after.get(key))}" for key in keys)

    def _recomputed(self) -> list[str]:
        """A line per metering point and range, with what becomes of each register that changes."""
        ranges: dict[tuple[str, str, datetime, datetime], list[str]] = {}
        for one in self.dirty:
            (uscc, code, quantity), start, end = one
            told = ranges.setdefault((uscc, code, start, end), [])
            if one in self.foreseen and self.foreseen[one].intervals:
                told.append(f"\n    {quantity}: {self.foreseen[one]}")
        lines = [
            f"metering point {uscc}/{code}: intervals from {start.astimezone(zone).isoformat(timespec='seconds')} "
            f"to {end.astimezone(zone).isoformat(timespec='seconds')} are made again{''.join(told)}"
            for (uscc, code, start, end), told in ranges.items()
            for zone in [self.zones[uscc]]
        ]
        unseen = len(self.dirty) - len(self.foreseen)
        if self.foreseen and unseen:
            lines.append(f"of {unseen} more ranges of registers the difference was not computed beforehand")
        return lines


def make_plan(
    registry: Registry, state: State, neighbours: Sequence[Enterprise], *, prune: bool, now: datetime
) -> Plan:
    """What brings `state` to `registry`. Raises ConfigError when the two together cannot be."""
    plan = Plan(now, points=state.points)
    wanted = {enterprise.uscc: enterprise for enterprise in registry.enterprises}
    for uscc, before in state.enterprises.items():
        if uscc in wanted:
            wanted[uscc] = _with_kept(plan, wanted[uscc], before, prune)
        else:
            wanted[uscc] = before
    whole = Registry(registry.profiles, registry.mappings, [*wanted.values(), *neighbours], registry.places)
    if faults := [*check(whole), *_unknown_scopes(registry, wanted)]:
        raise ConfigError(faults)
    for uscc, after in wanted.items():
        plan.zones[uscc] = ZoneInfo(after.zone)
        plan.changes += _changes(state.enterprises.get(uscc), after)
    _derive(plan, whole, wanted.values(), state)
    return plan


def _unknown_scopes(registry: Registry, wanted: Mapping[str, Enterprise]) -> Iterator[Fault]:
    """Thresholds for enterprises and metering points that do not exist."""
    for one in registry.thresholds or ():
        scope = Scope.parse(one.scope)
        known = {point.code for point in wanted[scope.of].metering_points} if scope.of in wanted else set()
        if scope.kind == "enterprise" and scope.of not in wanted:
            what, fix = f"there is no enterprise {scope.of}", "correct the code, or add the enterprise"
        elif scope.kind == "point" and scope.code not in known:
            what, fix = f"{scope.of} has no metering point {scope.code}", "correct the code, or add the metering point"
        else:
            continue
        yield Fault(registry.where("threshold", one.scope, one.rule, "scope"), what, fix)


def _with_kept(plan: Plan, wanted: Enterprise, before: Enterprise, prune: bool) -> Enterprise:
    """The enterprise of the file with what only the database has; with `prune` such meters are ended."""
    points = {point.code for point in wanted.metering_points}
    meters = {meter.code for meter in wanted.meters}
    kept_points = [point for point in before.metering_points if point.code not in points]
    kept_meters = [meter for meter in before.meters if meter.code not in meters]
    if prune:
        kept_meters = [_ended(meter, plan.now) for meter in kept_meters]
    plan.kept += [("metering_point", wanted.uscc, point.code) for point in kept_points]
    plan.kept += [("meter", wanted.uscc, meter.code) for meter in kept_meters if _ended(meter, plan.now) != meter]
    return wanted.model_copy(
        update={
            "metering_points": (*wanted.metering_points, *kept_points),
            "meters": (*wanted.meters, *kept_meters),
        }
    )


def _ended(meter: Meter, now: datetime) -> Meter:
    """The meter taken away now and read no more; what it did so far stays."""

    def ended(place: Installation) -> Installation:
        if place.end is not None and place.end <= now:
            return place
        ratios = tuple(ratio for ratio in place.ratios if ratio.start < now)
        return place.model_copy(update={"end": now, "ratios": ratios})

    places = tuple(ended(place) for place in meter.installations if place.start < now)
    enabled = meter.enabled and meter.driver is None
    return meter.model_copy(update={"installations": places, "enabled": enabled})


def _changes(before: Enterprise | None, after: Enterprise) -> Iterator[Change]:
    if before is None or _head(before) != _head(after):
        yield Change("enterprise", after.uscc, "", before, after)
    old_points = {point.code: point for point in before.metering_points} if before else {}
    for point in after.metering_points:
        if old_points.get(point.code) != point:
            yield Change("metering_point", after.uscc, point.code, old_points.get(point.code), point)
    old_meters = {meter.code: meter for meter in before.meters} if before else {}
    for meter in after.meters:
        if old_meters.get(meter.code) != meter:
            yield Change("meter", after.uscc, meter.code, old_meters.get(meter.code), meter)


def _head(enterprise: Enterprise) -> tuple[Any, ...]:
    return tuple(getattr(enterprise, key) for key in HEAD)


def _derive(plan: Plan, registry: Registry, wanted: Iterable[Enterprise], state: State) -> None:
    """Segments and schedules of all points where they differ, and what that makes dirty."""
    living: set[PointKey] = set()
    for enterprise in wanted:
        for code, quantity, life in lives(registry, enterprise, state.enterprises.get(enterprise.uscc)):
            key = (enterprise.uscc, code, quantity)
            living.add(key)
            _compare(plan, state, key, life.stretches, life.covers)
    for key in state.points.keys() - living:
        _compare(plan, state, key, (), ())


def _compare(
    plan: Plan, state: State, key: PointKey, stretches: tuple[Stretch, ...], covers: tuple[Cover, ...]
) -> None:
    point_id = state.points.get(key, -1)
    before, known = state.stretches.get(point_id, ()), state.schedules.get(point_id, ())
    register = QUANTITIES[key[2]].kind == "register"
    if before != stretches:
        plan.stretches[key] = stretches
        if point_id >= 0 and register:
            plan.dirty += [Dirty(key, start, end) for start, end in differing(before, stretches, plan.now)]
    due = schedule(known, before, covers, plan.now)
    if due != known:
        plan.schedules[key] = due
    had = state.grids.get(point_id, ())
    lengths = grid(had, due, None if point_id < 0 else plan.now) if register else ()
    if lengths != had:
        plan.grids[key] = lengths


def rezoned(change: Change) -> bool:
    """Whether the days of an enterprise begin at other instants now."""
    before, after = change.before, change.after
    return isinstance(before, Enterprise) and isinstance(after, Enterprise) and before.zone != after.zone


def shown(item: Item | None, zone: tzinfo = UTC) -> dict[str, Any]:
    """An object as plain data, times in the zone, without its lists of other objects and without passwords."""
    if item is None:
        return {}
    lists = {"metering_points", "meters"}
    values: dict[str, Any] = plain(item.model_dump(by_alias=True, exclude=lists, exclude_defaults=True), zone)
    if values.get("address"):
        values["address"] = masked(values["address"])
    return values


def _text(value: Any) -> str:
    """A value of a plan's line in the form of the file."""
    if value is None or value == "":
        return "-"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(inner) for inner in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _amount(value: float | None) -> str:
    return "-" if value is None else f"{value:,.10g}"


def _cut(lines: list[str]) -> list[str]:
    if len(lines) <= _SHOWN:
        return lines
    return [*lines[:_SHOWN], f"  … and {len(lines) - _SHOWN} more like these"]
