"""What a notification says: one body for all ways, and its text in one language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from alerts.finding import number
from config.rules import rules
from config.samples import MICROSECOND
from storage.notifications import Item

LISTED = 50
"""Alerts written out in one notification; all are counted."""
TITLE = {"zh": "万家告警", "en": "Wanjia alerts"}
"""Begins every text: robots that let only messages with a keyword pass can take it as theirs."""
_REST = 60
"""Bytes kept for saying how many alerts are left out."""
_SEVERITIES = {"critical": ("严重", "critical"), "warning": ("警告", "warning"), "info": ("提示", "information")}
"""The gravest first."""
_EVENTS = {
    "opened": ("发生", "opened"),
    "reopened": ("再次发生", "back"),
    "reminded": ("仍未确认", "still open"),
    "escalated": ("升级", "escalated"),
    "assigned": ("指派给您", "assigned to you"),
    "resolved": ("恢复", "resolved"),
}


def listed(items: Sequence[Item]) -> list[int]:
    """Which alerts are written out: of many the gravest."""
    graves = {item.alert: item.severity for item in items}
    return sorted(graves, key=lambda alert: (_rank(graves[alert]), alert))[:LISTED]


def body(items: Sequence[Item], alerts: list[dict[str, Any]], now: int) -> dict[str, Any]:
    """About these items; `alerts`: those listed of them."""
    groups: defaultdict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        groups[item.event, item.rule].append(item)
    if len(items) == 1:
        (event, _), alert = next(iter(groups)), alerts[0]
        zh, en = f"【{_EVENTS[event][0]}】{alert['zh']}", f"[{_EVENTS[event][1]}] {alert['en']}"
    else:
        zh = "；".join(_zh(*key, some) for key, some in groups.items()) + "。"
        en = "; ".join(_en(*key, some) for key, some in groups.items()) + "."
    return {
        "at": _iso(now),
        "severity": min((item.severity for item in items), key=_rank),
        "count": len(items),
        "zh": zh,
        "en": en,
        "groups": [
            {"event": event, "rule": rule, "count": len(some), "enterprises": sorted({item.uscc for item in some})}
            for (event, rule), some in groups.items()
        ],
        "alerts": sorted(alerts, key=lambda alert: (_rank(alert["severity"]), -(alert["money"] or 0), alert["id"])),
    }


def trial(target: str, now: int) -> dict[str, Any]:
    """A test that somebody asked for."""
    zh = f"测试通知：{target} 能收到告警。"
    en = f"A test: {target} receives alerts."
    return {"at": _iso(now), "severity": "info", "count": 0, "zh": zh, "en": en, "groups": [], "alerts": []}


def text(body: dict[str, Any], language: str, most: int) -> str:
    """The body for people, at most so many bytes of UTF-8: title, summary, and as many of the alerts as fit."""
    alerts, single = body["alerts"], body["count"] == 1
    lines = [
        f"{TITLE[language]} · {_SEVERITIES[body['severity']][language == 'en']}",
        body[language] + (_stake(alerts[0], language) if single else ""),
    ]
    size = sum(len(line.encode()) + 1 for line in lines)
    alerts = [] if single else alerts
    for count, alert in enumerate(alerts):
        line = f"· {alert[language]}{_stake(alert, language)}"
        size += len(line.encode()) + 1
        if size > most - _REST:
            lines.append(_more(language, body["count"] - count))
            break
        lines.append(line)
    else:
        if alerts and body["count"] > len(alerts):
            lines.append(_more(language, body["count"] - len(alerts)))
    return "\n".join(lines).encode()[:most].decode(errors="ignore")


def _stake(alert: dict[str, Any], language: str) -> str:
    """What is at stake, as far as it is known."""
    known = [f"¥ {number(alert['money'])}"] if alert["money"] is not None else []
    known += [f"{number(alert['amount'])} {alert['unit']}"] if alert["amount"] is not None else []
    if not known:
        return ""
    return f"（影响 {'，'.join(known)}）" if language == "zh" else f" (at stake: {', '.join(known)})"


def _rank(severity: str) -> int:
    return [*_SEVERITIES].index(severity)


def _more(language: str, count: int) -> str:
    return f"……另有 {count} 条" if language == "zh" else f"... and {count} more"


def _iso(now: int) -> str:
    return datetime.fromtimestamp(now // MICROSECOND, UTC).isoformat()


def _zh(event: str, rule: str, items: list[Item]) -> str:
    return f"{_place(items, '、', '家企业')}：{rules()[rule].zh}告警{_EVENTS[event][0]} {len(items)} 条"


def _en(event: str, rule: str, items: list[Item]) -> str:
    return f"{_place(items, ', ', ' enterprises')}: {len(items)} {rules()[rule].en} alerts {_EVENTS[event][1]}"


def _place(items: list[Item], comma: str, many: str) -> str:
    enterprises = sorted({item.enterprise for item in items})
    if len(enterprises) > 3:
        return f"{len(enterprises)}{many}"
    addresses = sorted({item.address for item in items})
    place = comma.join(enterprises)
    return f"{place} {addresses[0]}" if len(addresses) == 1 and addresses[0] else place
