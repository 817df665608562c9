"""Wanjia's command line and only composition root: builds each role from the settings.

run          all roles as child processes; one that dies is started again
collect      poll meters, subscribe to brokers, publish samples to the stream
ingest       stream → readings, intervals, rollups (one active, others stand by)
watch        gaps and alerts (one active, others stand by)
api          HTTP API and console
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from config import logs, settings
from config.errors import ConfigError, Fault, WanjiaError

if TYPE_CHECKING:
    from config.settings import Settings
    from protocols.simulator.demo import Demo
    from storage.database import Database
    from storage.embedded import Servers
    from storage.points import PointTable
    from storage.stream import Stream

log = logging.getLogger("wanjia")
T = TypeVar("T")

ROLES = (("collect",), ("ingest",), ("watch",), ("api",))
Role = Callable[["Settings", asyncio.Event], Awaitable[None]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command named on the command line; returns the exit code (2: something the user wrote is wrong)."""
    options = _parser().parse_args(arguments)
    try:
        code: int | None = options.command(options)
        return code or 0
    except ConfigError as error:
        for fault in error.faults:
            print(f"error: {fault}", file=sys.stderr)
        return 2
    except WanjiaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


# Roles


def _role(name: str) -> Role:
    """The function behind a role; imported only by the process that plays it."""
    if name == "collect":
        from collector import collect

        return collect.run
    if name == "ingest":
        from collector import ingest

        return ingest.run
    if name == "watch":
        from alerts import watch

        return watch.run
    from api import app

    return app.run


def _play(options: argparse.Namespace) -> None:
    chosen = settings.load()
    logs.setup(options.name, chosen.log_level)
    _loop(lambda stop: _role(options.name)(chosen, stop))


def _loop(body: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    """Run `body` in an event loop; SIGINT and SIGTERM set its `stop`."""

    async def whole() -> T:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        return await body(stop)

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(whole())


def _run(_: argparse.Namespace) -> None:
    from storage import embedded

    chosen = settings.load()
    logs.setup("run", chosen.log_level)
    with embedded.servers(chosen) as servers:
        _loop(lambda stop: _run_all(chosen, servers, stop))


async def _run_all(chosen: Settings, servers: Servers, stop: asyncio.Event) -> None:
    await _prepare(chosen, servers)
    await _keep_roles(_environment(servers), stop)


async def _prepare(chosen: Settings, servers: Servers) -> None:
    """What must hold before any role starts: the schema, the settings' registry file, the bucket it feeds."""
    from storage import publication, registry
    from storage.migrate import migrate

    async with _stores(servers) as (database, stream):
        await migrate(database)
        if chosen.registry:
            print(await registry.apply(database, chosen.registry, actor="wanjia run"))
        await publication.publish(database, stream.registry)


def _environment(servers: Servers) -> dict[str, str]:
    """For child processes: they use the servers that this process holds."""
    return {**os.environ, "WANJIA_DATABASE_URL": servers.database_url, "WANJIA_NATS_URL": servers.nats_url}


async def _keep_roles(
    environment: Mapping[str, str],
    stop: asyncio.Event,
    commands: Sequence[Sequence[str]] = ROLES,
    to: IO[bytes] | None = None,
) -> None:
    """Run every command in a process of its own until `stop`, its output to `to`. Raises ConfigError when one cannot
    start at all: it has said why."""
    children = [asyncio.create_task(_keep(command, environment, stop, to)) for command in commands]
    done, _ = await asyncio.wait(children, return_when=asyncio.FIRST_EXCEPTION)
    stop.set()
    await asyncio.wait(children)
    for child in done:
        child.result()


async def _keep(
    command: Sequence[str], environment: Mapping[str, str], stop: asyncio.Event, to: IO[bytes] | None
) -> None:
    """One command's process; started again with growing pauses when it dies, at once when it had lived for a while."""
    from storage.embedded.processes import die_with_parent

    pause, clock = 0.2, asyncio.get_running_loop().time
    while not stop.is_set():
        started = clock()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "wanjia", *command, env=environment, stdout=to, stderr=to, start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )  # fmt: skip
        code = await _until_gone(child, stop)
        if code == 2:
            raise ConfigError([])
        if stop.is_set():
            return
        pause = 0.2 if clock() - started > 30 else min(pause * 2, 10)
        log.error("%s ended with code %s; starting it again in %.1f s", command[0], code, pause)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


async def _until_gone(child: asyncio.subprocess.Process, stop: asyncio.Event) -> int:
    """Wait for the child's end; when `stop` comes first, ask it to end and kill it after 10 s."""
    gone, stopped = asyncio.create_task(child.wait()), asyncio.create_task(stop.wait())
    await asyncio.wait((gone, stopped), return_when=asyncio.FIRST_COMPLETED)
    if not gone.done():
        child.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(gone), 10)
        except TimeoutError:
            child.kill()
    stopped.cancel()
    return await gone


# The demo


def _demo(options: argparse.Namespace) -> None:
    from protocols.simulator import demo
    from storage import embedded

    chosen = settings.load()
    folder = _demo_folder(chosen.home / "demo")
    print("Starting PostgreSQL and NATS …", flush=True)
    chosen = chosen.model_copy(update={"home": folder, "mqtt": _free(chosen.mqtt), "http": _free(chosen.http)})
    city = demo.build(folder, days=options.days)
    with embedded.servers(chosen) as servers, (folder / "demo.log").open("ab") as output:
        _loop(lambda stop: _run_demo(city, chosen, servers, stop, output))
    print(f"Stopped. What was simulated, what truly happened, and the logs lie in {folder} until the next demo.")


def _demo_folder(parent: Path) -> Path:
    """A new folder for this demo; those of demos that have ended are removed."""
    import shutil
    import tempfile

    from storage.embedded.room import Room

    parent.mkdir(parents=True, exist_ok=True)
    for old in parent.iterdir():
        if not any(room.folder.exists() and room.guarded() for room in (Room(old, "postgres"), Room(old, "nats"))):
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{datetime.now(UTC):%Y%m%d-%H%M%S}-", dir=parent))
    folder.chmod(0o755)
    return folder


def _free(address: str) -> str:
    """The address, or a free port of its host when somebody listens there already."""
    import socket

    host, port = settings.split_address(address)
    for wanted in (port, 0):
        with contextlib.suppress(OSError), socket.create_server((host, wanted)) as probe:
            return f"{host}:{probe.getsockname()[1]}"
    return address


async def _run_demo(city: Demo, chosen: Settings, servers: Servers, stop: asyncio.Event, output: IO[bytes]) -> None:
    from protocols.simulator.demo import Files
    from storage import access, publication, registry
    from storage.migrate import migrate
    from storage.points import load_points

    async with _stores(servers) as (database, stream):
        await migrate(database)
        for file in (Files(chosen.home).registry_before, Files(chosen.home).registry):
            await registry.apply(database, file, actor="wanjia demo")
        await publication.publish(database, stream.registry)
        key = await access.create(database, "demo", "admin", actor="wanjia demo")
        simulator = ("simulate", "--demo", str(chosen.home), "--mqtt", f"127.0.0.1:{servers.mqtt_port}")
        environment = _environment(servers) | {"WANJIA_HTTP": chosen.http, "WANJIA_HOME": str(chosen.home)}
        roles = asyncio.create_task(_keep_roles(environment, stop, (simulator, *ROLES), output))
        print(
            f"\n  Console:  http://{chosen.http}/#key={key}\n  API key:  {key}\n  Logs:     {output.name}\n", flush=True
        )
        history = asyncio.create_task(_show_history(city, stream, await load_points(database)))
        await asyncio.wait((roles, history), return_when=asyncio.FIRST_COMPLETED)
        if not roles.done():
            print("Live. Ctrl-C stops everything.", flush=True)
        await roles
        history.cancel()


async def _show_history(city: Demo, stream: Stream, table: PointTable) -> None:
    """Load the city's past with a progress bar."""
    from rich.progress import Progress as Bars

    from collector.history import Progress, load_history

    with Bars() as bars:
        bar = bars.add_task(f"{city.days} days of history")

        def show(progress: Progress) -> None:
            bars.update(bar, total=progress.total, completed=progress.committed)

        await load_history(stream, table, city, show)


# One-shot commands


@contextlib.asynccontextmanager
async def _stores(servers: Servers) -> AsyncIterator[tuple[Database, Stream]]:
    """A database and a stream for one command."""
    from storage.database import Database
    from storage.stream import Stream

    database = await Database.connect(servers.database_url, role="command line")
    try:
        stream = await Stream.connect(servers.nats_url)
        try:
            yield database, stream
        finally:
            await stream.close()
    finally:
        await database.close()


def _with_stores(body: Callable[[Database, Stream], Awaitable[T]]) -> T:
    """Run `body` on the settings' servers, with the schema brought up to date."""
    from storage import embedded
    from storage.migrate import migrate

    async def whole(servers: Servers) -> T:
        async with _stores(servers) as (database, stream):
            await migrate(database)
            return await body(database, stream)

    with embedded.servers(settings.load()) as servers:
        return _loop(lambda _: whole(servers))


def _registry_check(options: argparse.Namespace) -> None:
    from storage import registry

    print(registry.check_file(options.file))


def _registry_plan(options: argparse.Namespace) -> None:
    from storage import registry

    print(_with_stores(lambda database, _: registry.plan(database, options.file, prune=options.prune)))


def _registry_apply(options: argparse.Namespace) -> None:
    from storage import publication, registry
    from storage.errors import StorageError

    async def apply(database: Database, stream: Stream) -> str:
        done = await registry.apply(database, options.file, actor=_user(), prune=options.prune)
        try:
            await publication.publish(database, stream.registry)
        except StorageError as error:
            told = "applied; the running service (role ingest) will tell the collectors, it could not be done now"
            print(f"warning: {told}: {error}", file=sys.stderr)
        return str(done)

    print(_with_stores(apply))


def _registry_export(_: argparse.Namespace) -> None:
    from storage import registry

    print(_with_stores(lambda database, _: registry.export(database)), end="")


def _migrate(_: argparse.Namespace) -> None:
    from storage import embedded
    from storage.database import Database
    from storage.migrate import migrate

    async def whole(url: str) -> list[str]:
        database = await Database.connect(url, role="migrate")
        try:
            return await migrate(database)
        finally:
            await database.close()

    with embedded.servers(settings.load()) as servers:
        applied = _loop(lambda _: whole(servers.database_url))
    print("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")


def _user() -> str:
    import getpass

    return getpass.getuser()


def _keys_create(options: argparse.Namespace) -> None:
    from storage import access

    expires = datetime.now(UTC) + timedelta(days=options.days) if options.days else None

    async def create(database: Database, _: Stream) -> str:
        return await access.create(
            database, options.key, role=options.role, scope=options.scope, expires=expires, actor=_user()
        )

    print(_with_stores(create))


def _keys_revoke(options: argparse.Namespace) -> None:
    from storage import access

    _with_stores(lambda database, _: access.revoke(database, options.key, actor=_user()))


def _keys_list(_: argparse.Namespace) -> None:
    from storage import access

    listed = _with_stores(lambda database, _: access.keys(database))
    print(access.table(listed, datetime.now(UTC)))


def _profiles_list(options: argparse.Namespace) -> None:
    from config import profilefiles

    print(profilefiles.table(options.dir))


def _profiles_show(options: argparse.Namespace) -> None:
    from config import profilefiles

    print(profilefiles.text_of(options.profile, options.dir), end="")


def _profiles_test(options: argparse.Namespace) -> None:
    from protocols import example

    print(example.try_file(options.file))


def _simulate(options: argparse.Namespace) -> None:
    if options.demo:
        from protocols.simulator import demo, live

        _loop(lambda stop: live.simulate(demo.load(options.demo), settings.split_address(options.mqtt), stop))
        return
    from config import profilefiles
    from protocols.simulator.growing import simulate

    profile = profilefiles.one(options.profile)
    host, port = settings.split_address(options.listen)

    def ready(addresses: list[str]) -> None:
        ports = addresses[0] + (f" … {addresses[-1]}" if len(addresses) > 1 else "")
        print(f"{options.meters} x {profile.name} at {ports}", flush=True)

    _loop(
        lambda stop: simulate(
            profile, options.meters, host=host, port=port, gateways=options.gateways, stop=stop, ready=ready
        )
    )


def _bench(options: argparse.Namespace) -> int:
    try:
        from tests.benchmarks import run
    except ImportError:
        raise ConfigError(
            [Fault("wanjia bench", "the benchmarks are not part of the installed package", "run it in a checkout")]
        ) from None
    return run.main(options.what)


# The command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wanjia",
        description="Real-time energy metering data acquisition.",
        epilog="Settings: WANJIA_* or wanjia.toml.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Callable[..., int | None], about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(command=function, name=name)
        return added

    demo = command("demo", _demo, "a simulated city on embedded servers, to look at")
    demo.add_argument("--days", type=int, default=30, help="days of history (default 30)")
    command("run", _run, "all roles, each in a process of its own")
    command("collect", _play, "role: poll meters, subscribe to brokers")
    command("ingest", _play, "role: stream to database (one active, others stand by)")
    command("watch", _play, "role: gaps and alerts (one active, others stand by)")
    command("api", _play, "role: HTTP API and console")
    command("migrate", _migrate, "bring the database to this program's schema")
    _registry_commands(command("registry", _registry_check, "check, plan, apply or export the registry"))
    _keys_commands(command("keys", _keys_list, "API keys"))
    _profiles_commands(command("profiles", _profiles_list, "meter profiles"))
    simulate = command("simulate", _simulate, "serve growing Modbus TCP meters of a profile")
    simulate.add_argument("profile", nargs="?", default="chint-dtsu666", help="default: chint-dtsu666")
    simulate.add_argument("--meters", type=int, default=1)
    simulate.add_argument("--listen", default="127.0.0.1:5020", help="host:port of the first (default 127.0.0.1:5020)")
    simulate.add_argument(
        "--gateways", action="store_true", help="a hundred meters behind each port, as units 1 to 100"
    )
    simulate.add_argument("--demo", type=Path, metavar="DIR", help="instead: the meters of the demo in this folder")
    simulate.add_argument("--mqtt", default="127.0.0.1:1883", help="host:port that the demo's MQTT meters publish to")
    bench = command("bench", _bench, "measure; ratios are taken side by side in one run (needs a checkout)")
    bench.add_argument("what", nargs="*", help="ingest, modbus, memory, api, watch, energy, registry; nothing: all")
    return parser


def _registry_commands(registry: argparse.ArgumentParser) -> None:
    actions = registry.add_subparsers(required=True, metavar="ACTION")
    for name, function, about in (
        ("check", _registry_check, "find all faults in a file; needs no server"),
        ("plan", _registry_plan, "show what apply would change"),
        ("apply", _registry_apply, "bring the database to the file; applying twice changes nothing"),
    ):
        action = actions.add_parser(name, help=about, description=about)
        action.set_defaults(command=function)
        action.add_argument("file", type=Path)
        if name != "check":
            action.add_argument("--prune", action="store_true", help="end what the file's enterprises no longer name")
    export = actions.add_parser("export", help="print the registry as a file that apply takes")
    export.set_defaults(command=_registry_export)


def _keys_commands(keys: argparse.ArgumentParser) -> None:
    actions = keys.add_subparsers(required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key; it is shown this once")
    create.set_defaults(command=_keys_create)
    create.add_argument("key", metavar="NAME")
    create.add_argument("--role", required=True, choices=("admin", "operator", "enterprise", "regulator"))
    create.add_argument("--scope", default="", help="enterprise: its social credit code; regulator: a region prefix")
    create.add_argument("--days", type=int, help="valid for so many days (default: until revoked)")
    revoke = actions.add_parser("revoke", help="end a key now")
    revoke.set_defaults(command=_keys_revoke)
    revoke.add_argument("key", metavar="NAME")
    actions.add_parser("list", help="all keys and until when they are valid").set_defaults(command=_keys_list)


def _profiles_commands(profiles: argparse.ArgumentParser) -> None:
    profiles.add_argument("--dir", type=Path, help="a folder with profiles of your own")
    actions = profiles.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("list", help="all profiles").set_defaults(command=_profiles_list)
    show = actions.add_parser("show", help="a profile's file with its source")
    show.set_defaults(command=_profiles_show)
    show.add_argument("profile")
    test = actions.add_parser("test", help="check a profile file and decode its example; needs no server")
    test.set_defaults(command=_profiles_test)
    test.add_argument("file", type=Path)


if __name__ == "__main__":
    sys.exit(main())
