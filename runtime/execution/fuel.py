"""How many steps the executor's loop may take before it looks up, in machine code.

The loop counts one number down. It has to stop after the steps that it was given, and for the step that the clock asks for: what is left
beyond that is put aside. The loop also sees the clock and the count of instructions as they will be when there is no fuel left, if every
step adds `slots` and one: those that do have nothing to count.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.execution import events
from zkc.runtime.field.compiled import jit

PC, CLK, RETIRED, FUEL, EVENT, ARG, DUE, REST, SHIFT, ALONE, HELD, ASIDE = range(12)
"""The state of the loop. due: the clock at which the next step is one that the clock asks for; rest: steps beyond `fuel`; shift: how far
the pc in rows is from that of the loop; alone, held, aside: see runtime/execution/alone.py."""
STATE_WORDS: Final = 12
KEPT: Final = ("pc", "clk", "retired", "fuel")
"""The first words of it, which a step may set for the next."""

State = npt.NDArray[np.int64]


@jit(boundscheck=False)
def set_aside(state: State, slots: int) -> None:
    """Leaves as much fuel as takes the clock to `due`, or nearly there. slots: the most that a step adds to it."""
    until = -(-(state[DUE] - state[CLK]) // slots)
    rest = max(0, state[FUEL] - max(0, until))
    state[FUEL] -= rest
    state[REST] = rest
    state[CLK] += slots * state[FUEL]
    state[RETIRED] += state[FUEL]


@jit(boundscheck=False)
def take_back(state: State, event: int, slots: int) -> bool:
    """All fuel again; whether the event is that none is left, or another one."""
    state[CLK] -= slots * state[FUEL]
    state[RETIRED] -= state[FUEL]
    state[FUEL] += state[REST]
    state[REST] = 0
    return event != events.FUEL or state[FUEL] < 1
