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
import json
import logging
import multiprocessing
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from config import commandline, logs, settings
from config.errors import ConfigError, Fault, WanjiaError

if TYPE_CHECKING:
    from collector.visible import Alarm, Visible
    from config.settings import Settings
    from protocols.simulator.demo import Demo
    from storage.database import Database
    from storage.embedded import Servers
    from storage.points import PointTable
    from storage.registry_plan import Plan
    from storage.stream import Stream

log = logging.getLogger("wanjia")
T = TypeVar("T")

RETRY_S = 1.0
TEST_S = 20.0
"""How long the sender of a test waits for what becomes of it."""
ROLES = (("collect",), ("ingest",), ("watch",), ("api",))
Role = Callable[["Settings", asyncio.Event], Awaitable[None]]
Handler = Callable[[argparse.Namespace], int | None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command named on the command line; returns the exit code (2: something the user wrote is wrong)."""
    options = commandline.parser().parse_args(arguments)
    try:
        code = HANDLERS[options.handler](options)
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
    except BrokenPipeError:  # whoever read our output has seen enough, as in `wanjia profiles list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


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
    logs.setup(options.role, chosen.log_level)
    _loop(lambda stop: _role(options.role)(chosen, stop))


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
    await _patiently(lambda: _prepare(chosen, servers), stop)
    if not stop.is_set():
        await _keep_roles(_environment(servers), stop)


async def _patiently(work: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Do it as soon as database and stream can be reached; said once. Returns undone when `stop` comes first."""
    from storage.errors import Unavailable

    told = False
    while not stop.is_set():
        try:
            return await work()
        except Unavailable as error:
            if not told:
                log.warning("waiting for the servers in WANJIA_DATABASE_URL and WANJIA_NATS_URL: %s", error)
            told = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RETRY_S)


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
        await _listening(chosen.http, roles)
        here = f"WANJIA_HOME={chosen.home} WANJIA_MQTT=127.0.0.1:{servers.mqtt_port} {sys.argv[0]}"
        print(
            f"\n  Console:  http://{chosen.http}/#key={key}\n  API key:  {key}\n  Commands: {here} keys list"
            f"\n  Logs:     {output.name}\n",
            flush=True,
        )
        history = asyncio.create_task(_show_history(city, stream, await load_points(database)))
        await asyncio.wait((roles, history), return_when=asyncio.FIRST_COMPLETED)
        if not roles.done():
            print("Live; alerts of the history follow within minutes. Ctrl-C stops everything.", flush=True)
        await roles
        history.cancel()


async def _listening(address: str, roles: asyncio.Task[None]) -> None:
    """Until something listens at the address, or the roles have ended."""
    host, port = settings.split_address(address)
    while not roles.done():
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return
        await asyncio.sleep(RETRY_S)


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


def _with_stores(body: Callable[[Database, Stream], Coroutine[Any, Any, T]]) -> T:
    """Run `body` on the settings' servers, with the schema brought up to date. Raises KeyboardInterrupt."""
    from storage import embedded
    from storage.migrate import migrate

    async def whole(servers: Servers, stop: asyncio.Event) -> T:
        async with _stores(servers) as (database, stream):
            await migrate(database)
            work, stopped = asyncio.create_task(body(database, stream)), asyncio.create_task(stop.wait())
            await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait((work,))
                raise KeyboardInterrupt
            return work.result()

    with embedded.servers(settings.load()) as servers:
        return _loop(lambda stop: whole(servers, stop))


def _registry_check(options: argparse.Namespace) -> None:
    from storage import registry

    print(registry.check_file(options.file))


def _registry_plan(options: argparse.Namespace) -> None:
    print(_with_stores(lambda database, _: _foreseen(database, options)))


async def _foreseen(database: Database, options: argparse.Namespace) -> Plan:
    """The plan of a registry file, with consumption before and after."""
    from collector.preview import foresee
    from config.samples import MICROSECOND, now_us
    from storage import registry

    plan = await registry.plan(database, options.file, prune=options.prune)
    kept_from = now_us() - settings.load().retention_days * 86_400 * MICROSECOND
    plan.foreseen = await foresee(database, plan, kept_from)
    return plan


def _registry_apply(options: argparse.Namespace) -> None:
    from storage import publication, registry
    from storage.errors import StorageError

    async def apply(database: Database, stream: Stream) -> str:
        foreseen = (await _foreseen(database, options)).foreseen
        done = await registry.apply(database, options.file, actor=_user(), prune=options.prune)
        done.foreseen = foreseen
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


def _verify_energy(options: argparse.Namespace) -> int:
    from collector.verification import verify_energy

    days = settings.load().retention_days
    return _with_stores(
        lambda database, _: verify_energy(
            database, options.first, options.last, options.enterprise, options.metering_point, retention_days=days
        )
    )


def _import_readings(options: argparse.Namespace) -> int:
    from collector.importing.command import import_readings

    days = settings.load().retention_days
    return _with_stores(
        lambda database, stream: import_readings(
            database, stream, options.files,
            mapping=options.mapping, retention_days=days, dry_run=options.dry_run, wait=options.wait,
        )
    )  # fmt: skip


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
            database, options.name, role=options.role, scope=options.scope, expires=expires, actor=_user()
        )

    print(_with_stores(create))


def _keys_revoke(options: argparse.Namespace) -> None:
    from api.gate import FRESH_S
    from storage import access

    _with_stores(lambda database, _: access.revoke(database, options.name, actor=_user()))
    print(f"{options.name}: revoked; a running API refuses it within {FRESH_S:g} s")


def _keys_list(_: argparse.Namespace) -> None:
    from storage import access

    listed = _with_stores(lambda database, _: access.keys(database))
    print(access.table(listed, datetime.now(UTC)))


def _targets_set(options: argparse.Namespace) -> None:
    from storage import targets

    made = "" if options.secret or options.kind != "webhook" else secrets.token_urlsafe(32)
    target = targets.Target(
        options.name, options.kind, options.address, options.secret or made, options.severity, options.enterprise,
        options.language, options.digest, options.zone, options.escalations_only,
    )  # fmt: skip
    _with_stores(lambda database, _: targets.put(database, target, _user()))
    print(f"{options.name}: signed with the secret {made}" if made else f"{options.name}: set")


def _targets_disable(options: argparse.Namespace) -> None:
    from storage import targets

    if not _with_stores(lambda database, _: targets.disable(database, options.name, _user())):
        raise ConfigError([Fault(f"target {options.name}", "there is none", "see `wanjia targets list`")])
    print(f"{options.name}: disabled; it is told nothing more, nor what waited")


def _targets_list(_: argparse.Namespace) -> None:
    from storage import targets

    print(targets.table(_with_stores(lambda database, _: targets.listed(database))))


def _targets_test(options: argparse.Namespace) -> int:
    from alerts.message import trial
    from config.samples import now_us
    from storage import notifications, targets

    async def test(database: Database, _: Stream) -> notifications.Fate | None:
        now = now_us()
        number = await targets.test(database, options.name, trial(options.name, now), now)
        return None if number is None else await notifications.fate(database, number, TEST_S)

    fate = _with_stores(test)
    if fate is None:
        fault = Fault(f"target {options.name}", "there is none, or it is disabled", "see `wanjia targets list`")
        raise ConfigError([fault])
    waiting = f"not taken up within {TEST_S:g} s; is the role watch running? See `wanjia notify log`"
    print(f"{options.name}: {waiting if fate.state == 'waiting' else fate.error or 'sent'}")
    return 0 if fate.state == "sent" else 1


def _notify_log(options: argparse.Namespace) -> None:
    from storage import notifications

    for item in _with_stores(
        lambda database, _: notifications.log(database, target=options.target, limit=options.limit)
    ).items:
        outcome = item["last_error"] or f"{item['attempts']} attempts"
        print(f"{item['created']} {item['target']} {item['state']} ({outcome}): {item['zh']}")


def _quarantine_list(options: argparse.Namespace) -> None:
    async def listed(_: Database, stream: Stream) -> str:
        items = await stream.quarantined(options.limit)
        return "\n".join([f"{await stream.quarantine_size()} in quarantine, newest first", *map(str, items)])

    print(_with_stores(listed))


def _profiles_list(options: argparse.Namespace) -> None:
    from config import profilefiles

    print(profilefiles.table(options.dir))


def _profiles_show(options: argparse.Namespace) -> None:
    from config import profilefiles

    print(profilefiles.text_of(options.profile, options.dir), end="")


def _profiles_test(options: argparse.Namespace) -> None:
    from protocols import example

    print(example.try_file(options.file))


def _backtest(options: argparse.Namespace) -> None:
    from concurrent.futures import ProcessPoolExecutor

    from collector.backtest import backtest

    # The detector takes most of the time, and every meter is a world of its own.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        print(backtest(options.readings, options.meters, options.out, partial(pool.map, _detect)))


def _detect(meter: Visible, zone: str) -> list[Alarm]:
    """The incidents of a meter with intervals of an hour at most, as a backtest writes them."""
    from alerts.detect import Detector
    from collector.visible import Alarm

    if meter.step_s > 3600:
        return []
    detector = Detector(meter.step_s, zone)
    detector.feed(meter.start, meter.value, meter.known)
    last = int(meter.start[-1]) + meter.step_s * 1_000_000
    return [
        Alarm(one.cause, one.start, one.end or last, one.detected_at, one.severity, json.dumps(one.evidence))
        for one in detector.incidents
    ]


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


HANDLERS: Mapping[str, Handler] = {
    "demo": _demo,
    "run": _run,
    "role": _play,
    "migrate": _migrate,
    "registry check": _registry_check,
    "registry plan": _registry_plan,
    "registry apply": _registry_apply,
    "registry export": _registry_export,
    "keys create": _keys_create,
    "keys revoke": _keys_revoke,
    "keys list": _keys_list,
    "targets set": _targets_set,
    "targets disable": _targets_disable,
    "targets list": _targets_list,
    "targets test": _targets_test,
    "notify log": _notify_log,
    "quarantine list": _quarantine_list,
    "profiles list": _profiles_list,
    "profiles show": _profiles_show,
    "profiles test": _profiles_test,
    "verify energy": _verify_energy,
    "import readings": _import_readings,
    "backtest": _backtest,
    "simulate": _simulate,
    "bench": _bench,
}

if __name__ == "__main__":
    sys.exit(main())
