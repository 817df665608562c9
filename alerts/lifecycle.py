"""From findings to alerts: an episode is opened once, updated while it runs, and resolved by itself.

An episode is named by its key (rule and subject) and its onset; the database allows one running episode per key, so a
second watch or a restart opens nothing twice. A gap that grows into a silent device or gateway goes on in its alert,
and so does one that comes back soon after its end. What happens within a maintenance window or an exception is recorded
and not told. An alert that stays open is told again, and goes up a step when nobody acknowledges it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from alerts.finding import Finding
from alerts.policy import Policy
from alerts.worth import Worth, worths
from config.patience import HOUR, Patience
from config.rules import Period, rules
from storage import alerts as table
from storage import notifications

if TYPE_CHECKING:
    from storage.database import Connection

ACTOR = "watch"
_STEP = {"info": "warning", "warning": "critical", "critical": "critical"}
"""What a severity becomes when nobody acknowledges the alert in time; it is told of in any case."""
_LAG: dict[Period, int] = {"at once": 0, "hour": 2 * HOUR, "day": 27 * HOUR}
"""How long after the end of planned work a rule may still say what it was: it looks at closed hours and days."""


@dataclass(frozen=True, slots=True)
class Ending:
    """An episode that is over: `finding` tells the whole of it (None: the text stays)."""

    key: str
    ended: int
    note: str
    finding: Finding | None = None
    tell: bool = True
    """Whether those told of the opening are told of the end."""
    by: str = ""
    """Key of the episode it goes on as; when that begins now, it is the same alert."""


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


async def commit(conn: Connection, changes: Changes, running: dict[str, int], now: int, policy: Policy) -> list[int]:
    """Write the changes; the ids of the alerts that changed. `running` (key → id) is brought up to date.

    The caller's transaction makes it all or nothing; on an error `running` must be read anew.
    """
    if not changes:
        return []
    turned = await _turn(conn, changes, running, now, policy)
    ended = await _end(conn, changes.ended, running, now, policy)
    updated = await _update(conn, [f for f in changes.updated if f.key in running], running, now, policy)
    opened = await _open(conn, changes.opened, running, now, policy)
    past = await table.insert_past(conn, await _rows(conn, changes.past, policy, now), now)
    trail = [entry for alert in past for entry in ((alert, "opened", "found afterwards"), (alert, "resolved", ""))]
    await table.record(conn, trail, now, ACTOR)
    return [*turned, *ended, *updated, *opened, *past]


async def tend(conn: Connection, now: int, patience: Patience) -> list[int]:
    """What time alone brings about: suppressions that begin or end, reminders, escalation. The ids of the alerts that
    changed."""
    released = await table.release(conn, now, _lags())
    await table.record(conn, [(alert, "released", "") for alert in released], now, ACTOR)
    suppressed = await _suppress(conn, now)
    await notifications.tell(conn, [alert for alert in released if alert not in suppressed], "opened", now)
    escalated: list[int] = []
    for severity in _STEP:
        if severity not in patience.escalate:
            continue
        to = _STEP[severity]
        moved = await table.escalate(conn, now, severity, patience.escalate[severity], to)
        await table.record(conn, [(alert, "escalated", f"{severity} → {to}") for alert in moved], now, ACTOR)
        await notifications.tell(conn, moved, "escalated", now)
        escalated += moved
    for severity, after in patience.remind.items():
        again = await table.remind(conn, now, severity, after)
        await table.record(conn, [(alert, "reminded", "") for alert in again], now, ACTOR)
        await notifications.tell(conn, [alert for alert in again if alert not in escalated], "reminded", now)
    return [*{*released, *suppressed, *escalated}]


async def _open(
    conn: Connection, findings: Sequence[Finding], running: dict[str, int], now: int, policy: Policy
) -> list[int]:
    """Open alerts, or go on with those that ended just now."""
    rows = await _rows(conn, findings, policy, now)
    again = await table.reopen(conn, rows, now, policy.patience.flap)
    opened = await table.open_new(conn, [row for row in rows if row["key"] not in again], now)
    running.update(opened)
    running.update({key: alert for key, (alert, _) in again.items()})
    trail = [(alert, "opened", "") for alert in opened.values()]
    trail += [(alert, "reopened", "") for alert, _ in again.values()]
    await table.record(conn, trail, now, ACTOR)
    ids = [*opened.values(), *(alert for alert, _ in again.values())]
    suppressed = await _suppress(conn, now, ids)
    await notifications.tell(conn, [alert for alert in opened.values() if alert not in suppressed], "opened", now)
    returned = [alert for alert, state in again.values() if state != "dismissed" and alert not in suppressed]
    await notifications.reopened(conn, returned, now)
    return ids


async def _update(
    conn: Connection, findings: Sequence[Finding], running: dict[str, int], now: int, policy: Policy
) -> list[int]:
    rows = await _rows(conn, findings, policy, now)
    ids = [running[finding.key] for finding in findings]
    raised = await table.update(conn, [{"id": alert, **row} for alert, row in zip(ids, rows, strict=True)], now)
    trail = [(alert, "updated", "") for alert in ids]
    trail += [(alert, "escalated", f"{had} → {has}") for alert, (had, has) in raised.items()]
    await table.record(conn, trail, now, ACTOR)
    await notifications.tell(conn, list(raised), "escalated", now)
    return ids


async def _turn(conn: Connection, changes: Changes, running: dict[str, int], now: int, policy: Policy) -> list[int]:
    """Go on with the alert of an episode that has become another: one cause, one alert."""
    before = {ending.by: ending.key for ending in reversed(changes.ended) if ending.by and ending.key in running}
    findings = [finding for finding in changes.opened if finding.key in before]
    if not findings:
        return []
    ids = [running.pop(before[finding.key]) for finding in findings]
    rows = await _rows(conn, findings, policy, now)
    turned = await table.turn(conn, [{"id": alert, **row} for alert, row in zip(ids, rows, strict=True)], now)
    running.update(zip((finding.key for finding in findings), ids, strict=True))
    trail = [(alert, "turned", f"{turned[alert][0]} → {row['rule']}") for alert, row in zip(ids, rows, strict=True)]
    await table.record(conn, trail, now, ACTOR)
    await notifications.tell(conn, [alert for alert, (_, raised) in turned.items() if raised], "escalated", now)
    changes.opened = [finding for finding in changes.opened if finding.key not in before]
    return ids


async def _end(
    conn: Connection, endings: Sequence[Ending], running: dict[str, int], now: int, policy: Policy
) -> list[int]:
    ended = [(running.pop(ending.key), ending) for ending in endings if ending.key in running]
    findings = [ending.finding for _, ending in ended if ending.finding is not None]
    known = {row["key"]: row for row in await _rows(conn, findings, policy, now)}
    rows = [{"id": alert, **known.get(ending.key, {}), "ended": ending.ended} for alert, ending in ended]
    await table.end(conn, rows, now)
    await table.record(conn, [(alert, "resolved", ending.note) for alert, ending in ended], now, ACTOR)
    for tell in (True, False):
        told = [alert for alert, ending in ended if ending.tell == tell]
        await notifications.resolved(conn, told, now + policy.patience.flap, tell=tell)
    return [alert for alert, _ in ended]


async def _suppress(conn: Connection, now: int, alerts: Sequence[int] | None = None) -> set[int]:
    """Leave untold what is planned or excepted."""
    suppressed = await table.suppress(conn, now, _lags(), alerts)
    await table.record(conn, [(alert, "suppressed", reason) for alert, reason in suppressed.items()], now, ACTOR)
    await notifications.resolved(conn, list(suppressed), now, tell=False)
    return set(suppressed)


def _lags() -> dict[str, int]:
    return {name: _LAG[rule.period] for name, rule in rules().items()}


async def _rows(conn: Connection, findings: Sequence[Finding], policy: Policy, now: int) -> list[dict[str, Any]]:
    """Findings as rows of the alert table."""
    if not findings:
        return []
    return [
        _row(finding, worth)
        for finding, worth in zip(findings, await worths(conn, findings, policy.rates, now), strict=True)
    ]


def _row(finding: Finding, worth: Worth) -> dict[str, Any]:
    subject = finding.subject
    return {
        "key": finding.key,
        "rule": finding.rule,
        "severity": finding.severity,
        "enterprise_id": subject.enterprise_id,
        "metering_point_id": subject.metering_point_id,
        "meter_id": subject.meter_id,
        "address": subject.address,
        "onset": finding.onset,
        "ended": finding.ended,
        "zh": finding.zh,
        "en": finding.en,
        "evidence": finding.evidence,
        **asdict(worth),
    }
