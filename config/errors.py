"""Errors, sorted by what the caller does next (DESIGN: exceptions for broken links, quality for doubtful values).

WanjiaError
├── ConfigError            stop before anything started or changed; lists every fault at once; exit code 2
├── ProtocolError          (protocols/errors.py)
└── StorageError           (storage/errors.py)
"""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path


class WanjiaError(Exception):
    """Base of every error a user of Wanjia can cause or see."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in something the user wrote: where it stands, what is wrong, what to do."""

    where: str
    """`file:line key`, an environment variable, or a command line flag."""
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.fix}"


class ConfigError(WanjiaError):
    """Something the user wrote cannot be used. Carries all faults found, not only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def unreadable(file: Path, error: OSError) -> Fault:
    """The fault of a file that cannot be opened."""
    return Fault(str(file), f"cannot be read: {error.strerror or error}", "give an existing file")


def advice(value: str, names: Collection[str]) -> str:
    """What to do about a name that is none of `names`."""
    near = difflib.get_close_matches(value, names, 1)
    return f"did you mean {near[0]}?" if near else f"use one of {', '.join(names) or '(there are none)'}"
