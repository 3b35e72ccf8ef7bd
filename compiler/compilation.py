"""From a directory of .circ files to the last stage of every table: parse, check, elaborate, lower."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zkc.compiler.front import front_end
from zkc.compiler.guards import overlaps
from zkc.compiler.incremental import lower_program
from zkc.compiler.pipeline import Lowerings
from zkc.compiler.program import Program


@contextmanager
def collector_off() -> Generator[None]:
    """No garbage collection inside: it doubles what makes many operations, and there are no cycles to find."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


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
