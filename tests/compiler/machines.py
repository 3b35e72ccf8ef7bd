"""The machines of the project in each stage of their compilation."""

from __future__ import annotations

import gc
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Final

from tests.compiler.variants import MACHINES
from zkc.compiler.front import front_end
from zkc.compiler.importer.items import import_program
from zkc.compiler.ir.equality import equal
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import Operation
from zkc.compiler.machines import circuit_files
from zkc.compiler.passes.declarations import facts_of_module
from zkc.compiler.passes.registry import PASSES
from zkc.runtime.collector import collector_off

ROOT: Final = Path(__file__).parents[2]
ROW: Final = ("check-wrap", "materialise", "expand-ranges", "share-columns")
AFTER_ROW: Final = {
    "air": ("lower-air",),
    "gated": ("lower-air", "merge-arms", "gate-rows", "pair-messages"),
    "step": ("lower-decode", "lower-step", "forward-stores"),
    "fill": ("lower-fill",),
}
"""What is made of rows: these passes leave them as they are."""
BULKY: Final = ("row.table", "air.table", "step.func", "fill.table")
"""Operations that are nearly all of a machine."""
STAGES: Final = {"circ": "circ", "inlined": "row", "row": "row", "air": "air", "gated": "air", "step": "step", "fill": "fill"}
"""Points of the compilation, and the stage that tables are in there."""


def module(machine: str, stage: str) -> Module:
    """A machine in a stage; of another than that which comes with zkc what is its own. Whoever changes it has to copy it."""
    return stages(machine)[stage]


@lru_cache(maxsize=2)
def stages(machine: str) -> dict[str, Module]:
    """A machine in all stages."""
    others = None if machine == "circuits" else stages("circuits")
    rows = run(inlined(machine), *ROW)
    found = {
        "circ": imported(machine),
        "inlined": inlined(machine),
        "row": rows,
        **{stage: run(rows, *passes) for stage, passes in AFTER_ROW.items()},
    }
    if others is None:
        gc.freeze()  # these stay to the end, and the collector would look at millions of objects again and again
        return found
    return {stage: made if stage == "circ" else _besides(made, others[stage]) for stage, made in found.items()}


def _besides(module: Module, other: Module) -> Module:
    """The tables and steps that the other does not have, wherever they come from, and all that they name."""
    there = {_key(op): op for op in other if op.name in BULKY}
    return Module(op for op in module if _key(op) not in there or not equal([op], [there[_key(op)]], locations=False))


def _key(op: Operation) -> tuple[str, str]:
    return op.name, op.text("sym_name")


def inlined(machine: str) -> Module:
    """A machine as rows, made anew."""
    return run(imported(machine), "inline")


def imported(machine: str) -> Module:
    """A machine before any pass, made anew."""
    with tempfile.TemporaryDirectory() as above:
        folder = MACHINES[machine](Path(above) / "circuits")
        program, _ = front_end(circuit_files(folder), folder)
    with collector_off():
        return import_program(program)


def run(module: Module, *passes: str) -> Module:
    """The module after the passes, changed in place. Nothing is wrong with it."""
    with collector_off():
        for name in passes:
            facts = facts_of_module(module)
            module = PASSES[name].on(module, PASSES[name].make(), facts)
            assert not facts.diagnostics
    return module
