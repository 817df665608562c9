"""The container files cannot be built here; so each file, command, port and variable they name must exist."""

import re
import socket
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import yaml

import wanjia
from config.errors import ConfigError
from config.settings import Settings
from storage.embedded.room import free_port
from storage.stream import Stream
from tests.waiting import until

ROOT = Path(__file__).parent.parent
FOLDERS = ("collector", "protocols", "api", "storage", "alerts", "config")


def dockerfile() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, rest in lines]


def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def settings_named_in(text: str) -> set[str]:
    return {name.removeprefix("WANJIA_").lower() for name in re.findall(r"WANJIA_[A-Z_]+", text)}


def is_command(words: list[str]) -> bool:
    """Whether the command line knows the command; argparse leaves with code 2 when it does not."""
    with pytest.raises(SystemExit) as left:
        wanjia.main([*words[1:], "--help"])
    return words[0] == "wanjia" and left.value.code == 0


def test_dockerfile_copies_only_what_exists() -> None:
    sources = [
        source
        for word, rest in dockerfile()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert {*FOLDERS, "wanjia.py", "requirements.lock"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert not set(sources) & set(ignored)


def test_dockerfile_runs_a_command_that_exists_as_another_user_than_root() -> None:
    steps = dict(dockerfile())
    assert is_command(yaml.safe_load(steps["CMD"]))
    assert steps["USER"] == "wanjia"
    assert ("RUN", "useradd --system --create-home --home-dir /var/lib/wanjia wanjia") in dockerfile()
    assert "/healthz" in steps["HEALTHCHECK"]
    assert f"127.0.0.1:{steps['EXPOSE']}" in steps["HEALTHCHECK"]


def test_container_files_name_only_settings_that_exist() -> None:
    for name in ("Dockerfile", "compose.yaml"):
        named = settings_named_in((ROOT / name).read_text("utf-8"))
        assert named
        assert named <= set(Settings.model_fields)


def test_compose_is_consistent() -> None:
    file = compose()
    services = file["services"]
    assert set(services) == {"timescale", "nats", "wanjia"}
    for name, service in services.items():
        for needed in service.get("depends_on", {}):
            assert needed in services
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in file["volumes"], name
        for config in service.get("configs", []):
            assert config["source"] in file["configs"]
    assert is_command(services["wanjia"]["command"])
    environment = services["wanjia"]["environment"]
    assert "@timescale:5432/" in environment["WANJIA_DATABASE_URL"]
    assert environment["WANJIA_NATS_URL"].endswith("@nats:4222")


def test_compose_ports_and_variables() -> None:
    file = compose()
    nats = file["configs"]["nats"]["content"]
    assert "port: 4222" in nats
    assert "mqtt { port: 1883" in nats
    assert "jetstream" in nats
    assert "8000:8000" in file["services"]["wanjia"]["ports"]
    text = (ROOT / "compose.yaml").read_text("utf-8")
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    assert set(re.findall(r"\$\{?(\w+)", text)) == asked == {"POSTGRES_PASSWORD", "NATS_PASSWORD"}


def test_compose_opens_mqtt_without_login_to_this_host_only() -> None:
    file = compose()
    assert file["services"]["nats"]["ports"] == ["127.0.0.1:1883:1883"]
    assert "no_auth_user" in file["configs"]["nats"]["content"]


PASSWORDS = ("12345678901234567890", "0x1f", "true", "a-b_C9")


def nats_file(folder: Path, password: str, *ports: int) -> Path:
    """The configuration of compose.yaml as its container sees it, with other ports."""
    text = compose()["configs"]["nats"]["content"]
    text = re.sub(r"\$\{NATS_PASSWORD[^}]*\}", password, text).replace("/data", str(folder / "data"))
    for was, now in zip(("port: 4222", "port: 1883"), ports, strict=True):
        assert was in text
        text = text.replace(was, f"host: 127.0.0.1, port: {now}")
    file = folder / "nats.conf"
    file.write_text(text, "utf-8")
    return file


@contextmanager
def running(file: Path) -> Iterator[None]:
    with (file.parent / "nats.log").open("wb") as log:
        server = subprocess.Popen([nats_server(), "-c", file], stdout=log, stderr=log)
    try:
        yield
    finally:
        server.terminate()
        server.wait(10)


def nats_server() -> Path:
    return Path(sysconfig.get_path("scripts"), "nats-server")


@pytest.mark.servers
@pytest.mark.parametrize("password", PASSWORDS)
def test_nats_takes_the_configuration_of_compose(tmp_path: Path, password: str) -> None:
    file = nats_file(tmp_path, password, 4222, 1883)
    tried = subprocess.run([nats_server(), "-t", "-c", file], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr


@pytest.mark.servers
async def test_the_nats_of_compose_serves_devices_and_us(tmp_path: Path) -> None:
    ports = free_port("127.0.0.1"), free_port("127.0.0.1")
    with running(nats_file(tmp_path, PASSWORDS[0], *ports)):
        await until(lambda: all(map(listening, ports)), seconds=10, what="NATS answers")
        stream = await Stream.connect(f"nats://wanjia:{PASSWORDS[0]}@127.0.0.1:{ports[0]}")
        async with aiomqtt.Client("127.0.0.1", ports[1]) as device:
            await device.publish("meters/U1/M1/up", b"{}", qos=1)
        assert (await stream.backlog())["mqtt"] == 1
        await stream.close()
        with pytest.raises(ConfigError, match="refuses the login"):  # the devices' user is for MQTT alone
            await Stream.connect(f"nats://meter@127.0.0.1:{ports[0]}")


@pytest.mark.servers
async def test_an_enterprise_with_a_user_of_its_own_publishes_nothing_of_another(tmp_path: Path) -> None:
    """As the comment in compose.yaml says."""
    ports = free_port("127.0.0.1"), free_port("127.0.0.1")
    file = nats_file(tmp_path, PASSWORDS[0], *ports)
    meter = '{user: meter, password: "", '
    text = file.read_text("utf-8")
    assert meter in text
    text = text.replace(meter, '{user: works-1, password: "secret", ').replace('["meters.>"]', '["meters.U1.>"]')
    file.write_text(text.replace(", no_auth_user: meter", ""), "utf-8")
    with running(file):
        await until(lambda: all(map(listening, ports)), seconds=10, what="NATS answers")
        stream = await Stream.connect(f"nats://wanjia:{PASSWORDS[0]}@127.0.0.1:{ports[0]}")
        async with aiomqtt.Client("127.0.0.1", ports[1], username="works-1", password="secret") as device:
            for qos in (0, 1, 2):
                await device.publish("meters/U2/M1/up", b"{}", qos=qos)
                await device.publish("meters/U1/M1/up", b"{}", qos=qos)
        lanes = await stream.lanes()
        for lane in lanes.values():
            await lane.ask()
        await until(lambda: len(lanes["mqtt"]) >= 2 and len(lanes["meters"]) >= 1, what="its own messages")
        taken = [message.subject for lane in lanes.values() for message in lane.take(10**6)]
        assert taken == ["meters.U1.M1.up"] * 3
        await stream.close()
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", ports[1]):
                pass


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_no_other_distribution_owns_our_package_names() -> None:
    owners = packages_distributions()
    assert {name: set(owners.get(name, ["wanjia"])) for name in FOLDERS} == {name: {"wanjia"} for name in FOLDERS}


def test_lock_files_name_no_address_and_hash_everything() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text("utf-8")
        assert "://" not in text
        pinned = re.findall(r"^[A-Za-z0-9_.-]+==[^ ]+ .*\\$", text, re.MULTILINE)
        assert pinned
        assert len(pinned) == len(re.findall(r"^[A-Za-z0-9]", text, re.MULTILINE))


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    locked = set(re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE))
    names = {re.split(r"[<>=;\[ ]", line)[0] for line in project["dependencies"]}
    assert names <= locked
