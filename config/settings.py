"""Settings: environment variables `WANJIA_*` over `wanjia.toml` over the defaults below."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from config.addresses import masked
from config.errors import ConfigError, Fault, unreadable
from config.mail import FORM, MailServer, mail_server
from config.patience import FORM as FORM_HOURS
from config.patience import Patience, by_severity
from config.samples import MICROSECOND

FILE = "wanjia.toml"


def default_home() -> Path:
    """Where embedded servers keep their data. As root it lies where the unprivileged server user can reach it."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/wanjia")
    return Path(platformdirs.user_data_dir("wanjia", appauthor=False))


class Settings(BaseModel):
    """Everything that can be set. Field `x` is the variable `WANJIA_X` and the key `x` in wanjia.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str | None = Field(None, description="PostgreSQL or TimescaleDB; unset: the embedded server")
    nats_url: str | None = Field(None, description="NATS with JetStream; unset: the embedded server")
    home: Path = Field(default_factory=default_home, description="data of the embedded servers")
    http: str = Field("127.0.0.1:8000", description="host:port of API and console; port 0 takes a free one")
    mqtt: str = Field("127.0.0.1:1883", description="host:port of the embedded MQTT listener; port 0 takes a free one")
    site: str = Field("", description="collect only enterprises of this site (empty: those without a site)")
    registry: Path | None = Field(None, description="registry file applied at start by `wanjia run`")
    factors: Path | None = Field(None, description="file of your own factors; they go before the shipped ones")
    tariffs: Path | None = Field(None, description="file of your own tariff plans; they go before the shipped ones")
    prices: Path | None = Field(None, description="file of your own prices, to rank alerts by; before the shipped ones")
    repair_days: int = Field(3, ge=1, le=60, description="working days within which gaps are to be repaired")
    holidays: Path | None = Field(None, description="file of your own public holidays; its years replace shipped ones")
    smtp: str | None = Field(None, description=f"mail server for notifications: {FORM}")
    mail_from: str = Field("wanjia@localhost", description="who notifications by mail are from")
    flap_minutes: int = Field(10, ge=0, le=1440, description="an alert that comes back so soon is the same one")
    remind_hours: str = Field("critical=4,warning=24", description=f"when open alerts are told again: {FORM_HOURS}")
    escalate_hours: str = Field(
        "critical=4,warning=24,info=168", description=f"when alerts nobody acknowledges go up a step: {FORM_HOURS}"
    )
    retention_days: int = Field(1826, ge=1, description="readings older than this are dropped")
    stream_bytes: int = Field(10 * 2**30, ge=2**20, description="how much the stream may hold on disk, in bytes")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="how much is told")

    @field_validator("http", "mqtt")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        return address(value)

    @field_validator("smtp")
    @classmethod
    def _mail_server(cls, value: str | None) -> str | None:
        if value is not None:
            mail_server(value, "")
        return value

    @field_validator("remind_hours", "escalate_hours")
    @classmethod
    def _by_severity(cls, value: str) -> str:
        by_severity(value)
        return value

    @property
    def patience(self) -> Patience:
        """How long alerts may wait."""
        flap = self.flap_minutes * 60 * MICROSECOND
        return Patience(flap, by_severity(self.remind_hours), by_severity(self.escalate_hours))

    @property
    def mail_server(self) -> MailServer | None:
        """Where notifications by mail are handed in; None: nowhere."""
        return mail_server(self.smtp, self.mail_from) if self.smtp else None


def address(value: str) -> str:
    """The value, when it is `host:port`. Raises ValueError."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be host:port, for example 127.0.0.1:8000")
    return value


def split_address(value: str) -> tuple[str, int]:
    """`host:port` of a checked setting as a pair."""
    host, _, port = value.rpartition(":")
    return host.strip("[]"), int(port)


def load(environ: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """Settings from the environment and the file. Raises ConfigError with every fault, naming variable or key."""
    environ = os.environ if environ is None else environ
    file = file or Path(environ.get("WANJIA_CONFIG") or FILE)
    values: dict[str, Any] = _read(file) if file.exists() or environ.get("WANJIA_CONFIG") else {}
    sources = {key: f"{file} key {key}" for key in values}
    for name in Settings.model_fields:
        variable = _variable(name)
        if environ.get(variable):
            values[name], sources[name] = environ[variable], variable
    faults = _misspelt(environ)
    try:
        chosen = Settings(**values)
    except ValidationError as error:
        raise ConfigError([*faults, *(_fault(dict(item), sources, file) for item in error.errors())]) from None
    if faults:
        raise ConfigError(faults)
    return chosen


def _misspelt(environ: Mapping[str, str]) -> list[Fault]:
    """Variables that are almost a setting: a wrong `WANJIA_DATABASE_URI` would silently mean the embedded server.
    Others may belong to whatever runs Wanjia, such as Kubernetes' `WANJIA_SERVICE_HOST`."""
    known = [_variable(name) for name in (*Settings.model_fields, "config")]
    unknown = sorted(name for name in environ if name.startswith("WANJIA_") and name not in known)
    near = ((name, difflib.get_close_matches(name, known, 1, cutoff=0.9)) for name in unknown)
    return [Fault(name, "is not a setting", f"did you mean {match[0]}?") for name, match in near if match]


def _variable(name: str) -> str:
    return f"WANJIA_{name.upper()}"


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError([unreadable(file, error)]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(str(file), f"cannot be read: {error}", "correct the file")]) from None


def _fault(item: dict[str, Any], sources: Mapping[str, str], file: Path) -> Fault:
    key = str(item["loc"][0]) if item["loc"] else ""
    if item["type"] == "extra_forbidden":
        return Fault(f"{file} key {key}", "is not a setting", f"use one of {', '.join(Settings.model_fields)}")
    fix = Settings.model_fields[key].description or "correct the value"
    what = item["msg"].removeprefix("Value error, ")
    return Fault(sources.get(key, key), f"{masked(repr(item['input']))}: {what}", fix)
