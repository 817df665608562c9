"""What the registry means over time, whatever its history."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from storage.timeline import Cover, Schedule, Stretch, differing, schedule

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=50)
DAYS = range(100)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[datetime, datetime | None]]:
    """Stays one after the other, the last perhaps without end."""
    edges = sorted(draw(st.sets(st.integers(0, 99), max_size=8)))
    found: list[tuple[datetime, datetime | None]] = [
        (day(start), day(end)) for start, end in zip(edges[::2], edges[1::2], strict=False)
    ]
    return [*found, (day(edges[-1]), None)] if len(edges) % 2 else found


def stretch(span: tuple[datetime, datetime | None], multiplier: float) -> Stretch:
    return Stretch(*span, "M", multiplier, None, 0.0, None, None, None)


@st.composite
def stretches(draw: st.DrawFn) -> tuple[Stretch, ...]:
    return tuple(stretch(span, draw(st.sampled_from([1.0, 2.0]))) for span in draw(spans()))


@st.composite
def covers(draw: st.DrawFn) -> tuple[Cover, ...]:
    return tuple(Cover(*span, draw(st.sampled_from([None, 60, 900]))) for span in draw(spans()))


@st.composite
def declared(draw: st.DrawFn) -> tuple[Cover, ...]:
    """Meters that are new, or whose `expected_from` is."""
    since = st.none() | st.integers(0, 99).map(day)
    return tuple(cover._replace(expected_from=draw(since), declared=True) for cover in draw(covers()))


def in_force(due: Schedule, at: datetime) -> int | None:
    return next((cadence_s for start, cadence_s in reversed(due) if start <= at), None)


def covering(stays: tuple[Cover, ...], at: datetime) -> Cover | None:
    return next((one for one in stays if one.start <= at and (one.end is None or at < one.end)), None)


def as_stretches(stays: tuple[Cover, ...]) -> tuple[Stretch, ...]:
    return tuple(stretch((one.start, one.end), 1.0) for one in stays)


def multiplier(lines: tuple[Stretch, ...], at: datetime) -> float | None:
    return next((one.multiplier for one in lines if one.start <= at and (one.end is None or at < one.end)), None)


@given(stretches(), stretches())
def test_exactly_what_means_something_else_is_dirty(before: tuple[Stretch, ...], after: tuple[Stretch, ...]) -> None:
    ranges = differing(before, after, NOW)
    assert all(start < end <= NOW for start, end in ranges)
    assert all(one[1] < two[0] for one, two in pairwise(ranges))
    for number in DAYS:
        inside = any(start <= day(number) < end for start, end in ranges)
        other = multiplier(before, day(number)) != multiplier(after, day(number))
        assert inside == (other and day(number) < NOW)


@given(declared())
def test_a_new_point_is_expected_from_now_on_or_as_it_says(stays: tuple[Cover, ...]) -> None:
    due = schedule((), (), stays, NOW)
    for number in DAYS:
        cover = covering(stays, day(number))
        expected = cover is not None and day(number) >= (cover.expected_from or NOW)
        assert in_force(due, day(number)) == (cover.cadence_s if cover and expected else None)
    assert all(one[1] != two[1] for one, two in pairwise(due))


@given(declared(), covers(), st.integers(0, 30))
def test_the_past_stays_expected_as_it_was(first: tuple[Cover, ...], second: tuple[Cover, ...], later: int) -> None:
    known = schedule((), (), first, NOW)
    now = NOW + timedelta(days=later)
    due = schedule(known, as_stretches(first), second, now)
    for number in DAYS:
        new = covering(second, day(number))
        expected = new.cadence_s if new else None
        if new and day(number) < now:
            expected = in_force(known, day(number))
        assert in_force(due, day(number)) == expected


@given(declared(), declared(), st.integers(0, 30))
def test_what_is_declared_holds_where_nothing_was_expected(
    first: tuple[Cover, ...], second: tuple[Cover, ...], later: int
) -> None:
    known = schedule((), (), first, NOW)
    now = NOW + timedelta(days=later)
    due = schedule(known, as_stretches(first), second, now)
    for number in range(50 + later):
        new = covering(second, day(number))
        if new is None or new.expected_from is None:
            continue
        so_far = in_force(known, day(number))
        expected = None if day(number) < new.expected_from else so_far or new.cadence_s
        assert in_force(due, day(number)) == expected


@given(declared(), declared(), st.integers(0, 30))
def test_the_same_again_changes_nothing(first: tuple[Cover, ...], second: tuple[Cover, ...], later: int) -> None:
    due = schedule(schedule((), (), first, NOW), as_stretches(first), second, NOW)
    again = tuple(cover._replace(declared=False) for cover in second)
    assert schedule(due, as_stretches(second), again, NOW + timedelta(days=later)) == due
