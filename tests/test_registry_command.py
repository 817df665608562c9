"""`wanjia registry apply` on real servers."""

from pathlib import Path

import pytest

import wanjia
from storage import publication
from storage.errors import Unavailable
from tests.conftest import NatsAddress
from tests.storage.registry import meter, text

pytestmark = pytest.mark.servers


@pytest.fixture
def arguments(
    database_url: str, nats: NatsAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str, str]:
    for name, value in (("DATABASE_URL", database_url), ("NATS_URL", nats.url), ("HOME", str(tmp_path))):
        monkeypatch.setenv(f"WANJIA_{name}", value)
    file = tmp_path / "registry.yaml"
    file.write_text(text(meters=meter()), "utf-8")
    return ("registry", "apply", str(file))


def test_what_cannot_be_published_is_applied_all_the_same(
    arguments: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def publish(*_: object) -> int:
        raise Unavailable("the stream is away")

    monkeypatch.setattr(publication, "publish", publish)
    assert wanjia.main(arguments) == 0
    printed = capsys.readouterr()
    assert "+ meter" in printed.out
    assert "applied" in printed.err
    assert "the running service" in printed.err
    assert "the stream is away" in printed.err


def test_applying_twice_says_so(arguments: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for expected in ("+ meter", "nothing to change"):
        assert wanjia.main(arguments) == 0
        printed = capsys.readouterr()
        assert expected in printed.out
        assert printed.err == ""


def test_a_plan_tells_what_is_made_again(arguments: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Where there are no readings nothing more is to be told."""
    assert wanjia.main(arguments) == 0
    file = Path(arguments[2])
    file.write_text(text(meters=meter(", ratios: [{from: 2026-02-01T00:00:00Z, ct: 200}]")), "utf-8")
    capsys.readouterr()
    assert wanjia.main(("registry", "plan", arguments[2])) == 0
    planned = capsys.readouterr().out.splitlines()
    assert planned[-1].startswith(
        "! metering point 91110000600037341L/E-1: intervals from 2026-02-01T08:00:00+08:00 to "
    )
    assert planned[-1].endswith(" are made again")
    assert wanjia.main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[0] == planned[0]
