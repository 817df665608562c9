"""Which thresholds hold where: what is set for a scope, over what the rules come with; the narrowest scope wins, key
by key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from config.rules import Limits, Setting, rules, scopes


class Thresholds:
    """All settings, merged where they are asked for."""

    def __init__(self, settings: Iterable[Setting] = ()) -> None:
        self._set = {(one.rule, one.scope): one.body for one in settings}
        self._known: dict[tuple[str, ...], Limits] = {}

    def of(self, rule: str, carrier: str, uscc: str, code: str) -> Limits:
        """The thresholds of a rule at a metering point."""
        there = tuple(scope for scope in scopes(carrier, uscc, code) if (rule, scope) in self._set)
        key = (rule, *there)
        if key not in self._known:
            merged: dict[str, Any] = dict(rules()[rule].defaults)
            for scope in there:
                merged.update(self._set[rule, scope])
            self._known[key] = merged
        return self._known[key]

    def replaced(self, rule: str, scope: str, body: Limits) -> Thresholds:
        """As if these had been set."""
        changed = Thresholds()
        changed._set = {**self._set, (rule, scope): body}
        return changed


DEFAULTS = Thresholds()
"""Nothing is set."""
