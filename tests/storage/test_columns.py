"""The binary COPY format, against an encoder that follows the manual byte by byte."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.columns import Layout

LAYOUT = Layout(point="int4", at="timestamptz", value="float8", quality="int2", count="int8", maybe="float8?")

rows = st.lists(
    st.tuples(
        st.integers(-(2**31), 2**31 - 1),
        st.integers(-(2**60), 2**60),
        st.floats(),
        st.integers(-(2**15), 2**15 - 1),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
    )
)
KINDS = (np.int32, np.int64, np.float64, np.int16, np.int64, np.float64)
Row = tuple[int, int, float, int, int, float]


def by_the_manual(table: list[Row]) -> bytes:
    parts = [b"PGCOPY\n\xff\r\n\0", struct.pack(">ii", 0, 0)]
    for point, at, value, quality, count, maybe in table:
        parts.append(struct.pack(">hii", 6, 4, point))
        parts.append(struct.pack(">iq", 8, at - 946_684_800_000_000))
        parts.append(struct.pack(">id", 8, value))
        parts.append(struct.pack(">ih", 2, quality))
        parts.append(struct.pack(">iq", 8, count))
        parts.append(struct.pack(">i", -1) if maybe != maybe else struct.pack(">id", 8, maybe))
    return b"".join([*parts, struct.pack(">h", -1)])


def columns(table: list[Row]) -> list[np.ndarray[tuple[int], np.dtype[np.generic]]]:
    return [np.array([row[n] for row in table], kind) for n, kind in enumerate(KINDS)]


@given(rows)
def test_encodes_as_the_manual_says(table: list[Row]) -> None:
    assert LAYOUT.encode(*columns(table)) == by_the_manual(table)


@given(rows.map(lambda table: [row for row in table if row[5] == row[5]]))
def test_round_trip(table: list[Row]) -> None:
    decoded = LAYOUT.decode(LAYOUT.encode(*columns(table)))
    for column, kind, original in zip(decoded, KINDS, columns(table), strict=True):
        assert column.dtype == kind
        np.testing.assert_array_equal(column, original)


def test_null_that_was_not_made_nan_is_refused() -> None:
    layout = Layout(point="int4", maybe="float8?")
    for values in ([np.nan], [1.0, np.nan], [np.nan] * 9):
        data = layout.encode(np.zeros(len(values), np.int32), np.array(values))
        with pytest.raises(ValueError, match="NULL"):
            layout.decode(data)


def test_other_columns_are_refused() -> None:
    data = Layout(a="int4", b="int8").encode(np.array([1], np.int32), np.array([2]))
    with pytest.raises(ValueError, match="column a is not int8 in every row"):
        Layout(a="int8", b="int4").decode(data)
    with pytest.raises(ValueError, match="are not rows of"):
        Layout(a="int4").decode(b"")
