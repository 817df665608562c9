"""Working days: Monday to Friday. Public holidays, and weekends worked instead of them, are not reckoned with."""

from datetime import datetime, time, timedelta

REPAIR_DAYS = 3
"""Within which a fault of data acquisition is to be repaired. Second-hand, of the national platform of key energy-using
units: hao3537.com/xinwendongtai/781.html."""


def due(start: datetime, days: int = REPAIR_DAYS) -> datetime:
    """The midnight that ends the so-manieth working day after the day of `start`, in its zone."""
    day = start.date()
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return datetime.combine(day + timedelta(days=1), time(), start.tzinfo)
