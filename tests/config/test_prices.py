"""Prices: every carrier has one, that of the day and region is taken, faults are named with their line."""

from datetime import date
from pathlib import Path

import pytest

from config.carriers import carriers
from config.errors import ConfigError
from config.prices import load, price, prices

OWN = """\
[[price]]
carrier = "electricity"
value = 800
unit = "CNY/MWh"
region = ["44"]
edition = "contract"
valid_from = 2026-01-01
source = "contract of 2025-12-01"
verified = true
"""


def test_every_carrier_has_a_price_that_says_how_sure_it_is() -> None:
    assert {one.carrier for one in prices()} == set(carriers())
    assert all(one.verified is False and "memory" in one.source for one in prices())


def test_an_own_price_goes_before_where_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(OWN)
    known = prices(file)

    def per_kwh(region: str, day: date) -> float | None:
        found = price(known, "electricity", region, day)
        return None if found is None else found.per_canonical

    assert per_kwh("440300", date(2026, 1, 1)) == 0.8
    assert per_kwh("440300", date(2025, 12, 31)) == 0.65
    assert per_kwh("110105", date(2026, 1, 1)) == 0.65
    assert per_kwh("110105", date(2019, 12, 31)) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (OWN.replace("CNY/MWh", "USD/MWh"), "is no price in CNY"),
        (OWN.replace("CNY/MWh", "CNY/t"), "use a unit the carrier has"),
        (OWN.replace('"electricity"', '"electrcity"'), "is not a carrier"),
        (OWN.replace("800", "-1"), "greater than 0"),
        (OWN + OWN, "prices.toml:10 price.*holds on the same days as row 1"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load(file)
