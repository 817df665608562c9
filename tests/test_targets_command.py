"""`wanjia targets` and `wanjia notify log`, on a real database."""

from pathlib import Path

import pytest

import wanjia
from tests.conftest import NatsAddress

pytestmark = pytest.mark.servers


def test_targets_from_the_command_line(
    database_url: str,
    nats: NatsAddress,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def said(*arguments: str, code: int = 0) -> str:
        assert wanjia.main(list(arguments)) == code
        captured = capsys.readouterr()
        return captured.out + captured.err

    for name, value in (("DATABASE_URL", database_url), ("NATS_URL", nats.url), ("HOME", str(tmp_path))):
        monkeypatch.setenv(f"WANJIA_{name}", value)
    monkeypatch.setattr(wanjia, "TEST_S", 0.1)
    secret = said("targets", "set", "duty", "webhook", "https://duty.example.org/hook?token=x").split()[-1]
    assert len(secret) > 40
    mail = ("targets", "set", "chief", "mail", "chief@example.org", "--escalations-only", "--digest", "daily 08:00")
    assert said(*mail) == "chief: set\n"
    listed = said("targets", "list")
    assert [line.split() for line in listed.splitlines()] == [
        ["NAME", "KIND", "ADDRESS", "TOLD", "OF", "ENTERPRISE", "LANGUAGE", "WHEN", "STATE"],
        [
            "chief",
            "mail",
            "chief@example.org",
            "escalations",
            "all",
            "zh",
            "daily",
            "08:00",
            "Asia/Shanghai",
            "enabled",
        ],
        ["duty", "webhook", "https://duty.example.org/***", "from", "warning", "all", "zh", "immediately", "enabled"],
    ]
    assert secret not in listed
    assert "duty: not taken up within 0.1 s; is the role watch running?" in said("targets", "test", "duty", code=1)
    assert "duty waiting (0 attempts): 测试通知：duty 能收到告警。" in said("notify", "log")
    assert said("targets", "disable", "duty").startswith("duty: disabled;")
    assert "duty given_up (the target was disabled)" in said("notify", "log", "--target", "duty")
    for command in ("disable", "test"):
        assert said("targets", command, "night", code=2).startswith("error: target night: there is none")
    assert "digest: 'weekly' cannot be used; use immediately, hourly or daily HH:MM" in said(
        "targets", "set", "duty", "wecom", "https://x/", "--digest", "weekly", code=2
    )
