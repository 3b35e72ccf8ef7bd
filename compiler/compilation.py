"""From a directory of .circ files to the last stage of every table: parse, check, elaborate, lower."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zkc.compiler.front import front_end
from zkc.compiler.guards import overlaps
from zkc.compiler.incremental import lower_program
from zkc.compiler.pipeline import Lowerings
from zkc.compiler.program import Program
from zkc.runtime.collector import collector_off


@dataclass(frozen=True)
class Compilation:
    """Everything made from one program."""

    program: Program
    lowered: Lowerings


@collector_off()
def compile_program(files: list[Path], root: Path) -> Compilation:
    """Parses, checks, elaborates and lowers; raises DiagnosticError with everything found."""
    program, typed = front_end(files, root)
    lowered = lower_program(program, typed)
    program.diagnostics += overlaps(program, lowered.guards)
    program.diagnostics += lowered.facts.diagnostics
    program.check()
    return Compilation(program, lowered)
