"""Numbers to registers, the way a meter would show them: for simulated meters and tests."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from config.profile import Register


def encode(register: Register, values: ArrayLike) -> NDArray[np.uint16]:
    """Native uint16 words of shape (values, register.words); NaN becomes the register's first sentinel.

    `values` are in the canonical unit. Counters roll over at the modulus or at what the type holds; other values must
    fit the type. A bit field stands alone in its word.
    """
    numbers = np.atleast_1d(np.asarray(values, np.float64))
    counts = (numbers - register.canonical_offset) / register.canonical_scale
    if register.canonical_modulus is not None:
        counts %= register.canonical_modulus / register.canonical_scale
    big_endian = _raw(register, counts).astype(f">u{_width(register)}").view(np.uint8).reshape(len(numbers), -1)
    words = big_endian[:, -2 * register.words :].reshape(len(numbers), register.words, 2)
    if register.order in ("CDAB", "DCBA"):
        words = words[:, ::-1]
    if register.order in ("BADC", "DCBA"):
        words = words[:, :, ::-1]
    return np.ascontiguousarray(words).view(">u2").reshape(len(numbers), register.words).astype(np.uint16)


def _width(register: Register) -> int:
    return 8 if register.words == 3 else 2 * register.words


def _raw(register: Register, counts: NDArray[np.float64]) -> NDArray[np.unsignedinteger]:
    """Raw bit patterns of counts."""
    width = _width(register)
    if register.type.startswith("float"):
        return counts.astype(f"f{width}").view(f"u{width}")
    missing = np.isnan(counts)
    whole = np.where(missing, 0, np.rint(counts))
    if register.type.startswith("bcd"):
        raw = np.array([int(str(int(count)), 16) for count in whole], f"u{width}")
    else:
        raw = whole.astype(f"{register.type[0]}{width}").view(f"u{width}")
    if register.bits is not None:
        raw <<= register.bits[0]
    raw[missing] = register.patterns[0] if register.patterns else (1 << 16 * register.words) - 1
    return raw
