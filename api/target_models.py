"""The shapes of questions and answers about who is told of alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

Kind = Literal["webhook", "mail", "wecom", "dingtalk", "feishu"]
Severity = Literal["info", "warning", "critical"]


class TargetItem(BaseModel):
    name: str
    kind: Kind
    address: str = Field(description="Of a URL only the host: path and query may be secret")
    signed: bool = Field(description="There is a secret")
    min_severity: Severity
    enterprise: str | None
    language: Literal["zh", "en"]
    digest: str
    zone: str
    escalations_only: bool
    enabled: bool


class TargetBody(BaseModel):
    """How a target is told. What is left out stays as it is; of a new target `kind` and `address` must be given."""

    kind: Kind | None = None
    address: str | None = Field(
        None, max_length=2000, description="URL of the webhook or robot, or mail addresses with commas between them"
    )
    secret: str | None = Field(
        None,
        max_length=200,
        description="Signs every message: of a webhook at least 16 characters, of DingTalk and Feishu the robot's",
    )
    min_severity: Severity | None = Field(None, description="Default: warning")
    enterprise: str | None = Field(None, description="Only alerts of this one; empty: of all")
    language: Literal["zh", "en"] | None = Field(None, description="Default: zh")
    digest: str | None = Field(None, description="immediately (default), hourly or `daily HH:MM`")
    zone: str | None = Field(None, description="Whose clock `daily` means; default: Asia/Shanghai")
    escalations_only: bool | None = Field(None, description="Told only of what nobody has acknowledged in time")


class Tried(BaseModel):
    """What has become of a test."""

    state: Literal["waiting", "sent", "given_up"] = Field(
        description="waiting: no role watch has taken it up yet; given_up: it could not be delivered"
    )
    error: str


class NotificationItem(BaseModel):
    id: int
    target: str
    kind: Kind
    test: bool
    state: Literal["waiting", "sent", "given_up"]
    attempts: int
    last_error: str
    created: datetime
    sent: datetime | None
    next_attempt: datetime | None
    severity: Severity
    count: int = Field(description="Alerts it tells of")
    zh: str
    en: str
