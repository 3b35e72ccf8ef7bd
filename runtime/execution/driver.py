"""Runs listings that are machine code: what stands between the steps of a loop is compiled once, for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from zkc.runtime.execution import events
from zkc.runtime.execution.fuel import PC, State, set_aside, take_back
from zkc.runtime.execution.pager import Book, settle
from zkc.runtime.field.compiled import intrinsic, jit, kernel
from zkc.runtime.kernels.later import cgutils, types
from zkc.runtime.memory.map import WORD_BYTES

Words = npt.NDArray[np.int64]


@intrinsic
def enter(typingctx: Any, entry: Any, words: Any) -> Any:
    """What a listing returns. entry: its address; words: its arguments (see `listed`)."""

    def lower(context: Any, b: Any, sig: Any, args: Any) -> Any:
        from zkc.runtime.kernels.entry import ENTRY, I64

        given = context.make_array(sig.args[1])(context, b, args[1]).data
        out = cgutils.alloca_once(b, I64)
        b.call(b.inttoptr(args[0], ENTRY.as_pointer()), [given, out])
        return b.load(out)

    return types.int64(types.int64, words), lower


@jit(boundscheck=False)
def run(state: State, steps: int, words: Words, slots: int) -> int:
    """Runs a loop until an event. slots: the most that a step adds to the clock."""
    while True:
        set_aside(state, slots)
        event = enter(steps, words)
        if take_back(state, event, slots):
            return event


@kernel
def execute(book: Book, steps: int, words: Words, slots: int, decode: int) -> int:
    """Runs the fast executor until an event that the pager cannot settle. decode: from a word of memory to its decoded form."""
    word = np.zeros(1, dtype=np.int64)
    while True:
        event = run(book.state, steps, words, slots)
        entry = 0
        if event == events.DECODE:
            word[0] = book.mem[book.state[PC] // WORD_BYTES]
            entry = enter(decode, word)
        if not settle(book, event, entry):
            return event
