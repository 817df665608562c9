"""Thresholds of alert rules: what their data file says, what may be set, and where a registry file is wrong."""

from pathlib import Path

import pytest

from config.registry import load
from config.rules import Scope, Setting, Wrong, parse, rules, scopes
from tests.config.test_registry import HEAD, POINTS, USCC, faults_of

THRESHOLDS = f"""\
thresholds:
- {{rule: gap, cadences: 5}}
- {{rule: balance, scope: 'point:{USCC}/E-1', max_loss: 0.1, min_loss: null, enabled: true, days: 3}}
"""


def test_defaults_keep_their_own_bounds() -> None:
    for rule in rules().values():
        faults: list[Wrong] = []
        parse(rule, {key: value for key, value in rule.defaults.items() if value is not None}, faults)
        assert faults == [], rule.name
        for key, threshold in rule.thresholds.items():
            assert threshold.default is not None or threshold.optional, f"{rule.name} {key} has no value"


@pytest.mark.parametrize("text", ["default", "carrier:water", f"enterprise:{USCC}", f"point:{USCC}/E-1"])
def test_a_scope_is_read_as_it_is_written(text: str) -> None:
    assert Scope.parse(text).text == text


@pytest.mark.parametrize("text", ["", "default:x", "carrier:wter", "enterprise:9", f"point:{USCC}", "region:11"])
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"give default|did you mean water"):
        Scope.parse(text)


def test_scopes_go_from_wide_to_narrow() -> None:
    assert list(scopes("water", USCC, "W-1")) == [
        "default", "carrier:water", f"enterprise:{USCC}", f"point:{USCC}/W-1",
    ]  # fmt: skip


def test_a_registry_file_sets_thresholds(tmp_path: Path) -> None:
    file = tmp_path / "registry.yaml"
    file.write_text(HEAD + POINTS + THRESHOLDS, "utf-8")
    assert load(file).thresholds == [
        Setting("gap", "default", {"cadences": 5}),
        Setting(
            "balance", f"point:{USCC}/E-1", {"max_loss": 0.1, "min_loss": None, "enabled": True, "days": 3}
        ),
    ]  # fmt: skip
    file.write_text(HEAD + POINTS, "utf-8")
    assert load(file).thresholds is None
    file.write_text(THRESHOLDS, "utf-8")
    assert load(file).enterprises == [], "a file may hold thresholds alone"


def test_faults_name_the_line_and_the_key(tmp_path: Path) -> None:
    text = """\
thresholds:
- {rule: balanc, max_loss: 0.1}
- {rule: balance, max_los: 0.1, days: 1.5}
- {rule: gap, scope: 'carrier:watr', cadences: none}
- {rule: stale, hours: 2}
- {rule: stale, hours: 3}
- {scope: default}
"""
    assert faults_of(tmp_path, text) == [
        "registry.yaml:2 thresholds[0].rule: unknown rule 'balanc'; did you mean balance?",
        "registry.yaml:3 thresholds[1].max_los: is not a threshold of balance; did you mean max_loss?",
        "registry.yaml:3 thresholds[1].days: '1.5' cannot be used; give a whole number at least 1 and at most 31",
        "registry.yaml:4 thresholds[2].cadences: 'none' cannot be used; give a number at least 1 and at most 1000",
        "registry.yaml:4 thresholds[2].scope: cannot be used; unknown carrier 'watr'; did you mean water?",
        "registry.yaml:6 thresholds[4].rule: threshold stale stands twice; one threshold stands at registry.yaml:5 "
        "thresholds[3].rule: give another rule, or drop one",
        f"registry.yaml:7 thresholds[5].rule: is missing; use one of {', '.join(rules())}",
    ]
