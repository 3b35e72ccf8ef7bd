"""Whether the rows of a segment satisfy the circuit: every equation and every message exactly, without a proof."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from zkc.runtime.circuit.circuit import Table
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.trace import trace
from zkc.runtime.given.check import Failure, Unsatisfied, failures
from zkc.runtime.given.witness import Witness
from zkc.runtime.stark.parameters import DEFAULT, Parameters

PC = "pc"
"""The column of a step that says where its instruction is."""
HINT = "correct the circuit: a constraint and the `spec`, hint or step that fills its columns do not say the same"
Describe = Callable[[int], str]


def check_segment(machine: Machine, segment: Segment, parameters: Parameters = DEFAULT, describe: Describe = hex) -> None:
    """Raises Unsatisfied, which says where, unless the rows of the segment satisfy the circuit.

    describe: what people call the place of an instruction (its function and source line), from its pc.
    """
    traces, claim = trace(machine, segment, parameters=parameters)
    rows = {name: min(segment.rows.get(name, columns.shape[1]), columns.shape[1]) for name, columns in traces.items()}
    witness = Witness(traces, rows, claim)
    found = failures(machine.spec, witness)
    if found:
        named = [replace(f, instruction=_instruction(machine, segment, witness, f, describe)) for f in found]
        raise Unsatisfied(named, f"segment {segment.index} does not satisfy the circuit", HINT)


def _instruction(machine: Machine, segment: Segment, witness: Witness, failure: Failure, describe: Describe) -> str:
    """`add a0, a0, a1 at main+0x10 (fib.c:12)`; nothing if the row is none of an instruction."""
    table: Table | None = next((t for t in machine.circuit.tables if t.name == failure.table), None)
    if table is None or failure.row is None or failure.padding or PC not in table.columns:
        return ""
    pc = int(witness.traces[table.name][table.columns.index(PC), failure.row])
    page, place = divmod(pc // 4, machine.memory_map.page_words)
    if page not in segment.pages:
        return ""
    return f"{machine.disassemble(int(segment.pages[page][place]), pc)} at {describe(pc)}"
