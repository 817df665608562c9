"""What edits do to intervals: as people say, in any order of readings, and back again when they are undone."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.terms import Terms
from config.quality import Method, Quality
from storage.points import Edit
from tests.collector.registerworld import MINUTE, QUARTER, START, World, point, segment
from tests.collector.test_energy import history
from tests.examples import examples

M, E, S, X = Quality.MEASURED, Quality.EDITED, Quality.SUSPECT, Quality.ESTIMATED


def at(minute: float) -> int:
    return START + round(minute * MINUTE)


def edit(action: str, first: float, last: float, amount: float | None = None, id: int = 1) -> Edit:
    return Edit(id, action, at(first), at(last), amount)  # type: ignore[arg-type]


async def world(values: list[float], *edits: Edit, **facts: float) -> World:
    """A register read every five minutes, then edited."""
    made = World(point(segment(**facts), schedule=((0, 300),)))  # type: ignore[arg-type]
    await made.take((1, at(5 * number), value) for number, value in enumerate(values))
    if edits:
        await made.edit(edits, min(one.start for one in edits), max(one.end for one in edits))
    return made


class TestWhatEachDoes:
    async def test_excluded_readings_are_bridged(self) -> None:
        values = [0.0, 1.0, 2.0, 3.0, 90.0, 91.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]
        found = await world(values, edit("exclude", 20, 25))
        assert found.rows() == [(0, 3.0, M), (15, 3.0, M), (30, 3.0, M), (45, 3.0, M)]

    async def test_a_questionable_rise_is_released(self) -> None:
        values = [0.0, 1.0, 2.0, 3.0, 903.0, 904.0, 905.0, *(906.0 + n for n in range(12))]
        before = await world(values, limit=60.0)
        assert before.rows()[1] == (15, 2.0, S)
        after = await world(values, edit("accept", 20, 20), limit=60.0)
        assert after.rows()[1] == (15, 902.0, M)

    async def test_a_fall_is_energy_the_other_way(self) -> None:
        values = [100.0, 101.0, 102.0, 103.0, 50.0, *(51.0 + n for n in range(12))]
        found = await world(values, edit("accept", 20, 20))
        assert found.rows()[:3] == [(0, 3.0, M), (15, -51.0, M), (30, 3.0, M)]

    async def test_a_fall_of_which_nobody_has_spoken_stays_in_doubt(self) -> None:
        """The step after it is accepted: what the register shows is booked, not zero as if it were measured."""
        values = [100.0, 101.0, 102.0, 103.0, 20.0, *(21.0 + n for n in range(12))]
        found = await world(values, edit("accept", 25, 25))
        assert found.rows()[:3] == [(0, 3.0, M), (15, -81.0, S), (30, 3.0, M)]

    async def test_nothing_flows_across_a_reset(self) -> None:
        values = [100.0, 101.0, 102.0, 103.0, 105.0, 200.0, *(201.0 + n for n in range(12))]
        found = await world(values, edit("reset", 22, 25))
        assert found.rows()[:3] == [(0, 3.0, M), (15, 3.0, S), (30, 3.0, M)]

    @pytest.mark.parametrize(("amount", "modulus"), [(1000.0, None), (None, 1000.0)])
    async def test_a_roll_over(self, amount: float | None, modulus: float | None) -> None:
        values = [600.0, 601.0, 602.0, 603.0, 50.0, *(51.0 + n for n in range(12))]
        facts = {} if modulus is None else {"modulus": modulus}
        found = await world(values, edit("rollover", 18, 20, amount), **facts)
        assert found.rows()[:3] == [(0, 3.0, M), (15, 449.0, M), (30, 3.0, M)]

    async def test_a_set_consumption_is_spread_and_adds_up(self) -> None:
        found = await world([*map(float, range(13))], edit("set", 15, 60, 10.0))
        assert found.rows() == [(0, 3.0, M), *((minute, round(10 / 3, 9), E) for minute in (15, 30, 45))]
        rows = [row for (_, start), row in found.intervals.items() if start >= at(15)]
        assert (sum(row[1] for row in rows), {row[3] for row in rows}) == (10.0, {Method.SET})
        assert [(row[4], row[5]) for row in rows] == [(3, 3)] * 3

    async def test_consumption_is_set_where_there_is_no_reading(self) -> None:
        made = World(point(schedule=((0, 300),)))
        await made.edit((edit("set", -60, -30, 4.0),), at(-60), at(-30))
        assert made.rows() == [(-60, 2.0, E), (-45, 2.0, E)]


def some_edits(chance: random.Random, times: list[int]) -> tuple[Edit, ...]:
    found: list[Edit] = []
    for number in range(chance.randint(1, 3)):
        first = chance.randrange(len(times))
        start, end = times[first], times[min(first + chance.choice([0, 0, 1, 5, 40]), len(times) - 1)]
        action = chance.choice(["exclude", "exclude", "accept", "accept", "reset", "rollover", "set"])
        if action == "set":
            start, end = start // QUARTER * QUARTER, (end // QUARTER + 1) * QUARTER
        elif action in ("reset", "rollover"):
            end = start
        amount = {"set": 5.0, "rollover": 1e4}.get(action)
        if not any(one.action == action and one.start <= end and start <= one.end for one in found):
            found.append(Edit(number, action, start, end, amount))  # type: ignore[arg-type]
    return tuple(found)


@settings(max_examples=examples(100), derandomize=True)
@given(st.integers(0, 2**32))
async def test_edits_and_undo_touch_what_they_must_whatever_the_order(seed: int) -> None:
    """After edits the intervals are those of readings that came when the edits were known; after undo, as before."""
    plain, rows = history(seed)
    if plain.terms.length.max() > QUARTER:
        return
    chance = random.Random(seed)
    edits = some_edits(chance, sorted({time for _, time, _ in rows}))
    known = World(*plain.terms.points)
    known.terms = Terms([replace(one, edits=edits) for one in plain.terms.points])
    await known.take(rows)
    await plain.take(rows)
    before = repr(sorted(plain.intervals.items()))
    for count in range(1, len(edits) + 1):
        await plain.edit(edits[:count], edits[count - 1].start, edits[count - 1].end)
    assert repr(sorted(plain.intervals.items())) == repr(sorted(known.intervals.items()))
    await known.again()
    assert known.changed == 0
    for count in reversed(range(len(edits))):
        await plain.edit(edits[:count], edits[count].start, edits[count].end)
    assert repr(sorted(plain.intervals.items())) == before
