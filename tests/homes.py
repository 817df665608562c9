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
        end_servers(home)
        shutil.rmtree(home)


def end_servers(home: Path) -> None:
    """End the servers of `home` now; by itself a guardian waits a while for the next user."""
    deadline = time.monotonic() + 15
    for room in (Room(home, name) for name in ("postgres", "nats")):
        while room.folder.exists() and room.guarded():
            guardian = room.read().guardian
            if guardian and alive(guardian):
                os.kill(guardian, signal.SIGTERM)
            assert time.monotonic() < deadline, f"the guardian of {room.folder} does not end"
            time.sleep(0.02)


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
