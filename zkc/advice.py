"""Cost cliffs of a run: what makes it dear for a reason that its instructions do not show, where in the program, and what would help.

Everything but the places of environment calls is known from the execution; for those the segment with most of them is traced again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zkc.calls import calls_around
from zkc.output import describe_count
from zkc.runtime.execution.operations import JOURNAL_BLOCK
from zkc.runtime.execution.origins import FULL, REWRITTEN
from zkc.runtime.execution.sizes import row_cells, table_sizes
from zkc.toolchain import GUEST

if TYPE_CHECKING:
    from zkc.runtime.circuit.machine import Machine
    from zkc.runtime.execution.executor import Execution
    from zkc.runtime.execution.segment import Segment
    from zkc.runtime.guest.symbols import Symbols

LEAST_SHARE: Final = 0.15
"""Of all cells: what costs less is not worth a word."""
LEAST_CELLS: Final = 1 << 20
"""About half of what the shortest run costs: below that nothing is dear."""
SMALL_CELLS: Final = 10_000_000
"""A segment with fewer is small: fixed tables and paging are a good part of it."""
MOST_PLACES: Final = 3
MOST_CALL_CELLS: Final = 8192
"""An environment call with the library's code around it costs less, bytes apart: if that is too little to matter, nothing is traced."""
FEW_BYTES: Final = 16
"""Bytes of one call, below which the call costs more than they do."""
JOURNAL_PART: Final = 8
"""Most bytes of a row of `journal_part`."""
JOURNAL_STEPS: Final = ("journal_block", "journal_part", "journal_compress")
LIBRARY: Final = frozenset(path.name for path in GUEST.rglob("*.[chS]"))
"""Sources of the guest library: the line that matters is the one that calls it."""

IN_ORDER: Final = (
    "keep together what is used together, and use it in the order of its addresses: "
    "a page of memory is hashed when a segment first uses it, and once more if it is written"
)
WRITE_ONCE: Final = (
    "write code once and run it often: where code is written that ran, or is run that was written, "
    "a segment ends, and each pays for its fixed tables and pages anew"
)
LARGER: Final = "give a larger --segment-limit, or none: each segment pays for its fixed tables and pages anew"
READ_MORE: Final = "read many bytes in one call, to any address: 32 bytes then cost one row"
WRITE_MORE: Final = "gather the bytes and write them in one call: each call costs more than many bytes"
DIGEST: Final = "write a digest to the journal and check the data against it: each 32 bytes of the journal have a row and are hashed"
PRINT_LESS: Final = "print less, and more in one call: what is printed is not proven, but the instructions that print it are"


@dataclass(frozen=True)
class Place:
    """A line of the program: `count` of what the finding counts, and their cells."""

    where: str
    pc: int
    count: int
    cells: int


@dataclass(frozen=True)
class Finding:
    """One cost cliff. `count` times `what`, `cells` altogether, `share` of all that the run costs (0 to 1); the worst places first."""

    kind: str
    count: int
    what: str
    cells: int
    share: float
    places: tuple[Place, ...]
    help: str

    def lines(self) -> list[str]:
        """For people: what, where, what would help."""
        unit = self.what if self.count != 1 else self.what.removesuffix("s")
        found = [f"{100 * self.share:.0f} % of all cells: {self.kind}, {describe_count(self.count)} {unit}"]
        found += [f"  at: {place.where}, pc 0x{place.pc:08x}: {describe_count(place.count)} of them" for place in self.places]
        return [*found, f"  help: {self.help}"]

    def values(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


Weights = dict[tuple[int, ...], tuple[int, int]]
"""(count, cells) by frames, innermost first."""


def advise(machine: Machine, symbols: Symbols, execution: Execution, whole: Callable[[int], Segment]) -> list[Finding]:
    """The cost cliffs of a run, the dearest first. whole: the segment of this number with its snapshot; `execution` may have outlines."""
    return _Advisor(machine, symbols, execution, whole).run()


class _Advisor:
    def __init__(self, machine: Machine, symbols: Symbols, execution: Execution, whole: Callable[[int], Segment]) -> None:
        self.machine = machine
        self.whole = whole
        self.symbols = symbols
        self.segments = execution.segments
        self.origins = execution.origins
        self.own: dict[int, bool] = {}
        self.cost = {table.name: row_cells(table) for table in machine.circuit.tables}
        self.sizes = [table_sizes(machine.circuit, segment.rows) for segment in self.segments]
        self.cells = [sum(size.cells for size in sizes) for sizes in self.sizes]

    def run(self) -> list[Finding]:
        found = [
            self._paging(),
            self._cuts("rewritten code", REWRITTEN, sum(self.cells), WRITE_ONCE),
            self._cuts("small segments", FULL, SMALL_CELLS, LARGER),
            *self._calls(),
        ]
        return sorted((finding for finding in found if finding is not None), key=lambda finding: -finding.cells)

    def _matters(self, cells: int) -> bool:
        return cells >= max(LEAST_CELLS, LEAST_SHARE * sum(self.cells))

    def _finding(self, kind: str, what: str, weights: Weights, count: int, cells: int, help: str) -> Finding | None:
        """A finding if it matters."""
        if not self._matters(cells):
            return None
        return Finding(kind, count, what, cells, cells / sum(self.cells), self._places(weights), help)

    def _paging(self) -> Finding | None:
        data, table = self.cost["data_page"], self.cost["table_page"]
        weights: Weights = {}
        for origin, paging in self.origins.paging.items():
            _add(weights, self._frames(*origin), paging.times, paging.data_rows * data + paging.table_rows * table)
        return self._finding("page-ins", "pages", weights, *_sum(weights.values()), IN_ORDER)

    def _cuts(self, kind: str, reason: str, limit: int, help: str) -> Finding | None:
        """Segments of fewer than `limit` cells that ended for `reason`, and what they pay beside the rows of the program."""
        steps = {table.name for table in self.machine.spec.step_tables}
        weights: Weights = {}
        for (why, origin), sizes, cells in zip(self.origins.cuts, self.sizes, self.cells, strict=False):
            if why == reason and cells < limit:
                _add(weights, self._frames(*origin), 1, cells - sum(size.used for size in sizes if size.name in steps))
        return self._finding(kind, "segments", weights, *_sum(weights.values()), help)

    # environment calls

    def _calls(self) -> list[Finding | None]:
        rows = {name: sum(segment.rows.get(name, 0) for segment in self.segments) for name in self.cost}
        written = JOURNAL_PART * rows.get("journal_part", 0) + JOURNAL_BLOCK * rows.get("journal_block", 0)
        short = written < FEW_BYTES * rows.get("write_journal", 0)
        return [
            self._call("reads of few bytes", "read_start", rows, ("read_byte",), READ_MORE),
            self._call("journal", "write_journal", rows, JOURNAL_STEPS, WRITE_MORE if short else DIGEST),
            self._call("console", "write_console", rows, (), PRINT_LESS),
        ]

    def _call(self, kind: str, start: str, rows: Mapping[str, int], steps: Sequence[str], help: str) -> Finding | None:
        """Calls of one kind; `start` is the table that has one row for each, `steps` those that have one for each byte or so."""
        calls = rows.get(start, 0)
        if not self._matters(calls * MOST_CALL_CELLS + sum(rows.get(name, 0) * self.cost.get(name, 0) for name in steps)):
            return None
        segment = max(self.segments, key=lambda segment: segment.rows.get(start, 0))
        found = self._callers(self.whole(segment.index), start)
        count, cells = _sum(found.values())
        scale = calls / max(count, 1)
        weights = {stack: (round(n * scale), round(each * scale)) for stack, (n, each) in found.items()}
        return self._finding(kind, "calls", weights, calls, round(cells * scale), help)

    def _callers(self, segment: Segment, start: str) -> Weights:
        """Who called in a segment, with all cells between call and return."""
        from zkc.runtime.execution.trace import Tracer

        tracer = Tracer(self.machine, segment)
        code = dict(zip(segment.code.tolist(), tracer.mem[segment.code].tolist(), strict=True))
        own = {table.name for table in self.machine.spec.step_tables if not table.ticking}
        records = {name: rows for name, rows in tracer.run().items() if name in own}
        clk, pc = (np.concatenate([rows[:, k] for rows in records.values()]).astype(np.int64) for k in (0, 1))
        cells = np.concatenate([np.full(len(rows), self.cost[name]) for name, rows in records.items()])
        starts = np.concatenate([np.full(len(rows), name == start) for name, rows in records.items()])
        order = np.argsort(clk, kind="stable")
        before = np.concatenate([[0], np.cumsum(cells[order])])
        found: Weights = {}
        for call in calls_around(pc[order], code, np.flatnonzero(starts[order]), self._is_own):
            _add(found, call.frames, call.count, int(before[call.last] - before[call.first]))
        return found

    # places

    def _frames(self, pc: int, link: int) -> tuple[int, ...]:
        """pc, and the call that led to its function if the return address is still that of another function."""
        here, caller = self.symbols.function(pc), self.symbols.function(link - 4)
        return (pc,) if caller is None or (here is not None and here.name == caller.name) else (pc, link - 4)

    def _places(self, weights: Weights) -> tuple[Place, ...]:
        """The dearest lines."""
        by_place: dict[str, tuple[int, int, int]] = {}
        for stack, (count, cells) in weights.items():
            pc, where = self._where(stack)
            first, before, total = by_place.get(where, (pc, 0, 0))
            by_place[where] = (first, before + count, total + cells)
        places = [Place(where, pc, count, cells) for where, (pc, count, cells) in by_place.items()]
        worst = sorted(places, key=lambda place: -place.cells)[:MOST_PLACES]
        return tuple(place for place in worst if 10 * place.cells >= worst[0].cells)

    def _where(self, stack: Sequence[int]) -> tuple[int, str]:
        """The innermost frame in a source of the program itself, or the innermost of all."""
        pc = next((at for at in stack if self._is_own(at)), stack[0])
        function, line = self.symbols.function(pc), self.symbols.line(pc)
        name = function.name if function is not None else f"0x{pc:08x}"
        inner = self.symbols.function(stack[0])
        through = f", in {inner.name}" if pc != stack[0] and inner is not None and inner.name != name else ""
        return pc, f"{name} ({line}){through}" if line else name + through

    def _is_own(self, pc: int) -> bool:
        """Whether the source line of `pc` is one of the program, not of the guest library."""
        if pc not in self.own:
            line = self.symbols.line(pc)
            self.own[pc] = line is not None and line.file.rsplit("/", 1)[-1] not in LIBRARY
        return self.own[pc]


def _add(weights: Weights, stack: tuple[int, ...], count: int, cells: int) -> None:
    before, total = weights.get(stack, (0, 0))
    weights[stack] = (before + count, total + cells)


def _sum(weights: Iterable[tuple[int, int]]) -> tuple[int, int]:
    pairs = list(weights)
    return sum(count for count, _ in pairs), sum(cells for _, cells in pairs)
