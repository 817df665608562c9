"""The demo city is what it says, and a registry without fault."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from stdnum.cn import uscc

from config import registry
from config.carriers import carriers
from config.city import HISTORY_EVERY_S, Fault, city, part, registry_text, shapes
from config.profilefiles import profiles
from config.registry_checks import Registry

SINCE = datetime(2026, 10, 1, tzinfo=UTC)


def as_registry(folder: Path, every: int | None = None) -> Registry:
    addresses = {gateway: f"127.0.0.1:{20000 + number}" for number, gateway in enumerate(city().gateways)}
    file = folder / "registry.yaml"
    file.write_text(registry_text(city(), addresses, SINCE, every), "utf-8")
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


def test_faults_hit_something() -> None:
    kinds = {fault.kind for fault in city().faults}
    assert kinds == set(Fault.model_fields["kind"].annotation.__args__)  # type: ignore[union-attr]
    for fault in city().faults:
        assert city().hit(fault), fault
        if fault.kind in ("late", "repeated", "clock_drift"):
            assert all(city().places[index].mapping for index in city().hit(fault)), fault


@pytest.mark.parametrize("name", list(shapes()))
def test_shapes_are_shares_of_their_mean(name: str) -> None:
    shape = shapes()[name]
    assert len(shape) in (8 * 7 * 24, 8 * 7 * 96)
    assert shape.mean() == pytest.approx(1, abs=1e-3)
    assert shape.min() >= 0


def test_part_of_the_city_keeps_its_own_faults_only() -> None:
    found = part({"dairy", "mine"})
    assert {place.enterprise for place in found.places} == {"dairy", "mine"}
    assert {fault.kind for fault in found.faults} == {"zero", "dark", "repeated"}
