"""How good a number is. Reading flags say what was seen at arrival; interval quality says what a bucket is worth."""

from enum import IntEnum, IntFlag


class Flag(IntFlag):
    """Bits of `reading.flags`, set once at arrival and never changed (raw is never overwritten)."""

    NONE = 0
    BACKFILL = 1
    """Came by the backfill lane: history, an array of old readings, an import."""
    SENDER_CLOCK = 2
    """The source time was set by the device or sender (a poll's time is set by us at the reply)."""
    DECLARED_ZONE = 4
    """The sender's time had no zone; the zone declared in its mapping was used."""


class Quality(IntEnum):
    """Quality of an interval or rollup, from best to worst; the quality of a sum is the worst of its parts."""

    MEASURED = 0
    EDITED = 1
    ESTIMATED = 2
    SUSPECT = 3
    MISSING = 4

    @property
    def word(self) -> str:
        return self.name.lower()


class Method(IntEnum):
    """How an interval's consumption was found."""

    REGISTER = 0
    """Difference of the register at both ends, each bracketed by readings close by."""
    LINEAR = 1
    """Part of a gap whose energy is known from the registers at both ends, spread evenly over it."""
    LIKE_DAY = 2
    """Part of a longer gap whose energy is known likewise, spread as like days around it were."""
    LIKE_DAY_FREE = 3
    """What like days had, where nothing is known of what flowed; people asked for it."""
    SET = 4
    """Part of what people said flowed, spread evenly."""
