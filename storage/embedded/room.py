"""The folder of one embedded server: its state, its locks, its log; and which user the server runs as."""

import errno
import fcntl
import json
import os
import pwd
import random
import shutil
import socket
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from config.errors import ConfigError, Fault

LOG_BYTES = 10 * 2**20
RESERVE_BYTES = 256 * 2**20
"""Of the disk, or an eighth of a small one: left to PostgreSQL, to take in what the stream holds."""


class Account(NamedTuple):
    """The unprivileged user that servers run as when we are root."""

    uid: int
    gid: int

    def may(self, path: Path, bit: int) -> bool:
        """Whether the permission `bit` (as for others, such as S_IXOTH) is granted on `path`. Knows no ACLs."""
        entry = path.stat()
        shift = 6 if entry.st_uid == self.uid else 3 if entry.st_gid == self.gid else 0
        return bool(entry.st_mode & (bit << shift))

    def stopped_at(self, path: Path) -> Path | None:
        """The outermost folder on the way into `path` that this account cannot enter."""
        path = path.resolve()
        return next((p for p in [*reversed(path.parents), path] if p.is_dir() and not self.may(p, stat.S_IXOTH)), None)


def account() -> Account | None:
    """`nobody` when we are root (PostgreSQL refuses to run as root), else None: servers run as we do."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


@dataclass(slots=True)
class State:
    """What is known of a server, kept across restarts."""

    port: int = 0
    password: str = ""
    mqtt_port: int | None = None
    pid: int | None = None
    """Process of the server while it answers, else None."""
    guardian: int | None = None
    started: float = 0.0
    """Unix time of the last start."""
    failures: int = 0
    """Starts in a row that ended before the server answered."""


class Room:
    """`<home>/<server>/`; belongs to the user who runs Wanjia, only `data` belongs to the server's account."""

    def __init__(self, home: Path, name: str) -> None:
        self.home = home.expanduser().resolve()
        self.folder = self.home / name
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"

    def make(self) -> None:
        """Create the folder. Raises ConfigError when it cannot be, or is not ours, or the server cannot get there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self.fault(error) from None
        self._check_owner()
        server = account()
        stopped = server and server.stopped_at(self.folder)
        if stopped:
            what = f"as root the servers run as user nobody, who cannot enter {stopped}"
            raise ConfigError([Fault(f"WANJIA_HOME {self.home}", what, "set WANJIA_HOME to a folder all may enter")])

    def _check_owner(self) -> None:
        owner = self.folder.stat().st_uid
        if owner != os.geteuid():
            fix = "run as that user or set another WANJIA_HOME"
            raise ConfigError([Fault(f"WANJIA_HOME {self.home}", f"belongs to user id {owner}, not to you", fix)])

    def fault(self, error: OSError) -> ConfigError:
        """What went wrong with the folder, said to the user."""
        fix = "free some disk space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "make it writable"
        what = f"{error.strerror or error}: {error.filename or self.folder}"
        return ConfigError([Fault(f"WANJIA_HOME {self.home}", what, f"{fix} or set another WANJIA_HOME")])

    def read(self) -> State:
        """The state; a fresh one when there is none yet. Raises ConfigError when it is lost or spoilt."""
        file = self.folder / "state.json"
        try:
            return State(**json.loads(file.read_text()))
        except FileNotFoundError:
            if not self.data.exists():
                return State()
            what = f"is missing, and with it the password of {self.data}"
        except (ValueError, TypeError) as error:
            what = f"cannot be read: {error}"
        raise ConfigError([Fault(str(file), what, f"restore it, or remove {self.folder} to start with no data")])

    def write(self, state: State) -> None:
        """Replace the state, durably: it holds the only copy of the password."""
        fresh = self.folder / "state.json.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(state), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.folder / "state.json")

    def shortage(self, known: bool) -> str:
        """Says that less than the reserve is free; said (`known`) until there is twice as much. Empty: all is well."""
        disk = shutil.disk_usage(self.data)
        wanted = min(RESERVE_BYTES, disk.total // 8) * (2 if known else 1)
        if disk.free >= wanted:
            return ""
        return f"the disk of {self.data} is full: {disk.free // 10**6} MB free, {wanted // 10**6} MB needed, make room"

    def log_tail(self, lines: int = 5) -> str:
        """The last lines of the server's log, for messages."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def trim_log(self) -> None:
        """Empty the log when it has grown; one old log is kept. The server goes on appending to the same file."""
        if self.log.stat().st_size > LOG_BYTES:
            with suppress(OSError):  # no room for an old log
                shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)

    def lock(self, name: str, mode: int) -> int | None:
        """An open lock file (users.lock, guardian.lock) locked with flock's `mode`; None when another one holds it.

        Closing the descriptor, also by dying, unlocks. Python opens it close-on-exec, so no child inherits it.
        """
        file = os.open(self.folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return file

    def guarded(self) -> bool:
        """Whether a guardian is there."""
        file = self.lock("guardian", fcntl.LOCK_SH)
        if file is not None:
            os.close(file)
        return file is None


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str) -> int:
    """A port to listen on, below those the system gives to outgoing connections.

    With one of those a client that retries while the server is down can take the port, or even connect to itself.
    """
    return next(port for _ in range(1000) if port_is_free(host, port := random.randint(15000, 30000)))
