"""Register images of simulated meters."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from config.encode import encode
from config.profile import Profile
from protocols.plan import plan

_LARGEST_REQUEST = 125


class Layout:
    """Where the registers of a profile lie in an image: runs of readable registers, one after the other."""

    def __init__(self, profile: Profile) -> None:
        self._runs: list[tuple[int, int, int, int]] = []
        """(function, first address, address after the last, position in the image)."""
        position = 0
        for function, start, end in _runs(profile):
            self._runs.append((function, start, end, position))
            position += end - start
        self.words = position
        self._found: dict[tuple[int, int, int], int | None] = {}

    def find(self, request: tuple[int, int, int]) -> int | None:
        """Position of the first word that a request (function, address, count) asks for; None: no such register."""
        if request not in self._found:
            self._found[request] = self._search(*request)
        return self._found[request]

    def _search(self, function: int, address: int, count: int) -> int | None:
        for known, start, end, position in self._runs:
            if known == function and start <= address and address + count <= end:
                return position + address - start
        return None


class Bank:
    """Meters of one profile. Row i of `words` (big-endian, as on the wire) is the image of meter i."""

    def __init__(self, profile: Profile, meters: int = 1) -> None:
        self.profile = profile
        self.layout = Layout(profile)
        self.words = np.zeros((meters, self.layout.words), ">u2")

    def show(self, quantity: str, values: ArrayLike) -> None:
        """Let the meters show these values (canonical unit, one per meter or one for all; NaN: no value)."""
        register = self.profile.register(quantity)
        position = self.layout.find((register.function, register.address, register.words))
        assert position is not None
        numbers = np.broadcast_to(np.asarray(values, np.float64), len(self.words))
        self.words[:, position : position + register.words] = encode(register, numbers)

    def image(self, meter: int) -> memoryview:
        """The bytes of a meter's image; they follow what the bank shows."""
        return memoryview(self.words[meter].view(np.uint8))


def _runs(profile: Profile) -> Iterator[tuple[int, int, int]]:
    """Readable runs (function, start, end): the blocks of the whole plan, joined over holes a request may span."""
    runs: list[list[int]] = []
    for block in sorted(plan(profile), key=lambda block: (block.function, block.address)):
        if runs and runs[-1][0] == block.function and _may_join(profile, runs[-1][2], block.address):
            runs[-1][2] = block.end
        else:
            runs.append([block.function, block.address, block.end])
    yield from ((function, start, end) for function, start, end in runs)


def _may_join(profile: Profile, end: int, following: int) -> bool:
    hole = following - end
    barred = any(low < following and end <= high for low, high in profile.forbidden)
    return hole == 0 or (profile.holes and hole < _LARGEST_REQUEST and not barred)
