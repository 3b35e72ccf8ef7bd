"""The dialect `step`: what the executor does in a step, in order."""

from __future__ import annotations

from collections.abc import Sequence

from zkc.compiler.ir.operation import INT, OpDef, Operation, Range
from zkc.compiler.ir.registry import declare

_LOADED = ((0, 2**32 - 1), (0, 2**30 - 1), (0, 3))
"""Bounds of a word, of the time of an access and of its mark."""


def _loaded(op: Operation, index: int, _: Sequence[Range]) -> Range:
    return _LOADED[index]


LOAD = declare(
    OpDef(
        "step.load", (INT,), (INT, INT, INT), ("bus",), effect=True, range=_loaded,
        doc="what the bus remembers at an address: the word, the time of its last access, and its mark",
    )
)  # fmt: skip
HOST = declare(
    OpDef(
        "step.host", (INT,), (INT,), ("name",), variadic=True, effect=True, range=lambda op, _, r: (0, 2**32 - 1),
        doc="what the host answers",
    )
)  # fmt: skip
FAULT = declare(OpDef("step.fault", (INT,), (), ("message",), effect=True, doc="stops the run if the condition is not 0"))
PERFORM = declare(OpDef("step.perform", (INT,), (), ("name",), variadic=True, effect=True, doc="does something outside of the machine"))
RETIRE = declare(OpDef("step.retire", (INT,), (), effect=True, doc="counts instructions"))
STORE = declare(
    OpDef(
        "step.store", (INT, INT, INT, INT, INT), (), ("bus",), effect=True,
        doc="what the bus remembers from now on, if the last is not 0: address, word, time, mark",
    )
)  # fmt: skip
NEXT = declare(OpDef("step.next", (INT, INT, INT), (), effect=True, doc="the clock and the pc of the next step, if the last is not 0"))
FUNC = declare(
    OpDef(
        "step.func", attributes=("sym_name", "arm", "table", "op"), symbol=True, regions=1,
        doc="one arm of a table: the step that its rows are, for instructions of that number",
    )
)  # fmt: skip
GUARDS = declare(OpDef("step.guards", attributes=("sym_name", "names"), symbol=True, regions=1, doc="which environment call is meant"))
CHOICE = declare(
    OpDef(
        "step.choice", (INT,), (), ("name",), effect=True, within=("step.guards",),
        doc="the environment call is meant if this is not 0",
    )
)  # fmt: skip
DECODE = declare(
    OpDef("step.decode", attributes=("sym_name", "insn"), symbol=True, regions=1, doc="what the word of an instruction says")
)
FIELD = declare(OpDef("step.field", (INT,), (), ("name",), effect=True, within=("step.decode",), doc="a field of the decoded instruction"))
