"""The lineage of one number in a few plain sentences, in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from config.quantities import QUANTITIES

Shown = dict[str, Any]
Sentence = tuple[str, str]
_QUALITY = {
    "measured": ("实测", "measured"), "edited": ("人工修正", "edited"), "estimated": ("估算", "estimated"),
    "suspect": ("存疑", "suspect"), "missing": ("不完整", "not complete"),
}  # fmt: skip
_VERDICT = {
    "transient": ("瞬时坏值，已剔除", "a bad reading, left out"),
    "jitter": ("末位回跳", "a step back by one digit"),
    "rollover": ("示数翻转", "the register rolled over"),
    "reset": ("示数归零重计", "the register began anew"),
    "reverse": ("示数倒走", "the register ran backwards"),
    "frozen": ("示数停滞后补走", "the register stood still and caught up"),
    "limit": ("超过器具额定能力，未计入", "a rise beyond the meter's rating, not booked"),
    "held": ("待判定，暂不计入", "not yet to be told; nothing is booked meanwhile"),
}
_ACTION = {
    "exclude": ("剔除读数", "left readings out"), "accept": ("认可读数", "accepted readings"),
    "reset": ("认定归零", "said that the register began anew"), "rollover": ("认定翻转", "said that it rolled over"),
    "set": ("设定用量", "set the consumption"), "estimate": ("要求估算", "asked for an estimate"),
}  # fmt: skip


def sentences(head: Shown, parts: list[Shown]) -> dict[str, list[str]]:
    """From the number itself downwards."""
    told = [_number(head), *(one for part in parts for one in _part(part, many=len(parts) > 1)), *_factors(head)]
    return {"zh": [zh + "。" for zh, _ in told], "en": [en + "." for _, en in told]}


def _number(head: Shown) -> Sentence:
    span_zh = f"{_clock(head['start'])} 至 {_clock(head['end'])}"
    span_en = f"from {_clock(head['start'])} to {_clock(head['end'])}"
    zh, en = _QUALITY[head["quality"]]
    if head["value"] is None:
        return f"{span_zh} 没有数值", f"There is no value {span_en}"
    value = f"{_figure(head['value'])} {head['unit']}"
    return f"{span_zh} 共 {value}（{zh}）", f"{value} {span_en} ({en})"


def _part(part: Shown, *, many: bool) -> Iterator[Sentence]:
    told = [*_register(part), *_methods(part), *_verdicts(part), *_edits(part), *_changes(part)]
    code, share = part["metering_point"].partition("/")[2], part["share"]
    before = (f"{code}（× {share:g}）：", f"{code} (× {share:g}): ") if many else ("", "")
    yield from ((before[0] + zh, before[1] + en) for zh, en in told)


def _register(part: Shown) -> Iterator[Sentence]:
    """The register at both ends, times the multiplier."""
    for one in part["segments"]:
        ratio = f"CT {one['ct']:g} × PT {one['pt']:g}" if one["ct"] and one["multiplier"] != 1 else ""
        yield (
            f"器具 {one['meter']}，倍率 {one['multiplier']:g}" + (f"（{ratio}）" if ratio else ""),
            f"Meter {one['meter']}, multiplier {one['multiplier']:g}" + (f" ({ratio})" if ratio else ""),
        )
    name, unit = QUANTITIES[part["quantity"]], part["unit"]
    for (zh, en), around in zip((("始端", "start"), ("末端", "end")), part["readings"].values(), strict=True):
        known = [one for one in (around["before"], around["after"]) if one]
        shown = list(dict.fromkeys(f"{_exact(one['value'])} {unit} ({_clock(one['time'])})" for one in known))
        if shown:
            yield f"{zh}附近的{name.zh}示数：{'，'.join(shown)}", f"Register around the {en}: {', '.join(shown)}"
        else:
            yield f"{zh}没有可用读数", f"There are no readings around the {en}"


def _methods(part: Shown) -> Iterator[Sentence]:
    methods = [one["method"] for one in part["intervals"]]
    for kind in (one for one in part["verdicts"] if one["kind"] == "gap"):
        seen = kind["evidence"]
        energy, days = f"{_figure(seen['energy'])} {part['unit']}", seen.get("days", 0)
        how = (f"按 {days} 个相似日分配", f"spread as on {days} like days") if days else ("平均分配", "spread evenly")
        span = f"{_clock(kind['from'])} – {_clock(kind['to'])}"
        yield (
            f"{span} 缺数，其间电量（能量）{energy} 由两端示数得知，{how[0]}",
            (f"No readings {span}; what flowed, {energy}, is known from the registers at both ends and {how[1]}"),
        )
    for method, zh, en in (
        ("linear", "平均分配短时缺数", "spread evenly over a short gap"),
        ("like_day_free", "按相似日估算，没有示数可依", "estimated as on like days, with no register to go by"),
        ("set", "由人工设定", "set by people"),
    ):
        if count := methods.count(method):
            yield f"{count} 个时段{zh}", f"{count} intervals are {en}"


def _verdicts(part: Shown) -> Iterator[Sentence]:
    for one in part["verdicts"]:
        if one["kind"] in _VERDICT:
            zh, en = _VERDICT[one["kind"]]
            yield f"{_clock(one['from'])}：{zh}", f"{_clock(one['from'])}: {en}"


def _edits(part: Shown) -> Iterator[Sentence]:
    for one in part["edits"]:
        zh, en = _ACTION[one["action"]]
        span = f"{_clock(one['from'])} – {_clock(one['to'])}"
        yield f"{one['actor']} {zh}（{span}）：{one['reason']}", f"{one['actor']} {en} ({span}): {one['reason']}"


def _changes(part: Shown) -> Iterator[Sentence]:
    earlier = [one for interval in part["intervals"] for one in interval["earlier"]]
    if earlier:
        last = max(earlier, key=lambda one: one["until"])
        at, why = _clock(last["until"]), last["change"]
        yield (
            f"曾变更 {len(earlier)} 次，最后一次 {at}，{why['actor']}：{why['reason']}",
            f"Changed {len(earlier)} ×, last at {at} by {why['actor']}: {why['reason']}",
        )


def _factors(head: Shown) -> Iterator[Sentence]:
    for one in head.get("factors", ()):
        yield f"折算系数：{one['source']}", f"Factor: {one['source']}"


def _clock(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S" if at.second else "%Y-%m-%d %H:%M")


def _exact(value: float) -> str:
    """As a register stands on the meter's display."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def _figure(value: float) -> str:
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.1f}"
