"""Alert rules and their thresholds as data: rows of `data/rules.toml`, and what a registry or the API may set.

A threshold is set for a scope; the narrowest one wins, key by key: `default`, `carrier:CODE`, `enterprise:USCC`,
`point:USCC/CODE`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict
from stdnum.cn import uscc

from config.carriers import carriers
from config.errors import advice

Number: TypeAlias = float | bool | None
Limits: TypeAlias = Mapping[str, Any]
"""Every threshold of a rule by its key; None: off."""
Period = Literal["at once", "hour", "day"]
ALL = "default"


class Threshold(BaseModel):
    """One figure a rule judges by. `optional`: it may be null, which switches it off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: float | bool | None = None
    least: float | None = None
    most: float | None = None
    whole: bool = False
    optional: bool = False
    unit: str = ""
    zh: str
    en: str

    def parse(self, given: Any) -> Number:
        """The value, also from the text of a file. Raises ValueError with what to give instead."""
        if given is None and self.optional:
            return None
        if isinstance(self.default, bool):
            words = {"true": True, "false": False}
            found = words.get(given) if isinstance(given, str) else given
            if not isinstance(found, bool):
                raise ValueError("give true or false")
            return found
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            raise ValueError(self._wanted())
        try:
            number = float(given)
        except ValueError:
            raise ValueError(self._wanted()) from None
        within = (self.least is None or number >= self.least) and (self.most is None or number <= self.most)
        if not within or number - number != 0 or (self.whole and not number.is_integer()):
            raise ValueError(self._wanted())
        return int(number) if number.is_integer() else number

    def _wanted(self) -> str:
        bounds = [f"at least {self.least:g}"] if self.least is not None else []
        bounds += [f"at most {self.most:g}"] if self.most is not None else []
        kind = "a whole number" if self.whole else "a number"
        return " ".join(["give", kind, " and ".join(bounds)]).strip() + (", or null" if self.optional else "")


class RuleText(BaseModel):
    """What people are told about a rule, and its thresholds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    zh: str
    en: str
    about_zh: str
    about_en: str
    period: Period
    verified: bool = True
    source: str = ""
    thresholds: dict[str, Threshold] = {}

    @property
    def defaults(self) -> dict[str, Number]:
        """What holds where nothing is set."""
        given = ((key, one, one.default) for key, one in self.thresholds.items())
        return {key: None if value is None else one.parse(value) for key, one, value in given}


class Scope(NamedTuple):
    """Whom a threshold holds for; `of` is the carrier or the enterprise, `code` the metering point."""

    kind: Literal["default", "carrier", "enterprise", "point"]
    of: str = ""
    code: str = ""

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Raises ValueError with what is wrong and what to give."""
        kind, _, rest = text.partition(":")
        of, _, code = rest.partition("/")
        if kind == ALL and not rest:
            return cls("default")
        if kind == "carrier" and rest in carriers():
            return cls("carrier", rest)
        if kind == "enterprise" and uscc.is_valid(rest):
            return cls("enterprise", rest)
        if kind == "point" and uscc.is_valid(of) and code:
            return cls("point", of, code)
        if kind == "carrier":
            raise ValueError(f"unknown carrier {rest!r}; {advice(rest, carriers())}")
        raise ValueError(f"{text!r} is not a scope; give default, carrier:CODE, enterprise:USCC or point:USCC/CODE")

    def within(self, usccs: Collection[str]) -> bool:
        """Whether it concerns everybody, or one of these enterprises."""
        return self.kind in ("default", "carrier") or self.of in usccs

    @property
    def text(self) -> str:
        """As `parse` takes it."""
        match self.kind:
            case "default":
                return ALL
            case "point":
                return f"point:{self.of}/{self.code}"
        return f"{self.kind}:{self.of}"


@cache
def rules() -> dict[str, RuleText]:
    """All rules by name, in file order."""
    table = tomllib.loads(files("config").joinpath("data/rules.toml").read_text("utf-8"))
    return {name: _rule(name, body) for name, body in table.items()}


def _rule(name: str, body: dict[str, Any]) -> RuleText:
    enabled = body.pop("enabled", True)
    if body["period"] != "at once":
        body["thresholds"] = {
            "enabled": {"default": enabled, "zh": "启用", "en": "enabled"},
            **body.get("thresholds", {}),
        }
    return RuleText(name=name, **body)


class Setting(NamedTuple):
    """What is set of a rule's thresholds for a scope."""

    rule: str
    scope: str
    body: Mapping[str, Any]


class Wrong(NamedTuple):
    """A fault of thresholds: the key, what is wrong, what to do."""

    key: str
    what: str
    fix: str


def parse(rule: RuleText, body: Mapping[str, Any], faults: list[Wrong]) -> dict[str, Number]:
    """The thresholds a body sets; what is wrong with it goes to `faults`."""
    found: dict[str, Number] = {}
    for key, given in body.items():
        if key not in rule.thresholds:
            faults.append(Wrong(key, f"is not a threshold of {rule.name}", advice(key, rule.thresholds)))
            continue
        try:
            found[key] = rule.thresholds[key].parse(given)
        except ValueError as error:
            faults.append(Wrong(key, f"{given!r} cannot be used", str(error)))
    return found


def scopes(carrier: str, enterprise: str, code: str) -> Iterator[str]:
    """The scopes a metering point lies in, the widest first."""
    yield from (ALL, f"carrier:{carrier}", f"enterprise:{enterprise}", f"point:{enterprise}/{code}")
