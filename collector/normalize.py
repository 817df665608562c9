"""Messages to readings: sample batches as they are, device payloads by their mapping; the unreadable is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from collector.validate import Known, Rows
from config.quality import Flag
from config.samples import SampleBatch
from protocols.errors import BadPayload
from protocols.payload import Decoded, decode
from storage.lanes import Message
from storage.points import Device, PointTable

_FOREVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something of a message that can never be stored, as it goes to quarantine."""

    uscc: str
    payload: bytes
    reason: str
    source: str
    reply: str
    """Which message it was: where its acknowledgement goes."""
    points: tuple[int, ...] = ()
    """Of a payload that cannot be read: all its device has, and `at`: when it came."""
    at: int = 0


class Normalizer:
    """Reads messages by one state of the registry."""

    def __init__(self, table: PointTable, known: Known) -> None:
        self._table = table
        self._known = known

    def normalize(self, messages: Sequence[Message]) -> tuple[Rows, list[Refusal]]:
        """The readings of these messages as one set of columns, and what cannot be read."""
        parts: list[SampleBatch] = []
        numbers: list[int] = []
        refusals: list[Refusal] = []
        for number, message in enumerate(messages):
            try:
                if message.subject.startswith("meters."):
                    batch, reason = self._device(message)
                    refusals += [refusal(message, reason)] if reason else []
                else:
                    batch = _samples(message)
            except (BadPayload, ValueError) as error:
                refusals.append(self._unreadable(message, str(error)))
                continue
            parts.append(batch)
            numbers.append(number)
        owners = [self._known.enterprise_of.get(sender(message), -1) for message in messages]
        return _columns(parts, numbers, owners), refusals

    def _unreadable(self, message: Message, reason: str) -> Refusal:
        """Of all of a message, with the points it could have been about."""
        found = refusal(message, reason)
        device = self._device_of(message) if message.subject.startswith("meters.") else None
        if device is None:
            return found
        at = message.stored_at
        held = (points for since, until, points in device.points if since <= at < (until or _FOREVER))
        return replace(found, at=at, points=tuple(point for points in held for point in points.values()))

    def _device_of(self, message: Message) -> Device | None:
        _, uscc, meter, *_ = [*message.subject.split("."), "", ""]
        return self._table.devices.get((uscc, meter))

    def _device(self, message: Message) -> tuple[SampleBatch, str]:
        """A payload of a device, by the mapping of its connection, and why some of it is refused ("": nothing is).

        Raises BadPayload when all of it is.
        """
        _, uscc, meter, *_ = [*message.subject.split("."), "", ""]
        device = self._device_of(message)
        if device is None:
            raise BadPayload(f"enterprise {uscc or '?'} has no meter {meter or '?'}")
        mapping = self._table.mappings.get(device.mapping)
        if mapping is None:
            raise BadPayload(f"meter {meter} has no payload mapping; give its connection one")
        return _placed(device, decode(mapping, message.data, message.stored_at), message.stored_at)


def sender(message: Message) -> str:
    """The enterprise a message came from: samples.<lane>.<uscc>, meters.<uscc>.…"""
    tokens = message.subject.split(".")
    return tokens[1] if tokens[0] == "meters" else tokens[-1]


def refusal(message: Message, reason: str) -> Refusal:
    return Refusal(sender(message), message.data, reason, message.subject, message.reply)


def of_rows(refused: list[tuple[str, Rows]], messages: Sequence[Message]) -> list[Refusal]:
    """Refused readings by message and reason: of a sample batch only those rows, a device's payload as it came."""
    found: list[Refusal] = []
    for reason, rows in refused:
        for number in np.unique(rows.message).tolist():
            item = refusal(messages[number], reason)
            if item.source.startswith("samples."):
                item = replace(item, payload=rows[rows.message == number].batch().to_bytes())
            found.append(item)
    return found


def _samples(message: Message) -> SampleBatch:
    """Raises ValueError when it is not a sample batch."""
    batch = SampleBatch.from_bytes(message.data)
    if message.subject.startswith("samples.backfill."):
        batch.flags = batch.flags | np.int16(Flag.BACKFILL)
    return batch


def _placed(device: Device, decoded: Decoded, received: int) -> tuple[SampleBatch, str]:
    """Readings of a meter as points of where it was installed then, and why others are refused ("": none are).

    A quantity nobody asked for is left out.
    """
    point = np.full(len(decoded.time), -1, np.int32)
    installed = np.zeros(len(decoded.time), np.bool_)
    for valid_from, valid_to, points in device.points:
        then = (decoded.time >= valid_from) & (decoded.time < (valid_to or _FOREVER))
        ids = np.array([points.get(quantity, -1) for quantity in decoded.quantities], np.int32)
        point[then] = ids[decoded.quantity[then]]
        installed |= then
    reason = "" if installed.all() else f"meter {device.meter} was not installed at the time of a reading in it"
    kept = point >= 0
    batch = SampleBatch(point[kept], decoded.time[kept], decoded.value[kept], decoded.flags[kept], received)
    return batch, reason


def _columns(parts: list[SampleBatch], numbers: list[int], owners: list[int]) -> Rows:
    sizes = np.array([len(part) for part in parts], np.int64)
    message = np.repeat(np.array(numbers, np.int64), sizes)
    parts = parts or [SampleBatch.empty()]
    return Rows(
        point=np.concatenate([part.point for part in parts]),
        time=np.concatenate([part.time for part in parts]),
        value=np.concatenate([part.value for part in parts]),
        flags=np.concatenate([part.flags for part in parts]),
        received=np.repeat(np.array([part.received for part in parts], np.int64), sizes if len(sizes) else 0),
        message=message,
        enterprise=np.array(owners, np.int64)[message] if len(message) else np.empty(0, np.int64),
    )
