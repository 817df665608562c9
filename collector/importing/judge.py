"""Blocks of a file to sample batches: every cell is either in a batch or in the report with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from collector import validate
from collector.harvest import merged
from collector.importing.cells import Verdicts, instants, numbers, texts
from collector.importing.files import Block, File, read
from collector.importing.places import Places
from collector.importing.report import Example, Reason, Report
from collector.validate import Known, Rows, Times
from config.quality import Flag
from config.readingsform import Form, Layout, Series, layout
from config.samples import Instants, SampleBatch, now_us
from storage.points import PointTable

_CHECKS = (
    (validate.too_early, Reason.EARLY),
    (validate.too_old, Reason.OLD),
    (validate.in_the_future, Reason.FUTURE),
)
"""The checks of ingest that look at the time alone."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one block holds that can be sent, by credit code; `size` in units of the file's size."""

    batches: dict[str, SampleBatch]
    size: int


class Judge:
    """Reads files by one state of the registry; `report` grows with every part."""

    def __init__(self, table: PointTable, form: Form, keep_us: int) -> None:
        self._known = Known(table)
        self._form = form
        self._keep_us = keep_us
        self._places = Places(table, form.quantities)
        self.report = Report()

    def layout(self, file: File) -> Layout:
        """Raises ConfigError."""
        found = layout(self._form, file.header, file.where)
        self.report.unused[str(file.path)] = found.unused
        return found

    def parts(self, file: File, layout: Layout) -> Iterator[Part]:
        """Raises ConfigError for a file that is damaged further on."""
        for block in read(file, layout.columns):
            for line, text, reason in block.wrong:
                self.report.refused[reason] += len(layout.series)
                if self.report.wanting:
                    self.report.examples.append(Example(f"{file.path}:{line}", text.strip()[:80], reason))
            yield self._part(block, file, layout)

    def _part(self, block: Block, file: File, layout: Layout) -> Part:
        received = now_us()
        timing = Verdicts(len(block.line))
        time, declared = instants(block.columns[layout.time], self._form.time, timing)
        self._check(time, received, timing)
        flags = np.where(declared, Flag.SENDER_CLOCK | Flag.DECLARED_ZONE, Flag.SENDER_CLOCK).astype(np.int16)
        found: dict[str, list[SampleBatch]] = {}
        for series in layout.series:
            verdicts = Verdicts(len(block.line))
            value = numbers(block.columns[series.column], self._form.csv.decimal, verdicts)
            verdicts.add(timing)
            point, factor = self._places.points(block.columns, series.fields, time, verdicts)
            batch = SampleBatch(point, time, value * factor, flags, received)
            verdicts.refuse(~np.isfinite(batch.value), Reason.NOT_FINITE)
            for uscc, own in self._by_enterprise(batch[verdicts.good]):
                found.setdefault(uscc, []).append(own)
            self._note(verdicts, block, file, layout, series)
        return Part({uscc: merged(batches) for uscc, batches in found.items()}, block.size)

    def _check(self, time: Instants, received: int, verdicts: Verdicts) -> None:
        """Refuse what ingest would refuse for its time."""
        count = len(time)
        nowhere, same = np.zeros(count, np.int32), np.full(count, received)
        rows = Rows(nowhere, time, np.zeros(count), np.zeros(count, np.int16), same, nowhere, nowhere)
        for check, reason in _CHECKS:
            verdicts.refuse(check(rows, self._known, Times(received, received - self._keep_us)), reason)

    def _by_enterprise(self, batch: SampleBatch) -> Iterator[tuple[str, SampleBatch]]:
        owner = self._known.owner(batch.point)
        for enterprise in np.unique(owner).tolist():
            yield self._known.uscc[enterprise], batch[np.asarray(owner == enterprise)]

    def _note(self, verdicts: Verdicts, block: Block, file: File, layout: Layout, series: Series) -> None:
        report = self.report
        report.accepted += int(verdicts.good.sum())
        for reason, count in verdicts.counts().items():
            if layout.wide and reason is Reason.NO_VALUE:
                report.empty += count
                continue
            report.refused[reason] += count
            column = _column(reason, layout, series)
            for row in np.flatnonzero(verdicts.of(reason))[: report.wanting].tolist():
                cell = texts(block.columns[column].slice(row, 1))[0].as_py() if column else None
                place = f"{file.path}:{block.line[row]} {column}".rstrip()
                report.examples.append(Example(place, cell or "", reason))


def _column(reason: Reason, layout: Layout, series: Series) -> str:
    """The column at fault (its heading, in a wide file); empty when the mapping file gives that field for all."""
    if reason.field == "time":
        return layout.time
    if reason.field not in series.fields:
        return series.column
    return series.fields[reason.field].column or (series.column if layout.wide else "")
