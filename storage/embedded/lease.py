"""A user's hold on an embedded server."""

import fcntl
import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from config.errors import ConfigError, Fault, WanjiaError
from storage.embedded.processes import alive
from storage.embedded.room import State
from storage.embedded.server import FAULTY, Server
from storage.errors import Unavailable

log = logging.getLogger(__name__)

START_S = 60.0
CHECK_S = 1.0
CODE = str(Path(__file__).parents[2])
HOPELESS = 3
"""Starts in a row without an answer after which a new user is told so instead of waiting on."""


class Lease:
    """Keeps the server up until `close`, or until this process is gone. Made ready, it answers.

    Only this process holds it: children do not inherit it, unless by a fork without exec.
    """

    def __init__(self, server: Server) -> None:
        """Raises ConfigError for what the user can correct and Unavailable when the server does not start."""
        self._server, self._room = server, server.room
        self._room.make()
        self._closed = threading.Event()
        self._deadline = time.monotonic() + START_S
        try:
            self._lock = self._join()
        except OSError as error:
            raise self._room.fault(error) from None
        try:
            server.check(self._await_server())
        except BaseException:
            os.close(self._lock)
            raise
        self._watcher = threading.Thread(target=self._watch, name=f"lease-{server.name}", daemon=True)
        self._watcher.start()

    @property
    def state(self) -> State:
        """The server's state now."""
        return self._room.read()

    @property
    def url(self) -> str:
        """Where to connect, with the password."""
        return self._server.url(self.state)

    def close(self) -> None:
        """Let go. The guardian ends the server some seconds after the last user has."""
        if not self._closed.is_set():
            self._closed.set()
            self._watcher.join()
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _join(self) -> int:
        """Count as a user. While a guardian ends its server it keeps users out: wait until it has gone."""
        while (lock := self._room.lock("users", fcntl.LOCK_SH)) is None:
            self._pause("an earlier one is still ending")
        return lock

    def _await_server(self) -> State:
        while True:
            if not self._room.guarded():
                self._launch()
            state = self._room.read()
            if alive(state.pid):
                return state
            if state.failures >= HOPELESS:
                raise Unavailable(self._explain("does not start"))
            self._pause("it does not answer")

    def _pause(self, reason: str) -> None:
        if time.monotonic() > self._deadline:
            raise Unavailable(self._explain(f"not ready after {START_S:.0f} s, {reason}"))
        time.sleep(0.02)

    def _explain(self, what: str) -> str:
        return f"embedded {self._server.name} {what}; the end of {self._room.log}:\n{self._room.log_tail()}"

    def _launch(self) -> None:
        """Start a guardian; returns when it has prepared the server and gone to the background."""
        launched = subprocess.run(
            [sys.executable, "-P", "-m", "storage.embedded.guardian", *self._server.arguments()],
            cwd="/",
            env=os.environ | {"PYTHONPATH": os.pathsep.join([*filter(None, sys.path), CODE])},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )
        if launched.returncode == FAULTY:
            raise ConfigError([Fault(**fault) for fault in json.loads(launched.stdout)])
        if launched.returncode:
            raise Unavailable(f"the guardian of embedded {self._server.name} failed: {launched.stderr.strip()[-2000:]}")

    def _watch(self) -> None:
        """Say what the server lacks. Replace the guardian when it was killed: its server died with it."""
        failing, shortage = False, ""
        while not self._closed.wait(CHECK_S):
            shortage = self._tell(shortage)
            if self._room.guarded():
                continue
            try:
                self._launch()
                log.warning("embedded %s had lost its guardian; it has a new one", self._server.name)
                failing = False
            except (WanjiaError, OSError) as error:
                if not failing:
                    log.error("embedded %s has lost its guardian: %s", self._server.name, error)
                failing = True

    def _tell(self, known: str) -> str:
        shortage = self._server.shortage()
        if shortage and not known:
            log.error("embedded %s takes nothing new and keeps what it has: %s", self._server.name, shortage)
        elif known and not shortage:
            log.info("embedded %s has room again", self._server.name)
        return shortage
