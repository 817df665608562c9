"""The command line as users meet it: what it says of what they got wrong, and that it leaves nothing running."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from tests.conftest import NatsAddress, _database
from tests.homes import processes_in, temporary_home
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.timeout(120)]
ROLES = ("collect", "ingest", "watch", "api")
NOBODY = "127.0.0.1:1"
"""An address where nobody listens."""
GONE_S = 10
AT_WORK = ("listening on", "ingesting", "watching", "collecting from")
Environment = dict[str, str]
Running: TypeAlias = "subprocess.Popen[bytes]"


@dataclass
class Ended:
    """A command that came to its end."""

    code: int
    said: list[str]

    @property
    def errors(self) -> list[str]:
        return [line for line in self.said if line.startswith("error: ")]


def wanjia(environment: Mapping[str, str], *arguments: str, folder: Path) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "wanjia", *arguments], env=environment, cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stdout, done.stdout
    return Ended(done.returncode, done.stdout.splitlines())


@contextmanager
def running(environment: Mapping[str, str], *arguments: str, folder: Path) -> Iterator[tuple[Running, Path]]:
    """A command that goes on, and the file it writes to; killed at the end."""
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "wanjia", *arguments], env=environment, cwd=folder, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield started, Path(output.name)
    finally:
        started.kill()
        started.wait()


def clean(**values: str) -> Environment:
    """The environment without any settings but these; this checkout is what runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANJIA_")}
    return kept | {"PYTHONPATH": str(Path(__file__).parent.parent)} | values


@pytest.fixture
def environment(postgres_url: str, _migrated: str, nats: NatsAddress, tmp_path: Path) -> Iterator[Environment]:
    """Settings that are right: real servers, a fresh, migrated database, a free port."""
    with _database(postgres_url, _migrated) as url:
        yield clean(
            WANJIA_DATABASE_URL=url, WANJIA_NATS_URL=nats.url, WANJIA_HTTP="127.0.0.1:0", WANJIA_HOME=str(tmp_path)
        )


@pytest.fixture
def taken() -> Iterator[str]:
    """host:port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"127.0.0.1:{other.getsockname()[1]}"


def with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{password}@{parts.hostname}:{parts.port}").geturl()


class TestWhatCannotWork:
    @pytest.mark.parametrize("command", ["run", "api"])
    def test_a_port_in_use(self, environment: Environment, taken: str, tmp_path: Path, command: str) -> None:
        ended = wanjia(environment | {"WANJIA_HTTP": taken}, command, folder=tmp_path)
        assert ended.code == 2
        assert ended.errors == [
            f"error: WANJIA_HTTP: cannot listen on {taken}: Address already in use; "
            "stop the program that uses it, or set WANJIA_HTTP to another host:port"
        ]

    def test_an_mqtt_port_in_use(self, environment: Environment, taken: str) -> None:
        del environment["WANJIA_NATS_URL"]
        with temporary_home() as home:
            ended = wanjia(environment | {"WANJIA_HOME": str(home), "WANJIA_MQTT": taken}, "run", folder=home)
        assert ended.code == 2
        assert ended.said == [
            f"error: WANJIA_MQTT: {taken} is in use by another program, or is no address of this machine; "
            "stop that program, or set WANJIA_MQTT to another host:port (127.0.0.1:0 takes a free one)"
        ]

    @pytest.mark.parametrize("command", ["run", "ingest", "watch", "api", "migrate"])
    def test_a_wrong_password_of_the_database(self, environment: Environment, tmp_path: Path, command: str) -> None:
        wrong = with_password(environment["WANJIA_DATABASE_URL"], "wrong")
        ended = wanjia(environment | {"WANJIA_DATABASE_URL": wrong}, command, folder=tmp_path)
        assert ended.code == 2
        assert ended.errors == [
            'error: WANJIA_DATABASE_URL: password authentication failed for user "postgres"; '
            "correct user and password in it"
        ]

    @pytest.mark.parametrize(
        ("url", "says"),
        [
            ("mysql://somewhere", "invalid DSN: scheme is expected .* give it as postgresql://user"),
            ("{}-nowhere", 'database ".*-nowhere" does not exist; create the database, or correct its name'),
        ],
    )
    def test_a_database_that_is_none(self, environment: Environment, tmp_path: Path, url: str, says: str) -> None:
        environment["WANJIA_DATABASE_URL"] = url.format(environment["WANJIA_DATABASE_URL"])
        ended = wanjia(environment, "run", folder=tmp_path)
        assert ended.code == 2
        assert matches(ended, f"WANJIA_DATABASE_URL: {says}")

    @pytest.mark.parametrize("command", ["run", "ingest", "watch", "api", "migrate"])
    async def test_a_database_of_a_newer_program(self, environment: Environment, tmp_path: Path, command: str) -> None:
        connection = await asyncpg.connect(environment["WANJIA_DATABASE_URL"])
        await connection.execute("insert into schema_migration values (9999, '9999_later.sql', '')")
        await connection.close()
        ended = wanjia(environment, command, folder=tmp_path)
        assert ended.code == 2
        assert len(ended.errors) == 1
        assert matches(ended, "has 9999_later.sql, which this program does not know; install the newer Wanjia")

    @pytest.mark.parametrize("command", ["run", *ROLES])
    def test_a_wrong_password_of_the_stream(self, environment: Environment, tmp_path: Path, command: str) -> None:
        wrong = with_password(environment["WANJIA_NATS_URL"], "wrong")
        ended = wanjia(environment | {"WANJIA_NATS_URL": wrong}, command, folder=tmp_path)
        assert ended.code == 2
        address = f"127.0.0.1:{urlsplit(wrong).port}"
        assert ended.errors == [f"error: WANJIA_NATS_URL: {address} refuses the login; correct user and password"]

    @pytest.mark.parametrize("url", ["foo bar", "http://127.0.0.1:4222", "nats://", "nats://host:port"])
    def test_a_stream_that_is_none(self, environment: Environment, tmp_path: Path, url: str) -> None:
        ended = wanjia(environment | {"WANJIA_NATS_URL": url}, "run", folder=tmp_path)
        assert ended.code == 2
        assert ended.said == [
            "error: WANJIA_NATS_URL: is not the address of a NATS server; give it as nats://user:password@host:port"
        ]

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (b"http = ", "wanjia.toml: cannot be read: .*; correct the file"),
            (b"site = '\xff'", "wanjia.toml: cannot be read: .*; correct the file"),
            (b"stream_bytes = 'much'", "wanjia.toml key stream_bytes: 'much': .* integer.*; how much the stream may"),
            (b"http = 8000", "wanjia.toml key http: 8000: .* string; host:port of API and console"),
            (b"mqtt = '1883'", "wanjia.toml key mqtt: '1883': must be host:port, for example"),
            (b"colour = 1", "wanjia.toml key colour: is not a setting; use one of database_url, nats_url"),
        ],
    )
    def test_a_file_of_settings(self, tmp_path: Path, text: bytes, says: str) -> None:
        (tmp_path / "wanjia.toml").write_bytes(text)
        ended = wanjia(clean(WANJIA_HOME=str(tmp_path / "home")), "run", folder=tmp_path)
        assert ended.code == 2
        assert len(ended.said) == 1
        assert matches(ended, says)
        assert not (tmp_path / "home").exists()

    def test_an_address_on_the_command_line(self, tmp_path: Path) -> None:
        ended = wanjia(clean(), "simulate", "--listen", "banana", folder=tmp_path)
        assert ended.code == 2
        assert ended.said[-1].endswith("argument --listen: must be host:port, for example 127.0.0.1:8000")

    def test_all_faults_of_the_settings_at_once(self, tmp_path: Path) -> None:
        wrong = clean(WANJIA_RETENTION_DAYS="0", WANJIA_LOG_LEVEL="loud", WANJIA_HTTP="8000")
        ended = wanjia(wrong, "run", folder=tmp_path)
        assert ended.code == 2
        assert sorted(line.split(":")[1].strip() for line in ended.said) == [
            "WANJIA_HTTP", "WANJIA_LOG_LEVEL", "WANJIA_RETENTION_DAYS",
        ]  # fmt: skip

    async def test_a_registry_with_faults(self, environment: Environment, tmp_path: Path) -> None:
        file = tmp_path / "registry.yaml"
        file.write_text("enterprises:\n  - uscc: '1'\n    name: Works\n    region: '110105'\n    colour: red\n")
        ended = wanjia(environment | {"WANJIA_REGISTRY": str(file)}, "run", folder=tmp_path)
        assert ended.code == 2
        assert len(ended.errors) == len(ended.said) == 2
        assert matches(ended, rf"{file}:2 .*uscc")
        assert matches(ended, rf"{file}:5 .*colour")
        connection = await asyncpg.connect(environment["WANJIA_DATABASE_URL"])
        assert await connection.fetchval("select count(*) from enterprise") == 0
        await connection.close()

    def test_a_registry_that_is_not_there(self, environment: Environment, tmp_path: Path) -> None:
        ended = wanjia(environment | {"WANJIA_REGISTRY": str(tmp_path / "none.yaml")}, "run", folder=tmp_path)
        assert ended.code == 2
        assert len(ended.said) == 1
        assert matches(ended, "none.yaml: cannot be read")


def matches(ended: Ended, pattern: str) -> bool:
    assert any(re.search(pattern, line) for line in ended.errors), "\n".join(ended.said)
    return True


class TestWhatMayComeBack:
    """Roles and `wanjia run` wait for servers that are down, say so once, and end when they are told to."""

    async def test_a_database_that_is_down(self, environment: Environment, tmp_path: Path) -> None:
        down = environment | {"WANJIA_DATABASE_URL": f"postgresql://u:p@{NOBODY}/x"}
        says = "the database cannot be reached"
        await asyncio.gather(*(waits(down, command, says, tmp_path) for command in ("run", "ingest", "watch", "api")))

    async def test_a_stream_that_is_down(self, environment: Environment, tmp_path: Path) -> None:
        down = environment | {"WANJIA_NATS_URL": f"nats://u:p@{NOBODY}"}
        says = f"the stream at {NOBODY} cannot be reached"
        await asyncio.gather(*(waits(down, command, says, tmp_path) for command in ("run", *ROLES)))


async def waits(environment: Environment, command: str, says: str, folder: Path) -> None:
    with running(environment, command, folder=folder) as (process, output):
        await until(lambda: says in output.read_text(), seconds=40, what=f"{command} says that it waits")
        await asyncio.sleep(2)
        assert process.poll() is None
        assert output.read_text().count(says) == 1
        process.terminate()
        await until(lambda: process.poll() is not None, seconds=GONE_S, what=f"{command} ends")
        assert process.returncode == 0
        assert "Traceback" not in output.read_text()


def interrupt_group(process: Running) -> None:
    os.killpg(process.pid, signal.SIGINT)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with temporary_home() as folder:
        yield folder


class TestEnds:
    @pytest.mark.parametrize(
        "end",
        [interrupt_group, subprocess.Popen.terminate, subprocess.Popen.kill],
        ids=["SIGINT", "SIGTERM", "SIGKILL"],
    )
    async def test_nothing_is_left_running(self, home: Path, end: Callable[[Running], None]) -> None:
        environment = clean(WANJIA_HOME=str(home), WANJIA_HTTP="127.0.0.1:0", WANJIA_MQTT="127.0.0.1:0")
        with running(environment, "run", folder=home) as (process, output):
            await until(
                lambda: all(word in output.read_text() for word in AT_WORK),
                seconds=40, what="all roles at work",
            )  # fmt: skip
            roles = psutil.Process(process.pid).children(recursive=True)
            assert {role.cmdline()[-1] for role in roles} >= set(ROLES)
            assert processes_in(home)
            end(process)
            await until(
                lambda: not processes_in(home) and not any(role.is_running() for role in roles),
                seconds=GONE_S, every=0.1, what=f"everything is gone: {roles}",
            )  # fmt: skip
            assert process.wait() == (-signal.SIGKILL if end is subprocess.Popen.kill else 0)
            assert "Traceback" not in output.read_text()
