"""What it takes to apply, publish, load and plan again a registry of 10,000 meters.

    python -m tests.benchmarks.registry [DATABASE_URL NATS_URL]

Without addresses it runs on embedded servers of its own; the database must be empty. Beside seconds by the clock it
prints those of this process's own processor time, which other work on the machine does not lengthen.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage import embedded, registry
from storage.database import Database
from storage.migrate import migrate
from storage.points import load_points
from storage.publication import publish
from storage.stream import Stream
from tests.homes import temporary_home

METERS = 10_000
REQUIRED_S = {"apply and publish": 30.0, "plan again": 10.0}
REGISTRY = """\
defaults: {profile: chint-dtsu666, driver: modbus-tcp, from: 2026-01-01T00:00:00Z, ct: 100,
  point: {carrier: electricity, level: 3}}
enterprises:
- {uscc: 91110000600037341L, name: Works, region: "110105", meters: meters.csv}
"""

Laps = dict[str, tuple[float, float]]
"""(seconds by the clock, of own processor time) by what was done."""


def write(folder: Path) -> Path:
    head = "code,at,address,unit,point.name,serial\n"
    lines = [f"M-{n},E-{n},10.0.{n // 2500}.{n // 50 % 50}:502,{n % 50 + 1},Line {n},S{n}\n" for n in range(METERS)]
    (folder / "meters.csv").write_text(head + "".join(lines), "utf-8")
    (folder / "registry.yaml").write_text(REGISTRY, "utf-8")
    return folder / "registry.yaml"


@contextmanager
def lap(laps: Laps, name: str) -> Iterator[None]:
    clock, own = time.perf_counter(), time.process_time()
    yield
    laps[name] = time.perf_counter() - clock, time.process_time() - own


async def measure(database_url: str, nats_url: str) -> Laps:
    laps: Laps = {}
    db = await Database.connect(database_url, role="benchmark", timeout_s=300)
    stream = await Stream.connect(nats_url)
    await migrate(db)
    with tempfile.TemporaryDirectory() as folder:
        file = write(Path(folder))
        with lap(laps, "apply and publish"):
            with lap(laps, "  apply"):
                await registry.apply(db, file, actor="benchmark")
            with lap(laps, "  publish"):
                assert await publish(db, stream.registry) == METERS + 1
        with lap(laps, "plan again"):
            assert (await registry.plan(db, file)).empty
        with lap(laps, "publish again"):
            assert await publish(db, stream.registry) == 0
        with lap(laps, "load the points"):
            points = await load_points(db)
    assert len(points.devices) == METERS
    await stream.close()
    await db.close()
    return laps


def report(laps: Laps) -> bool:
    """Print the figures; whether they are what is required."""
    for name, (clock, own) in laps.items():
        needed = f"  (required {REQUIRED_S[name]:.0f} s)" if name in REQUIRED_S else ""
        print(f"{name:20} {clock:6.1f} s, {own:5.1f} s of processor time{needed}")
    return all(laps[name][0] <= needed for name, needed in REQUIRED_S.items())


def main(*addresses: str) -> bool:
    if addresses:
        return report(asyncio.run(measure(*addresses)))
    with (
        temporary_home() as home,
        embedded.postgres(home) as postgres,
        embedded.nats(home, "127.0.0.1:0") as nats,
    ):
        return report(asyncio.run(measure(postgres.url, nats.url)))


if __name__ == "__main__":
    sys.exit(not main(*sys.argv[1:]))
