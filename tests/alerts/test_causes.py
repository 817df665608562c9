"""What was silent together tells why; which gaps belong together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.causes import Causes, covering, first_of
from alerts.expected import Grace, Windows
from alerts.roster import Roster
from storage.gaps import FOREVER, Meter, Place
from tests.alerts.world import MINUTE, START

HOUR = 60 * MINUTE


def roster(meters: Sequence[tuple[str, str, bool]], quantities: int = 2) -> Roster:
    """Meters of one metering point each: (site, address, polled); the slots of meter m are m * quantities and on."""
    count = len(meters) * quantities
    start, hour = np.full(count, START), np.full(count, HOUR)
    grace = Grace(np.full(count, 3.0), hour)
    ids = np.arange(1, count + 1)
    windows = Windows(
        ids, np.arange(count + 1), start, np.full(count, FOREVER), np.full(count, MINUTE), ids, grace, grace
    )
    owner = np.repeat(np.arange(len(meters)), quantities)
    places = tuple(Place(m, f"E-{m}", "", 1, "U", "", "UTC", site) for m, (site, _, _) in enumerate(meters))
    known = tuple(Meter(m, f"M-{m}", address, True, polled) for m, (_, address, polled) in enumerate(meters))
    return Roster(windows, ("energy",) * count, owner, places, owner, known)


def judged(known: Roster, silent: Sequence[int], at: int = START + HOUR) -> list[str]:
    """The causes of gaps that begin 10 minutes after START in these slots and last."""
    slot = np.array(silent, np.int64)
    start, end = np.full(len(slot), START + 10 * MINUTE), np.full(len(slot), FOREVER)
    which = np.arange(len(slot))
    return Causes(known).judge(slot, start, end, which, np.full(len(slot), at)).cause


BEHIND_ONE = [("", "a:502", True), ("", "a:502", True)]


def test_a_device_alone_is_silent() -> None:
    assert judged(roster([*BEHIND_ONE, ("", "b:502", True)]), [0, 1]) == ["silent"] * 2
    assert judged(roster([("", "a:502", True)]), [0, 1]) == ["silent"] * 2


def test_all_devices_of_an_address_are_the_gateways() -> None:
    known = roster([*BEHIND_ONE, ("", "b:502", True)])
    assert judged(known, [0, 1, 2, 3]) == ["gateway"] * 4
    assert judged(known, [0, 1, 2]) == ["silent"] * 3, "one quantity still comes"
    assert judged(known, [0, 1, 2, 3], START + 5 * MINUTE) == ["silent"] * 4, "nobody was silent then"


def test_all_polled_devices_of_a_site_are_the_collectors() -> None:
    known = roster([*BEHIND_ONE, ("", "b:502", True), ("", "", False), ("east", "c:502", True)])
    assert judged(known, range(6)) == ["collector"] * 6
    assert judged(known, range(8)) == ["collector"] * 6 + ["silent"] * 2


def test_nothing_from_anywhere_is_the_streams() -> None:
    known = roster([*BEHIND_ONE, ("", "b:502", True), ("", "", False), ("east", "c:502", True)])
    assert judged(known, range(10)) == ["stream"] * 10
    assert judged(roster(BEHIND_ONE), range(4)) == ["gateway"] * 4, "one source tells no more than its gateway"


def test_the_evidence_names_scope_and_counts() -> None:
    slot = np.arange(4)
    end = np.full(4, START + HOUR)
    found = Causes(roster(BEHIND_ONE)).judge(slot, np.full(4, START), end, slot, np.full(4, START + MINUTE))
    assert found.scope == ["gateway U a:502"] * 4
    assert found.evidence == [{"at": "U a:502", "devices": 2, "points": 4}] * 4


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 50), st.integers(1, 20)), max_size=30), st.integers(0, 70))
def test_covering_counts_what_holds_an_instant(stretches: list[tuple[int, int, int]], at: int) -> None:
    key, start, length = np.array(stretches, np.int64).reshape(-1, 3).T
    second = 1_000_000
    keys = np.arange(4)
    found = covering(key, start * second, (start + length) * second, keys, np.full(4, at * second))
    wanted = [sum(k == one and s <= at < s + n for k, s, n in stretches) for one in keys.tolist()]
    assert found.tolist() == wanted


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 50), st.integers(1, 20)), max_size=20))
def test_stretches_that_overlap_are_called_by_the_first(stretches: list[tuple[int, int, int]]) -> None:
    key, start, length = np.array(stretches, np.int64).reshape(-1, 3).T
    second, count = 1_000_000, len(stretches)
    never = np.full(count, FOREVER)
    found = first_of(key, start * second, (start + length) * second, np.arange(count), never).tolist()
    name = list(range(count))
    for _ in range(count):
        for one in range(count):
            for other in range(count):
                (k, s, n), (k2, s2, n2) = stretches[one], stretches[other]
                if k == k2 >= 0 and s < s2 + n2 and s2 < s + n:
                    name[one] = min(name[one], name[other])
    assert found == name
