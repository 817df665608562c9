"""Measured calorific values: faults with line and key, and what becomes of the factors."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from config.calorific import CalorificValue, with_measured
from config.factors import factors, spans
from config.registry_text import to_yaml
from tests.config.test_registry import HEAD, POINTS, faults_of, loaded

LIST = "  calorific_values:\n"
COAL = "  - {carrier: raw_coal, from: 2026-01-01, to: 2026-07-01, value: 22.35, unit: GJ/t, source: report 17}\n"


def measured(carrier: str, value: str, unit: str, start: date = date(2026, 1, 1)) -> CalorificValue:
    return CalorificValue(carrier=carrier, start=start, end=None, value=Decimal(value), unit=unit)


def test_values_are_read_and_written_back(tmp_path: Path) -> None:
    enterprise = loaded(tmp_path, f"{HEAD}{LIST}{COAL}{POINTS}")
    (value,) = enterprise.calorific_values
    assert (value.start, value.end, value.value, value.source) == (
        date(2026, 1, 1), date(2026, 7, 1), Decimal("22.35"), "report 17",
    )  # fmt: skip
    assert loaded(tmp_path, to_yaml([enterprise])) == enterprise


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("raw_coal", "electricity"), "carrier: 'electricity' is no fuel; use one of natural_gas, coal_gas"),
        (("2026-07-01", "2026-01-01"), "to: is not after `from`; give the first day"),
        (("22.35", "-1"), "value: '-1': Input should be greater than 0; give a number above 0"),
        (("GJ/t", "GJ/Nm3"), "unit: 'GJ/Nm3' is no calorific value of raw_coal: unit 'Nm3' does not measure mass"),
        (("GJ/t", "GJ"), "unit: 'GJ' is no calorific value of raw_coal: unit '' does not measure mass"),
        (("GJ/t", "kcal/kg"), "unit: 'kcal/kg' is no calorific value of raw_coal: unit 'kcal' does not measure heat"),
    ],
)
def test_faults_of_a_value(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    (fault,) = faults_of(tmp_path, f"{HEAD}{LIST}{COAL.replace(*change)}{POINTS}")
    assert fault.startswith(f"registry.yaml:6 enterprises[0].calorific_values[0].{expected}")


def test_two_values_for_one_day_are_a_fault(tmp_path: Path) -> None:
    later = COAL.replace("2026-01-01, to: 2026-07-01", "2026-06-30")
    (fault,) = faults_of(tmp_path, f"{HEAD}{LIST}{COAL}{later}{POINTS}")
    assert fault == (
        "registry.yaml:5 enterprises[0].calorific_values[1]: raw_coal has another value for some of the days from "
        "2026-06-30 on; give the one from 2026-01-01 a `to`, or correct either"
    )
    fitting = COAL.replace("2026-01-01, to: 2026-07-01", "2026-07-01")
    assert len(loaded(tmp_path, f"{HEAD}{LIST}{COAL}{fitting}{POINTS}").calorific_values) == 2


def test_the_coefficient_is_the_value_by_29307_kilojoules() -> None:
    for value, unit in (("22.35", "GJ/t"), ("22350", "kJ/kg"), ("22.35", "MJ/kg")):
        known = with_measured(factors(), [measured("raw_coal", value, unit)], "110105")
        first, coal = spans(known, "raw_coal", "kgce", "110105", date(2025, 12, 31), date(2026, 1, 1))
        assert first[1].value == Decimal("0.7143")
        assert coal[0] == date(2026, 1, 1)
        assert float(coal[1].scale("kgce")) == pytest.approx(22_350_000 / 29_307)
        assert coal[1].source == f"measured: {value} {unit}"
        assert not coal[1].verified
    gas = with_measured(factors(), [measured("coal_gas", "16.7", "MJ/Nm3")], "110105")
    ((_, found),) = spans(gas, "coal_gas", "tce", "110105", date(2026, 2, 1), date(2026, 2, 1))
    assert float(found.scale("tce")) == pytest.approx(16.7 / 29.307 / 1000)


def test_co2_is_scaled_where_the_default_says_what_it_rests_on() -> None:
    known = with_measured(factors(), [measured("natural_gas", "35.9", "MJ/Nm3")], "110105")
    day, border = date(2026, 2, 28), date(2026, 3, 1)
    (_, before), (since, after) = spans(known, "natural_gas", "tco2", "110105", day, border)
    assert float(before.value) == pytest.approx(2.1622 * 35_900 / 38_931)
    assert before.source.startswith("measured: 35.9 MJ/Nm3; ")
    assert (since, after.value) == (border, Decimal("2.154"))
    assert spans(known, "raw_coal", "tco2", "110105", day, day)[0][1].value == Decimal("1.9003")


def test_shipped_co2_factors_rest_on_the_values_they_name() -> None:
    """value = net calorific value x carbon content x oxidation x 44/12."""
    carbon = {"raw_coal": ("26.37", "0.94"), "coke": ("29.5", "0.93"), "gasoline": ("18.9", "0.98")}
    found = {one.carrier: one for one in factors() if one.calorific_value}
    assert len(found) == 8
    for carrier, (content, oxidation) in carbon.items():
        value = found[carrier].calorific_value
        assert value
        proper = value * Decimal(content) * Decimal(oxidation) * 44 / 12 / 1_000_000
        assert float(found[carrier].value) == pytest.approx(float(proper), abs=1e-4)
