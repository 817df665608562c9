"""Dated factors: choice by day and region, exact scales, and all faults of a file at once."""

import itertools
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.carriers import carriers
from config.errors import ConfigError
from config.factors import TARGETS, Factor, NoFactor, factor, factors, load, spans

DAYS = st.dates(date(2021, 1, 1), date(2030, 1, 1))
REGIONS = st.sampled_from(["130209", "410100", "440300", "150100", "110105", ""])


def test_the_shipped_file_says_where_everything_is_from() -> None:
    assert len(factors()) > 40
    for one in factors():
        assert one.source
        assert one.edition
        assert one.verified is not True or "from memory" not in one.source
    memory = [one for one in factors() if "from memory" in one.source and "as main product" not in one.source]
    assert memory
    assert all(one.verified is False for one in memory)


def test_a_factor_is_that_of_the_day_and_of_the_smallest_region() -> None:
    def value(carrier: str, kind: str, basis: str, region: str, day: date) -> Decimal:
        found = factor(factors(), carrier, kind, basis, region, day)  # type: ignore[arg-type]
        assert found
        return found.value

    before, border = date(2026, 2, 28), date(2026, 3, 1)
    assert value("natural_gas", "co2", "combustion", "", before) == Decimal("2.1622")
    assert value("natural_gas", "co2", "combustion", "", border) == Decimal("2.154")
    grid = ("electricity", "co2", "average")
    assert value(*grid, "410100", date(2022, 6, 1)) == Decimal("0.5366")
    assert value(*grid, "410100", date(2023, 6, 1)) == Decimal("0.5897")
    assert value(*grid, "420100", date(2023, 6, 1)) == Decimal("0.5271")
    assert value(*grid, "150100", date(2023, 6, 1)) == Decimal("0.5306")
    assert factor(factors(), "electricity", "co2", "average", "", date(2020, 1, 1)) is None
    assert factor(factors(), "coal_gas", "coal", "fuel", "", border) is None


def test_scales_are_exact() -> None:
    def scale(carrier: str, unit: str) -> Decimal:
        return spans(factors(), carrier, unit, "", date(2026, 6, 1), date(2026, 6, 1))[0][1].scale(unit)

    assert scale("raw_coal", "tce") == Decimal("0.7143")
    assert scale("raw_coal", "kgce") == Decimal("714.3")
    assert scale("electricity", "tce") == Decimal("0.0001229")
    assert scale("electricity", "kgce_equal") == Decimal("0.404")
    assert scale("heat", "kgce") == Decimal("34.12")
    assert scale("diesel", "tco2") == Decimal("3.171")
    assert scale("electricity", "tco2") == Decimal("0.0005306")


def test_what_has_no_factor_is_named() -> None:
    with pytest.raises(NoFactor, match=r"no coal factor of coal_gas .* on 2026-06-01 in region 110105"):
        spans(factors(), "coal_gas", "tce", "110105", date(2026, 6, 1), date(2026, 6, 2))
    with pytest.raises(NoFactor, match="2020-12-31"):
        spans(factors(), "electricity", "tco2", "", date(2020, 12, 31), date(2021, 1, 1))


@given(st.sampled_from(sorted(carriers())), st.sampled_from(sorted(TARGETS)), REGIONS, DAYS, st.integers(0, 2000))
def test_spans_say_the_same_as_each_day(carrier: str, unit: str, region: str, first: date, days: int) -> None:
    last = first + timedelta(days=days)
    try:
        found = spans(factors(), carrier, unit, region, first, last)
    except NoFactor:
        return
    assert found[0][0] == first
    assert all(one[1] != other[1] for one, other in itertools.pairwise(found))
    for day in {first, last, first + timedelta(days=days // 2), *(since for since, _ in found)}:
        in_force = [one for since, one in found if since <= day][-1]
        assert spans(factors(), carrier, unit, region, day, day) == [(day, in_force)]
        assert in_force.on(day)


GOOD = """
[[factor]]
carrier = "diesel"
kind = "coal"
basis = "fuel"
value = 1.4571
unit = "kgce/kg"
edition = "E"
valid_from = 2020-01-01
source = "S"
verified = "second-hand"
"""


def faults(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "factors.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    return [str(fault).replace(str(tmp_path), "") for fault in caught.value.faults]


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "factors.toml"
    file.write_text(GOOD, "utf-8")
    (one,) = load(file)
    assert isinstance(one, Factor)
    assert one.value == Decimal("1.4571")


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace('"diesel"', '"deisel"')
        + GOOD.replace("kgce/kg", "kgce/kWh")
        + GOOD.replace("kgce/kg", "kgCO2/kg")
        + GOOD.replace("1.4571", "-1")
        + GOOD.replace("2020-01-01", "2020-01-01\nvalid_to = 2019-01-01")
        + GOOD.replace('"fuel"', '"average"')
    )
    found = faults(tmp_path, text)
    for expected in (
        "'deisel' is not a carrier",
        "unit 'kWh' does not measure mass",
        "'kgCO2/kg' is no unit of kind coal",
        "greater than 0",
        "is not after valid_from",
        "'average' is no basis of coal",
    ):
        assert len([fault for fault in found if expected in fault]) == 1, (expected, found)
    assert len(found) == 6
    assert all(fault.startswith("/factors.toml:") for fault in found)


def test_two_factors_for_one_day_are_a_fault(tmp_path: Path) -> None:
    later = GOOD.replace("2020-01-01", "2021-01-01")
    (fault,) = faults(tmp_path, GOOD + later)
    assert "factors.toml:13 factor[1]: holds on the same days as row 1 of diesel, coal, fuel" in fault
    file = tmp_path / "factors.toml"
    file.write_text(GOOD.replace("2020-01-01", "2020-01-01\nvalid_to = 2021-01-01") + later, "utf-8")
    assert len(load(file)) == 2
    file.write_text(GOOD + later.replace('carrier = "diesel"', 'carrier = "diesel"\nregion = ["13"]'), "utf-8")
    assert len(load(file)) == 2


def test_own_factors_go_before_the_shipped_ones(tmp_path: Path) -> None:
    file = tmp_path / "factors.toml"
    file.write_text(GOOD.replace("1.4571", "1.5"), "utf-8")
    known = factors(file)
    for region, day, value in (("", date(2026, 1, 1), "1.5"), ("13", date(2019, 1, 1), "1.4571")):
        found = factor(known, "diesel", "coal", "fuel", region, day)
        assert found
        assert found.value == Decimal(value)
