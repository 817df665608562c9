"""Typeset a printed report: its data as JSON on standard input, the PDF on standard output.

A process of its own, so that it can be ended, and can use neither the network nor the system's fonts.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import typst

HERE = Path(__file__).parent
CPU_S = 30
"""A runaway ends here at the latest, whatever happened to whoever started it."""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    made = typst.compile(
        HERE / "report.typ",
        root=HERE,
        font_paths=[HERE / "fonts"],
        ignore_system_fonts=True,
        sys_inputs={"data": sys.stdin.read()},
    )
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
