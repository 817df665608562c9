"""Files of readings into the stream's backfill lane: what is sent is durable; ingest is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from collector.backfill import LOOK_S, committed, send
from collector.importing.files import File, open_file
from collector.importing.judge import Judge, Part
from collector.importing.report import Report
from config.errors import ConfigError, Fault
from config.readingsform import Form, Layout
from config.samples import MICROSECOND, SampleBatch
from storage.points import PointTable
from storage.stream import SAMPLES_PER_MESSAGE, Stream

AT_ONCE = 32
"""Messages under way to the stream at a time."""
HELD = 400
"""Messages in front of ingest: a long import must not fill the stream, which live readings need too."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the files are read (`done` of `total`) and how many messages are sent and committed."""

    done: float = 0.0
    total: float = 1.0
    sent: int = 0
    committed: int = 0


Show = Callable[[Progress], None]


class Import:
    """The import of some files, all opened and their headers understood. Running it again does no harm: what is
    stored already is recognised by ingest."""

    def __init__(self, table: PointTable, form: Form, paths: Sequence[Path], retention_days: int) -> None:
        """Raises ConfigError with the faults of all files."""
        self._judge = Judge(table, form, retention_days * 86_400 * MICROSECOND)
        self._files: list[tuple[File, Layout]] = []
        faults: list[Fault] = []
        for path in paths:
            try:
                file = open_file(path, form)
                self._files.append((file, self._judge.layout(file)))
            except ConfigError as error:
                faults += error.faults
        if faults:
            raise ConfigError(faults)
        self._done = 0.0  # written by the reading thread
        self._progress = Progress(total=float(len(paths)))

    def check(self, show: Show) -> Report:
        """Read everything, send nothing."""
        for _ in self._parts(show):
            pass
        return self._judge.report

    async def send(self, stream: Stream, show: Show, *, wait: bool = True) -> Report:
        """Everything acceptable is in the stream when it returns, and with `wait` committed by ingest. Outages of the
        stream and a missing ingest are waited for."""
        parts = self._parts(lambda _: None)
        reading = asyncio.create_task(asyncio.to_thread(next, parts, None))
        while part := await reading:
            reading = asyncio.create_task(asyncio.to_thread(next, parts, None))
            for messages in _sets(part):
                await asyncio.gather(*(send(stream, uscc, batch) for uscc, batch in messages))
                self._progress = replace(self._progress, done=self._done, sent=self._progress.sent + len(messages))
                show(self._progress)
            if wait:
                await self._until(stream, self._progress.sent - HELD, show)
        if wait:
            await self._until(stream, self._progress.sent, show)
        return self._judge.report

    async def _until(self, stream: Stream, messages: int, show: Show) -> None:
        """Until so many messages are committed."""
        while True:
            done = await committed(stream, self._progress.sent, self._progress.committed)
            self._progress = replace(self._progress, done=self._done, committed=done)
            show(self._progress)
            if done >= messages:
                return
            await asyncio.sleep(LOOK_S)

    def _parts(self, show: Show) -> Iterator[Part]:
        for number, (file, layout) in enumerate(self._files):
            read = 0
            try:
                for part in self._judge.parts(file, layout):
                    read += part.size
                    self._done = number + min(read / max(file.size, 1), 1.0)
                    show(replace(self._progress, done=self._done))
                    yield part
            except ConfigError as error:  # damaged further on: what came before is good, and so are the other files
                self._judge.report.damaged.append(str(error))
            self._done = number + 1.0


def _sets(part: Part) -> Iterator[list[tuple[str, SampleBatch]]]:
    """The messages of a part, as many together as are sent at once."""
    messages = [
        (uscc, batch[start : start + SAMPLES_PER_MESSAGE])
        for uscc, batch in part.batches.items()
        for start in range(0, len(batch), SAMPLES_PER_MESSAGE)
    ]
    for start in range(0, len(messages), AT_ONCE):
        yield messages[start : start + AT_ONCE]
