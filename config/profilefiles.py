"""Profiles on disk: the shipped ones in `profiles/`, and a user's own directory; what `wanjia profiles` shows."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from config import datafile
from config.errors import ConfigError, Fault
from config.profile import Profile, Register, clashes, rows
from config.tables import aligned

SHIPPED = Path(str(files("config").joinpath("profiles")))


def load(file: Path) -> Profile:
    """The profile in a file. Raises ConfigError with every fault in it."""
    text, raw = datafile.read(file)
    try:
        profile = Profile.model_validate(raw)
    except ValidationError as error:
        found = [fault for fault in datafile.faults(file, text, error, Profile) if fault.where != f"{file} "]
        raise ConfigError([*found, *_clashing(file, text, raw)]) from None
    if profile.name != file.stem:
        place = datafile.where(file, text, ("name",))
        raise ConfigError([Fault(place, f"the file of profile {profile.name!r}", f"call it {profile.name}.toml")])
    return profile


def profiles(directory: Path | None = None) -> dict[str, Profile]:
    """All profiles by name: the shipped ones and those in the user's directory. Raises ConfigError with all faults."""
    return datafile.gather(_shipped(), directory, load)


def one(name: str, directory: Path | None = None) -> Profile:
    """The profile of this name. Raises ConfigError."""
    known = profiles(directory)
    if name not in known:
        raise ConfigError([_unknown(name)])
    return known[name]


def table(directory: Path | None = None) -> str:
    """What `wanjia profiles list` prints."""
    lines = (
        (name, profile.maker, profile.model, str(len(profile.registers)), "yes" if profile.verified else "no")
        for name, profile in sorted(profiles(directory).items())
    )
    return aligned(("NAME", "MAKER", "MODEL", "REGISTERS", "VERIFIED"), *lines)


def text_of(name: str, directory: Path | None = None) -> str:
    """What `wanjia profiles show` prints: the file itself, which names its source. Raises ConfigError."""
    places = (directory, SHIPPED) if directory else (SHIPPED,)
    for place in places:
        file = place / f"{name}.toml"
        if file.is_file():
            return file.read_text("utf-8")
    raise ConfigError([_unknown(name)])


def _unknown(name: str) -> Fault:
    return Fault(f"profile {name}", "is not known", "see `wanjia profiles list`")


@cache
def _shipped() -> dict[str, Profile]:
    return {file.stem: load(file) for file in sorted(SHIPPED.glob("*.toml"))}


def _clashing(file: Path, text: str, raw: dict[str, object]) -> Iterator[Fault]:
    """Clashes among the registers that are right by themselves, so that one wrong row does not hide the others."""
    sound: dict[int, Register] = {}
    table = rows(raw) if isinstance(raw.get("registers"), list) else ()
    for index, row in enumerate(table):
        try:
            sound[index] = Register.model_validate(row)
        except ValidationError:
            continue
    limit, ranges = raw.get("max_registers", 125), raw.get("forbidden", ())
    limit = limit if isinstance(limit, int) else 125
    pairs = [tuple(pair) for pair in ranges if _is_pair(pair)] if isinstance(ranges, list) else []
    for index, what, fix in clashes(sound, limit, pairs):
        yield Fault(datafile.where(file, text, ("registers", index)), what, fix)


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(bound, int) for bound in value)
