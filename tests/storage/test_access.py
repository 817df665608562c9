"""API keys: shown once, stored hashed, ended by time or hand."""

from datetime import UTC, datetime, timedelta

import pytest

from config.errors import ConfigError
from storage import access
from storage.access import Principal
from storage.database import Database

pytestmark = pytest.mark.servers


async def test_a_key_finds_its_holder(database: Database) -> None:
    key = await access.create(database, "metering centre", "regulator", "1101", actor="root")
    assert await access.find(database, key) == Principal("metering centre", "regulator", "1101")
    for other in ("", "x", key[:-1], key + "x", "wanjia_" + "a" * 43, "wanjia_" + "a" * 10_000):
        assert await access.find(database, other) is None


async def test_only_the_hash_is_stored(database: Database) -> None:
    key = await access.create(database, "one", "admin", actor="root")
    async with database.connection() as conn:
        row = await conn.fetchrow("select * from api_key")
        audit = await conn.fetch("select actor, action, kind, code, after from audit")
    assert row is not None
    assert len(row["hash"]) == 32
    assert key not in str(dict(row))
    assert key not in str([dict(entry) for entry in audit])
    assert [tuple(entry)[:4] for entry in audit] == [("root", "create", "api_key", "one")]


async def test_keys_differ_and_are_long(database: Database) -> None:
    keys = {await access.create(database, f"key {n}", "admin", actor="root") for n in range(5)}
    assert len(keys) == 5
    assert all(len(key) >= 43 for key in keys)


async def test_a_revoked_key_is_nobody(database: Database) -> None:
    key = await access.create(database, "one", "operator", actor="root")
    await access.revoke(database, "one", actor="root")
    assert await access.find(database, key) is None
    (first,) = await access.keys(database)
    await access.revoke(database, "one", actor="root")
    assert await access.keys(database) == [first], "revoking again keeps the first time"


async def test_an_expired_key_is_nobody(database: Database) -> None:
    now = datetime.now(UTC)
    past = await access.create(database, "past", "admin", expires=now - timedelta(seconds=1), actor="root")
    future = await access.create(database, "future", "admin", expires=now + timedelta(hours=1), actor="root")
    assert await access.find(database, past) is None
    assert await access.find(database, future) is not None


async def test_the_list_says_what_state_a_key_is_in(database: Database) -> None:
    now = datetime.now(UTC)
    await access.create(database, "old", "admin", expires=now - timedelta(days=1), actor="root")
    await access.create(database, "gone", "enterprise", "91110000600037341L", actor="root")
    await access.revoke(database, "gone", actor="root")
    await access.create(database, "good", "operator", actor="root")
    head, *rows = access.table(await access.keys(database), now).splitlines()
    assert head.split() == ["NAME", "ROLE", "SCOPE", "STATE", "CREATED", "EXPIRES"]
    assert [row.split()[:4] for row in rows] == [
        ["old", "admin", "-", "expired"],
        ["gone", "enterprise", "91110000600037341L", "revoked"],
        ["good", "operator", "-", "valid"],
    ]


@pytest.mark.parametrize(
    ("name", "role", "scope", "expected"),
    [
        ("", "admin", "", "name: '' is not a name"),
        ("a\nb", "admin", "", "name: 'a\\nb' is not a name"),
        ("a", "root", "", "role: unknown role 'root'; use one of admin, operator, enterprise, regulator"),
        ("a", "enterprise", "", "scope: '' is not an enterprise; give the unified social credit code"),
        ("a", "enterprise", "91110000600037342L", "scope: '91110000600037342L' is not an enterprise"),
        ("a", "regulator", "", "scope: '' is not a region"),
        ("a", "regulator", "110", "scope: '110' is not a region"),
        ("a", "regulator", "99", "scope: '99' is not a region"),
        ("a", "admin", "11", "scope: admin has no scope; leave it out"),
    ],
)
async def test_what_a_key_cannot_be(database: Database, name: str, role: str, scope: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await access.create(database, name, role, scope, actor="root")
    assert str(caught.value).startswith(expected)
    assert await access.keys(database) == []


async def test_names_are_unique_and_unknown_ones_told(database: Database) -> None:
    await access.create(database, "one", "admin", actor="root")
    with pytest.raises(ConfigError, match="name: there was a key 'one' already; give another name"):
        await access.create(database, "one", "admin", actor="root")
    with pytest.raises(ConfigError, match="name: there is no key 'two'; see `wanjia keys list`"):
        await access.revoke(database, "two", actor="root")
    with pytest.raises(ConfigError, match="expires: has no offset from UTC"):
        await access.create(database, "two", "admin", expires=datetime(2027, 1, 1), actor="root")  # noqa: DTZ001
