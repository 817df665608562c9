"""Gaps keep their rows whatever arrives: against a plain set of missing instants."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.ledger import Edits, compare
from storage.gaps import FOREVER, OpenGap, Stretch


def gap(number: int, start: int, end: int, missing: int = 0) -> OpenGap:
    return OpenGap(number, 0, start, end, missing)


def stretch(start: int, end: int, missing: int = 0) -> Stretch:
    return Stretch(1, start, end, 10, missing)


def compared(missing: list[Stretch], known: list[OpenGap]) -> Edits:
    edits = Edits()
    compare(missing, known, edits)
    return edits


def test_a_gap_that_lasts_is_not_written_again() -> None:
    assert compared([stretch(10, FOREVER, 55)], [gap(1, 10, FOREVER)]) == Edits()


def test_a_gap_ends_with_a_reading() -> None:
    assert compared([stretch(10, 50, 4)], [gap(1, 10, FOREVER)]) == Edits(update=[(1, stretch(10, 50, 4))])


def test_a_gap_splits_and_keeps_its_row_for_the_first_part() -> None:
    edits = compared([stretch(10, 30, 2), stretch(60, FOREVER, 9)], [gap(1, 10, FOREVER)])
    assert edits == Edits(insert=[stretch(60, FOREVER)], update=[(1, stretch(10, 30, 2))])


def test_a_filled_gap_is_closed() -> None:
    assert compared([], [gap(1, 10, 50, 4)]) == Edits(close=[1])


@given(st.lists(st.integers(0, 400), min_size=2, max_size=12, unique=True), st.data())
def test_rows_become_what_is_missing(bounds: list[int], data: st.DataObject) -> None:
    bounds.sort()
    missing = [stretch(a, b, b - a) for a, b in zip(bounds[::2], bounds[1::2], strict=False)]
    old = sorted(data.draw(st.lists(st.integers(0, 400), max_size=12, unique=True)))
    known = [gap(n, a, b, b - a) for n, (a, b) in enumerate(zip(old[::2], old[1::2], strict=False))]
    edits = compared(missing, known)
    rows = {row.id: stretch(row.start, row.end, row.missing) for row in known}
    rows.update(edits.update)
    for number in edits.close:
        del rows[number]
    assert sorted([*rows.values(), *edits.insert], key=lambda s: s.start) == missing
