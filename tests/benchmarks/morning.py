"""The morning test: `python -m tests.benchmarks.morning [--minutes N] [--days N]`.

Runs the demo as people do, waits until its history is in and looked at, stays for so many live minutes, and compares
the alerts with what the demo's script says went wrong: each fault must have been found, in one alert and with the right
class, and at most OTHERS other alerts may stand open. Printed are the faults one by one, the other alerts, and how many
alerts and notifications the live minutes made. Exit code 1 when it is missed.
"""

import argparse
import asyncio
import json
import os
import re
import secrets
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from alerts.inspect import QUIET, SETTLED
from alerts.watch import INSPECT_S
from config.rules import rules
from config.samples import MICROSECOND, now_us
from tests.alerts.receivers import Receiver
from tests.homes import end_servers, temporary_home

OTHERS = 5
"""Alerts that may stand open about nothing that is on the script."""
HOUR = 3600 * MICROSECOND
MINUTE = 60 * MICROSECOND
LOOKING = 120 * MICROSECOND
"""What the inspections themselves may take."""
SILENT = {"gap": 5 * MINUTE, "gateway": 5 * MINUTE, "offline": 17 * MINUTE}
"""How long after the onset rules about silence tell at the latest, at the cadences of the demo."""
SLACK = 15 * MINUTE
"""A cadence of the history: by so much an alert may begin late or end early."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something on the script; instants in microseconds. `alert` None: a habit, which makes none."""

    kind: str
    uscc: str
    address: str
    places: frozenset[str]
    shows: str | None
    start: int
    end: int | None
    alert: str | None

    @property
    def name(self) -> str:
        return self.address or self.shows or min(self.places)


@dataclass(frozen=True, slots=True)
class Alert:
    id: int
    rule: str
    state: str
    uscc: str
    place: str | None
    address: str
    onset: int
    ended: int | None
    opened: int
    en: str

    def about(self, event: Event) -> bool:
        """Whether it is about the place and time of an event."""
        if self.uscc != event.uscc or (event.end or now_us()) + SLACK < self.onset:
            return False
        if self.ended is not None and self.ended < event.start - SLACK:
            return False
        if self.place is None:
            return self.address == event.address != ""
        return self.place == event.shows or self.place in event.places


@dataclass(frozen=True, slots=True)
class Outcome:
    event: Event
    right: Sequence[Alert]
    wrong: Sequence[Alert]

    @property
    def good(self) -> bool:
        return len(self.right) == 1 and not self.wrong


def script(folder: Path) -> tuple[list[Event], int]:
    """Everything on the script, and when the demo went live."""
    state = json.loads((folder / "demo.json").read_text("utf-8"))
    events = []
    for row in json.loads((folder / "faults.json").read_text("utf-8")):
        start, end = row["start"] or 0, row["end"]
        if row["kind"] == "clock_drift":  # of back-filled readings nobody knows when they were received
            start, end = state["live"], None
        port = state["ports"].get(row["gateway"])
        address = f"127.0.0.1:{port}" if port else ""
        places = frozenset(row["metering_points"])
        events.append(Event(row["kind"], row["uscc"], address, places, row["shows"], start, end, row["alert"]))
    return events, int(state["live"])


def known_at(event: Event, live: int) -> int:
    """When a fault must have its alert at the latest."""
    if event.start < live or event.alert is None:
        return event.start
    if event.alert in SILENT:
        return event.start + SILENT[event.alert]
    assert rules()[event.alert].period == "hour", event
    return -(-max(event.start, event.end or 0) // HOUR) * HOUR + SETTLED["hour"] + LOOKING


def compare(events: Sequence[Event], found: Sequence[Alert], live: int, seen: int) -> tuple[list[Outcome], list[Alert]]:
    """What became by `seen` of every fault that could be known, and the alerts that are about none."""
    outcomes, used = [], set()
    for event in events:
        if event.alert is None or event.start > seen:
            continue
        near = [alert for alert in found if alert.about(event)]
        right = [alert for alert in near if alert.rule == event.alert]
        others = {alert.id for other in events if other.alert for alert in near if fits(other, alert)}
        wrong = [alert for alert in near if alert not in right and alert.id not in others]
        used |= {alert.id for alert in near}
        if known_at(event, live) <= seen:
            outcomes.append(Outcome(event, right, wrong))
    return outcomes, [alert for alert in found if alert.id not in used]


def fits(event: Event, alert: Alert) -> bool:
    return alert.rule == event.alert and alert.about(event)


def report(outcomes: Sequence[Outcome], others: Sequence[Alert], live: int) -> Iterator[str]:
    for one in sorted(outcomes, key=lambda outcome: outcome.event.start):
        event = one.event
        when = f"{(event.start - live) / HOUR:8.2f} h" if event.start else "  always  "
        told = ", ".join(f"{alert.rule} {alert.state}" for alert in (*one.right, *one.wrong)) or "nothing"
        yield f"{'found ' if one.good else 'MISSED'} {when}  {event.kind:12} {event.name:16} {event.alert}: {told}"
        yield from (f"        {alert.rule}: {alert.en}" for alert in one.wrong)
    for alert in others:
        yield f"other   {alert.state:9} {alert.rule}: {alert.en}"


class Console:
    """The demo's API."""

    def __init__(self, address: str, key: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"http://{address}", headers={"X-API-Key": key}, timeout=60)

    async def alerts(self) -> list[Alert]:
        found: list[Alert] = []
        after = None
        while True:
            wanted: dict[str, Any] = {"state": "all", "limit": 500} | ({"after": after} if after else {})
            page = (await self._http.get("/v1/alerts", params=wanted)).raise_for_status().json()
            found += [_alert(item) for item in page["items"]]
            after = page["next"]
            if not after:
                return found

    async def tell(self, url: str) -> None:
        body = {"kind": "webhook", "address": url, "secret": secrets.token_hex()}
        (await self._http.put("/v1/targets/bench", json=body)).raise_for_status()


def _alert(item: dict[str, Any]) -> Alert:
    onset, opened = (round(datetime.fromisoformat(item[name]).timestamp() * 1e6) for name in ("onset", "opened_at"))
    ended = round(datetime.fromisoformat(item["ended"]).timestamp() * 1e6) if item["ended"] else None
    return Alert(
        item["id"], item["rule"], item["state"], item["uscc"], item["metering_point"],
        item["evidence"].get("address", ""), onset, ended, opened, item["en"],
    )  # fmt: skip


async def measure(minutes: float, days: int) -> bool:
    """Whether the morning is as it should be."""
    with temporary_home() as home:
        environment = {
            **os.environ,
            "WANJIA_HOME": str(home),
            "WANJIA_HTTP": "127.0.0.1:0",
            "WANJIA_MQTT": "127.0.0.1:0",
        }
        demo = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "wanjia", "demo", "--days", str(days), env=environment, stdout=asyncio.subprocess.PIPE
        )
        try:
            return await _watch(demo, home / "demo", minutes)
        finally:
            with suppress(ProcessLookupError):
                demo.send_signal(signal.SIGINT)
            await demo.communicate()
            for folder in (home / "demo").iterdir():
                end_servers(folder)


async def _watch(demo: asyncio.subprocess.Process, home: Path, minutes: float) -> bool:
    assert demo.stdout is not None
    address = (await _line(demo.stdout, r"http://([^/]+)/")).group(1)
    console = Console(address, (await _line(demo.stdout, r"API key:\s+(\S+)")).group(1))
    receiver = Receiver()
    async with await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await _line(demo.stdout, "^Live")
        history_in = now_us()
        (folder,) = home.iterdir()
        await console.tell(f"http://127.0.0.1:{port}/")
        looked = (QUIET + LOOKING) / MICROSECOND + 2 * INSPECT_S
        await asyncio.sleep(max(minutes * 60, looked))
        found, seen = await console.alerts(), now_us()
    events, live = script(folder)
    outcomes, others = compare(events, found, live, seen)
    print(*report(outcomes, others, live), sep="\n")
    open_others = [alert for alert in others if alert.state in ("open", "acknowledged")]
    good = all(outcome.good for outcome in outcomes) and len(open_others) <= OTHERS
    hours, late = (seen - history_in) / HOUR, [one for one in found if one.opened > history_in and one.onset > live]
    standing = sum(alert.state == "open" for alert in found)
    print(
        f"{sum(outcome.good for outcome in outcomes)} of {len(outcomes)} faults found in one alert of the right class, "
        f"{len(open_others)} other alerts open of {standing}, {len(others) - len(open_others)} others over; "
        f"live {len(late) / hours:.0f} alerts and {len(receiver.requests) / hours:.0f} notifications an hour"
    )
    return good


async def _line(lines: asyncio.StreamReader, pattern: str) -> re.Match[str]:
    """The next line that matches; `\\r` of progress bars ends a line too."""
    while True:
        line = (await lines.readline()).decode()
        assert line, f"the demo ended before it said {pattern!r}"
        found = re.search(pattern, line.rpartition("\r")[2], re.MULTILINE)
        if found:
            return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8, help="live minutes after the history is in")
    parser.add_argument("--days", type=int, default=42)
    given = parser.parse_args()
    return int(not asyncio.run(measure(given.minutes, given.days)))


if __name__ == "__main__":
    sys.exit(main())
