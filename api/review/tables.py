"""Tables B.1 to B.10 of JJF 1356, of a review report as it was frozen.

The columns of B.3 to B.7 were seen second-hand; of the other tables only the subjects were, so their columns are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from api.review.instruments import sheet as instruments
from api.review.sheets import Cell, Sheet
from config.carriers import carriers
from config.quantities import QUANTITIES

LEVELS = {1: "进出用能单位", 2: "进出主要次级用能单位", 3: "主要用能设备"}
SURE: dict[Any, str] = {True: "已核对", "second-hand": "间接来源", False: "未核对"}
_NOTHING = "登记簿中没有登记。"


def tables(report: Mapping[str, Any]) -> list[Sheet]:
    """The tables, one sheet each."""
    own: Sequence[Mapping[str, Any]] = report["instruments"]
    return [
        _sheet("B.1", "能源计量工作人员一览表", "姓名 岗位 职责 证书编号 证书有效期至", map(_person, report["staff"])),
        _sheet(
            "B.2",
            "主要用能设备一览表",
            "名称 型号 额定能力 数量 能源种类 安装地点 计量点",
            map(_device, report["equipment"]),
        ),
        instruments("B.3", "能源计量器具一览表", own),
        *(
            instruments(
                f"B.{3 + level}", f"{LEVELS[level]}能源计量器具一览表", [row for row in own if row["level"] == level]
            )
            for level in LEVELS
        ),
        instruments("B.7", "其他能源计量器具一览表", [row for row in own if row["level"] is None]),
        _equipping(report["equipping"]),
        _accuracy(report["equipping"]),
        _sheet(
            "B.10",
            "年度能源购进、消费与库存",
            "年度 能源种类 单位 年初库存 购进量 消费量 销售量 年末库存 差额",
            map(_stock, report["stock"]),
        ),
    ]


def _sheet(name: str, title: str, headings: str, rows: Iterable[list[Cell]]) -> Sheet:
    numbered = [[number, *row] for number, row in enumerate(rows, 1)]
    return Sheet(name, title, ["序号", *headings.split()], numbered, note="" if numbered else _NOTHING)


def _person(row: Mapping[str, Any]) -> list[Cell]:
    return [row[name] for name in ("name", "position", "duty", "certificate", "certified_until")]


def _device(row: Mapping[str, Any]) -> list[Cell]:
    named = [row[name] for name in ("name", "model", "rated", "count")]
    return [*named, carriers()[row["carrier"]].zh, row["place"], row["at"]]


def _stock(row: Mapping[str, Any]) -> list[Cell]:
    """The last column is what the books leave open."""
    carrier = carriers()[row["carrier"]]
    opening, purchased, consumed, sold, closing = amounts = [
        row[name] for name in ("opening", "purchased", "consumed", "sold", "closing")
    ]
    rest = round(opening + purchased - consumed - sold - closing, 6)
    return [row["year"], carrier.zh, QUANTITIES[carrier.quantity].unit, *amounts, rest]


def _equipping(found: Mapping[str, Any]) -> Sheet:
    edition = found["edition"]
    rows = [
        [
            *(row["zh"], LEVELS[row["level"]], row["needed"], row["installed"], row["rate"], row["demanded"]),
            *("达到" if row["meets"] else "未达到", SURE[row["verified"]], row["source"]),
        ]
        for row in found["rates"]
    ]
    made = _sheet(
        "B.8", "能源计量器具配备情况统计汇总", "能源种类 级别 应配数 实配数 配备率（%） 要求（%） 结论 核对 来源", rows
    )
    note = f"现行版本 {edition['edition']}，数值取自 {edition['figures']}；{edition['source']}"
    return Sheet(made.name, made.title, made.headings, made.rows, note)


def _accuracy(found: Mapping[str, Any]) -> Sheet:
    def limits(row: Mapping[str, Any]) -> str:
        return "；".join(f"{limit['zh']} {limit['accuracy_class']}" for limit in row["limits"])

    rows = [
        [
            *(row["zh"], kind["accuracy_class"], kind["count"], limits(row)),
            *(row["meets"], row["fails"], row["unknown"], SURE[row["verified"]]),
        ]
        for row in found["accuracy"]
        for kind in row["classes"]
    ]
    headings = "类别 准确度等级 数量 要求 本类符合 本类不符合 本类未知 核对"
    return _sheet("B.9", "能源计量器具准确度等级统计汇总", headings, rows)
