"""Alert rules: what they judge by, what is set for whom, and what other thresholds would have raised."""

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Path

from alerts.dryrun import TooMuch, dry_run
from alerts.finding import Finding
from alerts.thresholds import Thresholds
from api.deps import After, Asker, Limit, Seen, Served, behind, paged
from api.models import Page
from api.problems import Problem, bad_parameter
from api.rule_models import DryRunAnswer, DryRunAsked, RuleItem, SettingItem
from api.services import Services
from api.times import local
from config.rules import Number, RuleText, Scope, Setting, Wrong, parse, rules
from config.samples import now_us
from storage import thresholds, views
from storage.access import Principal
from storage.views import Sight

router = APIRouter(tags=["alerts"])

LISTED = 500
"""Findings written out in a dry run; all are counted."""
Name = Annotated[str, Path(description="The rule's name, as in /v1/rules")]
Where = Annotated[
    str, Path(description="`default`, `carrier:CODE`, `enterprise:USCC` or `point:USCC/CODE`; the narrowest one wins")
]


@router.get("/v1/rules", response_model=Page[RuleItem])
async def list_rules(served: Served, seen: Seen) -> dict[str, Any]:
    """All alert rules with their thresholds: what each is, its default and bounds, and what holds for everybody."""
    async with served.database.connection() as conn:
        known = await thresholds.read(conn)
    limits, regions = Thresholds(known), served.hub.regions
    counts = Counter(one.rule for one in known if _visible(seen, Scope.parse(one.scope), regions))
    items = [
        {**_item(rule), "effective": dict(limits.of(name, "", "", "")), "settings": counts[name]}
        for name, rule in rules().items()
    ]
    return {"items": items, "next": None}


@router.get("/v1/rules/{rule}/thresholds", response_model=Page[SettingItem])
async def list_settings(
    served: Served, seen: Seen, rule: Name, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """Where thresholds of a rule are set, by scope."""
    text, above = _rule(rule), behind(after, str) or ""
    async with served.database.connection() as conn:
        known = await thresholds.read(conn)
    regions = served.hub.regions
    mine = [one for one in known if one.rule == rule and one.scope > above]
    shown = [one._asdict() for one in mine if _visible(seen, Scope.parse(one.scope), regions)]
    page, further = paged(shown, limit, "scope")
    items = [
        {
            "scope": one["scope"],
            "set": one["body"],
            "effective": await _effective(served, known, text, Scope.parse(one["scope"])),
        }
        for one in page
    ]
    return {"items": items, "next": further}


@router.get("/v1/rules/{rule}/thresholds/{scope:path}", response_model=SettingItem)
async def one_setting(served: Served, seen: Seen, rule: Name, scope: Where) -> dict[str, Any]:
    """What is set for a scope, and what holds there with what is set for the wider ones."""
    text, where = _rule(rule), await _scope(served, seen, scope)
    async with served.database.connection() as conn:
        known = await thresholds.read(conn)
    own = next((one.body for one in known if (one.rule, one.scope) == (rule, where.text)), {})
    return {"scope": where.text, "set": own, "effective": await _effective(served, known, text, where)}


@router.put("/v1/rules/{rule}/thresholds/{scope:path}", response_model=SettingItem)
async def set_thresholds(
    served: Served, who: Asker, seen: Seen, rule: Name, scope: Where, body: dict[str, float | bool | None]
) -> dict[str, Any]:
    """Set thresholds for a scope in place of what was set for it; what is not named follows the wider scopes. The watch
    takes them within seconds. Admin and operator only."""
    _may(who)
    text, where = _rule(rule), await _scope(served, seen, scope)
    if not body:
        raise Problem("invalid-body", "nothing is set; delete what is set for the scope instead")
    setting = Setting(rule, where.text, _parsed(text, body))
    async with served.database.transaction() as conn:
        await thresholds.put(conn, [setting], who.name)
    return await one_setting(served, seen, rule, where.text)


@router.delete("/v1/rules/{rule}/thresholds/{scope:path}", status_code=204)
async def drop_thresholds(served: Served, who: Asker, rule: Name, scope: Where) -> None:
    """Let the wider scopes hold again. Admin and operator only."""
    _may(who)
    _rule(rule)
    async with served.database.transaction() as conn:
        if not await thresholds.drop(conn, rule, scope, who.name):
            raise Problem("not-found", f"no thresholds of {rule} are set for {scope}")


@router.post("/v1/rules/{rule}/dry-run", response_model=DryRunAnswer)
async def try_thresholds(served: Served, who: Asker, seen: Seen, rule: Name, body: DryRunAsked) -> dict[str, Any]:
    """What a rule would have raised in the last days with these thresholds set for the scope; also a rule that is
    switched off. Nothing is written. Admin and operator only."""
    _may(who)
    text, where = _rule(rule), await _scope(served, seen, body.scope)
    if not text.thresholds:
        raise Problem("invalid-parameter", f"{rule} has no thresholds that could be tried")
    try:
        found = await dry_run(
            served.database, served.points, rule, where, _parsed(text, body.thresholds), body.days, now_us()
        )
    except TooMuch as error:
        detail = f"{error}; ask for fewer days or a narrower scope"
        raise Problem("span-too-long", detail, errors=[("days", "too many for this scope")]) from None
    zone = found.findings[0].subject.zone if found.findings else "Asia/Shanghai"
    counts = Counter((one.subject.uscc, one.subject.metering_point) for one in found.findings)
    more, fewer = found.more(), found.fewer()
    newest = sorted([*found.findings, *fewer], key=lambda one: one.onset, reverse=True)
    compared = {id(one): "more" for one in more} | {id(one): "fewer" for one in fewer}
    return {
        "from": local(found.start, zone),
        "to": local(found.past, zone),
        "looked_at": found.places,
        "count": len(found.findings),
        "present": len(found.present),
        "same": len(found.findings) - len(more),
        "more": len(more),
        "fewer": len(fewer),
        "by_metering_point": [
            {"uscc": uscc, "metering_point": code, "count": count} for (uscc, code), count in counts.most_common(LISTED)
        ],
        "findings": [_finding(one, compared.get(id(one), "same")) for one in newest[:LISTED]],
    }


def _finding(one: Finding, compared: str) -> dict[str, Any]:
    zone = one.subject.zone
    return {
        "compared": compared,
        "uscc": one.subject.uscc,
        "metering_point": one.subject.metering_point,
        "severity": one.severity,
        "onset": local(one.onset, zone),
        "ended": None if one.ended is None else local(one.ended, zone),
        "zh": one.zh,
        "en": one.en,
        "amount": one.amount,
    }


def _item(rule: RuleText) -> dict[str, Any]:
    shown = rule.model_dump(exclude={"thresholds"})
    defaults = rule.defaults
    return {
        **shown,
        "thresholds": [
            {"key": key, **one.model_dump(), "default": defaults[key]} for key, one in rule.thresholds.items()
        ],
    }


def _rule(name: str) -> RuleText:
    if name not in rules():
        raise Problem("not-found", f"no rule is called {name}; there are {', '.join(rules())}")
    return rules()[name]


def _parsed(rule: RuleText, body: dict[str, Any]) -> dict[str, Number]:
    """Raises Problem naming every key at fault."""
    faults: list[Wrong] = []
    found = parse(rule, body, faults)
    if faults:
        errors = [(fault.key, f"{fault.what}; {fault.fix}") for fault in faults]
        raise Problem("invalid-body", "; ".join(f"{key}: {text}" for key, text in errors), errors=errors)
    return found


async def _scope(served: Services, seen: Sight, text: str) -> Scope:
    """Raises Problem for what is no scope, or one that does not exist or is not to be seen."""
    try:
        scope = Scope.parse(text)
    except ValueError as error:
        raise bad_parameter("scope", str(error)) from None
    if scope.kind == "enterprise" and not await views.enterprises(served.database, seen, uscc=scope.of):
        raise Problem("not-found", f"no enterprise {scope.of}")
    if scope.kind == "point" and not await _metering_point(served, seen, scope):
        raise Problem("not-found", f"no metering point {scope.of}/{scope.code}")
    return scope


async def _metering_point(served: Services, seen: Sight, scope: Scope) -> views.Row | None:
    rows = await views.metering_points(served.database, seen, enterprise=scope.of, code=scope.code)
    return rows[0] if rows else None


async def _effective(served: Services, known: list[Setting], rule: RuleText, scope: Scope) -> dict[str, Any]:
    """What holds in a scope; of the carriers only a metering point has one."""
    carrier = scope.of if scope.kind == "carrier" else ""
    if scope.kind == "point":
        row = await _metering_point(served, Sight(), scope)
        carrier = row["carrier"] if row else ""
    uscc = scope.of if scope.kind in ("enterprise", "point") else ""
    return dict(Thresholds(known).of(rule.name, carrier, uscc, scope.code))


def _visible(seen: Sight, scope: Scope, regions: dict[str, str]) -> bool:
    return scope.kind in ("default", "carrier") or seen.sees(scope.of, regions.get(scope.of, ""))


def _may(who: Principal) -> None:
    if who.role not in ("admin", "operator"):
        raise Problem("forbidden", f"a key of role {who.role} cannot change or try thresholds")
