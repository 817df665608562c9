"""Room for rows of any month, and an end to old readings. What that means is the engine's own (0003_series.*.sql)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from config.samples import Instants
from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection


async def make_room(conn: Connection, table: Literal["reading", "metered_interval"], instants: Instants) -> None:
    """Make sure rows of these instants can be stored.

    Asks the server every time (0.2 ms): what a process remembers is wrong after a rollback or when retention dropped a
    month.
    """
    months = np.unique(instants.astype("datetime64[us]").astype("datetime64[M]"))
    await conn.fetchval(SQL["make_room"], table, months.tolist())


async def keep_readings(conn: Connection, days: int) -> None:
    """Let readings older than `days` go, now or by the engine's own job. Intervals and rollups stay for ever."""
    await conn.fetchval(SQL["keep_readings"], days)
