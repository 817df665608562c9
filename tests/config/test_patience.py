"""How long alerts may wait, as settings say it."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.patience import HOUR, by_severity
from config.settings import load


def test_hours_by_severity() -> None:
    assert by_severity("critical=4, warning = 0.5") == {"critical": 4 * HOUR, "warning": HOUR // 2}
    assert by_severity(" ") == {}


@pytest.mark.parametrize("text", ["4", "critical", "critical=0", "loud=4", "critical=4;warning=5", "info=1,info=2"])
def test_what_cannot_be_read_is_named_with_what_to_give(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"WANJIA_REMIND_HOURS: .*critical=4,warning=24"):
        load({"WANJIA_REMIND_HOURS": text}, tmp_path / "none.toml")


def test_the_defaults(tmp_path: Path) -> None:
    patience = load({}, tmp_path / "none.toml").patience
    assert patience.flap == HOUR // 6
    assert patience.remind == {"critical": 4 * HOUR, "warning": 24 * HOUR}
    assert patience.escalate == {"critical": 4 * HOUR, "warning": 24 * HOUR, "info": 168 * HOUR}


def test_a_mail_server_with_a_password_is_not_repeated_when_it_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load({"WANJIA_SMTP": "smtp://me:hush@host/path"}, tmp_path / "none.toml")
    assert "me:***@host" in str(raised.value)
    assert "hush" not in str(raised.value)
