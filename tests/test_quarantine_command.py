"""`wanjia quarantine list` on a real stream."""

import asyncio
from pathlib import Path

import pytest

import wanjia
from storage.stream import Quarantined, Stream
from tests.conftest import NatsAddress

pytestmark = pytest.mark.servers


def test_what_lies_in_quarantine_is_listed(
    database_url: str,
    nats: NatsAddress,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def fill() -> None:
        stream = await Stream.connect(nats.url)
        for number in range(3):
            await stream.quarantine("U1", f'{{"值": {number}}}\x1b[2J'.encode(), f"not JSON {number}", "meters.U1.M-1")
        await stream.close()

    asyncio.run(fill())
    for name, value in (("DATABASE_URL", database_url), ("NATS_URL", nats.url), ("HOME", str(tmp_path))):
        monkeypatch.setenv(f"WANJIA_{name}", value)
    assert wanjia.main(["quarantine", "list", "--limit", "2"]) == 0
    count, *lines = capsys.readouterr().out.splitlines()
    assert count.endswith(" in quarantine, newest first")
    assert [line.partition("  ")[2] for line in lines[::2]] == [f"U1  meters.U1.M-1: not JSON {n}" for n in (2, 1)]
    assert [line.strip() for line in lines[1::2]] == [f'{{"值": {n}}}·[2J' for n in (2, 1)]


def test_binary_payloads_are_shown_in_part() -> None:
    shown = str(Quarantined(1, 0, "U1", "why\nnot", "s", b"\xff" * 10_000))
    assert shown.startswith("1970-01-01T00:00:00+00:00  U1  s: why·not\n    \\xff")
    assert len(shown) < 1000
