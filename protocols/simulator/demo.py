"""A demo: the city from one instant on, with the folder that keeps its registry and the record of what truly happened.

demo.json                when it starts, how long its history is, the port of each gateway
registry-history.yaml    the registry as it was before the start: every meter read each quarter of an hour
registry.yaml            the registry from the start on
truth.npz                uscc, metering_point, start (epoch seconds), consumption (metering points x quarter-hours)
faults.json              every fault and habit with its times; `alert`: the rule that is to tell of it, null: none
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from config.city import City, city, part
from config.city_registry import HISTORY_EVERY_S, Start, registry_text
from config.samples import MICROSECOND, Instants, now_us
from protocols.simulator.faces import Faces
from protocols.simulator.script import Script
from protocols.simulator.world import World

HOST = "127.0.0.1"
DAYS = 42
_STEP = HISTORY_EVERY_S * MICROSECOND


@dataclass(frozen=True, slots=True)
class Demo:
    """Instants in microseconds since the epoch."""

    city: City
    live: int
    """When it starts; the past before it reaches back so many days, from a quarter of an hour on."""
    days: int
    ports: Mapping[str, int]
    """By gateway."""
    script: Script
    world: World
    faces: Faces

    @classmethod
    def of(cls, city: City, live: int, days: int, ports: Mapping[str, int]) -> Demo:
        script = Script(city, live)
        world = World(city, (live // _STEP - days * 96) * _STEP, script.loads())
        return cls(city, live, days, ports, script, world, Faces(world, script))

    @property
    def start(self) -> int:
        return self.world.start

    @property
    def instants(self) -> Instants:
        """When the meters were read before the demo's start."""
        return np.arange(self.start, self.live + 1, _STEP, dtype=np.int64)

    def uscc(self, key: str) -> str:
        """Credit code of an enterprise of the city."""
        return next(one.uscc for one in self.city.enterprises if one.key == key)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a demo in its folder."""

    home: Path

    @property
    def state(self) -> Path:
        return self.home / "demo.json"

    @property
    def registry_before(self) -> Path:
        return self.home / "registry-history.yaml"

    @property
    def registry(self) -> Path:
        return self.home / "registry.yaml"

    @property
    def truth(self) -> Path:
        return self.home / "truth.npz"

    @property
    def faults(self) -> Path:
        return self.home / "faults.json"


def build(
    home: Path,
    *,
    days: int = DAYS,
    ports: Mapping[str, int] | None = None,
    of: City | None = None,
    live: int | None = None,
) -> Demo:
    """A new demo that starts now (or at `live`), written to its folder. `ports`: unset, free ones are taken."""
    chosen = of or city()
    started = (live or now_us()) // MICROSECOND * MICROSECOND
    demo = Demo.of(chosen, started, days, ports or free_ports(chosen.gateways))
    files = Files(home)
    home.mkdir(parents=True, exist_ok=True)
    addresses = {gateway: f"{HOST}:{port}" for gateway, port in demo.ports.items()}
    since, now = (datetime.fromtimestamp(at // MICROSECOND, UTC) for at in (demo.start, demo.live))
    start = Start(addresses, since, now)
    files.registry_before.write_text(registry_text(chosen, start, HISTORY_EVERY_S), "utf-8")
    files.registry.write_text(registry_text(chosen, start), "utf-8")
    files.faults.write_text(json.dumps(demo.script.rows(), ensure_ascii=False, indent=1), "utf-8")
    _write_truth(demo, files.truth)
    keys = [one.key for one in chosen.enterprises]
    state = {"live": demo.live, "days": days, "ports": dict(demo.ports), "enterprises": keys}
    files.state.write_text(json.dumps(state, indent=1), "utf-8")
    return demo


def load(home: Path) -> Demo:
    """The demo in a folder."""
    state = json.loads(Files(home).state.read_text("utf-8"))
    return Demo.of(part(set(state["enterprises"])), state["live"], state["days"], state["ports"])


def free_ports(gateways: tuple[str, ...]) -> dict[str, int]:
    """A port for each gateway that nobody listens on now."""
    held = [socket.create_server((HOST, 0)) for _ in gateways]
    ports = {gateway: one.getsockname()[1] for gateway, one in zip(gateways, held, strict=True)}
    for one in held:
        one.close()
    return ports


def _write_truth(demo: Demo, file: Path) -> None:
    instants = demo.instants
    total = demo.world.truth(instants).total
    np.savez(
        file,
        uscc=np.array([demo.uscc(place.enterprise) for place in demo.city.places]),
        metering_point=np.array([place.code for place in demo.city.places]),
        start=instants[:-1] // MICROSECOND,
        consumption=np.diff(total, axis=1),
    )
