"""What an edit would make of a point's consumption, before it is put in force: the engine itself answers, from the
stored readings, and nothing is written.

Intervals that only follow from others (gaps nearby that are spread like the days that change) are not foreseen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import numpy as np

from collector.recompute import READINGS, computed
from collector.terms import Terms
from collector.window import Touched
from config.tasks import beside
from storage.database import Database
from storage.edit_previews import Preview, Question, Shown, answer
from storage.errors import StorageError
from storage.intervals import IntervalColumns, differences, within
from storage.points import Edit, Point
from storage.readings import extent
from storage.stream import Stream

log = logging.getLogger(__name__)
_RANK = np.zeros(1, np.int64)
Points = Callable[[], Mapping[int, Point]]


def foreseeing_edits(db: Database, stream: Stream, points: Points) -> AbstractAsyncContextManager[None]:
    """While the block runs, answer what edits would do. `points`: as they are at the time."""

    async def answered(question: Question) -> Preview:
        try:
            return await foresee(db, points(), question)
        except StorageError as error:
            return Preview(fault=str(error))
        except Exception:  # supervisor: whoever asks must get an answer, and the next one, too
            log.exception("no preview of %s", question)
            return Preview(fault="it could not be computed; the log of ingest says why")

    return beside(answer(stream, answered))


async def foresee(db: Database, points: Mapping[int, Point], question: Question) -> Preview:
    """The intervals that the edit touches, before and after. Raises StorageError."""
    wish, known = question.wish, points.get(question.point)
    if known is None:
        return Preview(fault="the metering point is not known to ingest yet; try again in a moment")
    edit = Edit(0, wish.action, wish.start, wish.end, wish.amount)
    terms = Terms([replace(known, edits=(*known.edits, edit))])
    ids = np.array([known.id], np.int32)
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        count, *_ = await extent(conn, known.id, wish.start, wish.past, READINGS + 1)
        if count > READINGS:
            return Preview(fault=f"the range holds more than {READINGS} readings; choose a shorter one to see it")
        touched = Touched(ids, np.array([wish.start]), np.array([wish.end]), None)
        made = await computed(conn, touched, terms)
        stored = await within(conn, made.ranges)
    return _compared(stored, made.intervals, int(terms.floor(_RANK, touched.first)[0]), wish.past)


def _compared(had: IntervalColumns, gets: IntervalColumns, start: int, past: int) -> Preview:
    """Those that differ, and all between them and those of the edit's own range [start, past)."""
    gone, new = differences(had, gets)
    touched = np.concatenate((had.start[gone], gets.start[new], (start, past - 1)))
    low, high = int(touched.min()), int(touched.max())
    changed = len(np.union1d(had.start[gone], gets.start[new]))
    return Preview(_shown(had, low, high), _shown(gets, low, high), changed)


def _shown(rows: IntervalColumns, low: int, high: int) -> Shown:
    """Those that start in [low, high], in order."""
    order = np.argsort(rows.start)
    start = rows.start[order]
    return Shown.of(rows[order[(start >= low) & (start <= high)]])
