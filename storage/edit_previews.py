"""Previews of edits: the api asks, the active ingest answers what its engine would make of the stored readings.

A question and its answer are messages of a core subject, kept nowhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from storage.edits import Wish
from storage.errors import Unavailable
from storage.intervals import IntervalColumns
from storage.stream import Stream

_SUBJECT = "questions.edit"
_WAIT_S = 20.0
_MSGPACK = msgspec.msgpack.Encoder()


class Question(msgspec.Struct, frozen=True):
    """What the intervals of a point would be with this edit."""

    point: int
    wish: Wish


class Shown(msgspec.Struct, frozen=True):
    """Intervals by their starts; consumption NaN: there is none."""

    start: list[int] = []
    consumption: list[float] = []
    quality: list[int] = []

    @classmethod
    def of(cls, rows: IntervalColumns) -> Shown:
        return cls(rows.start.tolist(), rows.consumption.tolist(), rows.quality.tolist())


class Preview(msgspec.Struct, frozen=True):
    """The intervals of the range that is touched, as they are shown and as they would be. `fault`: why there is no
    preview."""

    before: Shown = Shown()
    after: Shown = Shown()
    changed: int = 0
    """How many would differ."""
    fault: str = ""


async def ask(stream: Stream, point: int, wish: Wish) -> Preview:
    """Raises Unavailable when no ingest is active or it does not answer in time."""
    try:
        answer = await stream.ask(_SUBJECT, _MSGPACK.encode(Question(point, wish)), _WAIT_S)
    except Unavailable as error:
        raise Unavailable(f"a preview is made by the active ingest, which does not answer now: {error}") from error
    return msgspec.msgpack.decode(answer, type=Preview)


async def answer(stream: Stream, preview: Callable[[Question], Awaitable[Preview]]) -> None:
    """Answer questions with `preview`, one after the other, for ever."""
    async for question in stream.events(_SUBJECT):
        found = await preview(msgspec.msgpack.decode(question.data, type=Question))
        await stream.notify(question.reply, _MSGPACK.encode(found))
