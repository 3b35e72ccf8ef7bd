"""Stand-ins for the prover. Here, not in the test: a spawned process must find them by the name of their module."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.segment import Segment
from zkc.runtime.kernels.threads import threads
from zkc.runtime.receipts.receipt import SegmentReceipt


def prove(unit: int) -> SegmentReceipt:
    return SegmentReceipt((unit, unit + 1), f"{unit}".encode())


def prove_slowly_in_reverse(unit: int) -> SegmentReceipt:
    time.sleep(0.3 if unit == 0 else 0)
    return SegmentReceipt((threads(), int(os.environ["ZKC_THREADS"])), f"{unit} {os.getpid()}".encode())


def fault(unit: int) -> SegmentReceipt:
    if unit == 1:
        raise GuestFault("illegal instruction", pc=0x1000, hint="look at the program")
    return prove(unit)


def crash(unit: int) -> SegmentReceipt:
    if unit == 1:
        raise KeyError("inner")
    return prove(unit)


def die(unit: int) -> SegmentReceipt:
    os._exit(1)


def die_once_for_each(unit: Path) -> SegmentReceipt:
    """Is ended as by a system that is short of memory, until the file `unit` is there."""
    if not unit.exists():
        unit.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return prove(1)


def be_killed(unit: int) -> SegmentReceipt:
    os.kill(os.getpid(), signal.SIGKILL)
    return prove(unit)


def prove_the_first_only(segment: Segment, **options: object) -> SegmentReceipt:
    """The others keep Python's lock for ten minutes, as a compiler may."""
    if segment.index > 0:
        ctypes.PyDLL(None).sleep(600)
    return SegmentReceipt((segment.index,), b"")


def prove_larger_and_larger(segment: Segment, **options: object) -> SegmentReceipt:
    return SegmentReceipt((segment.index,), bytes(100_000 * segment.index))


def see_nothing(segment: Segment, proven: SegmentReceipt, **options: object) -> None:
    """Stands for the check of a segment."""


def compile_for_ever(directory: Path | None, extensions: tuple[str, ...], task: tuple[str, str]) -> None:
    """Says that it began, then keeps Python's lock."""
    os.write(1, b"begun\n")
    ctypes.PyDLL(None).sleep(600)


def leave_out_a_proof(unit: int) -> SegmentReceipt:
    return SegmentReceipt((unit,), b"") if unit == 1 else prove(unit)


def prove_on_a_node(unit: tuple[int, str, str]) -> SegmentReceipt:
    """unit: number, a folder for a note of the node, and the node that never ends."""
    number, folder, victim = unit
    import ray

    node = ray.get_runtime_context().get_node_id()
    (Path(folder) / f"{number} {node}").touch()
    time.sleep(600 if node == victim else 0)
    return prove(number)


def same_everywhere() -> str:
    return "zkc 1"


def other_everywhere() -> str:
    return f"zkc in process {os.getpid()}"
