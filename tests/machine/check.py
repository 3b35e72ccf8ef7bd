"""A plain checker of witnesses: says which constraints of which rows fail and which bus messages have no partner, exactly, no proof.

`check(circuit, traces, claim)` gives a `Report`, false if all is well, which prints what is wrong. To look at the segments of a program:

    python -m tests.machine.check program.elf [--stdin FILE] [--limit LOG_ROWS] [--segment NUMBER]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, SUB, Circuit, Message, Table
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.field.koalabear import P
from zkc.runtime.guest.abi import register_name

Numbers = npt.NDArray[np.int64]
Traces = Mapping[str, npt.NDArray[np.uint32]]

BLOCK: Final = 1024
"""Rows evaluated at once: bounds the memory of a table with thousands of nodes."""
MOST_SHOWN: Final = 12
MOST_ROWS: Final = 4
"""Rows that are named of those where one constraint fails."""
FIELDS: Final = {
    "exec": ("clk", "pc"),
    "program": ("pc", "op", "rd", "rs1", "rs2", "imm.lo", "imm.hi", "at"),
    "memory": ("address", "value.lo", "value.hi", "time", "mark"),
    "digest": ("page", *(f"digest[{i}]" for i in range(8)), "at"),
    "sponge": ("tag", "page", "version", "step", *(f"capacity[{i}]" for i in range(8))),
    "journal_word": ("after", "index", "value.lo", "value.hi"),
    "range": ("bits", "v"),
}
"""Names of message fields, for people; a bus that is not here has its fields numbered."""


@dataclass(frozen=True)
class Failure:
    """A constraint that does not vanish, or a message without a partner. `cells` are the columns it reads, with their values."""

    table: str
    row: int
    label: str
    problem: str
    cells: tuple[tuple[str, int], ...] = ()
    instruction: str = ""

    def __str__(self) -> str:
        where = f"{self.table}[{self.row}]" + (f" `{self.instruction}`" if self.instruction else "")
        lines = [f"{where}: {self.label}: {self.problem}"]
        shown = [f"{name} = {number(value)}" for name, value in self.cells[:16]]
        if len(self.cells) > 16:
            shown.append(f"and {len(self.cells) - 16} more columns")
        return "\n".join([*lines, *("    " + ", ".join(shown[i : i + 4]) for i in range(0, len(shown), 4))])


@dataclass(frozen=True)
class Report:
    """What is wrong with a witness. True if anything is."""

    failures: tuple[Failure, ...]

    def __bool__(self) -> bool:
        return bool(self.failures)

    def __str__(self) -> str:
        more = len(self.failures) - MOST_SHOWN
        return "\n".join([*map(str, self.failures[:MOST_SHOWN]), *([f"… and {more} more failures"] if more > 0 else [])]) or "no failure"


def number(value: int) -> str:
    """A field element for people: small ones as they are, small negatives as such, others in hexadecimal too."""
    if value >= P - 0x10000:
        return f"-{P - value}"
    return str(value) if value < 10 else f"{value} (0x{value:x})"


def evaluate(table: Table, cells: Numbers, nodes: Sequence[int]) -> Numbers:
    """The values of `nodes`, `int64[len(nodes)][rows]`, on rows given by columns: `int64[committed and fixed columns][rows]`, canonical."""
    program = table.nodes.tolist()
    out = np.empty((len(nodes), cells.shape[1]), dtype=np.int64)
    for start in range(0, cells.shape[1], BLOCK):
        part = cells[:, start : start + BLOCK]
        values: list[Numbers | int] = []
        for op, a, b in program:
            if op == COLUMN:
                values.append(part[a])
            elif op == CONSTANT:
                values.append(a)
            elif op == ADD:
                values.append((values[a] + values[b]) % P)
            elif op == SUB:
                values.append((values[a] - values[b]) % P)
            else:
                values.append(values[a] * values[b] % P)
        for k, node in enumerate(nodes):
            out[k, start : start + BLOCK] = values[node]
    return out


def cells_of(table: Table, trace: npt.NDArray[np.uint32]) -> Numbers:
    """Committed columns, then fixed ones."""
    committed = np.asarray(trace, dtype=np.int64)
    return np.concatenate([committed, table.fixed.astype(np.int64)]) if table.fixed.shape[0] else committed


def columns_below(table: Table, node: int) -> list[int]:
    """The columns that a node is made of."""
    needed, stack = set[int](), [node]
    while stack:
        n = stack.pop()
        if n not in needed:
            needed.add(n)
            op, a, b = (int(x) for x in table.nodes[n])
            stack += [a, b] if op > CONSTANT else []
    return sorted({int(table.nodes[n][1]) for n in needed if table.nodes[n][0] == COLUMN})


def exact_groups(rows: Numbers) -> Numbers:
    """Numbers `int64[n]`, equal where the rows of `int64[width][n]` are equal."""
    ids = np.zeros(rows.shape[1], dtype=np.int64)
    for column in rows:
        ids = np.unique(ids * P + column, return_inverse=True)[1].astype(np.int64)
    return ids


def provides(circuit: Circuit, table: Table, message: Message) -> bool:
    """Whether a message offers rows to lookups, with a count that the prover chooses: a fixed table, or the decoded program."""
    return bool(table.fixed.shape[0]) or (table.name == "decode" and circuit.buses[message.bus].name == "program")


@dataclass(frozen=True)
class Sent:
    """The messages of one place in the circuit that have a multiplicity."""

    table: Table
    message: Message
    rows: Numbers
    multiplicity: Numbers
    args: Numbers


class Checker:
    """One witness; `machine` only makes messages better; without `counts`, lookups are counted again, as a prover might."""

    def __init__(self, circuit: Circuit, traces: Traces, claim: Sequence[int], machine: Machine | None, *, counts: bool) -> None:
        self.circuit = circuit
        self.machine = machine
        self.counts = counts
        self.failures: list[Failure] = []
        self.cells: dict[str, Numbers] = {}
        self.values: dict[str, Numbers] = {}
        self.below: dict[str, dict[int, list[int]]] = {}
        self.tables = [t for t in circuit.tables if t.name in traces] + [circuit.claim]
        for table in circuit.tables:
            if table.name in traces:
                self._shape(table, traces[table.name])
        unknown = set(traces) - {t.name for t in circuit.tables}
        self.failures += [Failure(name, 0, "shape", "there is no such table") for name in sorted(unknown)]
        if not self.failures:
            for table in self.tables[:-1]:
                self.cells[table.name] = cells_of(table, traces[table.name])
            self.cells["claim"] = np.array(claim, dtype=np.int64).reshape(-1, 1)

    def run(self) -> Report:
        if self.failures:
            return Report(tuple(self.failures))
        for table in self.tables:
            nodes = [*table.constraints, *(n for m in table.messages for n in (m.multiplicity, *m.args))]
            self.values[table.name] = evaluate(table, self.cells[table.name], nodes)
        self.code = self._code()
        for table in self.tables:
            self._constraints(table)
        for bus in range(len(self.circuit.buses)):
            self._bus(bus)
        return Report(tuple(self.failures))

    def _shape(self, table: Table, trace: npt.NDArray[np.uint32]) -> None:
        columns, rows = trace.shape
        fixed = table.fixed_log_height
        if columns != len(table.columns):
            self.failures.append(Failure(table.name, 0, "shape", f"{columns} columns, not {len(table.columns)}"))
        elif rows < 128 or rows % 128 or (fixed is not None and rows != 1 << fixed):
            self.failures.append(Failure(table.name, 0, "shape", f"{rows} rows"))
        elif int(trace.max()) >= P:
            column, row = (int(x[0]) for x in np.nonzero(trace >= P))
            self.failures.append(Failure(table.name, row, "shape", f"{table.columns[column]} is not canonical: {trace[column, row]}"))

    def _constraints(self, table: Table) -> None:
        for k in range(len(table.constraints)):
            rows = np.flatnonzero(self.values[table.name][k]).tolist()
            for row in rows[:MOST_ROWS]:
                more = f" (and in {len(rows) - 1} more rows)" if len(rows) > 1 and row == rows[0] else ""
                self.failures.append(
                    Failure(
                        table.name, row, table.labels[k], f"constraint {k} is {number(int(self.values[table.name][k, row]))}, not 0{more}",
                        self._cells(table, row, table.constraints[k]), self.instruction(table, row),
                    )
                )  # fmt: skip

    def _cells(self, table: Table, row: int, *nodes: int) -> tuple[tuple[str, int], ...]:
        names = [*table.columns, *table.fixed_names]
        known = self.below.setdefault(table.name, {})
        known |= {node: columns_below(table, node) for node in nodes if node not in known}
        columns = sorted({c for node in nodes for c in known[node]})
        cells = self.cells[table.name]
        return tuple((names[c] if names.count(names[c]) == 1 else f"{names[c]}#{c}", int(cells[c, row])) for c in columns)

    def sent(self, bus: int) -> Iterator[Sent]:
        """All messages of a bus with a multiplicity other than 0; of what may be counted again, every row."""
        for table in self.tables:
            values, place = self.values[table.name], len(table.constraints)
            for message in table.messages:
                if message.bus == bus:
                    again = not self.counts and provides(self.circuit, table, message)
                    rows = np.arange(values.shape[1]) if again else np.flatnonzero(values[place])
                    yield Sent(table, message, rows, values[place, rows], values[place + 1 : place + 1 + len(message.args), rows])
                place += 1 + len(message.args)

    def _bus(self, bus: int) -> None:
        parts = list(self.sent(bus))
        if not parts:
            return
        args = np.concatenate([p.args for p in parts], axis=1)
        multiplicity = np.concatenate([p.multiplicity for p in parts])
        groups = exact_groups(args)
        sums = np.zeros(int(groups.max(initial=-1)) + 1, dtype=np.int64)
        np.add.at(sums, groups, multiplicity)  # fewer than 2^31 messages below 2^31 each: no overflow
        starts = np.cumsum([0, *(len(p.rows) for p in parts)])
        for k, part in enumerate(parts):
            if not self.counts and provides(self.circuit, part.table, part.message):
                sums[groups[starts[k] : starts[k + 1]]] = 0
        bad = np.flatnonzero(sums % P)
        if len(bad) == 0:
            return
        order = np.argsort(groups, kind="stable")
        for group in bad.tolist():
            low, high = np.searchsorted(groups[order], [group, group + 1])
            self._unbalanced(bus, int(sums[group] % P), parts, starts, order[low:high])

    def _unbalanced(self, bus: int, excess: int, parts: list[Sent], starts: Numbers, places: Numbers) -> None:
        """One failure, at the first place of the message."""
        where: list[tuple[Sent, int]] = []
        for place in places.tolist():
            k = int(np.searchsorted(starts, place, side="right")) - 1
            where.append((parts[k], place - int(starts[k])))
        part, at = where[0]
        row = int(part.rows[at])
        text = self.message_text(bus, part.args[:, at])
        amount = f"received {P - excess} too often" if excess > P // 2 else f"sent {excess} too often"
        others = [f"{p.table.name}[{int(p.rows[i])}] {number(int(p.multiplicity[i]))}" for p, i in where[1:4]]
        also = f"; also {', '.join(others)}{' …' if len(where) > 4 else ''}" if others else ""
        self.failures.append(
            Failure(
                part.table.name, row, part.message.label, f"{text} is {amount}{also}",
                self._cells(part.table, row, part.message.multiplicity, *part.message.args), self.instruction(part.table, row),
            )
        )  # fmt: skip

    def message_text(self, bus: int, args: Numbers) -> str:
        """The message with named fields; a memory address also as a register or byte address."""
        name = self.circuit.buses[bus].name
        fields = FIELDS.get(name, tuple(str(i) for i in range(len(args))))
        return f"{name}({', '.join(f'{f} = {self._field(name, f, int(v))}' for f, v in zip(fields, args, strict=False))})"

    def _field(self, bus: str, field: str, value: int) -> str:
        if (bus, field) != ("memory", "address"):
            return number(value)
        system = self.circuit.constants.get("system_word", 0)
        assert isinstance(system, int)
        if 0 <= value - system < 32:
            return register_name(value - system)
        return f"system word {value - system}" if 32 <= value - system < 256 else f"word of 0x{4 * value:x}"

    def instruction(self, table: Table, row: int) -> str:
        """The instruction of a row, if the table has a pc."""
        if self.machine is None or "pc" not in table.columns:
            return ""
        pc = int(self.cells[table.name][table.columns.index("pc"), row])
        return f"0x{pc:x}: {self.machine.disassemble(self.code[pc], pc)}" if pc in self.code else ""

    def _code(self) -> dict[int, int]:
        """Instruction words by pc, from what the decode table says on `program` and `memory`."""
        table = next((t for t in self.tables if t.name == "decode"), None)
        if table is None:
            return {}
        names = [self.circuit.buses[m.bus].name for m in table.messages]
        if not {"program", "memory"} <= set(names):
            return {}
        starts = np.cumsum([len(table.constraints), *(1 + len(m.args) for m in table.messages)])
        values = self.values[table.name]
        pcs, words = values[starts[names.index("program")] + 1], values[starts[names.index("memory")] + 2 :]
        return {int(pc): int(lo) | int(hi) << 16 for pc, lo, hi in zip(pcs, words[0], words[1], strict=True)}


def check(circuit: Circuit, traces: Traces, claim: Sequence[int], machine: Machine | None = None, *, counts: bool = True) -> Report:
    """Everything that is wrong with a witness."""
    return Checker(circuit, traces, claim, machine, counts=counts).run()


def main() -> None:
    """Checks the witness of one segment, or of all."""
    import argparse
    from pathlib import Path

    from zkc.compiler.machines import load_machine
    from zkc.runtime.execution.executor import Limits, execute
    from zkc.runtime.execution.trace import trace
    from zkc.runtime.guest.elf import load_elf

    parser = argparse.ArgumentParser(description="Checks the witnesses of a program's segments, without proving.")
    parser.add_argument("program")
    parser.add_argument("--stdin", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--segment", type=int)
    args = parser.parse_args()
    machine = load_machine()
    stdin = args.stdin.read_bytes() if args.stdin else b""
    run = execute(machine, load_elf(args.program, machine.memory_map), stdin, Limits(args.limit), snapshots=True)
    for segment in run.segments:
        if args.segment in (None, segment.index):
            report = check(machine.circuit, *trace(machine, segment), machine)
            print(f"segment {segment.index} of {len(run.segments)}, {segment.steps} steps: {report}")


if __name__ == "__main__":
    main()
