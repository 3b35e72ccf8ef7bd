"""The executors: fast (pages and table heights counted, nothing recorded) and tracing (every row recorded)."""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.columns import FieldFunction
from zkc.compiler.decoder import immediate_fields
from zkc.compiler.integers import Integers, NotComputable
from zkc.compiler.program import Program
from zkc.compiler.table import Effect, TableBuilder
from zkc.compiler.witness import W
from zkc.dsl.syntax import Span
from zkc.runtime import events

INDENT = " " * 12
FIELDS = {
    "op": "op",
    "rd": "(entry >> 8) & 255",
    "rs1": "(entry >> 16) & 255",
    "rs2": "(entry >> 24) & 255",
    "imm": "(entry >> 32) & 4294967295",
    "simm": "entry >> 32",
    "clk": "clk",
    "pc": "pc",
}


@dataclass(frozen=True)
class Arm:
    """One branch of the executor."""

    name: str
    op: int
    code: str


@dataclass(frozen=True)
class RecordLayout:
    """Where a traced row keeps what it saw: clk, pc, the decoded word in two, then two words per load and one per host answer."""

    loads: int
    hosts: int

    @property
    def words(self) -> int:
        return 4 + 2 * self.loads + self.hosts


def record_layout(table: TableBuilder) -> RecordLayout:
    counts = [[e.kind for e in table.effects_of(a)] for a in table.arms]
    return RecordLayout(max(c.count("load") for c in counts), max(c.count("host") for c in counts))


def needed_loads(effects: list[Effect]) -> set[int]:
    """Loads whose value some effect depends on."""
    found: set[int] = set()
    seen: set[W] = set()
    stack = [a for e in effects for a in e.args]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op == "latest" and node.args[0] == "value":
            found.add(int(str(node.args[1])))
        stack += [a for a in node.args if isinstance(a, W)]
    return found


class ArmEmitter:
    """Emits one arm of one table."""

    def __init__(
        self, program: Program, table: TableBuilder, arm: str, index: int, faults: list[str], arrays: dict[str, str], indent: str
    ) -> None:
        self.program = program
        self.table = table
        self.arm = arm
        self.index = index
        self.faults = faults
        self.indent = indent
        self.lines: list[str] = []
        self.commit: list[str] = []
        self.values: dict[int, str] = {}
        self.integers = Integers(self.lines, indent, arm, self._leaf, arrays)
        base = program.constants["system_word"]
        assert isinstance(base, int)
        self.system = (base, base + 255)

    def line(self, text: str) -> None:
        self.lines.append(self.indent + text)

    def _leaf(self, node: W) -> str:
        if node.op == "input":
            return FIELDS[str(node.args[0])]
        if node.op == "host":
            return f"host_{node.args[1]}"
        part, sequence = node.args
        if part != "value":
            raise NotComputable(f"the {part} of what `latest` finds is known to the witness only: an effect cannot depend on it")
        return self.values[int(str(sequence))]

    def emit_checked(self) -> str:
        """The code of the arm. Raises DiagnosticError (E0305) for what it cannot compute."""
        self.at: Span | None = None
        try:
            return self.emit()
        except NotComputable as error:
            raise self.program.fail("E0305", str(error), self.at or self.program.place_of(self.table.name)) from None

    def emit(self) -> str:
        """The code of the arm; `at` follows the effects."""
        raise NotImplementedError

    def leave(self, event: int, arg: str = "0") -> None:
        self.lines.append(f"{self.indent}    event, arg = {event}, {arg}")
        self.lines.append(f"{self.indent}    break")

    def in_system_page(self, address: W) -> bool:
        return self.system[0] <= address.low and address.high <= self.system[1]

    def host_call(self, effect: Effect) -> None:
        args = "".join(", " + self.integers.emit(a) for a in effect.args)
        self.line(f"host_{effect.sequence} = host_{effect.name}(host, stdin{args})")

    def step(self, effect: Effect) -> None:
        clk, pc = (self.integers.emit(a) for a in effect.args)
        self.commit += [f"{self.indent}next_clk = {clk}", f"{self.indent}pc = {pc}", f"{self.indent}clk = next_clk"]


class FastArm(ArmEmitter):
    """All checks come before any effect, so that an instruction can be tried again."""

    def emit(self) -> str:
        effects = self.table.effects_of(self.arm)
        needed = needed_loads([e for e in effects if not self._is_reading(e, effects)])
        self.line(f"if rows[{self.index}] == caps[{self.index}]:")
        self.leave(events.FULL, str(self.index))
        last: list[str] = []
        for e in effects:
            self.at = e.span
            if e.kind == "fault":
                self.line(f"if {self.integers.emit(e.args[0])}:")
                self.faults.append(e.name)
                self.leave(events.FAULT, str(len(self.faults) - 1))
            elif e.kind == "load":
                self._load(e, e.sequence in needed)
            elif e.kind == "store" and not self._is_reading(e, effects):
                self._store(e)
            elif e.kind == "host":
                self.host_call(e)
            elif e.kind == "retire":
                self.commit.append(f"{self.indent}retired += {self.integers.emit(e.args[0])}")
            elif e.kind == "step":
                self.step(e)
            elif e.kind == "perform":
                last += self._perform(e)
        self.commit += [f"{self.indent}rows[{self.index}] += 1", f"{self.indent}fuel -= 1"]
        return "\n".join(self.lines + self.commit + last)

    def _is_reading(self, e: Effect, effects: list[Effect]) -> bool:
        """A store of what was loaded from the same address changes nothing but the time."""
        if e.kind != "store" or e.args[1].op != "latest":
            return False
        return any(x.kind == "load" and x.sequence == e.args[1].args[1] and x.args[0] is e.args[0] for x in effects)

    def _load(self, e: Effect, needed: bool) -> None:
        if not needed and self.in_system_page(e.args[0]):
            return
        address = self.integers.emit(e.args[0])
        if not self.in_system_page(e.args[0]):
            self.line(f"if pages[np.uint64({address} >> 8)] == 0:")
            self.leave(events.TOUCH, address)
        if needed:
            self.values[e.sequence] = f"load_{e.sequence}"
            self.line(f"load_{e.sequence} = np.int64(mem[np.uint64({address})])")

    def _store(self, e: Effect) -> None:
        address, value = self.integers.emit(e.args[0]), self.integers.emit(e.args[1])
        if not self.in_system_page(e.args[0]):
            self.line(f"if pages[np.uint64({address} >> 8)] != 3:")
            self.leave(events.DIRTY, address)
            self.line(f"if words[np.uint64({address})] == 1:")
            self.leave(events.STORE_CODE, address)
            self.commit.append(f"{self.indent}words[np.uint64({address})] = 2")
        self.commit.append(f"{self.indent}mem[np.uint64({address})] = np.uint32({value})")

    def _perform(self, e: Effect) -> list[str]:
        args = "".join(", " + self.integers.emit(a) for a in e.args)
        return [
            f"{self.indent}if perform_{e.name}(host, mem, journal{args}):",
            f"{self.indent}    event = {events.HOST}",
            f"{self.indent}    break",
        ]


class TracingArm(ArmEmitter):
    """Records what each row saw; every page is known to be in, so there is nothing to check."""

    def emit(self) -> str:
        layout = record_layout(self.table)
        self.line(f"if rows[{self.index}] == limits[{self.index}]:")
        self.leave(events.FULL, str(self.index))
        self.line(f"record = bases[{self.index}] + rows[{self.index}] * {layout.words}")
        for k, value in enumerate(("clk", "pc", "entry & 4294967295", "(entry >> 32) & 4294967295")):
            self.line(f"records[record + {k}] = np.uint32({value})")
        loads = hosts = 0
        last: list[str] = []
        for e in self.table.effects_of(self.arm):
            self.at = e.span
            if e.kind == "load":
                self._load(e, 4 + 2 * loads)
                loads += 1
            elif e.kind == "store":
                self._store(e)
            elif e.kind == "host":
                self.host_call(e)
                self.line(f"records[record + {4 + 2 * layout.loads + hosts}] = np.uint32(host_{e.sequence})")
                hosts += 1
            elif e.kind == "retire":
                self.commit.append(f"{self.indent}retired += {self.integers.emit(e.args[0])}")
            elif e.kind == "step":
                self.step(e)
            elif e.kind == "perform" and e.name == "consume":
                last.append(f"{self.indent}perform_consume(host, mem, journal, {self.integers.emit(e.args[0])})")
        self.line("uses[np.uint64(pc >> 2)] += 1")
        self.commit += [f"{self.indent}rows[{self.index}] += 1", f"{self.indent}fuel -= 1"]
        return "\n".join(self.lines + self.commit + last)

    def _load(self, e: Effect, place: int) -> None:
        address = self.integers.emit(e.args[0])
        self.values[e.sequence] = f"load_{e.sequence}"
        self.line(f"load_{e.sequence} = np.int64(mem[np.uint64({address})])")
        self.line(f"records[record + {place}] = np.uint32(load_{e.sequence})")
        self.line(f"stamp_{e.sequence} = times[np.uint64({address})]")
        self.line(f"records[record + {place + 1}] = stamp_{e.sequence}")

    def _store(self, e: Effect) -> None:
        address, value, now = (self.integers.emit(a) for a in e.args[:3])
        mark = e.args[3]
        self.line(f"mem[np.uint64({address})] = np.uint32({value})")
        if mark.op == "latest":
            self.line(f"times[np.uint64({address})] = np.uint32({now}) | (stamp_{mark.args[1]} & np.uint32({3 << 30}))")
        else:
            self.line(f"times[np.uint64({address})] = np.uint32({now} | {(mark.const or 0) << 30})")


@dataclass(frozen=True)
class Decoder:
    condition: str
    fields: str


def decoders(program: Program) -> list[Decoder]:
    """How fields are taken from a word, per format."""
    found: list[Decoder] = []
    for layout in program.formats.values():
        ops = [e.op for e in program.encodings.values() if program.families[e.family].format == layout.name]
        if not ops:
            continue
        encoding = next(e for e in program.encodings.values() if e.op == ops[0])
        parts: list[str] = []
        if "rd" in encoding.fields:
            rd = f"(word >> {encoding.fields['rd'][1]} & 31)"
            parts.append(f"(({rd} if {rd} else {program.constants['word_sink']}) << 8)")
        parts += [f"((word >> {encoding.fields[n][1]} & 31) << {s})" for n, s in (("rs1", 16), ("rs2", 24)) if n in encoding.fields]
        if layout.immediate is not None:
            parts.append(f"({immediate_fields(layout.immediate)} << 32)")
        condition = " or ".join(f"op == {op}" for op in ops)
        found.append(Decoder(condition, " | ".join(parts) or "0"))
    return found


def emit_arms(
    program: Program, tables: list[TableBuilder], guards: tuple[TableBuilder, dict[str, W]], functions: dict[str, FieldFunction], mode: str
) -> tuple[list[Arm], list[str]]:
    """The branches and the fault messages. `tables` are the instruction and service tables in order of their numbers."""
    arrays = {name: name.upper() for name in functions}
    faults: list[str] = []
    emitter = FastArm if mode == "fast" else TracingArm
    arms: list[Arm] = []
    number = {t.name: i for i, t in enumerate(tables)}
    called: dict[str, list[str]] = {}
    for service in program.services.values():
        called.setdefault(service.on, []).append(service.name)
    for table in tables:
        for arm in table.arms:
            if arm in program.encodings and arm not in called:
                code = emitter(program, table, arm, number[table.name], faults, arrays, INDENT).emit_checked()
                arms.append(Arm(arm, program.encodings[arm].op, code))
    by_name = {t.name: t for t in tables}
    for name, services in called.items():
        code = _services(program, [by_name[x] for x in services], number, guards, faults, arrays, emitter)
        arms.append(Arm(name, program.encodings[name].op, code))
    return arms, faults


def _services(
    program: Program, tables: list[TableBuilder], number: dict[str, int], guards: tuple[TableBuilder, dict[str, W]], faults: list[str],
    arrays: dict[str, str], emitter: type[FastArm] | type[TracingArm],
) -> str:  # fmt: skip
    """An if-chain over the guards of the services."""
    table, conditions = guards
    chooser = ArmEmitter(program, table, "guards", 0, faults, arrays, INDENT)
    for e in table.effects_of("guards"):
        if e.kind == "load":
            chooser.values[e.sequence] = f"guard_{e.sequence}"
            chooser.line(f"guard_{e.sequence} = np.int64(mem[np.uint64({chooser.integers.emit(e.args[0])})])")
    names: list[tuple[TableBuilder, str]] = []
    for t in tables:
        try:
            names.append((t, chooser.integers.emit(conditions[t.name])))
        except NotComputable as error:
            raise program.fail("E0305", str(error), program.services[t.name].when.span) from None
    lines = chooser.lines
    for i, (t, condition) in enumerate(names):
        lines.append(f"{INDENT}{'if' if i == 0 else 'elif'} {condition}:  # {t.name}")
        lines.append(emitter(program, t, t.arms[0], number[t.name], faults, arrays, INDENT + "    ").emit_checked())
    lines += [f"{INDENT}else:", f"{INDENT}    event = {events.NO_SERVICE}", f"{INDENT}    break"]
    return "\n".join(lines)
