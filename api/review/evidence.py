"""The evidence pack: all that stands behind a review, in one file whose parts can be checked by their hashes."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from api.review.sheets import to_xlsx
from api.review.tables import tables


def pack(frozen: bytes, printed: bytes, review: Mapping[str, Any]) -> bytes:
    """A ZIP of report.json (byte for byte as signed), its PDF, tables, factors, alerts, rules, edits, and manifest."""
    report = decoded(frozen)
    files = {"report.json": frozen, "report.pdf": printed, "tables.xlsx": to_xlsx(tables(report))}
    files["factors.json"] = _readable(report["consumption"]["factors"])
    files["alerts.json"] = _readable(report["alerts"])
    files["rules.json"] = _readable(report["rules"])
    files["edits.json"] = _readable(report["edits"])
    hashes = {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
    files["manifest.json"] = _readable({"review": review, "software": report["software"], "sha256": hashes})
    when = datetime.fromisoformat(review["decided_at"] or review["made_at"]).timetuple()[:6]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, body in files.items():
            packed.writestr(zipfile.ZipInfo(name, when), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def decoded(frozen: bytes) -> dict[str, Any]:
    """A frozen report as data."""
    report: dict[str, Any] = msgspec.json.decode(frozen)
    return report


def _readable(data: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(data))
