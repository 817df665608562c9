"""The registry file: enterprises, metering points and meters as a user writes them (YAML, tables as CSV).

`load` answers with the checked registry or with all its faults at once. Form and models: config/registry_models.py;
where things stand in the file: config/registry_file.py; what concerns several objects: config/registry_checks.py.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from config import payload, profilefiles
from config.errors import ConfigError, Fault, advice
from config.registry_checks import Registry, check
from config.registry_file import Block, read_table, read_yaml
from config.registry_models import (
    CONNECTION_KEYS,
    DRIVERS,
    INSTALLATION_KEYS,
    LISTS,
    Enterprise,
    Meter,
    MeteringPoint,
    in_order,
)
from config.rules import ALL, Scope, Setting, Wrong, parse, rules

M = TypeVar("M", bound=BaseModel)
_LISTS = {"metering_points": MeteringPoint, "meters": Meter}
_TABLES = {*_LISTS, *LISTS}
"""Lists that may be CSV files."""
_METER_KEYS = [field.alias or name for name, field in Meter.model_fields.items()]


def load(path: Path) -> Registry:
    """The registry in a file. Raises ConfigError with every fault: file, line, key, what to do.

    Profiles and payload mappings are the shipped ones and those in the folders `profiles` and `payloads` beside it.
    """
    profiles, mappings = path.parent / "profiles", path.parent / "payloads"
    reading = _Reading(
        Registry(
            profiles=profilefiles.profiles(profiles if profiles.is_dir() else None),
            mappings=payload.mappings(mappings if mappings.is_dir() else None),
        )
    )
    reading.read(path)
    faults = [*reading.faults, *check(reading.registry)]
    if faults:
        raise ConfigError(sorted(dict.fromkeys(faults), key=_order))
    reading.registry.enterprises = [in_order(enterprise) for enterprise in reading.registry.enterprises]
    return reading.registry


def _order(fault: Fault) -> tuple[str, int]:
    found = re.match(r"(.*?):(\d+)", fault.where)
    return (found[1], int(found[2])) if found else (fault.where, 0)


class _Reading:
    """Fills a registry from a file and collects what is wrong with each object by itself."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.faults: list[Fault] = []
        self.named: list[tuple[str, Block, str, Any]] = []
        """(uscc, block, key, name) where a metering point is named."""
        self.context = {"profile": sorted(registry.profiles), "mapping": sorted(registry.mappings)}

    def read(self, path: Path) -> None:
        root, self.faults = read_yaml(path)
        if not isinstance(root, Block):
            self._fault(f"{path}:1", "is not a mapping", "begin with `enterprises:`")
            return
        self._known_keys(root, ["enterprises", "defaults", "thresholds"])
        defaults = self._defaults(root)
        for block in self._blocks(root, "enterprises", path.parent):
            self._enterprise(block, defaults, path.parent)
        self._references()
        if "thresholds" in root:
            self.registry.thresholds = list(self._thresholds(root, path.parent))
        if not {"enterprises", "thresholds"} & root.keys() and not self.faults:
            self._fault(root.where(), "there are no enterprises", "begin with `enterprises:`")

    def _enterprise(self, block: Block, defaults: Block | None, folder: Path) -> None:
        """One enterprise with its lists. A faulty head does not hide what is wrong inside."""
        own = self._defaults(block)
        defaults = own.filled(defaults) if own is not None else defaults
        head = {key: value for key, value in block.items() if key not in {*_LISTS, "defaults"}}
        head |= {key: list(self._blocks(block, key, folder)) for key in LISTS if key in block}
        enterprise = self._model(Enterprise, block, head, ["defaults"])
        owner = enterprise.uscc if enterprise else str(block.get("uscc", block.where()))
        self.named += [(owner, one, "at", one.get("at")) for one in head.get("equipment", ())]
        if not self._place(("enterprise", owner, ""), block, "uscc"):
            return
        points: list[MeteringPoint] = []
        meters: list[Meter] = []
        for row in self._blocks(block, "metering_points", folder):
            self._metering_point(owner, row, points)
        for row in self._blocks(block, "meters", folder):
            self._meter(owner, row.filled(defaults), points, meters)
        body: dict[str, Any] = {"metering_points": tuple(points), "meters": tuple(meters)}
        whole = enterprise.model_copy(update=body) if enterprise else Enterprise.model_construct(uscc=owner, **body)
        self.registry.enterprises.append(whole)

    def _metering_point(self, owner: str, block: Block, points: list[MeteringPoint]) -> None:
        if self._place(("metering_point", owner, str(block.get("code", block.where()))), block, "code"):
            self.named.append((owner, block, "parent", block.get("parent")))
            formula = block.get("formula")
            if isinstance(formula, Block):
                self.named += [(owner, formula, part, part) for part in formula]
            point = self._model(MeteringPoint, block, block)
            points += [point] if point else []

    def _meter(self, owner: str, block: Block, points: list[MeteringPoint], meters: list[Meter]) -> None:
        """A meter, and the metering point it brings along in `point`."""
        if not self._place(("meter", owner, str(block.get("code", block.where()))), block, "code"):
            return
        row = dict(block)
        place = row.pop("point", None)
        if "point" in block.lines:
            self._point_of(owner, block, place, points)
        row = self._with_connection(block, self._with_installations(block, row))
        places = [one for one in row.get("installations", ()) if isinstance(one, Block)]
        self.named += [(owner, one, "at", one.get("at")) for one in places]
        meter = self._model(Meter, block, row, [*sorted(INSTALLATION_KEYS), "point"])
        meters += [meter] if meter else []

    def _point_of(self, owner: str, block: Block, place: Any, points: list[MeteringPoint]) -> None:
        """The metering point a meter brings along; its code is the meter's `at`."""
        if not isinstance(place, Block) or "at" not in block:
            fix = "write `at: CODE` and `point: {name: …, carrier: …}`"
            self._fault(block.where("point"), "a metering point needs its code in `at` and its keys here", fix)
            return
        place["code"] = block["at"]
        place.lines["code"] = block.lines.get("at", block.line)
        self._metering_point(owner, place, points)

    def _with_connection(self, block: Block, row: dict[str, Any]) -> dict[str, Any]:
        """The row without what defaults say of a connection when it has none."""
        if "driver" in row:
            return row
        for key in CONNECTION_KEYS & block.lines.keys():
            self._fault(block.where(key), "needs a driver", f"add driver: {', '.join(DRIVERS)}")
        return {key: value for key, value in row.items() if key not in CONNECTION_KEYS}

    def _with_installations(self, block: Block, row: dict[str, Any]) -> dict[str, Any]:
        """The row with the short form of one installation (`at`, `from`, `ct` …) as a list of it."""
        short = INSTALLATION_KEYS & row.keys()
        own = sorted(key for key in short if key in block.lines)
        rest = {key: value for key, value in row.items() if key not in short}
        if "installations" in row and own:
            self._fault(block.where(own[0]), "stands beside `installations`", "put it into the list, or drop the list")
        elif "at" in row or own:
            place = Block(block.file, block.line, block.path, table=block.table)
            place.lines, place.defaults = block.lines, block.defaults
            place.update({key: row[key] for key in short})
            rest["installations"] = [place]
        return rest

    def _thresholds(self, root: Block, folder: Path) -> Iterator[Setting]:
        """What is set for alert rules: a rule, a scope (none: everybody) and the rule's own keys."""
        for block in self._blocks(root, "thresholds", folder):
            rule, scope = str(block.get("rule", "")), str(block.get("scope", ALL))
            if rule not in rules():
                what = f"unknown rule {rule!r}" if rule else "is missing"
                self._fault(block.where("rule"), what, advice(rule, rules()))
                continue
            body = {key: value for key, value in block.items() if key not in ("rule", "scope")}
            wrongs: list[Wrong] = []
            found = parse(rules()[rule], body, wrongs)
            for wrong in wrongs:
                self._fault(block.where(wrong.key), wrong.what, wrong.fix)
            try:
                text = Scope.parse(scope).text
            except ValueError as error:
                self._fault(block.where("scope"), "cannot be used", str(error))
                continue
            if self._place(("threshold", text, rule), block, "rule") and found:
                yield Setting(rule, text, found)

    def _references(self) -> None:
        """Names of metering points that are none, also in objects with other faults."""
        codes: defaultdict[str, list[str]] = defaultdict(list)
        for kind, owner, code in self.registry.places:
            if kind == "metering_point":
                codes[owner].append(code)
        known = {owner: frozenset(found) for owner, found in codes.items()}
        for owner, block, key, name in self.named:
            if isinstance(name, str) and name not in known.get(owner, ()):
                self._fault(block.where(key), f"unknown metering point {name!r}", advice(name, codes[owner]))

    def _defaults(self, block: Block) -> Block | None:
        """What all meters below take when they do not say otherwise."""
        found = block.get("defaults")
        if found is None:
            return None
        if not isinstance(found, Block):
            self._fault(block.where("defaults"), "is not a mapping", "write keys of a meter under it")
            return None
        self._known_keys(found, [key for key in (*_METER_KEYS, *sorted(INSTALLATION_KEYS), "point") if key != "code"])
        return found

    def _blocks(self, block: Block, key: str, folder: Path) -> Iterable[Block]:
        """The mappings of a list, or the rows of the CSV file it names."""
        found = block.get(key, [])
        if isinstance(found, str) and key in _TABLES:
            yield from read_table(folder / found, self.faults)
            return
        if not isinstance(found, list):
            fix = "write a list" + (", or the name of a CSV file" if key in _TABLES else "")
            self._fault(block.where(key), "is not a list", fix)
            return
        for index, item in enumerate(found):
            if isinstance(item, Block):
                yield item
            else:
                self._fault(f"{block.where(key)}[{index}]", "is not a mapping", "write `key: value` pairs")

    def _place(self, key: tuple[str, str, str], block: Block, name: str) -> bool:
        """Remember where an object stands. False when another of the same code stands there already."""
        first = self.registry.places.setdefault(key, block)
        if first is not block:
            kind = key[0].replace("_", " ")
            fix = f"one {kind} stands at {first.where(name)}: give another {name}, or drop one"
            self._fault(block.where(name), f"{kind} {key[2] or key[1]} stands twice", fix)
        return first is block

    def _known_keys(self, block: Block, known: list[str]) -> None:
        for key in block:
            if key not in known:
                self._fault(block.where_column(key), "is not a known key", advice(key, known))

    def _model(self, model: type[M], block: Block, row: Mapping[str, Any], more: Iterable[str] = ()) -> M | None:
        """The object in a row. One with faults of its own is left without the faulty keys, as far as it can be, so
        that what is wrong between it and others is found too."""
        try:
            return model.model_validate(row, context=self.context)
        except ValidationError as error:
            items: list[dict[str, Any]] = [
                dict(item) for item in error.errors() if item["type"] != "default_factory_not_called"
            ]
        self.faults += [_fault(item, model, block, row, more) for item in items]
        if model is not Meter:
            return None
        faulty = {item["loc"][0] for item in items}
        with contextlib.suppress(ValidationError):
            return model.model_validate({key: value for key, value in row.items() if key not in faulty})
        return None

    def _fault(self, where: str, what: str, fix: str) -> None:
        self.faults.append(Fault(where, what, fix))


def _fault(item: dict[str, Any], model: Any, block: Block, row: Mapping[str, Any], more: Iterable[str]) -> Fault:
    """A fault of pydantic in our words, at the place of its key."""
    place, keys, name = block, list(item["loc"]), ""
    inside: Any = row
    while len(keys) > 1 and isinstance(inside, list | Mapping):
        try:
            inside = inside[keys[0]]
        except (KeyError, IndexError):
            break
        if isinstance(inside, Block):
            place, more = inside, ()
        elif not isinstance(inside, list):
            break
        name = str(keys[0]) if isinstance(keys[0], str) else name
        model = _inner(model, keys.pop(0))
    key = str(keys[0]) if keys and isinstance(keys[0], str) else name
    fields = {field.alias or name: field for name, field in getattr(model, "model_fields", {}).items()}
    description = fields[key].description if key in fields else None
    match item["type"]:
        case "missing":
            return Fault(place.where(key), "is missing", description or "add it")
        case "extra_forbidden":
            return Fault(place.where_column(key), "is not a known key", advice(key, [*fields, *more]))
        case "wrong":
            return Fault(place.where(key), str(item["msg"]), str(item["ctx"]["fix"]))
    return Fault(place.where(key), f"{_shown(item['input'])}: {item['msg']}", description or "correct the value")


def _inner(model: Any, key: int | str) -> Any:
    """The model of what lies under a key, as far as there is one; an index stays with the model of its list."""
    if isinstance(key, int) or not hasattr(model, "model_fields"):
        return model
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    parts = [part for part in getattr(fields[key].annotation, "__args__", ()) if hasattr(part, "model_fields")]
    return parts[0] if parts else None


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else f"a {'mapping' if isinstance(value, dict) else 'list'}"
