"""`wanjia bench`: every benchmark in a process of its own, one after the other, so that none disturbs another."""

import os
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
    "raised": ("raised",),
    "inspections": ("inspections",),
    "energy": ("energy",),
    "proof": ("proof",),
    "quality": ("quality",),
    "late": ("late",),
    "estimate": ("estimate",),
    "import": ("imports",),
    "registry": ("registry",),
    "morning": ("morning",),
    "vee": ("vee",),
}
NEEDS_DATA = {"vee"}
"""Those that need the folder named in WANJIA_BENCH_DATA; without it they run only when chosen, and say so."""


def main(chosen: Sequence[str]) -> int:
    """Run the chosen ones (none: all); a folder among them holds the data that some need. Returns 1 when one of them
    misses its mark. Raises ConfigError."""
    folders = [name for name in chosen if name not in BENCHMARKS and os.path.isdir(name)]
    for folder in folders:
        os.environ["WANJIA_BENCH_DATA"] = folder
    chosen = [name for name in chosen if name not in folders]
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        raise ConfigError([Fault(f"bench {name}", "is not known", f"use {', '.join(BENCHMARKS)}") for name in unknown])
    codes = []
    here = [name for name in BENCHMARKS if name not in NEEDS_DATA or os.environ.get("WANJIA_BENCH_DATA")]
    for name in chosen or here:
        module, *arguments = BENCHMARKS[name]
        print(f"== {name}", flush=True)
        codes.append(subprocess.run([sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]).returncode)
    return int(any(codes))
