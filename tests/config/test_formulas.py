"""Virtual metering points in a registry file: what they come down to, and every fault with line and key."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.formulas import metered_parts
from tests.config.test_registry import FROM, HEAD, TCP, faults_of, loaded

POINTS = f"""{HEAD}\
  metering_points:
  - {{code: E-1, name: One, carrier: electricity}}
  - {{code: E-2, name: Two, carrier: electricity, boundary: false}}
  - {{code: W-1, name: Water, carrier: water}}
"""


def virtual(formula: str, more: str = "", code: str = "V") -> str:
    """A virtual metering point's line."""
    return f"  - {{code: {code}, name: V, carrier: electricity, formula: {{{formula}}}{more}}}\n"


def test_a_formula_is_read_with_the_file(tmp_path: Path) -> None:
    enterprise = loaded(tmp_path, POINTS + virtual("E-1: 1, E-2: -0.4"))
    point = enterprise.metering_points[-1]
    assert point.formula == {"E-1": 1.0, "E-2": -0.4}
    assert not point.boundary


def test_a_formula_stands_in_the_columns_of_a_table(tmp_path: Path) -> None:
    head = "code,name,carrier,formula.E-1,formula.E-2\n"
    table = f"{head}E-1,One,electricity,,\nE-2,Two,electricity,,\nV,V,electricity,1,-0.4\n"
    enterprise = loaded(tmp_path, f"{HEAD}  metering_points: points.csv\n", points=table)
    assert [point.formula for point in enterprise.metering_points] == [None, None, {"E-1": 1.0, "E-2": -0.4}]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (virtual("E-1: 1.5"), "formula.E-1: 1.5 is not a share; give a number from -1 to 1 other than 0"),
        (virtual("E-1: 0"), "formula.E-1: 0 is not a share; give a number from -1 to 1 other than 0"),
        (virtual("E-1: nan"), "formula.E-1: nan is not a share; give a number from -1 to 1 other than 0"),
        (virtual("E-1: much"), "formula.E-1: 'much': Input should be a valid number"),
        (virtual(""), "formula: a mapping: Dictionary should have at least 1 item"),
        (virtual("E-11: 1"), "formula.E-11: unknown metering point 'E-11'; did you mean E-1?"),
        (virtual("W-1: 1"), "formula: W-1 counts water in m3, V electricity in kWh; make it of metering points of the"),
        (virtual("V: 1"), "formula: is made of itself: V > V; break the circle"),
        (virtual("E-1: 1", ", boundary: true"), "boundary: counts for the enterprise's total, and its part E-1 does"),
        (virtual("E-1: 1", ", quantities: active_power"), "quantities: a virtual metering point keeps nothing itself"),
    ],
)
def test_faults_of_a_formula(tmp_path: Path, line: str, expected: str) -> None:
    (fault,) = faults_of(tmp_path, POINTS + line)
    assert fault.startswith(f"registry.yaml:9 enterprises[0].metering_points[3].{expected}")


def test_a_circle_through_others_is_told_once(tmp_path: Path) -> None:
    lines = virtual("B: 1", code="A") + virtual("C: 1, E-1: -1", code="B") + virtual("A: 0.5", code="C")
    (fault,) = faults_of(tmp_path, POINTS + lines)
    circle = fault.partition("formula: is made of itself: ")[2].split(";")[0].split(" > ")
    assert circle in (list("ABCA"), list("BCAB"), list("CABC"))


def test_no_meter_stands_at_a_virtual_metering_point(tmp_path: Path) -> None:
    meter = f"  meters:\n  - {{code: M, {TCP}, address: 'gw:502', at: V, {FROM}}}\n"
    (fault,) = faults_of(tmp_path, POINTS + virtual("E-1: 1") + meter)
    assert fault == (
        "registry.yaml:11 enterprises[0].meters[0].at: V is virtual; "
        "install the meter at one of its parts, or drop the formula"
    )


def test_nothing_enters_the_total_twice(tmp_path: Path) -> None:
    """Neither through a virtual metering point in between nor by shares of more than all of it."""
    between = virtual("E-1: 1", code="A") + virtual("A: 1", ", boundary: true", code="B")
    (fault,) = faults_of(tmp_path, POINTS + between)
    assert "boundary: counts for the enterprise's total, and its part E-1 does so too" in fault
    shared = virtual("E-2: 0.6", ", boundary: true", code="A") + virtual("E-2: 0.5", ", boundary: true", code="B")
    (fault,) = faults_of(tmp_path, POINTS + shared)
    assert "boundary: with it E-2 counts 1.1 times in the enterprise's total" in fault
    fair = virtual("E-2: 0.6", ", boundary: true", code="A") + virtual("E-2: 0.4", ", boundary: true", code="B")
    assert len(loaded(tmp_path, POINTS + fair).metering_points) == 5


SHARES = st.floats(-1, 1).filter(bool)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), SHARES, min_size=1), max_size=5), st.data())
def test_a_formula_comes_down_to_its_parts(formulas: list[dict[str, float]], data: st.DataObject) -> None:
    """Virtual ones of virtual ones: the value by the metered parts is that by the formula itself."""
    given_ = {str(number): dict(formula) for number, formula in enumerate(formulas)}
    for number in range(1, len(formulas)):
        given_[str(number)] |= data.draw(st.dictionaries(st.sampled_from([str(n) for n in range(number)]), SHARES))
    worth = {"a": 1.0, "b": 10.0, "c": 100.0}
    parts = metered_parts(given_)
    for number in range(len(formulas)):
        worth[str(number)] = sum(share * worth[part] for part, share in given_[str(number)].items())
        found = sum(share * worth[part] for part, share in parts[str(number)].items())
        assert found == pytest.approx(worth[str(number)], abs=1e-6)
