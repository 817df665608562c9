"""`wanjia bench`: every benchmark in a process of its own, one after the other, so that none disturbs another."""

import subprocess
import sys
from collections.abc import Sequence

from config.errors import ConfigError, Fault

BENCHMARKS = {
    "ingest": ("ingest",),
    "modbus": ("modbus", "poll"),
    "memory": ("modbus", "memory"),
    "api": ("api",),
    "watch": ("watch",),
    "energy": ("energy",),
    "import": ("imports",),
    "registry": ("registry",),
}


def main(chosen: Sequence[str]) -> int:
    """Run the chosen ones (none: all). Returns 1 when one of them misses its mark. Raises ConfigError."""
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        raise ConfigError([Fault(f"bench {name}", "is not known", f"use {', '.join(BENCHMARKS)}") for name in unknown])
    codes = []
    for name in chosen or BENCHMARKS:
        module, *arguments = BENCHMARKS[name]
        print(f"== {name}", flush=True)
        codes.append(subprocess.run([sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]).returncode)
    return int(any(codes))
