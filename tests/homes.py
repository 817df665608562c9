"""Temporary homes of embedded servers: unlike pytest's own folders, the server's unprivileged user can enter them."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from storage.embedded.processes import alive
from storage.embedded.room import Room


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A folder for embedded servers; whatever still runs in it at the end is ended, then it is removed."""
    home = Path(tempfile.mkdtemp(prefix="wanjia-test-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        for name in ("postgres", "nats"):
            _end(Room(home, name))
        shutil.rmtree(home)


def _end(room: Room) -> None:
    """Spare the wait that a guardian grants to the next user."""
    if not room.folder.exists():
        return
    guardian = room.read().guardian
    deadline = time.monotonic() + 15
    while room.guarded():
        if guardian and alive(guardian):
            os.kill(guardian, signal.SIGTERM)
        assert time.monotonic() < deadline, f"the guardian of {room.folder} does not end"
        time.sleep(0.02)
        guardian = room.read().guardian


def processes_in(home: Path) -> list[psutil.Process]:
    """Every process that works in `home` or has it on its command line: servers, their children, guardians."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(str(home)) or str(home) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]
