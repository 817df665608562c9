"""The guardian: parent of one embedded server. `python -m storage.embedded.guardian postgres|nats HOME [MQTT]`

In the foreground it prepares the server, so that whoever started it gets every fault at once (exit FAULTY, JSON on
standard output); then it goes to the background and stays until nobody has used the server for some seconds. Exit 0 at
once when another guardian is at work.
"""

import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from config.errors import ConfigError
from storage.embedded.nats_server import Nats
from storage.embedded.postgres_server import Postgres
from storage.embedded.processes import spawn, sweep
from storage.embedded.room import State
from storage.embedded.server import FAULTY, Server

LOOK_S = 0.2
LINGER_S = 2.0
"""How long an unused server stays, for the next command of somebody typing."""
STOP_S = 5.0
"""How long an orderly end may take; with LINGER_S this keeps the promise of 10 s."""
START_S = 120.0
"""A server that does not answer after this (a long recovery is shorter) is started anew."""
BACK_OFF_S = (0.1, 10.0)


class Guardian:
    """Keeps one server alive while it has users."""

    def __init__(self, server: Server, state: State) -> None:
        self._server, self._room, self._state = server, server.room, state
        self._unused_since: float | None = None
        self._told_to_stop = False
        self._unwritten = False

    def run(self) -> None:
        """Until the last user has gone, or a signal to end."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop_soon)
        pause, longest = BACK_OFF_S
        while not self._over():
            answered = self._live_once()
            pause = BACK_OFF_S[0] if answered else min(pause * 2, longest)
            resume = time.monotonic() + pause
            while time.monotonic() < resume and not self._over():
                time.sleep(min(pause, LOOK_S))

    def _stop_soon(self, *_: object) -> None:
        self._told_to_stop = True

    def _live_once(self) -> bool:
        """One life of the server, from start to death. Returns whether it ever answered."""
        server, command = self._server, self._server.command(self._state)
        with self._room.log.open("ab") as log:
            process = spawn(command, self._room.data, server.account, log, server.quit_signal)
        try:
            answered = self._await_answer(process)
            if answered:
                self._note(pid=process.pid, failures=0)
                self._watch(process)
        finally:
            self._end(process)
        self._note(pid=None, failures=self._state.failures + (not answered))
        return answered

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None and not self._over() and not self._server.outdated():
            self._room.trim_log()
            self._write_state()
            time.sleep(LOOK_S)

    def _await_answer(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + START_S
        while process.poll() is None and not self._over() and time.monotonic() < deadline:
            if self._server.answers(self._state):
                return True
            time.sleep(0.02)
        return False

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        for ask, patience in ((self._server.stop_signal, STOP_S), (self._server.quit_signal, 1.0)):
            if process.poll() is None:
                process.send_signal(ask)
                try:
                    process.wait(patience)
                except subprocess.TimeoutExpired:
                    continue
        if process.poll() is None:
            process.kill()
            process.wait()
        sweep(self._server.process, self._room.data, grace=1.0)

    def _over(self) -> bool:
        """Whether to end: told so, or unused for LINGER_S."""
        now = time.monotonic()
        if self._told_to_stop:
            return True
        users_lock = self._room.lock("users", fcntl.LOCK_EX)
        if users_lock is None:
            self._unused_since = None
            return False
        self._unused_since = self._unused_since or now
        if now - self._unused_since < LINGER_S:
            os.close(users_lock)
            return False
        # The lock stays with us until we have gone: a new user waits for it, then finds no guardian, not a dying one.
        self._told_to_stop = True
        return True

    def _note(self, *, pid: int | None, failures: int) -> None:
        self._state.pid, self._state.failures, self._state.guardian = pid, failures, os.getpid()
        self._state.started = time.time() if pid else self._state.started
        self._unwritten = True
        self._write_state()

    def _write_state(self) -> None:
        """On a full disk it is tried again later: those who use the server need it less than the server us."""
        if self._unwritten:
            with suppress(OSError):
                self._room.write(self._state)
                self._unwritten = False


def _prepare(server: Server) -> State:
    """Under the guardian's lock: end what is left of an earlier server, then make all ready."""
    state = server.room.read()
    state.pid, state.guardian, state.failures = None, None, 0
    state.password = state.password or secrets.token_urlsafe(24)
    server.room.write(state)  # before anything is made with this password
    sweep(server.process, server.room.data, grace=2.0)
    server.prepare(state)
    server.room.write(state)
    return state


def _to_background(log: Path) -> None:
    if os.fork():
        os._exit(0)  # whoever started us has waited for this
    with open(os.devnull, "rb") as nothing, log.open("ab") as out:
        os.dup2(nothing.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)


def main(arguments: list[str]) -> int:
    """Guard the server that the arguments name."""
    name, home, *mqtt = arguments
    server: Server = Nats(Path(home), *mqtt) if name == Nats.name else Postgres(Path(home))
    if server.room.lock("guardian", fcntl.LOCK_EX) is None:
        return 0
    try:
        state = _prepare(server)
    except (ConfigError, OSError) as error:
        faults = (error if isinstance(error, ConfigError) else server.room.fault(error)).faults
        print(json.dumps([asdict(fault) for fault in faults]))
        return FAULTY
    _to_background(server.room.log)
    Guardian(server, state).run()
    return 0


if __name__ == "__main__":
    os.closerange(3, 65536)  # what the one who started us had open is not ours to keep
    sys.exit(main(sys.argv[1:]))
