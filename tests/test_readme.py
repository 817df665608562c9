"""What README.md lets a reader type fits together: its examples speak of what its registry file holds."""

import re
from pathlib import Path

import pytest

from config.registry import load
from config.registry_checks import Registry

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """The example registry with the thresholds that README puts beside it."""
    enterprises, thresholds = (
        re.search(rf"```yaml\n({key}:\n.*?)```", README, re.DOTALL) for key in ("enterprises", "thresholds")
    )
    assert enterprises
    assert thresholds
    file = tmp_path / "registry.yaml"
    file.write_text(enterprises[1] + thresholds[1], "utf-8")
    return load(file)


def test_pushed_readings_are_of_a_meter_that_is_pushed_to(registry: Registry) -> None:
    pushed = re.findall(r'"uscc":"(\w+)","meter":"([\w-]+)"', README)
    meters = {(one.uscc, meter.code): meter for one in registry.enterprises for meter in one.meters}
    assert pushed
    assert {meters[key].driver for key in pushed} == {"http"}


def test_questions_are_about_metering_points_that_exist(registry: Registry) -> None:
    asked = re.findall(r"(?:metering-points/|point:)(\w{18})/([\w-]+)", README)
    points = {(one.uscc, point.code) for one in registry.enterprises for point in one.metering_points}
    assert asked
    assert set(asked) <= points
