"""The container files cannot be built here; so each file, command, port and variable they name must exist."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

import wanjia
from config.settings import Settings

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
    used = set(re.findall(r"\$\{(\w+)", text)) | set(re.findall(r"\$\$(\w+)", text))
    assert used == asked == {"POSTGRES_PASSWORD", "NATS_PASSWORD"}


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
