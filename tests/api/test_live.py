"""Last readings, and what listeners are told; no server."""

import asyncio
import json

import pytest

from api import live
from api.live import Hub, Latest, Listener
from api.problems import Problem
from api.times import parse
from config.samples import SampleBatch, now_us
from storage.points import Point, PointTable, Segment
from storage.views import Sight

START = parse("2026-01-01T00:00:00+08:00")
SEGMENT = Segment(START, None, 1, 100.0, None, 0.01, None, None, None)
POINT = Point(7, "U", 1, 1, "E-1", "electricity", "active_power", False, "Asia/Shanghai", (SEGMENT,), ())
TABLE = PointTable({7: POINT})


def batch(*rows: tuple[int, int, float], received: int = 0) -> SampleBatch:
    return SampleBatch.from_rows(rows, received=received)


async def heard(listener: Listener) -> list[tuple[str, str] | None]:
    return [listener.queue.get_nowait() for _ in range(listener.queue.qsize())]


def test_latest_is_by_source_time_not_by_arrival() -> None:
    latest = Latest()
    latest.take(batch((7, START + 5, 5.0), (7, START + 9, 9.0)), live=True)
    latest.take(batch((7, START + 7, 7.0)), live=False)
    assert latest.get(7) == (START + 9, 9.0)
    assert latest.get(8) is None


def test_lag_grows_while_readings_wait() -> None:
    latest = Latest()
    assert latest.lag_s(0) is None
    latest.take(batch((7, START, 1.0), received=now_us() - 2_000_000), live=True)
    assert 2 <= (latest.lag_s(0) or 0) < 3
    latest.received = now_us() - 60_000_000
    assert (latest.lag_s(5) or 0) >= 60


async def test_readings_are_gathered_and_told_to_those_who_may_see_them() -> None:
    hub = Hub()
    hub.regions = {"U": "110105", "V": "350102"}
    sights = [Sight(), Sight(uscc="U"), Sight(uscc="V"), Sight(region="1101"), Sight(region="35")]
    listeners = [hub.listener(sight) for sight in sights]
    opened = [one.__enter__() for one in listeners]
    hub.gather("U", batch((7, START, 1.0), (7, START + 1_000_000, 2.0)))
    hub.gather("U", batch((7, START + 500_000, 3.0), (99, START, 3.0)))
    hub.flush(TABLE)
    hub.flush(TABLE)
    hub.alert("V", b'{"id":1}')
    told = [await heard(one) for one in opened]
    assert [[message and message[0] for message in one] for one in told] == [
        ["readings", "alert"],
        ["readings"],
        ["alert"],
        ["readings"],
        ["alert"],
    ]
    assert told[0][0] is not None
    assert json.loads(told[0][0][1]) == {
        "uscc": "U",
        "items": [
            {
                "metering_point": "E-1",
                "quantity": "active_power",
                "time": "2026-01-01T00:00:01+08:00",
                "value": 2.0,
                "multiplier": 100.0,
            }
        ],
    }
    for one in listeners:
        one.__exit__(None, None, None)
    assert len(hub) == 0


async def test_a_slow_listener_is_cut_and_holds_little() -> None:
    hub = Hub()
    with hub.listener(Sight()) as slow, hub.listener(Sight()) as fast:
        for number in range(live.HELD + 50):
            hub.alert("U", b"%d" % number)
            await heard(fast)
        assert len(hub) == 1
        messages = await heard(slow)
        assert len(messages) == live.HELD + 1
        assert messages[-1] is None


async def test_listeners_are_limited_and_ended_with_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_LISTENERS", 1)
    hub = Hub()
    hub.refuse_when_full()
    with hub.listener(Sight()) as listener:
        with pytest.raises(Problem, match="1 streams are open"):
            hub.refuse_when_full()
        hub.alert("U", b"1")
        waiting = asyncio.create_task(listener.queue.get())
        hub.close()
        assert await waiting is None or await listener.queue.get() is None
    with hub.listener(Sight()) as late:
        assert await heard(late) == [None]
