"""From findings to alerts: an episode is opened once, updated while it runs, and resolved by itself.

An episode is named by its key (rule and subject) and its onset; the database allows one running episode per key, so a
second watch or a restart opens nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alerts.finding import Finding
from storage import alerts as table
from storage import notifications

if TYPE_CHECKING:
    from storage.database import Connection

ACTOR = "watch"


@dataclass(frozen=True, slots=True)
class Ending:
    """An episode that is over: `finding` tells the whole of it (None: the text stays)."""

    key: str
    ended: int
    note: str
    finding: Finding | None = None
    tell: bool = True
    """Whether those told of the opening are told of the end."""


@dataclass(slots=True)
class Changes:
    """What happened to episodes in one cycle."""

    opened: list[Finding] = field(default_factory=list)
    updated: list[Finding] = field(default_factory=list)
    ended: list[Ending] = field(default_factory=list)
    past: list[Finding] = field(default_factory=list)
    """Found when already over: kept as resolved alerts, nobody is told."""

    def __bool__(self) -> bool:
        return bool(self.opened or self.updated or self.ended or self.past)


async def commit(conn: Connection, changes: Changes, running: dict[str, int], now: int) -> list[int]:
    """Write the changes; the ids of the alerts that changed. `running` (key → id) is brought up to date.

    The caller's transaction makes it all or nothing; on an error `running` must be read anew.
    """
    if not changes:
        return []
    ended = [(running.pop(ending.key), ending) for ending in changes.ended if ending.key in running]
    await table.end(conn, [_ending(alert, ending) for alert, ending in ended], now)
    updated = [(running[finding.key], finding) for finding in changes.updated if finding.key in running]
    await table.update(conn, [{"id": alert, **_texts(finding)} for alert, finding in updated], now)
    opened = await table.open_new(conn, [_row(finding) for finding in changes.opened], now)
    running.update(opened)
    past = list((await table.open_new(conn, [_row(finding) for finding in changes.past], now)).values())
    trail = [(alert, "resolved", ending.note) for alert, ending in ended]
    trail += [(alert, "updated", "") for alert, _ in updated]
    trail += [(alert, "opened", "") for alert in opened.values()]
    trail += [entry for alert in past for entry in ((alert, "opened", "found afterwards"), (alert, "resolved", ""))]
    await table.record(conn, trail, now, ACTOR)
    for tell in (True, False):
        told = [alert for alert, ending in ended if ending.tell == tell]
        await notifications.resolved(conn, told, now, tell=tell)
    await notifications.opened(conn, list(opened.values()), now)
    return [alert for alert, _ in ended] + [alert for alert, _ in updated] + list(opened.values()) + past


def _texts(finding: Finding | None) -> dict[str, Any]:
    if finding is None:
        return {}
    return {"zh": finding.zh, "en": finding.en, "evidence": finding.evidence}


def _ending(alert: int, ending: Ending) -> dict[str, Any]:
    return {"id": alert, "ended": ending.ended, **_texts(ending.finding)}


def _row(finding: Finding) -> dict[str, Any]:
    subject = finding.subject
    return {
        "key": finding.key,
        "rule": finding.rule,
        "severity": finding.severity,
        "enterprise_id": subject.enterprise_id,
        "metering_point_id": subject.metering_point_id,
        "meter_id": subject.meter_id,
        "onset": finding.onset,
        "ended": finding.ended,
        **_texts(finding),
    }
