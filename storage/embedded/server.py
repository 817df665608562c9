"""What the guardian needs to know of a server."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from storage.embedded.room import Room, State, account

FAULTY = 78
"""Exit code of a guardian that found faults (EX_CONFIG of sysexits.h; Python itself uses 1 and 2)."""


class Server(ABC):
    """One embedded server in its room."""

    name: ClassVar[str]
    """Name of the room, and what the guardian is told to guard."""
    process: ClassVar[str]
    """Name of the server's processes."""
    stop_signal: ClassVar[signal.Signals]
    """Asks for an orderly end."""
    quit_signal: ClassVar[signal.Signals]
    """Ends it at once, losing nothing that was acknowledged; also what it gets when the guardian dies."""

    def __init__(self, home: Path) -> None:
        self.room = Room(home, self.name)
        self.account = account()

    def arguments(self) -> list[str]:
        """Command line of the guardian, after its module."""
        return [self.name, str(self.room.home)]

    def check(self, state: State) -> None:  # noqa: B027 (most servers have nothing to check)
        """Raises ConfigError when a server that runs already is not what this user asked for."""

    def shortage(self) -> str:
        """Why it takes nothing new until the user does something about it, in words; empty: it does."""
        return ""

    def outdated(self) -> bool:
        """Whether it must be started anew, because its command would be another one now."""
        return False

    @abstractmethod
    def prepare(self, state: State) -> None:
        """Make everything ready for a start; no server runs. Fills in `state`. Raises ConfigError or OSError."""

    @abstractmethod
    def command(self, state: State) -> list[str | Path]:
        """Command line of the server."""

    @abstractmethod
    def answers(self, state: State) -> bool:
        """Whether it takes requests."""

    @abstractmethod
    def url(self, state: State) -> str:
        """Where users connect to."""
