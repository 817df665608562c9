"""What can go wrong with data at rest, sorted by what the caller does next.

StorageError
├── Unavailable     server down, connection lost, disk full: retry; the stream holds what is not acknowledged
│   ├── TooSlow     the statement ran longer than its role allows: ask for less
│   └── StreamFull  the durable log takes no more: refuse the sender (nothing accepted is lost)
└── RowsRefused     these rows can never be stored: quarantine them with the reason
"""

from config.errors import WanjiaError


class StorageError(WanjiaError):
    """Something about data at rest."""


class Unavailable(StorageError):
    """The database or the stream cannot be reached or cannot write now; trying again later is right."""


class TooSlow(Unavailable):
    """The database cancelled a statement that ran longer than its role allows."""


class StreamFull(Unavailable):
    """The stream has reached its limit or its disk is full; it accepts nothing until ingest has caught up."""


class RowsRefused(StorageError):
    """These rows can never be stored."""
