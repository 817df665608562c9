"""From what is missing now to what must be written: gaps keep their row while they grow, shrink, split or end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from storage.gaps import FOREVER, OpenGap, Stretch


@dataclass(slots=True)
class Edits:
    """Changes of the gap table."""

    insert: list[Stretch] = field(default_factory=list)
    update: list[tuple[int, Stretch]] = field(default_factory=list)
    close: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.insert or self.update or self.close)

    def add(self, more: Edits) -> None:
        self.insert += more.insert
        self.update += more.update
        self.close += more.close


def compare(missing: Sequence[Stretch], known: Sequence[OpenGap], edits: Edits) -> None:
    """Add to `edits` what turns the open gaps `known` into `missing`; both are one point's, in order, of one range.

    A gap goes on as the first missing stretch inside it; further ones become new gaps; without any it is closed.
    """
    left = [_stored(stretch) for stretch in missing]
    for gap in known:
        heir = next((s for s in left if s.start < gap.end and gap.start < s.end), None)
        if heir is None:
            edits.close.append(gap.id)
            continue
        left.remove(heir)
        if (heir.start, heir.end, heir.missing) != (gap.start, gap.end, gap.missing):
            edits.update.append((gap.id, heir))
    edits.insert += left


def _stored(stretch: Stretch) -> Stretch:
    """While a gap lasts its count grows with the clock and is not kept."""
    return replace(stretch, missing=0) if stretch.end == FOREVER else stretch
