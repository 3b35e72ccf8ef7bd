"""From the memory that there is, how large segments may be and how many are proven at a time."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from zkc.runtime.errors import InputError
from zkc.runtime.kernels.arena import machine_memory
from zkc.runtime.limits import MIB

CELL_BUDGET: Final = 90_000_000
"""Most base-field cells of one segment, LogUp columns included: more of them gain no speed."""
LEAST_CELLS: Final = 16_000_000
"""Below this, what every segment has, its fixed tables above all, is most of it."""
PARENT_BYTES: Final = 300 * MIB
"""Of a process that executes, and proves in others."""
PROOF_BYTES: Final = {1: (400 * MIB, 14), 3: (700 * MIB, 52)}
"""By log2 of the blow-up: bytes of a process that proves, and for each cell of the segment. Peaks of segments of 16, 30, 45 and 90 million
cells were 511, 644, 780 and 1518 MiB, and 1351, 2251 (45) and 4884 (90) with blow-up 8.
"""
CORES: Final = 4
"""Of one proof: more of them wait for the part that runs on one."""


def needed(cells: int, jobs: int, log_blowup: int) -> int:
    """Bytes of all processes that prove `jobs` segments of so many cells at a time."""
    base, each = PROOF_BYTES[log_blowup]
    return jobs * (base + each * cells) + (PARENT_BYTES if jobs > 1 else 0)


def budget(memory: int, jobs: int, log_blowup: int) -> int:
    """Most cells of one segment if `jobs` at a time have so many bytes together. InputError if that is too few."""
    least = needed(LEAST_CELLS, jobs, log_blowup)
    if memory < least:
        segments = "one segment needs" if jobs == 1 else f"{jobs} segments at a time need"
        message = f"{_size(memory)} of memory is too little: {segments} {_size(least)}"
        raise InputError(message, hint="give more memory" if jobs == 1 else "give more memory, or fewer jobs")
    more = (memory - least) // (jobs * PROOF_BYTES[log_blowup][1])
    return min(LEAST_CELLS + more, CELL_BUDGET)


def best_jobs(cores: int, memory: int, log_blowup: int) -> int:
    """How many full segments are best proven at a time with so many cores and bytes: one for every four cores, as far as they fit."""
    fitting = [jobs for jobs in range(1, cores // CORES + 1) if needed(CELL_BUDGET, jobs, log_blowup) <= memory]
    return max(fitting, default=1)


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, and of the group of processes that it is in."""
    limits = [machine_memory() // 2]
    with suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        limits = [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")] or limits
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        most, used = (int((group / name).read_text(encoding="ascii")) for name in ("memory.max", "memory.current"))
        limits.append(max(0, most - used))
    return min(limits)


def _size(count: int) -> str:
    return f"{-(-count // MIB):,} MiB"

