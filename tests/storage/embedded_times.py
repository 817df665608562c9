"""How long the embedded servers take: `python -m tests.storage.embedded_times` prints seconds, medians of five.

Start: from asking for both servers to the first answered query of PostgreSQL, with NATS up too; in a fresh process each
time, imports not counted. Kill: from kill -9 until the server is back and answers.
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import asyncpg

from config.settings import load
from storage import embedded
from storage.embedded.lease import Lease
from tests.homes import end_servers, temporary_home

ROUNDS = 5


def start(home: Path) -> None:
    """In a process of its own: print the seconds to the first query."""
    settings = load({"WANJIA_HOME": str(home), "WANJIA_MQTT": "127.0.0.1:0"}, home / "no.toml")
    begin = time.monotonic()
    with embedded.servers(settings) as servers:
        asyncio.run(_query(servers.database_url))
        print(time.monotonic() - begin)


async def _query(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.fetchval("SELECT 1")
    await connection.close()


def started(home: Path) -> float:
    command = [sys.executable, "-m", "tests.storage.embedded_times", str(home)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def back(lease: Lease, what: str) -> float:
    state, begin = lease.state, time.monotonic()
    pid = state.pid if what == "server" else state.guardian
    assert pid
    os.kill(pid, signal.SIGKILL)
    while lease.state.pid in (None, state.pid):
        time.sleep(0.005)
    return time.monotonic() - begin


def main() -> None:
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        with temporary_home() as home:
            times.setdefault("first start", []).append(started(home))
            end_servers(home)
            times.setdefault("warm start", []).append(started(home))
            times.setdefault("servers running", []).append(started(home))
            for lease in (embedded.postgres(home), embedded.nats(home, "127.0.0.1:0")):
                for what in ("server", "guardian"):
                    name = "postgres" if lease.url.startswith("postgresql") else "nats"
                    times.setdefault(f"{name}: {what} killed", []).append(back(lease, what))
                lease.close()
    for what, seconds in times.items():
        print(f"{what:26} {statistics.median(seconds):.2f}  ({min(seconds):.2f} to {max(seconds):.2f})")


if __name__ == "__main__":
    start(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
