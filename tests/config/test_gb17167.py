"""The figures of GB 17167 as shipped: each carrier has its rate, limits can be compared, rows say how sure they are."""

from datetime import date

import pytest

from config.carriers import carriers
from config.gb17167 import categories, rank, rates, standard, usual


def test_every_carrier_has_a_rate_and_a_kind_of_instrument_once() -> None:
    assert sorted(carrier for rate in standard().rate for carrier in rate.carriers) == sorted(carriers())
    assert sorted(carrier for one in standard().category for carrier in one.carriers) == sorted(carriers())
    assert rates().keys() == usual().keys() == carriers().keys()


def test_the_edition_in_force_tells_whose_figures_are_used() -> None:
    assert standard().in_force(date(2026, 1, 31)).edition == "GB 17167-2006"
    now = standard().in_force(date(2026, 2, 1))
    assert (now.edition, now.figures) == ("GB 17167-2025", "GB 17167-2006")
    assert "not seen" in now.source
    assert standard().in_force(date(2001, 1, 1)).edition == "GB 17167-2006"


def test_no_figure_is_called_verified() -> None:
    assert {row.verified for row in standard().rate} == {"second-hand", False}
    assert {row.verified for row in standard().category} == {False}


@pytest.mark.parametrize("ordered", [("0.2S", "0.2", "0.5S", "0.5", "1.0", "2"), ("0.1级", "0.5 级", "2.0级", "2.5")])
def test_classes_compare_as_numbers_with_s_before_its_number(ordered: tuple[str, ...]) -> None:
    ranks = [rank(name) for name in ordered]
    assert None not in ranks
    assert ranks == sorted(ranks, key=lambda found: found or (0.0, 0))
    assert len(set(ranks)) == len(ranks)


def test_limits_can_be_compared_and_words_cannot() -> None:
    assert all(rank(limit.accuracy_class) for one in categories().values() for limit in one.limits)
    assert categories()["electricity_meter"].loosest == "2.0"
    assert categories()["heat_meter"].loosest is None
    assert rank("C") is None
    assert rank("") is None
