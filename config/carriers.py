"""Energy carriers 能源种类: rows of `data/carriers.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Carrier:
    """A carrier and the register that counts it. `quantity`: the main cumulative quantity; `export` its opposite."""

    code: str
    zh: str
    en: str
    quantity: str
    flow: str
    """The instantaneous quantity shown beside the consumption (power or flow)."""
    export: str | None = None


@cache
def carriers() -> dict[str, Carrier]:
    """All carriers by code, in file order."""
    rows = tomllib.loads(files("config").joinpath("data/carriers.toml").read_text("utf-8"))["carrier"]
    return {row["code"]: Carrier(**row) for row in rows}
