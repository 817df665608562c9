"""Columns of cells to numbers and instants, a whole column at a time. What cannot be read is never guessed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from collector.importing.report import REASONS, Reason
from collector.validate import EARLIEST
from config.readingsform import EPOCHS, TimeForm
from config.samples import MICROSECOND, Instants, Values

pc: Any = pyarrow.compute
Array = Any
"""A pyarrow array."""
Mask = NDArray[np.bool_]

DAY = 86_400 * MICROSECOND
_LATEST = 4_102_444_800 * MICROSECOND
_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
_OFFSET = r"(Z|[-+]\d\d(:?\d\d)?)$"
_ISO = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[-+]\d\d(:?\d\d)?)?$"
_PARTS = {
    **{letter: rf"(?P<{letter}>\d{{1,2}})" for letter in "mdHMS"},
    "Y": r"(?P<Y>\d{4})",
    "f": r"(?P<f>\d{1,6})",
    "z": r"(?P<z>Z|[-+]\d\d:?\d\d)",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Verdicts:
    """The first reason found against each row."""

    def __init__(self, rows: int) -> None:
        self._code = np.full(rows, -1, np.int8)

    def refuse(self, rows: Mask, reason: Reason) -> None:
        self._code[rows & (self._code < 0)] = REASONS.index(reason)

    @property
    def good(self) -> Mask:
        return np.asarray(self._code < 0)

    def of(self, reason: Reason) -> Mask:
        return np.asarray(self._code == REASONS.index(reason))

    def counts(self) -> dict[Reason, int]:
        found = np.bincount(self._code[self._code >= 0], minlength=len(REASONS))
        return {reason: count for reason, count in zip(REASONS, found.tolist(), strict=True) if count}

    def add(self, others: Verdicts) -> None:
        """Of rows without a reason so far, the others' reason."""
        self._code = np.where(self._code < 0, others._code, self._code)


def texts(column: Array) -> Array:
    """The column as texts without blanks around them; an empty one is null."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    trimmed = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed)


def numbers(column: Array, decimal: str, verdicts: Verdicts) -> Values:
    """Values of a column; where there is none, NaN and a verdict."""
    verdicts.refuse(mask(column.is_null()), Reason.NO_VALUE)
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        column = texts(column)
        verdicts.refuse(mask(column.is_null()), Reason.NO_VALUE)
        if decimal == ",":
            column = pc.replace_substring(column, ",", ".")
        try:
            column = column.cast(pa.float64())
        except pa.ArrowInvalid:
            sound = pc.match_substring_regex(column, _NUMBER)
            not_finite = mask(pc.match_substring_regex(column, r"^[-+]?(nan|inf|infinity)$", ignore_case=True))
            verdicts.refuse(not_finite, Reason.NOT_FINITE)
            verdicts.refuse(~mask(sound), Reason.BAD_VALUE)
            column = pc.if_else(sound, column, None).cast(pa.float64())
    found: Values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    verdicts.refuse(~np.isfinite(found), Reason.NOT_FINITE)
    return found


def instants(column: Array, form: TimeForm, verdicts: Verdicts) -> tuple[Instants, Mask]:
    """Microseconds since the epoch, 0 with a verdict where there is none; and which used the declared zone."""
    verdicts.refuse(mask(column.is_null()), Reason.NO_TIME)
    if pa.types.is_timestamp(column.type):
        stamps = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        return _placed(_whole(stamps), ~mask(column.is_null()), column.type.tz is None, form.zone, verdicts)
    if form.format in EPOCHS:
        return _since_epoch(column, EPOCHS[form.format], verdicts)
    distinct = texts(column).dictionary_encode()
    verdicts.refuse(mask(distinct.indices.is_null()), Reason.NO_TIME)
    words = distinct.dictionary
    if form.format != "iso":
        words = _as_iso(words, form.format)
    place = np.asarray(distinct.indices.fill_null(len(words)))
    aware = mask(pc.match_substring_regex(words, "[T ]?.{8,}" + _OFFSET))
    local = np.append(~aware, False)[place]
    whole, sound = np.zeros(len(words), np.int64), np.zeros(len(words), np.bool_)
    for which, kind in ((aware, pa.timestamp("us", "UTC")), (~aware, pa.timestamp("us"))):
        if which.any():
            parsed = _parsed(words.filter(pa.array(which)), kind)
            whole[which], sound[which] = _whole(parsed), ~mask(parsed.is_null())
    verdicts.refuse(~np.append(sound, True)[place], Reason.BAD_TIME)
    return _placed(np.append(whole, 0)[place], np.append(sound, False)[place], local, form.zone, verdicts)


def _since_epoch(column: Array, unit: int, verdicts: Verdicts) -> tuple[Instants, Mask]:
    own = Verdicts(len(column))
    found = numbers(column, ".", own)
    verdicts.refuse(own.of(Reason.NO_VALUE), Reason.NO_TIME)
    good = own.good & (np.abs(found, where=own.good, out=np.zeros(len(found))) * unit < 2.0**62)
    verdicts.refuse(~good, Reason.BAD_TIME)
    whole = np.zeros(len(found), np.int64)
    whole[good] = np.rint(found[good] * unit).astype(np.int64)
    return whole, np.zeros(len(found), np.bool_)


def _as_iso(words: Array, pattern: str) -> Array:
    """Texts of a pattern as ISO 8601, null where they do not fit."""
    regex = re.sub(r"%(.)|([^%]+)", lambda one: _PARTS[one[1]] if one[1] else re.escape(one[2]), pattern)
    found = pc.extract_regex(words, f"^{regex}$")
    names = [field.name for field in found.type]

    def part(name: str, width: int) -> Array:
        if name not in names:
            return pa.scalar("0" * width)
        return pc.utf8_lpad(found.field(name), width, "0")

    pieces: list[Any] = [part("Y", 4), "-", part("m", 2), "-", part("d", 2), "T", part("H", 2), ":", part("M", 2)]
    pieces += [":", part("S", 2)]
    if "f" in names:
        pieces += [".", found.field("f")]
    if "z" in names:
        pieces.append(found.field("z"))
    whole = pc.binary_join_element_wise(*pieces, "")
    return pc.if_else(found.is_null(), None, whole)


def _parsed(words: Array, kind: Any) -> Array:
    """ISO 8601 texts as instants, null where they are none (2026-02-30 is none)."""
    try:
        return words.cast(kind)
    except pa.ArrowInvalid:
        words = pc.if_else(pc.match_substring_regex(words, _ISO), words, None)
        words = pc.replace_substring_regex(words, r"(\.\d{6})\d+", r"\1")
        return _cast(words, kind)


def _cast(words: Array, kind: Any) -> Array:
    """Cast; halves where it fails until the faulty are alone."""
    try:
        return words.cast(kind)
    except pa.ArrowInvalid:
        if len(words) == 1:
            return pa.nulls(1, kind)
        middle = len(words) // 2
        return pa.concat_arrays([_cast(words[:middle], kind), _cast(words[middle:], kind)])


def _placed(whole: Instants, given: Mask, local: Mask | bool, zone: str, verdicts: Verdicts) -> tuple[Instants, Mask]:
    """Times of the declared zone's clock as instants; the others as they are."""
    declared = np.asarray(given & local)
    if not declared.any():
        return whole, declared
    if not zone:
        verdicts.refuse(declared, Reason.NO_ZONE)
        return whole, np.zeros(len(whole), np.bool_)
    verdicts.refuse(declared & (whole < EARLIEST), Reason.EARLY)
    verdicts.refuse(declared & (whole >= _LATEST), Reason.FUTURE)
    usable = declared & (whole >= EARLIEST) & (whole < _LATEST)
    found, unclear = whole.copy(), np.zeros(len(whole), np.bool_)
    found[usable], unclear[usable] = to_utc(whole[usable], zone)
    verdicts.refuse(unclear, Reason.CLOCK_CHANGE)
    return found, declared


def to_utc(local: Instants, zone: str) -> tuple[Instants, Mask]:
    """Instants at which the zone's clock shows these times (2000 to 2100, counted as if it were UTC), and which of
    them it shows twice or never."""
    days, row = np.unique(local // DAY, return_inverse=True)
    offsets = [_offset(zone, day) for day in days.tolist()]
    steady = np.array([offset is not None for offset in offsets], np.bool_)[row]
    found = local - np.array([offset or 0 for offset in offsets], np.int64)[row]
    unclear = np.zeros(len(local), np.bool_)
    for one in np.flatnonzero(~steady).tolist():
        offset, later = _offsets(zone, int(local[one]))
        found[one], unclear[one] = local[one] - offset, offset != later
    return found, unclear


@lru_cache(maxsize=100_000)
def _offset(zone: str, day: int) -> int | None:
    """Microseconds from UTC on a day of the zone's calendar; None when its clock is put on that day."""
    ends = {offset for hour in (0, 24) for offset in _offsets(zone, day * DAY + hour * 3600 * MICROSECOND)}
    return ends.pop() if len(ends) == 1 else None


@lru_cache(maxsize=100_000)
def _offsets(zone: str, local: int) -> tuple[int, int]:
    """Offsets from UTC before and after a change of the clock at that time; elsewhere they are the same."""
    shown = (_EPOCH + timedelta(microseconds=local)).replace(tzinfo=ZoneInfo(zone))
    before, after = (shown.replace(fold=fold).utcoffset() or timedelta(0) for fold in (0, 1))
    return before // timedelta(microseconds=1), after // timedelta(microseconds=1)


def _whole(stamps: Array) -> Instants:
    whole: Instants = stamps.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return whole


def mask(column: Array) -> Mask:
    """A column of truth values; null is false."""
    return np.asarray(column.fill_null(False).to_numpy(zero_copy_only=False), np.bool_)
