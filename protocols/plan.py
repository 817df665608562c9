"""Which requests read a profile's registers: as few and as short as the line makes worth while. Pure; no sockets.

When a meter refuses a block, `search` finds with few requests what it refuses; remember its result (`Known`, joined
by `|`) with the device and plan again with it.
"""

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass

from config.profile import Profile, Register


@dataclass(frozen=True, slots=True)
class Line:
    """What reading costs on a line, in seconds."""

    request_s: float
    """Any request and its reply, however short."""
    register_s: float
    """Each register in the reply."""

    @classmethod
    def serial(cls, baud: int, latency_s: float = 0.03) -> "Line":
        """Modbus RTU: 8 bytes out, 5 back, two gaps of 3.5 characters, 11 bits each, and the meter's own delay."""
        character = 11 / baud
        return cls(20 * character + latency_s, 2 * character)


TCP = Line(0.02, 0.0002)
"""A Modbus TCP meter or gateway of unknown kind."""


@dataclass(frozen=True, slots=True)
class Block:
    """One read request, and the registers of the profile found in its reply."""

    function: int
    address: int
    count: int
    registers: tuple[Register, ...]

    @property
    def end(self) -> int:
        return self.address + self.count


@dataclass(frozen=True, slots=True)
class Known:
    """What was learned of a device from its refusals."""

    refused: frozenset[str] = frozenset()
    """Quantities the device says it does not have."""
    cuts: frozenset[tuple[int, int]] = frozenset()
    """(function, address): no request may run from before `address` on to it."""

    def __or__(self, other: "Known") -> "Known":
        return Known(self.refused | other.refused, self.cuts | other.cuts)


NOTHING = Known()


def plan(
    profile: Profile, quantities: Collection[str] | None = None, line: Line = TCP, known: Known = NOTHING
) -> tuple[Block, ...]:
    """Blocks that read these quantities (default: all) in the least time on `line`.

    Holes are read along when that is cheaper than another request; no block is longer than the meter answers or
    touches a forbidden range, a refused register or a known cut.
    """
    barred = [register for register in profile.registers if register.quantity in known.refused]
    wanted = [
        register
        for register in profile.registers
        if (quantities is None or register.quantity in quantities)
        and not any(_overlap(register, bar) for bar in barred)
    ]
    blocks: list[Block] = []
    for function in sorted({register.function for register in wanted}):
        ordered = sorted(
            (register for register in wanted if register.function == function),
            key=lambda register: (register.address, register.end),
        )
        blocks += _cheapest(ordered, profile, line, known.cuts, barred)
    return tuple(blocks)


def line_time(blocks: Sequence[Block], line: Line = TCP) -> float:
    """Seconds of the line that one poll of these blocks takes."""
    return sum(line.request_s + line.register_s * block.count for block in blocks)


def split(block: Block) -> tuple[Block, Block] | None:
    """Two smaller blocks in place of a refused one, cut at its widest hole, else in the middle; None: one register."""
    starts = sorted({register.address for register in block.registers})
    if len(starts) < 2:
        return None
    middle = len(block.registers) / 2

    def worth(start: int) -> tuple[int, float]:
        before = [register for register in block.registers if register.address < start]
        return start - max(register.end for register in before), -abs(len(before) - middle)

    cut = max(starts[1:], key=worth)
    return (
        _block([register for register in block.registers if register.address < cut]),
        _block([register for register in block.registers if register.address >= cut]),
    )


def search(block: Block) -> Generator[Block, bool, Known]:
    """Find what a device refuses of a refused block: yields blocks to read, is sent whether each was answered.

    Ends at once, without a yield, for a block that cannot be split. The parts that are answered hold good values.
    When every register can be read and only the block as a whole cannot, the cuts that made it readable are learned.
    """
    refused: set[str] = set()
    cuts: set[tuple[int, int]] = set()
    pending = [block]
    while pending:
        suspect = pending.pop()
        halves = split(suspect)
        if halves is None:
            refused.update(register.quantity for register in suspect.registers)
            continue
        cuts.add((suspect.function, halves[1].address))
        for half in halves:
            answered = yield half
            if not answered:
                pending.append(half)
    return Known(refused=frozenset(refused)) if refused else Known(cuts=frozenset(cuts))


def _cheapest(
    ordered: Sequence[Register],
    profile: Profile,
    line: Line,
    cuts: Collection[tuple[int, int]],
    barred: Sequence[Register],
) -> list[Block]:
    """The cheapest cover of registers in address order: shortest path over the places where a block may end."""

    def allowed(block: Block) -> bool:
        return (
            block.count <= profile.max_registers
            and not any(block.address <= high and low < block.end for low, high in profile.forbidden)
            and not any(_overlap(block, register) for register in barred)
            and not any(block.function == function and block.address < cut < block.end for function, cut in cuts)
            and (profile.holes or _covered(block))
        )

    best: list[tuple[float, int]] = [(0.0, 0)]
    for stop in range(1, len(ordered) + 1):
        choices = []
        for start in range(stop - 1, -1, -1):
            block = _block(ordered[start:stop])
            if not allowed(block):
                break
            choices.append((best[start][0] + line.request_s + line.register_s * block.count, start))
        best.append(min(choices))
    blocks: list[Block] = []
    stop = len(ordered)
    while stop:
        start = best[stop][1]
        blocks.append(_block(ordered[start:stop]))
        stop = start
    return blocks[::-1]


def _overlap(one: Block | Register, two: Register) -> bool:
    return one.function == two.function and one.address < two.end and two.address < one.end


def _covered(block: Block) -> bool:
    """Whether every register of the block is one of the profile's."""
    read = {address for register in block.registers for address in range(register.address, register.end)}
    return len(read) == block.count


def _block(registers: Sequence[Register]) -> Block:
    address = min(register.address for register in registers)
    end = max(register.end for register in registers)
    return Block(registers[0].function, address, end - address, tuple(registers))
