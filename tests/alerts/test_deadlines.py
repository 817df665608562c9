"""Deadlines against a plain model, event by event."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.deadlines import Deadlines
from alerts.expected import Windows
from config.samples import SampleBatch
from tests.alerts.test_expected import SECOND, point

CADENCE, GRACE = 60 * SECOND, 105 * SECOND
LATER = 100_000 * SECOND


def three() -> Deadlines:
    """Points 10, 20, 30, a reading a minute expected of each from 0 on."""
    return Deadlines(Windows.of([point(number, [(0, 60)], (0, None)) for number in (10, 20, 30)]), 0)


def batch(*rows: tuple[int, int], received: int | None = None) -> SampleBatch:
    """(point, second) readings, received at once."""
    times = [time * SECOND for _, time in rows]
    latest = max(times) if received is None else received * SECOND
    return SampleBatch.from_rows([(p, t, 0.0) for (p, _), t in zip(rows, times, strict=True)], received=latest)


def test_overdue_by_more_than_the_grace_and_named_once() -> None:
    deadlines = three()
    deadlines.heard(batch((10, 60), (20, 600), (30, 60)), live=False)
    due = 60 * SECOND + CADENCE + GRACE
    assert deadlines.next_due <= due + 1
    assert deadlines.overdue(due).tolist() == []
    assert deadlines.overdue(due + 1).tolist() == [0, 2]
    deadlines.since[[0, 2]] = 120 * SECOND
    assert deadlines.overdue(LATER).tolist() == [1]


def test_who_never_reported_is_due_when_the_window_begins_and_may_get_time() -> None:
    deadlines = three()
    deadlines.give_time(np.array([1]), 1_000 * SECOND)
    assert deadlines.overdue(CADENCE + GRACE + 1).tolist() == [0, 2]
    deadlines.since[[0, 2]] = 0
    assert deadlines.overdue(1_000 * SECOND).tolist() == []
    assert deadlines.overdue(1_000 * SECOND + CADENCE + GRACE).tolist() == [1]


def test_the_lag_of_a_live_reading_is_granted_and_that_of_history_is_not() -> None:
    deadlines = three()
    deadlines.heard(batch((10, 600), received=900), live=True)
    deadlines.heard(batch((20, 600), received=900), live=False)
    deadlines.heard(batch((30, 900)), live=True)
    assert deadlines.overdue(600 * SECOND + CADENCE + GRACE + 1).tolist() == [1]
    deadlines.since[1] = 660 * SECOND
    assert deadlines.overdue(900 * SECOND + CADENCE + GRACE).tolist() == []
    assert deadlines.overdue(900 * SECOND + CADENCE + GRACE + 1).tolist() == [0, 2]


def test_nobody_is_overdue_while_held() -> None:
    deadlines = three()
    deadlines.held = True
    assert deadlines.overdue(LATER).tolist() == []
    assert deadlines.certain(np.arange(3), LATER).tolist() == [0, 0, 0]
    deadlines.held = False
    assert deadlines.certain(np.arange(3), LATER).tolist() == [LATER] * 3
    assert deadlines.overdue(LATER).tolist() == [0, 1, 2]


def test_points_that_are_not_known_are_left_out() -> None:
    deadlines = three()
    deadlines.heard(batch((0, 60), (11, 60), (99_999, 60)), live=True)
    assert deadlines.last.tolist() == [0, 0, 0]
    assert deadlines.slots(np.array([-1, 0, 10, 20, 30, 31, 10**6])).tolist() == [-1, -1, 0, 1, 2, -1, -1]


def test_late_readings_are_looked_at_only_where_there_are_gaps() -> None:
    deadlines = three()
    deadlines.heard(batch((10, 600), (20, 600), (30, 600)), live=True)
    deadlines.take_marked()
    deadlines.holed[1] = True
    deadlines.heard(batch((10, 100), (20, 100), (20, 300), (30, 100)), live=True)
    marked = deadlines.take_marked()
    assert marked.slot.tolist() == [1]
    assert (marked.start.tolist(), marked.end.tolist()) == ([100 * SECOND], [300 * SECOND])
    assert len(deadlines.take_marked()) == 0


def test_when_an_installation_ends_nothing_is_due_any_more() -> None:
    windows = Windows.of([point(1, [(0, 60)], (0, 1_000))])
    deadlines = Deadlines(windows, 0)
    assert deadlines.next_change == 1_000 * SECOND
    assert deadlines.advance(1_000 * SECOND).tolist() == [0]
    assert deadlines.overdue(LATER).tolist() == []


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from([10, 20, 30]), st.integers(1, 5_000)), min_size=1, max_size=12),
        min_size=1,
        max_size=6,
    )
)
def test_every_hole_between_readings_is_marked_whatever_the_batches(
    batches: list[list[tuple[int, int]]],
) -> None:
    deadlines = three()
    last = {10: 0, 20: 0, 30: 0}
    for rows in batches:
        holes: dict[int, tuple[int, int]] = {}
        for number, time in sorted(rows, key=lambda row: (row[0], row[1])):
            if (time - last[number]) * SECOND > GRACE:
                start, end = holes.get(number, (last[number], time))
                holes[number] = (min(start, last[number]), max(end, time))
            last[number] = max(last[number], time)
        deadlines.heard(batch(*rows), live=True)
        marked = deadlines.take_marked()
        found = zip(marked.slot.tolist(), marked.start.tolist(), marked.end.tolist(), strict=True)
        assert {10 * (slot + 1): (a // SECOND, b // SECOND) for slot, a, b in found} == holes
        assert (deadlines.last // SECOND).tolist() == list(last.values())
