"""`wanjia verify energy` on a real database: what it prints, and its exit code."""

import asyncio
from pathlib import Path

import pytest

import wanjia
from storage.database import Database
from storage.migrate import migrate
from tests.collector.seed import USCC
from tests.collector.test_reconcile import TAMPER, filled
from tests.conftest import NatsAddress

pytestmark = pytest.mark.servers
DAY = ("--from", "2026-01-02")


@pytest.fixture
def points(database_url: str, nats: NatsAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of a plant whose registers are proved, on the servers of the settings."""

    async def fill() -> list[int]:
        database = await Database.connect(database_url, role="test")
        try:
            await migrate(database)
            found = await filled(database)
            await database.pool.execute(TAMPER, found[1])
        finally:
            await database.close()
        return found

    for name, value in (("DATABASE_URL", database_url), ("NATS_URL", nats.url), ("HOME", str(tmp_path))):
        monkeypatch.setenv(f"WANJIA_{name}", value)
    return asyncio.run(fill())


@pytest.mark.usefixtures("points")
def test_days_that_differ_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    one = ("--enterprise", USCC, "--metering-point", "E-1")
    assert wanjia.main(["verify", "energy", *DAY, *one]) == 0
    assert capsys.readouterr().out == "1 days of points proved, 0 of them do not add up\n"
    assert wanjia.main(["verify", "energy", *DAY]) == 1
    head, row, count = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["day", "metering", "point", "register"]
    assert row.split() == [
        "2026-01-02", f"{USCC}/E-2", "active_energy_import", "7200", "0", "0", "0", "7205", "5", "1,", "2",
    ]  # fmt: skip
    assert count == "2 days of points proved, 1 of them do not add up; they are made again"
    assert wanjia.main(["verify", "energy", *DAY]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("1 points were left out: something of them waits")


@pytest.mark.usefixtures("points")
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--from", "2026-01-02", "--to", "2026-01-01"], "--from: 2026-01-02 is after 2026-01-01; exchange them"),
        (["--to", "2099-01-01"], "--to: 2099-01-01 is not over yet"),
        (["--from", "2024-01-01", "--to", "2026-01-01"], "is more than 400 days before --to"),
        (["--metering-point", "E-1"], "--metering-point: is unique only within its enterprise"),
        (["--enterprise", "nobody"], "nobody: has no registers"),
    ],
)
def test_what_the_user_got_wrong_is_said(wrong: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert wanjia.main(["verify", "energy", *wrong]) == 2
    assert said in capsys.readouterr().err
