"""Readings a second that an import reads, judges and publishes, on one core each: python -m tests.benchmarks.imports

The stream is a real embedded one; ingest does not run, so that only the import is measured.
"""

import asyncio
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from pyarrow import csv, parquet

from collector.importing.load import Import
from config.readingsform import Form
from storage import embedded
from storage.stream import Stream
from tests.collector.importing.works import table
from tests.homes import temporary_home

ROWS = 2_000_000
REQUIRED = 200_000
"""Readings a second of a CSV file, published."""
_START = datetime(2026, 1, 2, tzinfo=UTC)


def columns(rows: int) -> dict[str, list[str] | list[float]]:
    """Readings of one meter, so that every time is another."""
    times = [(_START + timedelta(seconds=second)).isoformat() for second in range(rows)]
    values = [round(second * 0.01, 2) for second in range(rows)]
    return {"uscc": ["W"] * rows, "meter": ["M-1"] * rows, "quantity": ["active_power"] * rows, "time": times,
            "value": values}  # fmt: skip


async def measure(folder: Path, url: str) -> bool:
    readings = pa.table(columns(ROWS))
    csv.write_csv(readings, folder / "a.csv")
    parquet.write_table(readings, folder / "a.parquet")
    del readings
    good = True
    stream = await Stream.connect(url)
    for file in (folder / "a.csv", folder / "a.parquet"):
        for published in (False, True):
            work = Import(table(), Form(), [file], 3650)
            start, cpu = time.perf_counter(), time.process_time()
            report = await work.send(stream, lambda _: None, wait=False) if published else work.check(lambda _: None)
            rate, busy = ROWS / (time.perf_counter() - start), ROWS / (time.process_time() - cpu)
            assert report.accepted == ROWS
            print(f"{file.suffix:9} {'published' if published else 'dry run':10} {rate:10.0f} readings/s"
                  f" {busy:10.0f} per CPU second")  # fmt: skip
            good &= rate >= REQUIRED
    await stream.close()
    print(
        f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB, the benchmark's own included"
    )
    return good


def main() -> bool:
    with temporary_home() as home, embedded.nats(home, "127.0.0.1:0") as nats, TemporaryDirectory() as folder:
        return asyncio.run(measure(Path(folder), nats.url))


if __name__ == "__main__":
    sys.exit(not main())
