"""Which episodes of `gap`, `offline` and `gateway` run, from who is silent since when; pure.

A device is offline when every reading expected of it is overdue by its rule's grace; its metering points then have no
gap alert of their own. Nor have devices and metering points one when all that is behind their gateway is silent, and a
little before and after: while nothing has come by it since, and while their turn may not have come again.
Subjects are compared as arrays; sentences are made only for those that changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alerts.deadlines import NEVER, Deadlines
from alerts.expected import Pieces, Slots
from alerts.finding import Finding, Silence, Subject
from alerts.gateways import Gateways
from alerts.lifecycle import Changes, Ending
from alerts.roster import Roster
from alerts.rules import SILENCE
from alerts.survey import Outcome
from alerts.tracks import UNKNOWN, Members, Track, overlapping
from config.samples import MICROSECOND, Instants
from storage.alerts import Running
from storage.gaps import FOREVER

OLD = 86_400 * MICROSECOND
"""Gaps that began longer ago and are over when they are found have no alert, unless a whole device was silent."""
REACH = 400 * OLD
"""Of what began longer ago there is no alert at all."""
PATIENCE = 2
"""For so many times their grace slots behind a gateway wait for what the others there do."""
SAME = 120 * MICROSECOND
"""Silences that begin within so long of each other have one cause."""

TAKEN_OVER = "由离线或网关告警接续 · the offline or gateway alert continues it"
RETURNED = "读数恢复 · readings came again"
NOT_EXPECTED = "不再应有读数 · no readings are expected any more"


class Episodes:
    """What runs, and what changes when silence begins, lasts or ends."""

    def __init__(self, roster: Roster, deadlines: Deadlines, running: list[Running]) -> None:
        self._roster = roster
        self._deadlines = deadlines
        since = deadlines.since
        self._quiet = np.where(deadlines.last < since, deadlines.last, since - deadlines.cadence)
        """Last reading before the silence that lasts, or lasted last."""
        self._back = np.zeros(len(deadlines), np.int64)
        self._lacking = np.zeros(len(deadlines), np.int64)
        self._excused = np.zeros(len(deadlines), np.int64)
        """Until when the silence of a slot is not told by itself: its gateway may be silent, or was just now."""
        self._by_place = Members(roster.place)
        gap, offline = SILENCE["gap"], SILENCE["offline"]
        places, homes = range(len(roster.places)), roster.homes()
        self._gap = Track("gap", [gap.key(roster.subject(place, -1)) for place in places], running)
        keys = [offline.key(roster.subject(home, meter)) for meter, home in enumerate(homes)]
        self._offline = Track("offline", keys, running)
        self._gateways = Gateways(roster)
        gateway = SILENCE["gateway"]
        keys = [gateway.key(self._gateways.subject(number)) for number in range(len(self._gateways))]
        self._gateway = Track("gateway", keys, running)
        self.windows_changed()

    def windows_changed(self) -> None:
        """The deadlines went on to other windows."""
        self._device = self._roster.devices(self._deadlines.row)
        self._by_device = Members(self._device)
        self._behind = self._gateways.of(self._device)
        """The gateway of each slot; -1: none."""
        self._by_gateway = Members(self._behind)

    def take(self, outcome: Outcome) -> None:
        """Silence that began and ended."""
        self._quiet[outcome.began] = self._deadlines.last[outcome.began]
        self._back[outcome.returned] = outcome.at
        self._lacking[outcome.returned] = outcome.lacking

    def pending(self) -> bool:
        """Whether `changes` may say something though nothing was looked at."""
        return bool(self._deadlines.silent.any()) or any(track.runs.any() or track.gone for track in self._tracks)

    @property
    def _tracks(self) -> tuple[Track, ...]:
        return self._gateway, self._offline, self._gap

    def changes(self, now: int) -> Changes:
        """What begins, ends or must be told anew. It counts as done: when writing it fails, begin anew from the
        database."""
        changes = Changes()
        if not self.pending():
            return changes
        for track in self._tracks:
            changes.ended += [Ending(key, now, NOT_EXPECTED) for key in track.gone]
            track.gone = []
        silent = self._deadlines.silent
        gateway = silent & _of(self._gateways.silent(self._deadlines, self._device, now), self._behind)
        undecided = self._gateways.undecided(self._deadlines, self._device) & ~gateway
        for slots, since in ((gateway, now), (undecided, self._deadlines.since[undecided])):
            until = since + PATIENCE * self._deadlines.grace[slots]
            self._excused[slots] = np.maximum(self._excused[slots], until)
        silent &= gateway | (self._excused <= now)
        offline = silent & _of(self._silent_devices(now), self._device) & ~gateway
        nobody = np.zeros(len(silent), bool)
        self._follow(self._gateway, self._behind, self._by_gateway, gateway, nobody, changes, now)
        self._follow(self._offline, self._device, self._by_device, offline, gateway, changes, now)
        rest = silent & ~gateway & ~offline
        self._follow(self._gap, self._roster.place, self._by_place, rest, gateway | offline, changes, now)
        return changes

    def past(self, pieces: Pieces, now: int) -> list[Finding]:
        """Findings about gaps that were over when they were found, unless they are old. What is missing before the
        first reading of all is old at once."""
        reach = np.where(pieces.before > NEVER, REACH, OLD)
        found = self.found(pieces.where(pieces.start > now - reach), now)
        return [finding for finding in found if finding.rule != "gap" or finding.onset > now - OLD]

    def found(self, pieces: Pieces, now: int) -> Iterator[Finding]:
        """Findings about gaps, whatever runs: one for all devices of a gateway that were silent at the same time."""
        place = self._roster.place[pieces.slot]
        bundles = overlapping(place, pieces.start, pieces.end)
        silences = [self._one(pieces.where(order), now) for order in bundles]
        for rule, silence in self._gateways.together(silences):
            finding = SILENCE[rule].find(silence)
            if finding is not None:
                yield finding

    def _silent_devices(self, now: int) -> NDArray[np.bool_]:
        """Devices of which every expected reading is overdue by the grace of offline."""
        expected = np.flatnonzero(self._device >= 0)
        at = np.full(len(self._roster.meters), -1, np.int64)
        np.maximum.at(at, self._device[expected], self._offline_at(expected))
        return (at >= 0) & (at < now)

    def _offline_at(self, slots: Slots) -> Instants:
        """When the silence of each slot is long enough for offline; FOREVER: it is not silent."""
        since = self._deadlines.since[slots]
        grace = self._deadlines.windows.offline.at(slots, self._deadlines.cadence[slots]) + self._deadlines.lag[slots]
        return np.where(since < FOREVER, np.minimum(since, FOREVER - grace) + grace, FOREVER)

    def _follow(
        self,
        track: Track,
        subjects: NDArray[np.int64],
        members: Members,
        silent: NDArray[np.bool_],
        taken: NDArray[np.bool_],
        changes: Changes,
        now: int,
    ) -> None:
        """Bring one track in line: its subjects with `silent` slots run, the others do not. `taken`: slots whose
        silence another track tells."""
        size = np.bincount(subjects[silent], minlength=len(track.keys))
        wanted, runs = size > 0, track.runs
        grown = size > track.size if track is not self._gateway else np.zeros(len(size), bool)
        for subject in np.flatnonzero(wanted & (~runs | (track.again <= now) | grown)).tolist():
            slots = members.of(subject)
            finding = track.rule.find(self._lasting(track, slots[silent[slots]], now))
            if finding is not None and not runs[subject]:
                changes.opened.append(finding)
                track.start(subject, finding.onset, now)
            elif finding is not None:
                changes.updated.append(finding)
                track.start(subject, int(track.onset[subject]), now)
        for subject in np.flatnonzero(~wanted & runs).tolist():
            slots = members.of(subject)
            changes.ended.append(self._ending(track, subject, slots, bool(taken[slots].any()), now))
            track.stop(subject)
        track.size = np.where(wanted, size, UNKNOWN)

    def _lasting(self, track: Track, slots: Slots, now: int) -> Silence:
        """The silence of a subject that lasts."""
        chosen = self._decisive(track, slots)
        start, cadence = int(self._deadlines.since[chosen]), int(self._deadlines.cadence[chosen])
        return Silence(
            subject=self._subject(track, chosen),
            since=start,
            until=now,
            lasting=True,
            last=self._reading(int(self._quiet[chosen])),
            cadence=cadence,
            grace=self._grace(track.rule.name, chosen, cadence),
            missing=-((start - now) // cadence),
            quantities=self._quantities(slots),
            behind=self._devices(track, chosen),
        )

    def _decisive(self, track: Track, slots: Slots) -> np.int64:
        """Whose silence dates the subject's: of a device the last quantity's, of a gateway the first one's after the
        last reading, else the first one's."""
        since = self._deadlines.since[slots]
        if track is self._offline:
            return np.int64(slots[np.argmax(self._offline_at(slots))])
        if track is self._gateway:
            since = np.where(since > self._deadlines.last[slots].max(), since, FOREVER)
        return np.int64(slots[np.argmin(since)])

    def _ending(self, track: Track, subject: int, slots: Slots, taken: bool, now: int) -> Ending:
        key, onset = track.keys[subject], int(track.onset[subject])
        if taken:
            return Ending(key, now, TAKEN_OVER, tell=False, by=self._goes_on(slots, onset))
        if not (self._device[slots] >= 0).any():
            return Ending(key, now, NOT_EXPECTED)
        back = slots[self._back[slots] > onset]
        if not len(back):
            return Ending(key, now, RETURNED)
        ended = int(self._back[back].max())
        chosen = back[np.argmax(self._lacking[back])]
        cadence = max(int(self._deadlines.cadence[chosen]), 1)
        silence = Silence(
            subject=self._subject(track, chosen),
            since=onset,
            until=ended,
            lasting=False,
            last=self._reading(int(self._quiet[chosen])),
            cadence=cadence,
            grace=self._grace(track.rule.name, chosen, cadence),
            missing=int(self._lacking[chosen]),
            quantities=self._quantities(back),
            behind=self._devices(track, chosen),
        )
        return Ending(key, ended, RETURNED, track.rule.find(silence))

    def _goes_on(self, slots: Slots, onset: int) -> str:
        """Key of the gateway or device whose silence is the cause of that of these slots; empty: it began otherwise."""
        slot = slots[0]
        for track, subject in ((self._gateway, self._behind[slot]), (self._offline, self._device[slot])):
            if subject >= 0 and track.runs[subject]:
                same = track is self._offline or onset > track.onset[subject] - SAME
                return track.keys[subject] if same else ""
        return ""

    def _one(self, pieces: Pieces, now: int) -> tuple[str, Silence]:
        """Of a device that was silent as a whole for long, `offline`; else `gap`."""
        worst = int(np.argmax(pieces.missing))
        slot, cadence = pieces.slot[worst], int(pieces.cadence[worst])
        device = self._device[slot]
        silence = Silence(
            subject=self._subject(self._gap, slot),
            since=int(pieces.start.min()),
            until=min(int(pieces.end.max()), now),
            lasting=bool((pieces.end == FOREVER).any()),
            last=self._reading(int(pieces.before[worst])),
            cadence=cadence,
            grace=self._grace("gap", slot, cadence),
            missing=int(pieces.missing[worst]),
            quantities=self._quantities(np.unique(pieces.slot)),
        )
        if device >= 0 and np.isin(self._by_device.of(int(device)), pieces.slot).all():
            grace = self._grace("offline", slot, cadence)
            since, until = int(pieces.start.max()), min(int(pieces.end.min()), now)
            lasting = bool((pieces.end == FOREVER).all())
            whole = replace(silence, since=since, until=until, lasting=lasting, grace=grace)
            if SILENCE["offline"].find(whole) is not None:
                return "offline", whole
        return "gap", silence

    def _grace(self, rule: str, slot: np.int64, cadence: int) -> int:
        windows = self._deadlines.windows
        grace = windows.offline if rule == "offline" else windows.gap
        return int(grace.at(np.array([slot]), np.array([cadence]))[0])

    def _subject(self, track: Track, slot: np.int64) -> Subject:
        if track is self._gateway:
            return self._gateways.subject(int(self._behind[slot]))
        return self._roster.subject(int(self._roster.place[slot]), int(self._device[slot]))

    def _quantities(self, slots: Slots) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._roster.quantity[slot] for slot in slots.tolist()))

    def _devices(self, track: Track, slot: np.int64) -> tuple[Subject, ...]:
        """Behind the gateway of a slot: each device with its metering point."""
        if track is not self._gateway:
            return ()
        slots = self._by_gateway.of(int(self._behind[slot]))
        _, first = np.unique(self._device[slots], return_index=True)
        return tuple(self._subject(self._offline, one) for one in slots[np.sort(first)])

    @staticmethod
    def _reading(instant: int) -> int | None:
        return None if instant <= NEVER else instant


def _of(subjects: NDArray[np.bool_], index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """What holds of each slot's subject; not of slots without (-1)."""
    return np.append(subjects, False)[index]
