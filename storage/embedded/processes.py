"""Start a server unprivileged and bound to our life; find and end what a killed one left behind."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from storage.embedded.room import Account

PR_SET_PDEATHSIG = 1
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""Of every server: nothing of the user's (PGDATA, PGOPTIONS, …) gets in; TZ spares initdb a search for the zone."""


def spawn(
    command: Sequence[str | Path], cwd: Path, server: Account | None, log: IO[bytes], death: signal.Signals
) -> subprocess.Popen[bytes]:
    """Start `command` as `server`, in a session of its own; on Linux it gets the signal `death` when we die."""
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        user=server.uid if server else None,
        group=server.gid if server else None,
        extra_groups=[] if server else None,
        preexec_fn=die_with_parent(death),
    )


def run(command: Sequence[str | Path], cwd: Path, server: Account | None) -> subprocess.CompletedProcess[str]:
    """Run `command` to its end as `server`; output and errors together in `stdout`."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=server.uid if server else None,
        group=server.gid if server else None,
        extra_groups=[] if server else None,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )


def die_with_parent(death: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the child gets the signal when we die. It runs after the change of user, which would clear the
    setting. No such thing outside Linux."""
    if sys.platform != "linux":
        return lambda: None
    prctl, parent = ctypes.CDLL(None, use_errno=True).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(death), 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask


def alive(pid: int | None) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def sweep(program: str, data: Path, grace: float) -> None:
    """End every process named `program` that works in `data`: backends, or a whole server, whose parent was killed.

    They hold the port and the shared memory, and a server would not start beside them. Most go by themselves
    within `grace` seconds; the others are busy with a query nobody waits for.
    """
    patience = time.monotonic() + grace
    while found := _working_in(program, data):
        if time.monotonic() > patience:
            for process in found:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        time.sleep(0.05)


def _working_in(program: str, data: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == program and process.cwd() == str(data):
                found.append(process)
        except psutil.Error:  # gone, a zombie, or somebody else's
            continue
    return found
