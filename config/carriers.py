"""Energy carriers 能源种类: rows of `data/carriers.toml`."""

import tomllib
from collections.abc import Container
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
    fuel: bool = False
    """Whether its net calorific value can be measured."""


@cache
def carriers() -> dict[str, Carrier]:
    """All carriers by code, in file order."""
    rows = tomllib.loads(files("config").joinpath("data/carriers.toml").read_text("utf-8"))["carrier"]
    return {row["code"]: Carrier(**row) for row in rows}


def main_quantity(carrier: Carrier, direction: str, available: Container[str]) -> str | None:
    """The register that counts what passes a metering point, of those it has; where energy leaves, the opposite one."""
    order = [carrier.quantity, carrier.export]
    if direction == "export":
        order.reverse()
    return next((quantity for quantity in order if quantity is not None and quantity in available), None)
