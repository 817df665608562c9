"""The review report 能源计量审查报告 of an enterprise and period: one JSON document that says all there is to say.

What people sign is this document; PDF, tables and evidence are made of it alone.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec

from api.review import figures, happenings, instruments, rules
from api.review.equipping import equipping
from api.review.scope import Scope
from storage import reviews, views
from storage.columns import instant

FORM = 1
"""Of the document; a change of meaning counts it up."""


async def build(scope: Scope) -> dict[str, Any]:
    """The report as of now. Raises Problem."""
    db, last = scope.served.database, min(scope.past, scope.now)
    rows = await figures.metering_points(scope)
    instrument_rows = await views.instruments(db, scope.sight, instant(last - 1), enterprise=scope.uscc)
    known = await rules.settings(scope)
    wanted = await views.to_be_measured(db, scope.sight, scope.uscc)
    return {
        "form": FORM,
        "software": f"wanjia {version('wanjia')}",
        "enterprise": {name: scope.owner[name] for name in ("uscc", "name", "region", "industry", "zone")},
        "period": {
            "from": scope.at(scope.start),
            "to": scope.at(scope.past),
            "first_day": scope.dates[0],
            "last_day": scope.dates[-2],
            "days": len(scope.days) - 1,
        },
        "as_of": scope.at(scope.now),
        "quality": await figures.quality(scope, rows),
        "consumption": await figures.consumption(scope, rows),
        "balance": await figures.balance(scope, rows),
        "quotas": await rules.quotas(scope, rows, known),
        "gaps": await happenings.gaps(scope),
        "alerts": await happenings.alerts(scope),
        "edits": await happenings.edits(scope),
        "rules": rules.listed(known),
        "equipping": equipping(wanted, instrument_rows, scope.dates[-2]),
        "instruments": [instruments.item(row) for row in instrument_rows],
        **await reviews.lists(db, scope.sight, scope.uscc),
    }


def encoded(report: dict[str, Any]) -> bytes:
    """The report as it is kept: the same bytes for the same report."""
    return msgspec.json.encode(report, order="deterministic")
