"""A registry without a database: enterprise W, whose meter M-1 moved from metering point E-1 to E-2."""

from pathlib import Path

from collector.importing.load import Import
from collector.importing.report import Report
from config.readingsform import Form
from config.samples import MICROSECOND
from storage.points import Device, Point, PointTable, Segment

DAY = 86_400 * MICROSECOND
START = 1_767_225_600 * MICROSECOND
"""2026-01-01T00:00Z"""
MOVED = START + 10 * DAY
QUANTITIES = ("active_energy_import", "active_power")
PLACES = {"E-1": {"active_energy_import": 1, "active_power": 2}, "E-2": {"active_energy_import": 3, "active_power": 4}}


def table() -> PointTable:
    lives = {"E-1": (START, MOVED), "E-2": (MOVED, None)}
    found = PointTable(revision=1)
    for code, points in PLACES.items():
        segment = Segment(*lives[code], 1, 1.0, None, 0.01, None, None, None)
        for quantity, id in points.items():
            found.points[id] = Point(
                id, "W", 1, id // 3, code, "electricity", quantity, "energy" in quantity, "UTC", (segment,), ()
            )
        found.by_metering_point["W", code] = points
    found.devices["W", "M-1"] = Device(
        "W", "M-1", 1, "", "", 0, ((START, MOVED, PLACES["E-1"]), (MOVED, None, PLACES["E-2"]))
    )
    return found


def checked(form: Form, *files: Path) -> Report:
    """The report of a dry run."""
    return Import(table(), form, files, 3650).check(lambda _: None)
