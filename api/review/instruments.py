"""The instrument register 能源计量器具一览表, in the columns of tables B.3 to B.7 of JJF 1356."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.review.equipping import category_of, verification
from api.review.sheets import Cell, Sheet
from config.carriers import carriers

Row = Mapping[str, Any]
STATES = {"qualified": "合格", "limited": "准用", "out_of_use": "停用"}
VERIFIED = {"in_date": "在有效期内", "expired": "已过期", "unknown": "未登记"}
HEADINGS = (
    "序号",
    "名称",
    "型号规格",
    "准确度等级",
    "测量范围",
    "生产厂家",
    "出厂编号",
    "管理编号",
    "安装使用地点及用途",
    "计量点",
    "能源种类",
    "检定周期（月）",
    "最近检定日期",
    "有效期至",
    "证书编号",
    "检定情况",
    "状态",
)


def item(row: Row) -> dict[str, Any]:
    """An instrument as the API shows it: with its kind, and whether its verification holds."""
    kind = category_of(row)
    return {
        **row,
        "category": kind.code,
        "category_zh": kind.zh,
        "category_en": kind.en,
        "verification": verification(row),
    }


def sheet(name: str, title: str, rows: Sequence[Row]) -> Sheet:
    """Instruments as a table."""
    return Sheet(name, title, HEADINGS, [_line(number, row) for number, row in enumerate(rows, 1)])


def _line(number: int, row: Row) -> list[Cell]:
    where = row["place"] or row["metering_point_name"]
    carrier = carriers().get(row["carrier"] or "")
    return [
        number,
        row["name"] or category_of(row).zh,
        row["model"],
        row["accuracy_class"],
        row["range"],
        row["maker"],
        row["serial"],
        row["code"],
        "，".join(part for part in (where, row["purpose"]) if part),
        row["metering_point"],
        carrier.zh if carrier else None,
        row["verification_months"],
        row["verified_on"],
        row["verified_until"],
        row["certificate"],
        VERIFIED[verification(row)],
        STATES[row["state"]],
    ]
