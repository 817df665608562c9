"""Every rule is registered, has its texts and thresholds, and says exactly what its vectors want."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerts import rules
from alerts.finding import Silence, Subject, iso
from alerts.rules import INSPECTIONS, SILENCE
from config import rules as texts
from tests.alerts.histories import ZONE, find
from tests.alerts.world import MINUTE, SECOND, START, USCC

VECTORS = Path(__file__).parent / "vectors"
SUBJECT = Subject(USCC, 1, "第一企业", "Asia/Shanghai", 1, "E-1", "总进线", 1, "M-1", "10.0.0.5:502")


def _vectors(*, silence: bool) -> list[Any]:
    return [
        pytest.param(file.stem, vector, id=f"{file.stem}: {vector['what']}")
        for file in sorted(VECTORS.glob("*.toml"))
        for vector in tomllib.loads(file.read_text("utf-8"))["vector"]
        if (file.stem in SILENCE) == silence
    ]


def test_every_rule_has_its_line_its_texts_and_its_vectors() -> None:
    files = {file.stem for file in Path(rules.__path__[0]).glob("*.py")} - {"__init__"}
    names = {key: rule.name for key, rule in SILENCE.items()} | {key: rule.name for key, rule in INSPECTIONS.items()}
    assert set(names) == files, "each file in alerts/rules needs its line in alerts/rules/__init__.py"
    assert list(names) == list(names.values())
    told = [*SILENCE, *(rule for one in INSPECTIONS.values() for rule in one.rules)]
    assert sorted(told) == sorted(set(told))
    assert {file.stem for file in VECTORS.glob("*.toml")} == files, "each rule needs tests/alerts/vectors/<rule>.toml"
    assert set(texts.rules()) == set(told), "each rule needs its section in config/data/rules.toml"
    for name, text in texts.rules().items():
        assert (text.period == "at once") == (name in SILENCE), name
        assert text.verified or text.period != "at once"


@pytest.mark.parametrize(("rule", "vector"), _vectors(silence=False))
def test_vectors_of_inspections(rule: str, vector: dict[str, Any]) -> None:
    found = [
        {
            "key": finding.key,
            "severity": finding.severity,
            "onset": iso(finding.onset, ZONE),
            **({} if finding.ended is None else {"ended": iso(finding.ended, ZONE)}),
            **({} if finding.amount is None else {"amount": round(finding.amount, 6)}),
            "zh": finding.zh,
            "en": finding.en,
        }
        for finding in find(rule, vector)
    ]
    assert found == vector["finds"]


@pytest.mark.parametrize(("rule", "vector"), _vectors(silence=True))
def test_vectors_of_silence(rule: str, vector: dict[str, Any]) -> None:
    since, limits = START + vector["since"] * MINUTE, texts.rules()[rule].defaults
    silence = Silence(
        subject=SUBJECT,
        since=since,
        until=START + vector["until"] * MINUTE,
        lasting=vector.get("lasting", True),
        last=None if vector.get("never") else since - vector["cadence_s"] * SECOND,
        cadence=vector["cadence_s"] * SECOND,
        grace=int(limits.get("cadences", 0) * vector["cadence_s"] + limits.get("seconds", 0)) * SECOND,
        missing=vector["missing"],
        quantities=tuple(vector.get("quantities", ("active_energy_import", "active_power"))),
        behind=tuple(replace(SUBJECT, meter=meter) for meter in vector.get("behind", ())),
    )
    finding = SILENCE[rule].find(silence)
    if "zh" not in vector:
        assert finding is None
        return
    assert finding is not None
    assert (finding.zh, finding.en) == (vector["zh"], vector["en"])
    assert (finding.severity, finding.key, finding.onset) == (vector["severity"], vector["key"], since)
    assert finding.ended == (None if silence.lasting else silence.until)
    assert finding.evidence["missing"] == vector["missing"]
    assert finding.evidence["cadence_s"] == vector["cadence_s"]
