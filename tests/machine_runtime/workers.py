"""Stand-ins for the prover. Here, not in the test: a spawned process must find them by the name of their module."""

from __future__ import annotations

import os
import time

from zkc.runtime.errors import GuestFault
from zkc.runtime.receipt import SegmentReceipt
from zkc.runtime.threads import threads


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
