"""Every rule is registered and says exactly what its vectors want."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from alerts import rules
from alerts.finding import Silence, Subject
from alerts.rules import RULES
from tests.alerts.world import MINUTE, SECOND, START, USCC

VECTORS = Path(__file__).parent / "vectors"
SUBJECT = Subject(USCC, 1, "第一企业", "Asia/Shanghai", 1, "E-1", "总进线", 1, "M-1", "10.0.0.5:502")


def _vectors() -> list[Any]:
    return [
        pytest.param(file.stem, vector, id=f"{file.stem}: {vector['what']}")
        for file in sorted(VECTORS.glob("*.toml"))
        for vector in tomllib.loads(file.read_text("utf-8"))["vector"]
    ]


def test_every_rule_has_its_line_and_its_vectors() -> None:
    files = {file.stem for file in Path(rules.__path__[0]).glob("*.py")} - {"__init__"}
    assert set(RULES) == files, "each file in alerts/rules needs its line in RULES"
    assert {name: rule.name for name, rule in RULES.items()} == {name: name for name in files}
    assert {file.stem for file in VECTORS.glob("*.toml")} == files, "each rule needs tests/alerts/vectors/<rule>.toml"


@pytest.mark.parametrize(("rule", "vector"), _vectors())
def test_vectors(rule: str, vector: dict[str, Any]) -> None:
    since = START + vector["since"] * MINUTE
    silence = Silence(
        subject=SUBJECT,
        since=since,
        until=START + vector["until"] * MINUTE,
        lasting=vector.get("lasting", True),
        last=None if vector.get("never") else since - vector["cadence_s"] * SECOND,
        cadence=vector["cadence_s"] * SECOND,
        missing=vector["missing"],
        quantities=("active_energy_import", "active_power"),
    )
    finding = RULES[rule].find(silence)
    if "zh" not in vector:
        assert finding is None
        return
    assert finding is not None
    assert (finding.zh, finding.en) == (vector["zh"], vector["en"])
    assert (finding.severity, finding.key, finding.onset) == (vector["severity"], vector["key"], since)
    assert finding.ended == (None if silence.lasting else silence.until)
    assert finding.evidence["missing"] == vector["missing"]
    assert finding.evidence["cadence_s"] == vector["cadence_s"]
