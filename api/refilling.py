"""The ways in which a gap can be filled or dealt with, in the order to try them, and why one is not open; pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.times import local, microseconds
from config.grid import boundary_after, boundary_before
from storage.edits import LONGEST
from storage.points import Point

COLUMNS = "uscc,metering_point,quantity,time,value"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the plan depends on beside the gap. Instants in microseconds."""

    points: Sequence[Point]
    """Those of the gap's quantities."""
    waiting: int
    """Messages of the enterprise in the stream that are not stored yet."""
    now: int
    kept_from: int
    """Readings before this are not kept."""


def plan(gap: Mapping[str, Any], facts: Facts) -> list[dict[str, Any]]:
    """Nothing for a gap that is closed."""
    if gap["state"] == "closed":
        return []
    return [_queue(facts), _history(), _import(gap, facts), _estimate(gap, facts), _accept(gap)]


def _queue(facts: Facts) -> dict[str, Any]:
    if facts.waiting:
        zh = f"平台队列中还有该单位 {facts.waiting} 批数据等待入库，请稍候。"
        en = f"{facts.waiting} messages of this enterprise wait in the stream: wait until they are stored."
        return _step("queue", zh, en)
    zh = "平台队列中没有该单位的数据。现场采集器自存的数据平台看不到，线路恢复后会自动补传。"
    en = "Nothing of this enterprise waits in the stream. What a site's collector still holds is not seen from here; "
    return _step("queue", zh, en + "it comes by itself when its line is back.", possible=False)


def _history() -> dict[str, Any]:
    zh = "尚不支持读取表内历史寄存器或负荷曲线；可由厂家软件导出后按文件导入。"
    en = "History registers and load profiles of meters are not read yet; export them with the maker's software and "
    return _step("history", zh, en + "import the file.", possible=False)


def _import(gap: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    if _end(gap, facts) <= facts.kept_from:
        zh, en = "该时段的读数已超过保存期限。", "Readings of that time are not kept any more (WANJIA_RETENTION_DAYS)."
        return _step("import", zh, en, possible=False)
    name = shlex.quote(f"{gap['uscc']}-{gap['metering_point']}.csv")
    zh = "把读数（表计侧示值）写成如下的 CSV，由管理员在服务器上执行命令；先加 --dry-run 核对。"
    en = (
        "Put the readings (the meter's own side) into a CSV like this and have an admin run the command on the server; "
    )
    row = f"{gap['uscc']},{gap['metering_point']},{gap['quantities'][0]},{gap['from']},"
    command = f"wanjia import readings {name}"
    return _step("import", zh, en + "try --dry-run first.", command=command, file=f"{COLUMNS}\n{row}")


def _estimate(gap: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    registers = [point for point in facts.points if point.register]
    if not registers:
        zh, en = (
            "缺的不是累计量，没有可估算的用量。",
            "None of its quantities is a register: no consumption is missing.",
        )
    elif gap["state"] == "estimated":
        zh, en = "该时段的用量已知或已估算。", "The consumption of that time is known in sum, or estimated already."
    elif edits := list(_edits(gap, registers, facts)):
        zh = "按相似日补全该时段的用量，标记为估算；读数到来后以读数为准，可随时撤销。"
        en = "Fill the consumption with what like days had, marked as estimated, until readings tell; it can be undone."
        return _step("estimate", zh, en, edits=edits)
    else:
        zh = "该时段还没有结束的统计区间，或超出可修改的范围（400 天、保存期限）。"
        en = "No interval of it is over yet, or it is beyond what can be edited (400 days, WANJIA_RETENTION_DAYS)."
    return _step("estimate", zh, en, possible=False)


def _edits(gap: Mapping[str, Any], registers: Sequence[Point], facts: Facts) -> Iterator[dict[str, Any]]:
    """One for each register: the intervals that reach into the gap and are over."""
    first, last = microseconds(datetime.fromisoformat(gap["from"])), _end(gap, facts)
    for point in registers:
        start, past = boundary_before(point.grid, first), boundary_after(point.grid, last)
        if past > facts.now:
            past = boundary_before(point.grid, facts.now)
        if facts.kept_from <= start < past <= start + LONGEST:
            bounds = {"from": local(start, point.zone).isoformat(), "to": local(past, point.zone).isoformat()}
            yield {"action": "estimate", "quantity": point.quantity, **bounds}


def _accept(gap: Mapping[str, Any]) -> dict[str, Any]:
    if gap["state"] == "accepted":
        return _step("accept", "缺失已认可。", "The loss is accepted already.", possible=False)
    if gap["to"] is None:
        zh, en = "缺数还在持续，恢复后才能认可。", "It still lasts; it can be accepted when readings have come again."
        return _step("accept", zh, en, possible=False)
    zh, en = (
        "确认读数已无法补回，说明原因后认可。",
        "When the readings are lost for good: accept that, with the reason.",
    )
    return _step("accept", zh, en)


def _step(name: str, zh: str, en: str, *, possible: bool = True, **more: Any) -> dict[str, Any]:
    return {"step": name, "possible": possible, "zh": zh, "en": en, **more}


def _end(gap: Mapping[str, Any], facts: Facts) -> int:
    return microseconds(datetime.fromisoformat(gap["to"])) if gap["to"] else facts.now
