"""Devices as the collector knows them: a connection document joined with its profile's reading plan."""

import math
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np

from config.profile import Profile
from protocols.decode import Decoder
from protocols.plan import NOTHING, Block, Known, plan


class Connection(msgspec.Struct, frozen=True):
    """How a meter is reached, as the registry publishes it (`connection.<id>`)."""

    id: int
    uscc: str
    meter: str
    driver: str
    address: str = ""
    cadence_s: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    unit: Annotated[int, msgspec.Meta(ge=0, le=255)] = 1
    site: str = ""
    profile: str = ""
    points: dict[str, int] = msgspec.field(default_factory=dict)
    """Point id of each quantity."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A block and its decoder; shared by all devices that read the same."""

    block: Block
    decoder: Decoder

    @classmethod
    def of(cls, block: Block) -> "Reading":
        return cls(block, Decoder(block))


class Plans:
    """Reading plans of one profile, made once for all devices that want the same of it."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._made: dict[tuple[tuple[str, ...], Known], tuple[Reading, ...]] = {}

    def readings(self, quantities: tuple[str, ...], known: Known) -> tuple[Reading, ...]:
        if (quantities, known) not in self._made:
            blocks = plan(self.profile, quantities, known=known)
            self._made[quantities, known] = tuple(Reading.of(block) for block in blocks)
        return self._made[quantities, known]


class Device:
    """A meter that is polled. Small: a collector holds tens of thousands."""

    __slots__ = (
        "believed_until",
        "connection",
        "failures",
        "first",
        "gone",
        "known",
        "plans",
        "readings",
        "refused",
        "slot",
        "told",
    )

    def __init__(self, connection: Connection, plans: Plans) -> None:
        self.connection = connection
        self.plans = plans
        self.gone = False
        """Removed or replaced: whatever is under way for it is dropped."""
        self.failures = 0
        """Polls in a row that gave nothing."""
        self.slot = 0.0
        """Wall-clock second for which the poll under way or to come was planned; 0: a try out of turn."""
        self.believed_until = math.inf
        """Wall-clock second until which `known` is believed."""
        self.told: frozenset[str] = frozenset()
        """Refused quantities that were reported."""
        self.refused: frozenset[str] | None = None
        """Quantities refused when all was asked for last; None: that was never."""
        self.learn(NOTHING)

    def __str__(self) -> str:
        known = self.connection
        return f"meter {known.uscc}/{known.meter} at {known.address} unit {known.unit}"

    def learn(self, known: Known) -> None:
        """Plan anew with what the device refuses."""
        self.known = known
        self.first = 0
        """The reading the next poll begins with."""
        readings = self.plans.readings(tuple(self.connection.points), known)
        self.readings = tuple((reading, self.columns(reading)) for reading in readings)

    def columns(self, reading: Reading) -> bytes:
        """Point ids (int32) in the order of the decoder's quantities; -1 where none is wanted."""
        points = self.connection.points
        return np.array([points.get(name, -1) for name in reading.decoder.quantities], np.int32).tobytes()
