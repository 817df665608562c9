"""Tables as the command line prints them."""

from collections.abc import Sequence
from unicodedata import east_asian_width


def aligned(*rows: Sequence[str]) -> str:
    """Rows, the headings first, in columns as wide as their widest cell; a Chinese character takes two places."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = (zip(row, widths, strict=True) for row in rows)
    return "\n".join("  ".join(cell + " " * (width - _width(cell)) for cell, width in line).rstrip() for line in lines)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
