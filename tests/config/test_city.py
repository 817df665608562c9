"""The demo city is what it says, and a registry without fault."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stdnum.cn import uscc

from config import registry
from config.carriers import carriers
from config.city import Fault, Habit, city, part, shapes
from config.city_registry import HISTORY_EVERY_S, Start, registry_text
from config.profilefiles import profiles
from config.registry_checks import Registry
from config.rules import rules

SINCE = datetime(2026, 10, 1, tzinfo=UTC)
LIVE = datetime(2026, 11, 12, tzinfo=UTC)


def as_registry(folder: Path, every: int | None = None) -> Registry:
    addresses = {gateway: f"127.0.0.1:{20000 + number}" for number, gateway in enumerate(city().gateways)}
    file = folder / "registry.yaml"
    file.write_text(registry_text(city(), Start(addresses, SINCE, LIVE), every), "utf-8")
    return registry.load(file)


def test_the_registry_of_the_city_has_no_fault(tmp_path: Path) -> None:
    found = as_registry(tmp_path)
    assert len(found.enterprises) == len({one.industry for one in found.enterprises}) + 1 == 12  # C30 twice
    assert all(uscc.is_valid(one.uscc) and one.name.startswith("示例") for one in found.enterprises)
    points = [point for one in found.enterprises for point in one.metering_points]
    meters = [meter for one in found.enterprises for meter in one.meters]
    assert len(points) == len(meters) == 201
    assert {point.level for point in points} == {1, 2, 3}
    assert {point.direction for point in points} == {"import", "export", "generation", "internal"}
    assert len({point.carrier for point in points} & set(carriers())) >= 18
    drivers = Counter(meter.driver for meter in meters)
    assert 0.7 < drivers["modbus-tcp"] / 201 < 0.8
    assert len({meter.mapping for meter in meters if meter.driver == "mqtt"}) == 4
    behind = Counter(meter.address for meter in meters if meter.driver == "modbus-tcp")
    assert max(behind.values()) == 9


def test_before_the_start_every_meter_is_read_each_quarter_of_an_hour(tmp_path: Path) -> None:
    def cadences(found: Registry) -> set[int]:
        return {meter.every for one in found.enterprises for meter in one.meters}

    assert cadences(as_registry(tmp_path, HISTORY_EVERY_S)) == {900}
    assert cadences(as_registry(tmp_path)) == {10, 20, 30, 60}


def test_the_past_is_expected_by_the_first_registry_only(tmp_path: Path) -> None:
    def since(found: Registry) -> set[datetime | None]:
        return {meter.expected_from for one in found.enterprises for meter in one.meters}

    assert since(as_registry(tmp_path, HISTORY_EVERY_S)) == {SINCE}
    assert since(as_registry(tmp_path)) == {None}


def test_the_wrong_ratio_is_in_the_registry_only(tmp_path: Path) -> None:
    found = as_registry(tmp_path)
    fault = next(fault for fault in city().faults if fault.kind == "wrong_ct")
    (index,) = city().hit(fault)
    place = city().places[index]
    assert profiles()[place.profile].register(place.register).ratio == "ct*pt"
    (meter,) = [m for one in found.enterprises for m in one.meters if m.code == place.meter and "铸造" in one.name]
    assert meter.installations[0].ct == place.ct * 0.5


def test_a_verification_ends_soon(tmp_path: Path) -> None:
    found = as_registry(tmp_path)
    meters = [meter for one in found.enterprises for meter in one.meters]
    soon = [m.code for m in meters if m.verified_until and m.verified_until < (LIVE + timedelta(days=30)).date()]
    assert soon == [city().places[index].meter for index in city().of_kind("unverified")]


def test_an_allowance_is_a_threshold(tmp_path: Path) -> None:
    ((index, fault),) = city().of_kind("allowance").items()
    (setting,) = [one for one in as_registry(tmp_path).thresholds or () if one.rule == "quota"]
    assert setting.scope.endswith(f"/{city().places[index].code}")
    assert setting.body == {"annual": fault.factor * city().places[index].mean}


def test_events_hit_something_and_faults_have_an_alert() -> None:
    for kind, events in ((Fault, city().faults), (Habit, city().habits)):
        kinds = {event.kind for event in events}
        assert kinds == set(kind.model_fields["kind"].annotation.__args__)  # type: ignore[union-attr]
    for event in city().events:
        assert city().hit(event), event
        if event.kind in ("late", "repeated", "clock_drift"):
            assert all(city().places[index].mapping for index in city().hit(event)), event
    places = {place.key for place in city().places}
    assert all(fault.alert in rules() and {fault.shows or next(iter(places))} <= places for fault in city().faults)


@pytest.mark.parametrize("name", list(shapes()))
def test_shapes_are_shares_of_their_mean(name: str) -> None:
    shape = shapes()[name]
    assert len(shape) in (8 * 7 * 24, 8 * 7 * 96)
    assert shape.mean() == pytest.approx(1, abs=1e-3)
    assert shape.min() >= 0


def test_part_of_the_city_keeps_its_own_faults_only() -> None:
    found = part({"dairy", "mine"})
    assert {place.enterprise for place in found.places} == {"dairy", "mine"}
    assert {event.kind for event in found.events} == {"zero", "dark", "load", "count", "repeated"}
