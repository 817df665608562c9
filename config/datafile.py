"""Data files in TOML (profiles, payload mappings): read them, report all that is wrong at once with file and line."""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from config.errors import ConfigError, Fault, unreadable


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


def wrong(what: str, fix: str) -> PydanticCustomError:
    """The exception for a validator to raise: what is wrong and what to do about it."""
    return PydanticCustomError("wrong", "{what}", {"what": what, "fix": fix})


def read(file: Path) -> tuple[str, dict[str, Any]]:
    """Text of a TOML file and what it holds. Raises ConfigError naming the file."""
    try:
        text = file.read_text("utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        raise ConfigError([unreadable(file, error)]) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([Fault(str(file), f"cannot be read as TOML: {error}", "correct the file")]) from None


def gather(shipped: Mapping[str, T], directory: Path | None, load: Callable[[Path], T]) -> dict[str, T]:
    """The shipped files and those of a user's directory, by name. Raises ConfigError with the faults of all of them."""
    found, wrongs = dict(shipped), list[Fault]()
    for file in sorted(directory.glob("*.toml")) if directory else ():
        try:
            one = load(file)
        except ConfigError as error:
            wrongs += error.faults
            continue
        if one.name in found:
            wrongs.append(Fault(str(file), f"{one.name} is the name of a shipped file", "give it another name"))
        found[one.name] = one
    if wrongs:
        raise ConfigError(wrongs)
    return found


def faults(file: Path, text: str, error: ValidationError, model: type[BaseModel]) -> Iterator[Fault]:
    """Every fault of `error` with the place where it stands."""
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        yield Fault(where(file, text, item["loc"]), _what(dict(item)), _fix(dict(item), key, model))


def where(file: Path, text: str, loc: tuple[int | str, ...]) -> str:
    """`file:line key`; the line is left out when the key does not stand in the file."""
    line = _line(text, loc)
    key = re.sub(r"\.(\d+)", r"[\1]", ".".join(str(part) for part in loc))
    return f"{file}:{line} {key}" if line else f"{file} {key}"


def _line(text: str, loc: tuple[int | str, ...]) -> int | None:
    """Line of a key, of a key in a table, or of the n-th row of a table written one row a line."""
    lines = text.splitlines()
    starts = [
        n for n, line in enumerate(lines, 1) if loc and re.match(rf"\s*(\[+\s*)?{re.escape(str(loc[0]))}\b", line)
    ]
    if not starts or len(loc) < 2:
        return starts[0] if starts else None
    after = [(n, line) for n, line in enumerate(lines, 1) if n >= starts[0]]
    if not isinstance(loc[1], int):
        keys = [n for n, line in after if re.match(rf"\s*{re.escape(loc[1])}\s*=", line)]
        return keys[0] if keys else starts[0]
    if lines[starts[0] - 1].lstrip().startswith("[["):
        rows = starts
    else:
        rows = [n for n, line in after if re.match(r"\s*(\w+\s*=\s*\[\s*)?\{", line)]
    return rows[loc[1]] if loc[1] < len(rows) else starts[0]


def _what(item: Mapping[str, Any]) -> str:
    if item["type"] == "missing":
        return "is missing"
    if item["type"] == "extra_forbidden":
        return "is not a known key"
    if item["type"] == "wrong":
        return str(item["msg"])
    return f"{item['input']!r}: {item['msg']}"


def _fix(item: Mapping[str, Any], key: str, model: type[BaseModel]) -> str:
    if item["type"] == "missing":
        return "add it"
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(item["loc"][-1]), _keys(model), 1)
        return f"did you mean {near[0]}?" if near else "remove it"
    return str(item.get("ctx", {}).get("fix", f"correct {key}"))


def _keys(model: type[BaseModel]) -> list[str]:
    """Names of all keys of a model and of the models inside it."""
    names = list(model.model_fields)
    for field in model.model_fields.values():
        parts = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for part in parts:
            if isinstance(part, type) and issubclass(part, BaseModel):
                names += _keys(part)
    return names
