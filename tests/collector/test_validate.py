"""Each check refuses what it names, and nothing else."""

import numpy as np
import pytest

from collector.pairs import Array
from collector.validate import AHEAD, EARLIEST, REFUSALS, Known, Rows, Times, sift
from config.samples import MICROSECOND
from storage.points import PointTable
from tests.collector.registerworld import START, point

NOW = START + 3600 * MICROSECOND
TIMES = Times(NOW, START - 7 * 86_400 * MICROSECOND)
KNOWN = Known(PointTable(points={1: point(id=1), 7: point(id=7)}))


def rows(*changes: dict[str, float]) -> Rows:
    """One good reading per argument, changed as it says."""
    table = [
        {"point": 1, "time": START, "value": 1.0, "received": NOW, "enterprise": 1, **change} for change in changes
    ]

    def column(name: str, kind: type) -> Array:
        return np.array([row[name] for row in table], kind)

    return Rows(
        column("point", np.int32), column("time", np.int64), column("value", np.float64),
        np.zeros(len(table), np.int16), column("received", np.int64), np.arange(len(table)),
        column("enterprise", np.int64),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"value": np.nan}, "the value is not a finite number"),
        ({"value": np.inf}, "the value is not a finite number"),
        ({"value": -np.inf}, "the value is not a finite number"),
        ({"time": EARLIEST - 1}, "its time is before the year 2000"),
        ({"time": TIMES.kept_from - 1}, "its time is before what is kept of readings (WANJIA_RETENTION_DAYS)"),
        ({"time": NOW + AHEAD + 1}, "its time is more than 5 minutes after it was received"),
        ({"time": START + AHEAD + 1, "received": START}, "its time is more than 5 minutes after it was received"),
        ({"time": NOW + AHEAD + 1, "received": NOW + AHEAD}, "its time is more than 5 minutes after it was received"),
        ({"point": 2}, "there is no such point in the registry"),
        ({"point": 2, "enterprise": -1}, "there is no such point in the registry"),
        ({"enterprise": 2}, "the point belongs to another enterprise than the sender"),
        ({"enterprise": -1}, "the point belongs to another enterprise than the sender"),
    ],
)
def test_what_is_refused(change: dict[str, float], reason: str) -> None:
    good, refused = sift(rows({}, change, {}), KNOWN, TIMES)
    assert good.message.tolist() == [0, 2]
    assert [(why, part.message.tolist()) for why, part in refused] == [(reason, [1])]


def test_what_is_good_passes_untouched() -> None:
    all_good = rows(
        {}, {"point": 7}, {"time": TIMES.kept_from}, {"time": NOW + AHEAD}, {"value": -1e308}, {"value": 0.0}
    )
    good, refused = sift(all_good, KNOWN, TIMES)
    assert good is all_good
    assert refused == []


def test_a_reading_is_refused_once_for_the_first_reason() -> None:
    _, refused = sift(rows({"value": np.nan, "time": 0, "point": 99}), KNOWN, TIMES)
    assert [why for why, _ in refused] == ["the value is not a finite number"]


def test_an_empty_registry_knows_nothing() -> None:
    good, refused = sift(rows({}), Known(PointTable()), TIMES)
    assert len(good) == 0
    assert refused[0][0] == "there is no such point in the registry"


def test_every_check_names_its_reason() -> None:
    assert all(check.__doc__ and "\n" not in check.__doc__ for check in REFUSALS)
