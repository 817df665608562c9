"""What is shown of an address."""

import pytest

from config.addresses import masked


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("10.0.0.5:502", "10.0.0.5:502"),
        ("", ""),
        ("mqtt://broker:1883/a/#", "mqtt://broker:1883/a/#"),
        ("mqtt://me@broker/a", "mqtt://me@broker/a"),
        ("mqtt://me:secret@broker:1883/a/+/b", "mqtt://me:***@broker:1883/a/+/b"),
        ("mqtt://me:se:cr@t@broker/a@b", "mqtt://me:***@broker/a@b"),
        ("mqtt://:secret@broker/a", "mqtt://:***@broker/a"),
    ],
)
def test_a_password_is_masked(address: str, shown: str) -> None:
    assert masked(address) == shown
