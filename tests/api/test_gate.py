"""Keys at the door, with a clock that tests move."""

from dataclasses import dataclass, field

import pytest

from api import gate
from api.gate import Gate
from api.problems import Problem
from storage.access import Principal
from storage.errors import Unavailable

WHO = Principal("who", "operator", "")


@dataclass
class Door:
    """A gate before a pretended table of keys."""

    now: float = 0.0
    down: bool = False
    keys: dict[str, Principal] = field(default_factory=lambda: {"good": WHO})
    asked: int = 0

    async def find(self, key: str) -> Principal | None:
        self.asked += 1
        if self.down:
            raise Unavailable("down")
        return self.keys.get(key)

    def gate(self) -> Gate:
        return Gate(self.find, lambda: self.now)


async def refused(gate: Gate, key: str | None, address: str = "a") -> Problem:
    with pytest.raises(Problem) as caught:
        await gate.principal(key, address)
    return caught.value


async def test_a_key_is_remembered_for_a_moment() -> None:
    door = Door()
    opened = door.gate()
    assert [await opened.principal("good", "a") for _ in range(5)] == [WHO] * 5
    assert door.asked == 1
    door.keys.clear()
    door.now += gate.FRESH_S
    assert (await refused(opened, "good")).kind == "key-needed"


async def test_a_known_key_opens_while_the_database_is_away() -> None:
    door = Door()
    opened = door.gate()
    await opened.principal("good", "a")
    door.down, door.now = True, gate.STALE_S - 1
    assert await opened.principal("good", "a") == WHO
    door.now = gate.STALE_S + 1
    with pytest.raises(Unavailable):
        await opened.principal("good", "a")
    with pytest.raises(Unavailable):
        await opened.principal("other", "a")


async def test_guessing_is_slowed_down_and_bounded_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_REMEMBERED", 50)
    door = Door()
    opened = door.gate()
    assert (await refused(opened, None)).kind == "key-needed"
    await opened.principal("good", "a")
    for number in range(gate.TRIES):
        assert (await refused(opened, f"guess {number}")).kind == "key-needed"
    blocked = await refused(opened, "guess again")
    assert (blocked.kind, blocked.headers["Retry-After"]) == ("too-many-requests", "61")
    assert await opened.principal("good", "a") == WHO  # a neighbour behind the same address is not hurt
    assert (await refused(opened, "guess", "b")).kind == "key-needed"
    door.now += gate.WINDOW_S
    assert (await refused(opened, "guess again")).kind == "key-needed"
    for number in range(500):
        await refused(opened, "guess", f"address {number}")
    assert len(opened._failures) <= 51
