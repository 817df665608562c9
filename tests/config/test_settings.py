"""Settings: where they come from, and what is said of those that cannot be used."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import load


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(tmp_path: Path) -> None:
    file = tmp_path / "wanjia.toml"
    file.write_text('http = "127.0.0.1:1"\nmqtt = "127.0.0.1:2"\n')
    chosen = load({"WANJIA_CONFIG": str(file), "WANJIA_MQTT": "127.0.0.1:3"})
    assert (chosen.http, chosen.mqtt, chosen.log_level) == ("127.0.0.1:1", "127.0.0.1:3", "info")


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"WANJIA_DATABASE_URI": "postgresql://h/d"}, "WANJIA_DATABASE_URI: is not a setting; .* WANJIA_DATABASE_URL"),
        ({"WANJIA_HTPP": "127.0.0.1:1"}, "WANJIA_HTPP: is not a setting; did you mean WANJIA_HTTP?"),
        ({"WANJIA_CONFIG": "/nowhere.toml"}, "^/nowhere.toml: cannot be read: No such file"),
        ({"WANJIA_HTTP": "banana"}, "^WANJIA_HTTP: 'banana': must be host:port"),
        ({"WANJIA_LOG_LEVEL": "loud"}, "^WANJIA_LOG_LEVEL: 'loud': Input should be 'debug', 'info', 'warning' or"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_to_do(environ: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load(environ)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"WANJIA_HTPP": "127.0.0.1:1", "WANJIA_MQTT": "x"})
    assert [fault.where for fault in caught.value.faults] == ["WANJIA_HTPP", "WANJIA_MQTT"]


@pytest.mark.parametrize("name", ["WANJIA_SERVICE_HOST", "WANJIA_PORT", "WANJIA_TEST_DATABASE_URL"])
def test_variables_of_others_are_left_alone(name: str) -> None:
    load({name: "x"})
