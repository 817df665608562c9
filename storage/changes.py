"""Why history changes: one row per cause, to which every replaced interval refers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection

INGEST = "ingest"
"""The actor when it was readings that changed something."""


@dataclass(slots=True)
class Cause:
    """Who changes history and why, for one transaction. The row is made when something was really replaced."""

    actor: str
    reason: str
    id: int | None = None

    async def number(self, conn: Connection) -> int:
        """The id of its row."""
        if self.id is None:
            self.id = await conn.fetchval(SQL["change_add"], self.actor, self.reason)
        assert self.id is not None
        return self.id


def later_readings() -> Cause:
    """Readings that came late, or that told what earlier ones meant."""
    return Cause(INGEST, "readings came late, or told what earlier ones meant")
