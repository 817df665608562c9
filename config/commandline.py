"""The grammar of the command line: every command, its arguments, and the sentence that explains it."""

import argparse
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

from config import settings

ROLES = {
    "collect": "role: poll meters, subscribe to brokers",
    "ingest": "role: stream to database (one active, others stand by)",
    "watch": "role: gaps and alerts (one active, others stand by)",
    "api": "role: HTTP API and console",
}
Actions: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parser() -> argparse.ArgumentParser:
    """What `wanjia` understands. `handler` of the result names the command."""
    root = argparse.ArgumentParser(
        prog="wanjia",
        description="Real-time energy metering data acquisition.",
        epilog="Settings are environment variables WANJIA_* or keys of wanjia.toml; see the README.",
    )
    root.add_argument("--version", action="version", version=f"wanjia {version('wanjia')}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    demo = _add(commands, "demo", "a simulated city on embedded servers, to look at")
    demo.add_argument("--days", type=_count, default=42, help="days of history (default 42)")
    _add(commands, "run", "all roles, each in a process of its own")
    for role, about in ROLES.items():
        _add(commands, role, about, handler="role").set_defaults(role=role)
    _add(commands, "migrate", "bring the database to this program's schema")
    _registry(_group(commands, "registry", "check, plan, apply or export the registry"))
    _keys(_group(commands, "keys", "API keys"))
    _targets(_group(commands, "targets", "who is told of alerts, and how"))
    _notify(_group(commands, "notify", "what targets were told"))
    _quarantine(_group(commands, "quarantine", "what could not be stored, with the reason"))
    _profiles(_group(commands, "profiles", "meter profiles"))
    _verify(_group(commands, "verify", "prove stored data"))
    _import(_group(commands, "import", "bring in data from files"))
    backtest = _add(commands, "backtest", "what engine and anomaly detector make of a file of readings; no server")
    backtest.add_argument("readings", type=Path, help="CSV: meter,arrived_at,read_at,register")
    backtest.add_argument("--meters", type=Path, required=True, help="JSON: what is known of each meter")
    backtest.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the result files go")
    _simulate(_add(commands, "simulate", "serve growing Modbus TCP meters of a profile"))
    bench = _add(commands, "bench", "measure; ratios are taken side by side in one run (needs a checkout)")
    bench.add_argument(
        "what",
        nargs="*",
        help="one or more benchmarks; nothing: all; vee needs a folder of series: name it too, or in WANJIA_BENCH_DATA",
    )
    return root


def _add(actions: Actions, name: str, about: str, handler: str = "", group: str = "") -> argparse.ArgumentParser:
    added = actions.add_parser(name, help=about, description=about)
    added.set_defaults(handler=handler or f"{group} {name}".strip())
    return added


def _group(commands: Actions, name: str, about: str) -> Actions:
    return commands.add_parser(name, help=about, description=about).add_subparsers(required=True, metavar="ACTION")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _address(text: str) -> str:
    try:
        return settings.address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _registry(actions: Actions) -> None:
    _add(actions, "check", "find all faults in a file; needs no server", group="registry")
    _add(actions, "plan", "show what apply would change", group="registry")
    _add(actions, "apply", "bring the database to the file; applying twice changes nothing", group="registry")
    for name, action in actions.choices.items():
        action.add_argument("file", type=Path)
        if name != "check":
            action.add_argument("--prune", action="store_true", help="end what the file's enterprises no longer name")
    _add(actions, "export", "print the registry as a file that apply takes", group="registry")


def _keys(actions: Actions) -> None:
    create = _add(actions, "create", "make a key; it is shown this once", group="keys")
    create.add_argument("name")
    create.add_argument("--role", required=True, choices=("admin", "operator", "enterprise", "regulator"))
    create.add_argument("--scope", default="", help="enterprise: its social credit code; regulator: a region prefix")
    create.add_argument("--days", type=_count, help="valid for so many days (default: until revoked)")
    _add(actions, "revoke", "end a key now", group="keys").add_argument("name")
    _add(actions, "list", "all keys and until when they are valid", group="keys")


def _targets(actions: Actions) -> None:
    add = _add(actions, "set", "tell somebody of alerts, or change how", group="targets")
    add.add_argument("name")
    add.add_argument("kind", choices=("webhook", "mail", "wecom", "dingtalk", "feishu"))
    add.add_argument("address", help="URL of the webhook or robot, or mail addresses with commas between them")
    add.add_argument(
        "--secret", default="", help="signs every message; default: a webhook gets a new one, shown this once"
    )
    add.add_argument("--severity", default="warning", choices=("info", "warning", "critical"), help="from this on")
    add.add_argument("--enterprise", metavar="USCC", help="only its alerts (default: all)")
    add.add_argument("--language", default="zh", choices=("zh", "en"))
    add.add_argument(
        "--digest", default="immediately", metavar="WHEN", help='immediately (default), hourly or "daily HH:MM"'
    )
    add.add_argument("--zone", default="Asia/Shanghai", help="whose clock daily means (default Asia/Shanghai)")
    add.add_argument("--escalations-only", action="store_true", help="only what nobody has acknowledged in time")
    _add(actions, "disable", "tell it nothing more", group="targets").add_argument("name")
    _add(actions, "list", "all targets, without what is secret", group="targets")
    _add(actions, "test", "send a test and say what became of it", group="targets").add_argument("name")


def _notify(actions: Actions) -> None:
    log = _add(actions, "log", "the latest notifications and what became of them, newest first", group="notify")
    log.add_argument("--target", help="only to this one")
    log.add_argument("--limit", type=_count, default=20, help="how many (default 20)")


def _quarantine(actions: Actions) -> None:
    listing = _add(actions, "list", "the latest messages in quarantine, newest first", group="quarantine")
    listing.add_argument("--limit", type=_count, default=20, help="how many (default 20)")


def _profiles(actions: Actions) -> None:
    listing = _add(actions, "list", "all profiles", group="profiles")
    show = _add(actions, "show", "a profile's file with its source", group="profiles")
    show.add_argument("profile")
    for action in (listing, show):
        action.add_argument("--dir", type=Path, help="a folder with profiles of your own")
    test = _add(actions, "test", "check a profile file and decode its example; needs no server", group="profiles")
    test.add_argument("file", type=Path)


def _verify(actions: Actions) -> None:
    energy = _add(actions, "energy", "prove that intervals add up to what the registers counted", group="verify")
    energy.add_argument("--from", dest="first", type=date.fromisoformat, metavar="DAY", help="default: yesterday")
    energy.add_argument(
        "--to", dest="last", type=date.fromisoformat, metavar="DAY", help="the last day; default: --from"
    )
    energy.add_argument("--enterprise", metavar="USCC", help="only its metering points (default: all)")
    energy.add_argument("--metering-point", metavar="CODE", help="only this one of the enterprise")


def _import(actions: Actions) -> None:
    readings = _add(actions, "readings", "readings from CSV, Parquet or XLSX, by the backfill lane", group="import")
    readings.add_argument("files", nargs="+", type=Path, metavar="FILE")
    readings.add_argument("--mapping", type=Path, help="what the columns mean, where they are not named like the API's")
    readings.add_argument("--dry-run", action="store_true", help="only report what would be accepted and refused")
    readings.add_argument("--no-wait", dest="wait", action="store_false", help="end when all is durable, not committed")


def _simulate(simulate: argparse.ArgumentParser) -> None:
    simulate.add_argument("profile", nargs="?", default="chint-dtsu666", help="default: chint-dtsu666")
    simulate.add_argument("--meters", type=_count, default=1)
    simulate.add_argument(
        "--listen", type=_address, default="127.0.0.1:5020", help="host:port of the first (default 127.0.0.1:5020)"
    )
    simulate.add_argument(
        "--gateways", action="store_true", help="a hundred meters behind each port, as units 1 to 100"
    )
    simulate.add_argument("--demo", type=Path, metavar="DIR", help="instead: the meters of the demo in this folder")
    simulate.add_argument(
        "--mqtt", type=_address, default="127.0.0.1:1883", help="host:port that the demo's MQTT meters publish to"
    )
