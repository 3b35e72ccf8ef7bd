"""The machines of the project in each stage of their compilation."""

from __future__ import annotations

import gc
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Final

from zkc.compiler.compilation import collector_off
from zkc.compiler.front import front_end
from zkc.compiler.importer.items import import_program
from zkc.compiler.ir.module import Module
from zkc.compiler.machines import circuit_files, circuits_directory
from zkc.compiler.passes.declarations import facts_of_module
from zkc.compiler.passes.registry import PASSES

ROOT: Final = Path(__file__).parents[2]
MACHINES: Final = {"circuits": (), "extension": (ROOT / "tests" / "extension" / "zbb.circ",)}
"""Files that a machine has besides those that come with zkc."""
ROW: Final = ("check-wrap", "materialise", "expand-ranges", "share-columns")
AFTER_ROW: Final = {
    "air": ("lower-air",),
    "gated": ("lower-air", "merge-arms", "gate-rows", "pair-messages"),
    "step": ("lower-decode", "lower-step", "forward-stores"),
    "fill": ("lower-fill",),
}
"""What is made of rows: these passes leave them as they are."""
STAGES: Final = {"circ": "circ", "inlined": "row", "row": "row", "air": "air", "gated": "air", "step": "step", "fill": "fill"}
"""Points of the compilation, and the stage that tables are in there."""


def module(machine: str, stage: str) -> Module:
    """A machine in a stage; of the extension's rows what is its own. Whoever changes it has to copy it."""
    return stages(machine)[stage]


@lru_cache
def stages(machine: str) -> dict[str, Module]:
    """A machine in all stages."""
    rows = run(inlined(machine), *ROW)
    found = {
        "circ": imported(machine),
        "inlined": inlined(machine),
        "row": rows,
        **{stage: run(rows, *passes) for stage, passes in AFTER_ROW.items()},
    }
    gc.freeze()  # these stay to the end, and the collector would look at millions of objects again and again
    if machine == "circuits":
        return found
    return {stage: made if stage == "circ" else _besides(made, module("circuits", stage)) for stage, made in found.items()}


def _besides(module: Module, other: Module) -> Module:
    """The symbols that the other does not have."""
    there = {(op.name, op.text("sym_name")) for op in other}
    return Module(op for op in module if (op.name, op.text("sym_name")) not in there)


def inlined(machine: str) -> Module:
    """A machine as rows, made anew."""
    return run(imported(machine), "inline")


def imported(machine: str) -> Module:
    """A machine before any pass, made anew."""
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above) / "circuits"
        folder.mkdir()
        for file in (*circuit_files(circuits_directory()), *MACHINES[machine]):
            shutil.copy(file, folder)
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
