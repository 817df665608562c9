"""The edges to the devices."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.driver import Driver

DRIVERS = {
    "modbus-tcp": "protocols.modbus",
    "mqtt-broker": "protocols.mqtt",
}
"""Drivers the collector runs, by the name connections give; each module holds a `DRIVER`, loaded when first used.

`mqtt` and `http` are missing on purpose: those devices come to us, nothing is to be collected.
"""


def load_driver(name: str) -> "Driver":
    """The driver of that name. Raises KeyError."""
    found: Driver = import_module(DRIVERS[name]).DRIVER
    return found
