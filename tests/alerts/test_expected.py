"""Windows and missing readings against a plain model, reading by reading."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.expected import Windows
from alerts.thresholds import Thresholds
from config.rules import Setting
from config.samples import MICROSECOND
from storage.gaps import FOREVER
from storage.points import Point, Segment

SECOND = MICROSECOND


def point(
    number: int, schedule: list[tuple[int, int | None]], *segments: tuple[int, int | None], meters: tuple[int, ...] = ()
) -> Point:
    """A point with schedule and installations in seconds."""
    meters = meters or tuple(1 for _ in segments)
    return Point(
        number, "U", 1, 1, "E", "electricity", "active_energy_import", True, "Asia/Shanghai",
        tuple(
            Segment(a * SECOND, None if b is None else b * SECOND, meter, 1, None, 1, None, None, None)
            for (a, b), meter in zip(segments, meters, strict=True)
        ),
        tuple((start * SECOND, cadence) for start, cadence in schedule),
    )  # fmt: skip


def rows(windows: Windows) -> list[tuple[float, float, float]]:
    ends = np.where(windows.end == FOREVER, -SECOND, windows.end)
    return [
        (a / SECOND, b / SECOND, c / SECOND)
        for a, b, c in zip(windows.start.tolist(), ends.tolist(), windows.cadence.tolist(), strict=True)
    ]


def test_windows_are_the_schedule_cut_by_the_installations() -> None:
    one = point(5, [(100, 60), (5_000, None), (6_000, 900)], (0, 3_000), (4_000, None))
    assert rows(Windows.of([one])) == [(100, 3_000, 60), (4_000, 5_000, 60), (6_000, -1, 900)]


def test_a_change_of_ratio_does_not_cut_a_window_but_another_meter_does() -> None:
    one = point(5, [(0, 60)], (0, 3_000), (3_000, None))
    assert rows(Windows.of([one])) == [(0, -1, 60)]
    other = point(5, [(0, 60)], (0, 3_000), (3_000, None), meters=(1, 2))
    assert rows(Windows.of([other])) == [(0, 3_000, 60), (3_000, -1, 60)]


def test_of_a_disabled_meter_nothing_is_expected_any_more() -> None:
    one = point(5, [(0, 60)], (0, None))
    assert rows(Windows.of([one], {1}, 1_000 * SECOND)) == [(0, 1_000, 60)]


def test_the_window_of_an_instant_and_the_next_change() -> None:
    windows = Windows.of([point(1, [(0, 60)], (0, 1_000)), point(2, [(500, 60)], (0, None)), point(3, [], (0, None))])
    assert windows.at(499 * SECOND).tolist() == [0, -1, -1]
    assert windows.at(999 * SECOND).tolist() == [0, 1, -1]
    assert windows.at(1_000 * SECOND).tolist() == [-1, 1, -1]
    assert windows.next_change(0) == 500 * SECOND
    assert windows.next_change(500 * SECOND) == 1_000 * SECOND
    assert windows.next_change(1_000 * SECOND) == FOREVER
    assert Windows.of([]).at(5).tolist() == []


def test_grace() -> None:
    windows = Windows.of([point(number, [(0, 60)], (0, None)) for number in range(3)])
    slot, cadence = np.arange(3), np.array([1, 60, 900]) * SECOND
    assert (windows.gap.at(slot, cadence) // SECOND).tolist() == [46, 105, 945]
    assert (windows.offline.at(slot, cadence) // SECOND).tolist() == [723, 900, 3420]


def test_grace_follows_the_thresholds() -> None:
    points = [point(1, [(0, 60)], (0, None)), replace(point(2, [(0, 60)], (0, None)), metering_point="E-2")]
    here = Setting("gap", "point:U/E-2", {"cadences": 1.5, "seconds": 10})
    windows = Windows.of(points, thresholds=Thresholds([here]))
    assert (windows.gap.at(np.arange(2), np.full(2, 60 * SECOND)) // SECOND).tolist() == [105, 100]
    assert (windows.shortest_grace() // SECOND).tolist() == [105, 100]
    hole = np.array([600 * SECOND] * 2), np.array([762 * SECOND] * 2)
    assert windows.missing(np.arange(2), *hole, np.full(2, 800 * SECOND)).slot.tolist() == [1]


@given(
    cadence=st.sampled_from([10, 60, 900]),
    start=st.integers(0, 20_000),
    length=st.integers(1, 40_000),
    before=st.integers(0, 50_000),
    silence=st.integers(1, 50_000),
    lasts=st.booleans(),
)
def test_what_is_missing_is_what_was_due_and_did_not_come(
    cadence: int, start: int, length: int, before: int, silence: int, lasts: bool
) -> None:
    windows = Windows.of([point(1, [(start, cadence)], (0, start + length))])
    after = before + silence
    pieces = windows.missing(
        np.array([0]),
        np.array([before * SECOND]),
        np.array([FOREVER if lasts else after * SECOND]),
        np.array([after * SECOND]),
    )
    first = before + cadence if before >= start else start
    last = min(after, start + length)
    slack = (cadence / 2) if not lasts and last == after else 0
    due = [instant for instant in range(first, last, cadence) if instant < last - slack]
    if last - first <= cadence + 45:
        assert len(pieces) == 0
        return
    assert pieces.start.tolist() == [first * SECOND]
    assert abs(int(pieces.missing[0]) - len(due)) <= (1 if 2 * ((last - first) % cadence) == cadence else 0)
    ended = not lasts or start + length <= after
    assert pieces.end.tolist() == [last * SECOND if ended else FOREVER]


def test_many_points_at_once_are_what_each_is_alone() -> None:
    several = [
        point(1, [(0, 60)], (0, 3_000), (4_000, None)),
        point(2, [], (0, None)),
        point(3, [(0, 900)], (0, None)),
    ]
    windows = Windows.of(several)
    slot = np.array([2, 0, 1, 0])
    before, after = np.array([0, 600, 0, 0]) * SECOND, np.array([9_000, 0, 5_000, 700]) * SECOND
    after[1] = FOREVER
    now = np.full(4, 9_000 * SECOND)
    together = windows.missing(slot, before, after, now)
    alone = [windows.missing(slot[[i]], before[[i]], after[[i]], now[[i]]) for i in range(4)]
    for name in ("slot", "before", "start", "end", "missing"):
        assert getattr(together, name).tolist() == [v for one in alone for v in getattr(one, name).tolist()]
    assert together.slot.tolist() == [2, 0, 0, 0]
