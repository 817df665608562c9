"""Targets: faults named all at once, secrets kept, changes audited."""

from dataclasses import replace

import pytest

from config.errors import ConfigError
from storage import targets
from storage.database import Database
from storage.targets import Target

pytestmark = pytest.mark.servers
SECRET = "a secret of 24 characters"
DUTY = Target("duty", "webhook", "https://me:hush@duty.example.org:8443/hook/token?key=hidden", SECRET)


async def test_everything_that_cannot_be_used_is_named(database: Database) -> None:
    wrong = Target("a/b", "pigeon", "ftp://x", "short", "loud", "nobody", "fr", "daily 25:00", "Mars/Crater")
    with pytest.raises(ConfigError) as raised:
        await targets.put(database, wrong, "ops")
    assert sorted(fault.where for fault in raised.value.faults) == [
        "address", "digest", "enterprise", "kind", "language", "min_severity", "name", "zone",
    ]  # fmt: skip
    for target, field in (
        (replace(DUTY, secret="short"), "secret"),
        (replace(DUTY, kind="wecom"), "secret"),
        (replace(DUTY, address="https://host:99999/"), "address"),
        (replace(DUTY, address="https:///path"), "address"),
        (Target("m", "mail", "a@b.c, d"), "address"),
        (Target("m", "mail", "a@b.c\nBcc: x@y.z"), "address"),
    ):
        with pytest.raises(ConfigError) as raised:
            await targets.put(database, target, "ops")
        assert [fault.where for fault in raised.value.faults] == [field], target
    assert await targets.listed(database) == []


async def test_what_is_secret_is_neither_listed_nor_audited(database: Database) -> None:
    await targets.put(database, DUTY, "ops")
    await targets.put(database, Target("mail", "mail", "a@example.org,b@example.org"), "ops")
    shown = {item["name"]: item for item in await targets.listed(database)}
    assert shown["duty"] == {
        "name": "duty",
        "kind": "webhook",
        "address": "https://duty.example.org:8443/***",
        "signed": True,
        "min_severity": "warning",
        "enterprise": None,
        "language": "zh",
        "digest": "immediately",
        "zone": "Asia/Shanghai",
        "escalations_only": False,
        "enabled": True,
    }
    assert shown["mail"]["address"] == "a@example.org,b@example.org"
    audit = str([tuple(row) for row in await database.pool.fetch("select * from audit")])
    for hidden in ("hush", "token", "hidden", SECRET):
        assert hidden not in str(shown) + audit
    assert await targets.find(database, "duty") == DUTY


async def test_disabled_and_set_again(database: Database) -> None:
    await targets.put(database, DUTY, "ops")
    assert await targets.disable(database, "duty", "ops")
    assert not await targets.disable(database, "night", "ops")
    assert await targets.test(database, "duty", {}, 0) is None
    await targets.put(database, replace(DUTY, min_severity="info"), "ops")
    (item,) = await targets.listed(database)
    assert (item["enabled"], item["min_severity"]) == (True, "info")
    rows = await database.pool.fetch("select action, code from audit where kind = 'target' order by id")
    assert [tuple(row) for row in rows] == [("set", "duty"), ("disable", "duty"), ("set", "duty")]
