"""What `wanjia import readings` does: bars while it runs, the report at its end."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress as Bars

from collector.importing.load import Import, Progress
from config.readingsform import load
from storage.database import Database
from storage.points import load_points
from storage.stream import Stream

PATIENCE_S = 10.0
_IDLE = (
    "Nothing has been committed for a while: is an ingest running (`wanjia run`)? What was sent is safe in the stream; "
    "stopping here and importing again later loses and doubles nothing."
)


async def import_readings(
    database: Database,
    stream: Stream,
    files: list[Path],
    *,
    mapping: Path | None,
    retention_days: int,
    dry_run: bool,
    wait: bool,
) -> int:
    """Exit code: 0 when every reading was taken, 1 when some were refused or a file is damaged. Raises ConfigError."""
    work = Import(await load_points(database), load(mapping), files, retention_days)
    try:
        with _bars(two=wait and not dry_run) as show:
            report = work.check(show) if dry_run else await work.send(stream, show, wait=wait)
    except asyncio.CancelledError:
        print("stopped; what was sent is safe, and importing the same again loses and doubles nothing", file=sys.stderr)
        raise
    done = "committed" if wait else "in the stream, for ingest to commit"
    print(report.text("would be accepted (dry run, nothing was sent)" if dry_run else done))
    return 1 if report.refused or report.damaged else 0


@contextmanager
def _bars(two: bool) -> Iterator[Callable[[Progress], None]]:
    """Bars on standard error; one word when ingest seems not to run."""
    console = Console(stderr=True)
    with Bars(console=console) as bars:
        read = bars.add_task("read")
        stored = bars.add_task("committed") if two else None
        moved, last, told = time.monotonic(), Progress(), False

        def show(now: Progress) -> None:
            nonlocal moved, last, told
            bars.update(read, total=now.total, completed=now.done)
            if stored is not None:
                bars.update(stored, total=max(now.sent, 1), completed=now.committed)
            if (now.done, now.committed) != (last.done, last.committed):
                moved, last, told = time.monotonic(), now, False
            elif two and not told and time.monotonic() - moved > PATIENCE_S:
                told = True
                console.print(_IDLE)

        yield show
