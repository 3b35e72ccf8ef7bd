"""Steps of instructions that are fetched for their step alone, because their word changes in the segment.

Such a step has a row of `fetch` around it, which takes the time of a step before it and after it. In the row of the instruction the pc is
another one, `shift` further on. Between the three there is no room for the step that the clock asks for; where that would become due, one
is made before its time.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.execution.fuel import ALONE, ASIDE, CLK, DUE, FUEL, HELD, PC, SHIFT, State
from zkc.runtime.field.compiled import kernel
from zkc.runtime.memory.map import WORD_BYTES

FETCH: Final = "fetch"
"""The table of their rows."""
AROUND: Final = 2
"""Steps that last as long as what a row of `fetch` adds to the clock beside the step in it."""


@kernel
def may_begin(state: State, slots: int) -> bool:
    """Whether the steps may begin now. If not, the loop goes on with the step that the clock asks for, which is due or made so."""
    if state[ASIDE]:
        state[DUE], state[ASIDE] = state[ASIDE], 0
    if state[CLK] + AROUND * slots < state[DUE]:
        return True
    if state[CLK] < state[DUE]:
        state[ASIDE], state[DUE] = state[DUE], state[CLK]
    return False


@kernel
def begin(state: State, decoded: npt.NDArray[np.int64], entry: int, beyond: int, slots: int) -> None:
    """Lets the loop make one step, whose word is `entry`. beyond: the pc in its row is this and its clock."""
    word = state[PC] // WORD_BYTES
    decoded[word] = entry
    state[ALONE] = word + 1
    state[CLK] += slots
    state[SHIFT] = beyond + state[CLK] - state[PC]
    state[HELD] = state[FUEL]
    state[FUEL] = 1


@kernel
def end(state: State, decoded: npt.NDArray[np.int64], slots: int) -> None:
    """After the step."""
    _forget(state, decoded)
    state[CLK] += slots
    state[FUEL] = state[HELD] - 1


@kernel
def undo(state: State, decoded: npt.NDArray[np.int64], slots: int) -> None:
    """The step was not made."""
    _forget(state, decoded)
    state[CLK] -= slots
    state[FUEL] = state[HELD]


@kernel
def _forget(state: State, decoded: npt.NDArray[np.int64]) -> None:
    decoded[state[ALONE] - 1] = 0
    state[ALONE] = 0
    state[SHIFT] = 0
