"""Try a profile on an example of registers: planned, read and decoded as it would be from a meter."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from config.errors import ConfigError, Fault
from config.profile import Example, Profile
from config.profilefiles import load
from protocols.decode import Decoder
from protocols.plan import Block, line_time, plan


def try_file(file: Path) -> str:
    """What `wanjia profiles test` prints. Raises ConfigError with everything wrong with the file or its example."""
    profile = load(file)
    blocks = plan(profile)
    lines = [f"{profile.name}: {len(profile.registers)} registers, {len(blocks)} requests, {line_time(blocks):.2f} s"]
    lines += [f"  function {block.function}, {block.address:#06x}, {block.count} registers" for block in blocks]
    if profile.example is None:
        return "\n".join([*lines, "no [example] to decode: add registers as they stand in a meter, and what they mean"])
    wrong = list(mismatches(profile, profile.example))
    if wrong:
        raise ConfigError([Fault(f"{file} example", what, "correct the registers or the example") for what in wrong])
    return "\n".join([*lines, f"the example gives the {len(profile.example.expect)} values expected"])


def mismatches(profile: Profile, example: Example) -> Iterator[str]:
    """Where decoding the example's image differs from what it expects."""
    wanted = {*example.expect, *example.absent}
    yield from (f"{quantity} is not in the profile" for quantity in sorted(wanted - set(profile.quantities)))
    for block in plan(profile, wanted):
        try:
            image = _image(example, block)
        except KeyError as missing:
            yield f"register {missing.args[0]:#06x} (function {block.function}) is not in the image"
            continue
        values = Decoder(block).decode(image).values[0]
        for register, value in zip(block.registers, values.tolist(), strict=True):
            expected = example.expect.get(register.quantity)
            if expected is None and not math.isnan(value):
                yield f"{register.quantity} is {value!r}, expected to be absent"
            elif expected is not None and not math.isclose(value, expected, rel_tol=1e-6, abs_tol=1e-9):
                yield f"{register.quantity} is {'absent' if math.isnan(value) else repr(value)}, expected {expected!r}"


def _image(example: Example, block: Block) -> np.ndarray[tuple[int, int], np.dtype[np.uint16]]:
    """The block as the meter would answer it; holes are zero. Raises KeyError naming an address that is missing."""
    words = {
        run.address + index: int.from_bytes(run.content[2 * index : 2 * index + 2], "big")
        for run in example.image
        if run.function == block.function
        for index in range(len(run.content) // 2)
    }
    image = np.zeros((1, block.count), np.uint16)
    for register in block.registers:
        for address in range(register.address, register.end):
            image[0, address - block.address] = words[address]
    return image
