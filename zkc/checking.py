"""`zkc check`: runs a program and holds every row against the circuit, without compiling machine code and without a proof."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zkc import api
from zkc.api import no_console
from zkc.progress import Progress, no_progress, spoken
from zkc.runtime import arguments
from zkc.runtime.arguments import BytesLike, PathLike
from zkc.runtime.limits import MAX_CONSOLE_BYTES, MAX_JOURNAL_BYTES

if TYPE_CHECKING:
    from zkc.api import Console
    from zkc.runtime.circuit.machine import Machine
    from zkc.runtime.execution.segment import Segment


@dataclass(frozen=True)
class Checked:
    """A run whose rows satisfy the circuit. rows: of each table that has some, padding not counted, in all segments."""

    instructions: int
    segments: int
    exit_code: int
    rows: dict[str, int]


@spoken
def check(
    program: PathLike | BytesLike,
    stdin: BytesLike | None = None,
    *,
    isa: str | None = None,
    segment_limit: int | None = None,
    max_cycles: int | None = None,
    max_console: int = MAX_CONSOLE_BYTES,
    max_journal: int = MAX_JOURNAL_BYTES,
    console: Console = no_console,
    progress: Progress = no_progress,
) -> Checked:
    """Runs `program` and checks every equation and every message of its segments, exactly. Arguments are those of `execute`.

    `zkc.runtime.given.check.Unsatisfied`, an InputError, says what does not hold: table, row, label, cells, the place in the .circ file,
    the instruction and where it stands in the program. Executors that are not compiled run as Python, some thousand instructions a second.
    """
    from zkc.runtime.execution.check import check_segment
    from zkc.runtime.execution.executor import Limits, execute

    limits = Limits(segment_limit, max_cycles, max_console, max_journal)
    stdin = arguments.optional_data("stdin", stdin)
    progress("circuits", 0, 1)
    loaded = api.load(program, isa)
    chosen, rows = _ready(loaded.machine), Counter[str]()
    progress("circuits", 1, 1)
    progress("execute", 0, 0)

    def held(segment: Segment) -> Segment:
        check_segment(chosen, segment, describe=loaded.program.symbols.describe)
        rows.update({name: count for name, count in segment.rows.items() if count})
        return segment.outline()

    run = execute(chosen, loaded.program, stdin, limits, console, progress, snapshots=True, keep=held)
    return Checked(run.instructions, len(run.segments), run.exit_code, dict(rows))


def _ready(machine: Machine) -> Machine:
    """The machine with executors that run at once: compiled if they are already, else as Python."""
    from zkc.runtime.circuit.machine import Machine

    compiled = all(machine.module(kind, "executor").steps.is_kept() for kind in ("fast", "tracing"))
    return machine if compiled else Machine(machine.spec, compiled=False)
