"""From a file to stored readings and their energy, on a real stream and database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.importing.command import import_readings
from collector.importing.load import Import, Progress
from config.quality import Flag
from config.readingsform import Form
from config.samples import MICROSECOND
from storage import readings
from storage.database import Database
from storage.points import load_points
from storage.stream import Stream
from tests.collector.seed import USCC, seed
from tests.collector.test_ingest import ingesting

pytestmark = pytest.mark.servers

START = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 30_000


def write(file: Path) -> None:
    rows = (
        f"{USCC},M-{n % 3 + 1},active_energy_import,{(START + timedelta(minutes=n // 3)).isoformat()},{n // 3}\n"
        for n in range(COUNT)
    )
    file.write_text("uscc,meter,quantity,time,value\n" + "".join(rows) + f"{USCC},M-9,active_energy_import,x,1\n")


async def test_what_is_imported_is_stored_once(
    database: Database, stream: Stream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = await seed(database, 3)
    write(tmp_path / "a.csv")
    async with ingesting(database, stream):
        for _ in range(2):
            code = await import_readings(
                database, stream, [tmp_path / "a.csv"], mapping=None, retention_days=1826, dry_run=False, wait=True
            )
            assert code == 1
            assert f"{COUNT} readings committed, 1 refused" in capsys.readouterr().out
    for point in points:
        async with database.connection() as conn:
            found = await readings.series(conn, point, 0, 2 * int(START.timestamp()) * MICROSECOND)
        assert len(found.time) == COUNT // 3
        assert found.value.tolist() == list(range(COUNT // 3))
        assert int(found.time[0]) == int(START.timestamp()) * MICROSECOND
        assert set(found.flags.tolist()) == {Flag.BACKFILL | Flag.SENDER_CLOCK}


async def test_a_dry_run_sends_nothing_and_no_wait_waits_for_nobody(
    database: Database, stream: Stream, tmp_path: Path
) -> None:
    await seed(database, 3)
    write(tmp_path / "a.csv")
    work = Import(await load_points(database), Form(), [tmp_path / "a.csv"], 1826)
    assert work.check(lambda _: None).accepted == COUNT
    assert (await stream.backlog())["backfill"] == 0
    seen: list[Progress] = []
    work = Import(await load_points(database), Form(), [tmp_path / "a.csv"], 1826)
    report = await work.send(stream, seen.append, wait=False)
    assert report.accepted == COUNT
    assert (await stream.backlog())["backfill"] == seen[-1].sent == 2
