"""The gap table brought in line with the reading table for marked ranges: the one way in which gaps open, grow, shrink,
split and close. Events and deadlines only say where to look.

A gap is a stretch longer than the grace without any reading, so a stretch that late readings fill only here and there
is no gap any more; what it still lacks is counted by the intervals' expected and received."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alerts.causes import Causes, first_of, groups, speaking
from alerts.deadlines import Deadlines, Ranges
from alerts.expected import Pieces, Slots
from alerts.ledger import Edits, compare
from config.samples import Instants
from storage import gaps
from storage.gaps import FOREVER, Holes, OpenGap, Stretch, Verdicts

if TYPE_CHECKING:
    from storage.database import Connection


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a look has shown."""

    began: Slots
    """Slots whose gap lasts since now on."""
    returned: Slots
    at: Instants
    """Per returned slot: when its readings came again."""
    lacking: NDArray[np.int64]
    """Per returned slot: readings missing of the gap that lasted."""
    past: Pieces
    """Gaps found when they were over already."""
    changed: bool
    """Gaps were written."""

    def __bool__(self) -> bool:
        return bool(len(self.began) or len(self.returned) or len(self.past))


async def look(conn: Connection, deadlines: Deadlines, ranges: Ranges, now: int, *, settled: bool = True) -> Outcome:
    """Look at the ranges, write the gaps, and tell `deadlines` what is known now.

    Unless `settled`, history is coming in: what is missing between two readings may be on its way. Such a gap is not
    opened yet; its time is put off. A row that would end or be split stays till then as it was, also for a restart:
    what is silent together is then seen together.

    Runs in the caller's transaction; when that fails, `deadlines` must be made anew.
    """
    slot = ranges.slot
    points = deadlines.windows.point[slot]
    holes = await gaps.holes(conn, points, ranges.start, ranges.end, deadlines.grace[slot])
    _learn(deadlines, slot, holes)
    until = deadlines.certain(slot, now)
    pieces = deadlines.windows.missing(slot[holes.number], holes.before, holes.after, until[holes.number])
    known = await gaps.open_between(conn, points, holes.low, holes.high)
    edits, fresh, doubtful = _compare(deadlines, slot, pieces, known, settled=settled)
    again = np.isin(slot, doubtful)
    deadlines.put_off(slot[again], ranges.start[again], ranges.end[again])
    await gaps.update(conn, edits.update)
    await gaps.close(conn, edits.close, now)
    await gaps.insert(conn, edits.insert, now)
    return _outcome(deadlines, slot, pieces, fresh if settled else np.zeros(len(fresh), bool), changed=bool(edits))


async def explain(conn: Connection, causes: Causes, deadlines: Deadlines, now: int) -> int:
    """Say why readings are missing in the gaps that last, judged by now, and in those that are over and were not
    judged since, by their middle. Returns how many these are."""
    past, start, end = await gaps.unjudged(conn)
    middle = dict(zip(past.tolist(), ((start + end) // 2).tolist(), strict=True))
    known = await gaps.around(conn, [(now, now), *zip(start.tolist(), end.tolist(), strict=True)])
    at = np.array([middle.get(number, now) for number in known.id.tolist()], np.int64)
    over = np.isin(known.id, list(middle))
    which = np.flatnonzero((known.missing == 1) & (over | (known.end == FOREVER)))
    slot = deadlines.slots(known.point)
    ids = known.id[which].tolist()
    found = causes.judge(slot, known.start, known.end, which, at[which])
    expected = (np.minimum(known.end, now) - known.start)[which] // causes.cadence(slot[which], known.start[which])
    speaking(found, await gaps.grounds(conn, ids, at[which], now), expected)
    lead = first_of(causes.place(slot), known.start, known.end, known.id, known.lead)[which]
    group = groups(found.scope, which, known, lead)
    verdicts = Verdicts(lead.tolist(), group.tolist(), found.cause, found.scope, found.evidence)
    await gaps.judged(conn, ids, verdicts)
    return len(ids)


def _learn(deadlines: Deadlines, slot: Slots, holes: Holes) -> None:
    """Last readings that no event told of."""
    last = np.where(holes.high == FOREVER, 0, holes.high)
    final = holes.after == FOREVER
    last[holes.number[final]] = holes.before[final]
    news = last > deadlines.last[slot]
    deadlines.spoke(slot[news], last[news], None)


def _compare(
    deadlines: Deadlines, slot: Slots, pieces: Pieces, known: list[OpenGap], *, settled: bool
) -> tuple[Edits, NDArray[np.bool_], list[int]]:
    """What must be written, which pieces are not known as they are, and slots to be looked at again when history is
    in."""
    missing: defaultdict[int, list[Stretch]] = defaultdict(list)
    points = deadlines.windows.point[pieces.slot].tolist()
    columns = (pieces.start.tolist(), pieces.end.tolist(), pieces.cadence.tolist(), pieces.missing.tolist())
    for of, *stretch in zip(pieces.slot.tolist(), points, *columns, strict=True):
        missing[of].append(Stretch(*stretch))
    numbers = slot.tolist()
    had: defaultdict[int, list[OpenGap]] = defaultdict(list)
    for gap in known:
        had[numbers[gap.number]].append(gap)
    edits = Edits()
    doubtful: list[int] = []
    for of in missing.keys() | had.keys():
        found = Edits()
        compare(missing[of], had[of], found)
        lasting = [stretch for stretch in found.insert if stretch.end == FOREVER]
        ends = lasting != found.insert or any(stretch.end != FOREVER for _, stretch in found.update)
        if not settled and ends:
            doubtful.append(of)
            found = Edits() if had[of] else Edits(insert=lasting)
        edits.add(found)
    spans = {of: {(gap.start, gap.end) for gap in gaps_there} for of, gaps_there in had.items()}
    bounds = zip(pieces.slot.tolist(), pieces.start.tolist(), pieces.end.tolist(), strict=True)
    fresh = [(start, end) not in spans.get(of, ()) for of, start, end in bounds]
    return edits, np.array(fresh, bool), doubtful


def _outcome(deadlines: Deadlines, slot: Slots, pieces: Pieces, fresh: NDArray[np.bool_], *, changed: bool) -> Outcome:
    was = deadlines.since.copy()
    lasting = pieces.end == FOREVER
    deadlines.holed[pieces.slot[~lasting]] = True
    at, lacking = deadlines.last.copy(), np.zeros(len(deadlines), np.int64)
    at[pieces.slot[~lasting]] = pieces.end[~lasting]
    lacking[pieces.slot[~lasting]] = pieces.missing[~lasting]
    deadlines.since[slot] = FOREVER
    deadlines.since[pieces.slot[lasting]] = pieces.start[lasting]
    began = pieces.slot[lasting][was[pieces.slot[lasting]] == FOREVER]
    returned = slot[(was[slot] < FOREVER) & (deadlines.since[slot] == FOREVER)]
    deadlines.reckon(returned)
    past = ~lasting & fresh & (was[pieces.slot] == FOREVER)
    return Outcome(began, returned, at[returned], lacking[returned], pieces.where(past), changed)
