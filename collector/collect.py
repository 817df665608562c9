"""The collect role: polls the meters of a site and hands their samples to the stream.

It needs one outbound connection, to the stream, and no database. The path of a poll on one screen:

    roster   follows the registry bucket, adds and removes devices          collector/roster.py
    fleet    wakes each device at its slots                                 collector/fleet.py, poll.py
    link     asks for its blocks, one request at a time                     collector/links.py, protocols/modbus.py
    harvest  decodes the replies of all devices of a tick together          collector/harvest.py, protocols/decode.py
    outbox   publishes a batch per enterprise, holds what cannot be         collector/outbox.py, storage/stream.py
"""

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import Iterator

from collector.fleet import Fleet
from collector.harvest import Harvest
from collector.outbox import Outbox
from collector.refusals import tell_refusals
from collector.roster import Roster
from config.settings import Settings
from storage.embedded import nats
from storage.errors import Unavailable
from storage.keyvalue import Lease
from storage.stream import Stream

log = logging.getLogger(__name__)

TICK_S = 0.5
"""Replies are decoded and published together this often."""
LOOK_S = 2.0
"""Between two renewals of the lease, and between two tries to get it. It ends 8 s after the last renewal, so a dead
collector is replaced within 15 s."""
REPORT_S = 300.0
OPEN_FILES = 65_536
LAST_WORDS_S = 5.0
"""How long stopping waits for the stream to take what was read."""


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Collect until `stop`, whenever this process holds the lease of its site."""
    allow_many_links()
    with _stream_url(settings) as url:
        stream = await _connected(url, settings.stream_bytes, stop)
        if stream is None:
            return
        outbox = Outbox(stream.publish)
        try:
            async with asyncio.TaskGroup() as group:
                publishing = group.create_task(outbox.run())
                await _take_turns(stream, outbox, settings.site, stop)
                await outbox.drain(LAST_WORDS_S)
                publishing.cancel()
        finally:
            await stream.close()


async def collect(stream: Stream, outbox: Outbox, site: str) -> None:
    """Poll the site's meters and put their samples into the outbox, until cancelled."""
    harvest = Harvest()
    fleet = Fleet(harvest.take)
    roster = Roster(fleet, stream.publish_raw, site)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_follow(stream, roster, fleet))
            group.create_task(_gather(harvest, outbox))
            group.create_task(_report(roster, fleet, outbox))
            group.create_task(tell_refusals(stream.refusals, roster))
    finally:
        fleet.close()
        await roster.close()
        for uscc, batch in harvest.drain():
            outbox.put(uscc, batch)


async def _follow(stream: Stream, roster: Roster, fleet: Fleet) -> None:
    async for entry in stream.registry.watch():
        if entry:
            roster.apply(entry.key, entry.value)
            continue
        log.info("collecting from %d meters over %d links", len(roster), fleet.links)
        if roster.waiting():
            log.error("no usable profile for %s; apply the registry again", ", ".join(roster.waiting()[:20]))


async def _gather(harvest: Harvest, outbox: Outbox) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        for uscc, batch in harvest.drain():
            outbox.put(uscc, batch)


async def _report(roster: Roster, fleet: Fleet, outbox: Outbox) -> None:
    while True:
        await asyncio.sleep(REPORT_S)
        counts = fleet.counts
        log.info(
            "%d meters, %d of %d links up; since the start %d polls, %.3f %% on time, %d without result; %d samples "
            "published, %d waiting, %d lost",
            len(roster),
            fleet.connected,
            fleet.links,
            counts.polls,
            100 * counts.on_time / max(counts.polls, 1),
            counts.failed,
            outbox.published,
            outbox.held,
            outbox.lost,
        )


async def _take_turns(stream: Stream, outbox: Outbox, site: str, stop: asyncio.Event) -> None:
    """Collect while the lease of the site is ours; stand by while another process has it."""
    name, owner = f"collect.{site.encode().hex() or '-'}", f"{socket.gethostname()}-{secrets.token_hex(8)}"
    standing_by = False
    while not stop.is_set():
        lease = await _acquire(stream, name, owner)
        if lease:
            await _collect_while_ours(stream, outbox, site, lease, stop)
        elif not standing_by:
            log.info("another process collects from site %r; standing by", site)
        standing_by = lease is None
        await _pause(LOOK_S, stop)


async def _collect_while_ours(stream: Stream, outbox: Outbox, site: str, lease: Lease, stop: asyncio.Event) -> None:
    collecting = asyncio.create_task(collect(stream, outbox, site))
    try:
        while not stop.is_set() and not collecting.done():
            await _pause(LOOK_S, stop)
            if not await _still_ours(stream, lease):
                log.warning("another process has taken over site %r", site)
                break
    finally:
        collecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await collecting
        with contextlib.suppress(Unavailable):
            await stream.leases.release(lease)


async def _acquire(stream: Stream, name: str, owner: str) -> Lease | None:
    with contextlib.suppress(Unavailable):
        return await stream.leases.acquire(name, owner)
    return None


async def _still_ours(stream: Stream, lease: Lease) -> bool:
    """Whether no other process has the lease, as far as can be known.

    Without the stream polling goes on: when the server is away nobody can take the lease, and the readings are held
    meanwhile. When only this process is cut off from it, another takes over when the lease has ended, and both poll
    until this one is back; a reading more than was expected does no harm.
    """
    try:
        if await stream.leases.renew(lease):
            return True
        again = await stream.leases.acquire(lease.name, lease.owner)
    except Unavailable:
        return True
    if again:
        lease.revision = again.revision
    return again is not None


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def _connected(url: str, capacity: int, stop: asyncio.Event) -> Stream | None:
    """The stream, however long it takes to come up; None: stopped before."""
    told = False
    while not stop.is_set():
        try:
            return await Stream.connect(url, capacity)
        except Unavailable as error:
            if not told:
                log.warning("%s; trying again without end", error)
            told = True
            await _pause(1.0, stop)
    return None


@contextlib.contextmanager
def _stream_url(settings: Settings) -> Iterator[str]:
    if settings.nats_url:
        yield settings.nats_url
        return
    with nats(settings.home, settings.mqtt) as lease:
        yield lease.url


def allow_many_links() -> None:
    """Each link is an open file, and the usual limit of 1,024 is meant for other programs: use what may be used."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, OPEN_FILES)), hard))
