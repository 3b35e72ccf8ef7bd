"""The executors: fast (pages and table heights counted, nothing recorded) and tracing (every row recorded).

Their listings (runtime/execution/listing.py) have an arm for each instruction and environment call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from zkc.compiler.dialects import integer, row, step
from zkc.compiler.ir.operation import Operation, Value, constant_of
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.passes import packing
from zkc.compiler.passes.forward_stores import is_reading
from zkc.compiler.passes.lower_fill import Layout, layout_of
from zkc.compiler.passes.packing import Place
from zkc.compiler.targets.functions import FieldFunctions
from zkc.compiler.targets.integers import Integers, NotComputable, Uncomputable
from zkc.compiler.targets.listing import Listing
from zkc.dsl.built_in import AT
from zkc.dsl.spans import Span
from zkc.runtime.circuit.fill_program import Op
from zkc.runtime.circuit.machine import OP_BITS, Clock
from zkc.runtime.execution import events, fuel
from zkc.runtime.execution.stamps import TIME_BITS
from zkc.runtime.memory.map import WORD_BYTES

PC_WORD: Final = WORD_BYTES.bit_length() - 1
"""Of an address, the bits below the number of its word."""
OP_SLOT: Final = 16
"""Bits of a decoded instruction that can be loaded at once, and have its number, if no field begins below."""
FETCH: Final = "fetch"
"""Where a step begins whose pc is known to be right."""


@dataclass(frozen=True)
class Arm:
    """One branch of the executor, of the instructions with these numbers."""

    name: str
    ops: tuple[int, ...]
    code: str


@dataclass
class Steps:
    """What executors are made of.

    tables: the steps of each table, in the order of their numbers. called: environment calls of an instruction. numbers: of instructions.
    clock: that of segments. ticking: the table of steps that the clock asks for, if there is one. system: the
    words of the system page, which is always there. page_bits: of an address, below the number of its page. functions: of field elements.
    places: of the fields of decoded instructions. faults: their messages, as they are found.
    """

    tables: dict[str, list[Operation]]
    guards: Operation
    called: dict[str, list[str]]
    numbers: dict[str, int]
    clock: Clock
    ticking: str | None
    system: range
    page_bits: int
    functions: FieldFunctions
    places: Mapping[str, Mapping[str, Place]] = field(default_factory=lambda: dict[str, Mapping[str, Place]]())
    faults: list[str] = field(default_factory=lambda: list[str]())


class StepEmitter:
    """Emits one step into a listing."""

    def __init__(self, steps: Steps, index: int, code: Listing) -> None:
        self.steps = steps
        self.index = index
        self.code = code
        self.commit: list[str] = []
        self.values: dict[Value, str] = {}
        self.places: Mapping[str, Place] = {}
        self.retired: list[Value] = []
        self.following: list[Operation] = []
        self.ranges = Ranges()
        self.integers = Integers(code, self._leaf, steps.functions, self.ranges)

    def source(self, value: Value) -> str:
        """The name of an integer."""
        return self.integers.emit(value)

    def _leaf(self, value: Value) -> str:
        op = value.op
        assert op is not None
        if op.definition is row.GIVEN:
            name = op.text("name")
            if name == "clk":
                return self.clk()
            if name in (*packing.STATE, "op"):
                return name
            if name == AT:
                return "pc"
            return self.code.field(self.places[name]) if name in self.places else self.code.constant(0)
        if value not in self.values:
            raise NotComputable("what `latest` finds but for its value is known to the witness only: an effect cannot depend on it", op)
        return self.values[value]

    def emit_checked(self, op: Operation) -> None:
        """Writes the code of the step. Raises Uncomputable for what it cannot compute."""
        at: Span | None = None
        self.places = self.steps.places.get(str(op.attributes.get("arm")), {})
        try:
            for effect in self.effects(op):
                at = effect.loc.span
                self.effect(effect)
        except NotComputable as error:
            raise Uncomputable(str(error), at) from None
        self.last()

    def clk(self) -> str:
        """The clock: what it will be without fuel, less what the fuel is for."""
        return self.code.add(Op.SUB, "clk", self.code.add(Op.MUL, "fuel", str(self.steps.clock.slots)))

    def effects(self, op: Operation) -> list[Operation]:
        """The effects of a step, in order; what stands before them is written."""
        return [o for o in op.regions[0] if o.definition.effect]

    def effect(self, op: Operation) -> None:
        """Writes an effect."""
        raise NotImplementedError

    def last(self) -> None:
        """Writes what comes after all effects."""
        raise NotImplementedError


    def leave(self, event: int, arg: str, when: str) -> None:
        self.code.line(f"leave {event} {arg} if {when}")

    def word(self, address: Value) -> str:
        """The word of an address in memory."""
        return self.code.get("mem", self.source(address))

    def in_system_page(self, address: Value) -> bool:
        low, high = self.ranges.of(address)
        return self.steps.system.start <= low and high < self.steps.system.stop

    def host_call(self, op: Operation) -> None:
        args = " ".join(self.source(v) for v in op.operands)
        self.values[op.result] = self.code.value(f"call host_{op.text('name')} host stdin {args}".rstrip())

    def perform_call(self, op: Operation) -> str:
        """The call that does something outside of the machine."""
        return f"call perform_{op.text('name')} host mem journal {' '.join(self.source(v) for v in op.operands)}".rstrip()

    def retire(self, op: Operation) -> None:
        self.source(op.operands[0])
        self.retired.append(op.operands[0])

    def next(self, op: Operation) -> None:
        for value in (*op.operands, *(alternatives(op.operands[1]) or ())):
            self.source(value)
        self.following.append(op)

    def when(self, times: Value) -> str:
        """The end of the line of what is done so often: once, or not at all."""
        return "" if constant_of(times) == 1 else f" if {self.source(times)}"

    def write_commit(self) -> None:
        """Writes what changes when nothing can stop the step: memory and the state, but for the pc."""
        for text in self.commit:
            self.code.line(text)
        self._count_retired()
        self._advance_clock()
        self.code.line(f"set fuel {self.left()}")

    def left(self) -> str:
        """The fuel after the step."""
        return self.code.add(Op.SUB, "fuel", "1")

    def _count_retired(self) -> None:
        """The fuel counts one instruction."""
        if [constant_of(v) for v in self.retired] != [1]:
            count = self.code.add(Op.SUB, "retired", "1")
            for value in self.retired:
                count = self.code.add(Op.ADD, count, self.source(value))
            self.code.line(f"set retired {count}")

    def _advance_clock(self) -> None:
        """The fuel counts as much as most steps add."""
        add, slots = self.code.add, str(self.steps.clock.slots)
        if not self._only_follows():
            self.code.line(f"set clk {add(Op.SUB, 'clk', slots)}")
        for op in self.following:
            if _more_than(op.operands[0], "clk") != self.steps.clock.slots:
                clk = add(Op.ADD, self.source(op.operands[0]), add(Op.MUL, self.left(), slots))
                self.code.line(f"set clk {clk}{self.when(op.operands[2])}")

    def _only_follows(self) -> bool:
        """Whether it is known which step comes next, or which two."""
        return [constant_of(op.operands[2]) for op in self.following] == [1]

    def go_on(self, performed: Sequence[str] = ()) -> None:
        """Writes the pc, what is done outside of the machine, and where the next step begins."""
        pc = self.following[0].operands[1] if self._only_follows() else None
        either = alternatives(pc) if pc is not None else None
        if either is not None and not performed:
            condition, there, here = either
            self.code.line(f"when {self.source(condition)}")
            self._jump(there)
            self.code.line("end")
            self._jump(here)
            return
        for op in self.following:
            self.code.line(f"set pc {self.source(op.operands[1])}{self.when(op.operands[2])}")
        for line in performed:
            self.code.line(line)
        self._begin(known=pc is not None and _more_than(pc, "pc") in (0, WORD_BYTES))

    def _jump(self, pc: Value) -> None:
        self.code.line(f"set pc {self.source(pc)}")
        self._begin(known=_more_than(pc, "pc") in (0, WORD_BYTES))

    def _begin(self, *, known: bool) -> None:
        """known: the word at the pc is one of code, or the one after it."""
        if known:
            self.code.line(f"again {FETCH} if {self.code.add(Op.LT, '0', self.left())}")
        self.code.line("again")


class FastStep(StepEmitter):
    """All checks come before any effect, so that an instruction can be tried again."""

    def __init__(self, steps: Steps, index: int, code: Listing) -> None:
        super().__init__(steps, index, code)
        self.performed: list[str] = []
        self.needed: set[Operation] = set()
        self.readings: set[Operation] = set()
        self.room = ""

    def effects(self, op: Operation) -> list[Operation]:
        found = super().effects(op)
        self.readings = {o for o in found if is_reading(o)}
        self.needed = needed_loads([o for o in found if o not in self.readings])
        self.room = self.code.get("room", self.index)
        self.leave(events.FULL, str(self.index), self.code.add(Op.EQ, self.room, "0"))
        return found

    def last(self) -> None:
        self.write_commit()
        self.code.line(f"put room {self.index} {self.code.add(Op.SUB, self.room, '1')}")
        called = [(self.code.name(), call) for call in self.performed]
        self.go_on([line for name, call in called for line in (f"{name} = {call}", f"leave {events.HOST} 0 if {name}")])

    def effect(self, op: Operation) -> None:
        kind = op.definition
        if kind is step.FAULT:
            when = self.source(op.operands[0])
            self.steps.faults.append(op.text("message"))
            self.leave(events.FAULT, str(len(self.steps.faults) - 1), when)
        elif kind is step.LOAD:
            self._load(op, needed=op in self.needed)
        elif kind is step.STORE and op not in self.readings:
            self._store(op)
        elif kind is step.HOST:
            self.host_call(op)
        elif kind is step.RETIRE:
            self.retire(op)
        elif kind is step.NEXT:
            self.next(op)
        elif kind is step.PERFORM:
            self.performed.append(self.perform_call(op))

    def _load(self, op: Operation, *, needed: bool) -> None:
        known = self.in_system_page(op.operands[0])
        if not known:
            address = self.source(op.operands[0])
            self.leave(events.TOUCH, address, self.code.add(Op.EQ, self._page(address), "0"))
        if needed:
            self.values[op.results[0]] = self.word(op.operands[0])

    def _page(self, address: str) -> str:
        """The state of the page of an address."""
        return self.code.get("pages", self.code.add(Op.SHR_UNSIGNED, address, str(self.steps.page_bits)))

    def _store(self, op: Operation) -> None:
        address, value = self.source(op.operands[0]), self.source(op.operands[1])
        when = self.when(op.operands[4])
        if not self.in_system_page(op.operands[0]):
            self._check_store(address, op.operands[4])
            self.commit.append(f"put words {address} 2{when}")
        self.commit.append(f"put mem {address} {value}{when}")

    def _check_store(self, address: str, times: Value) -> None:
        """Leaves if a store that is done finds a page that was not written yet, or code."""
        add, once = self.code.add, constant_of(times) == 1
        done = "1" if once else add(Op.XOR, add(Op.EQ, self.source(times), "0"), "1")
        looked = address if once else add(Op.SELECT, done, address, "0")  # what is not done may have any address
        clean = add(Op.XOR, add(Op.EQ, self._page(looked), "3"), "1")
        self.leave(events.DIRTY, address, clean if once else add(Op.AND, clean, done))
        fetched = add(Op.EQ, self.code.get("words", looked), "1")
        self.leave(events.STORE_CODE, address, fetched if once else add(Op.AND, fetched, done))


def needed_loads(effects: Sequence[Operation]) -> set[Operation]:
    """Loads whose value some effect depends on."""
    found: set[Operation] = set()
    seen: set[Value] = set()
    stack = [v for op in effects for v in op.operands]
    while stack:
        value = stack.pop()
        if value in seen:
            continue
        seen.add(value)
        op = value.op
        if op is not None and op.definition is step.LOAD:
            if value.index == 0:
                found.add(op)
        elif op is not None:
            stack += op.operands
    return found


class TracingStep(StepEmitter):
    """Records what each row saw; every page is known to be in, so there is nothing to check."""

    def __init__(self, steps: Steps, index: int, code: Listing, layout: Layout) -> None:
        super().__init__(steps, index, code)
        self.layout = layout
        self.loads = 0
        self.hosts = 0
        self.stamps: dict[Value, str] = {}
        self.performed: list[str] = []
        self.record = ""

    def effects(self, op: Operation) -> list[Operation]:
        self.record = self.code.get("places", self.index)
        self.leave(events.FULL, str(self.index), self.code.add(Op.EQ, self.record, self.code.get("ends", self.index)))
        self.keep(0, self.clk())
        self.keep(1, self.code.add(Op.ADD, "pc", self.code.get("state", fuel.SHIFT)))
        if self.layout.at:
            self.keep(packing.HEADER, "pc")
        if op.text("arm") != self.steps.ticking:
            self._fetched()
        return super().effects(op)

    def _fetched(self) -> None:
        """The step is that of an instruction."""
        add, entry = self.code.add, self.code.get("decoded", "word")
        self.keep(len(packing.STATE), entry)
        self.keep(len(packing.STATE) + 1, add(Op.SHR_UNSIGNED, entry, "32"))
        self.code.line(f"put uses word {add(Op.ADD, self.code.get('uses', 'word'), '1')}")

    def keep(self, place: int, value: str) -> None:
        """Writes a word of the record."""
        self.code.line(f"put records {self.record}+{place} {value}")

    def last(self) -> None:
        self.write_commit()
        self.code.line(f"put places {self.index} {self.code.add(Op.ADD, self.record, str(self.layout.words))}")
        self.go_on(self.performed)

    def effect(self, op: Operation) -> None:
        kind = op.definition
        if kind is step.LOAD:
            self._load(op)
        elif kind is step.STORE:
            self._store(op)
        elif kind is step.HOST:
            self.host_call(op)
            self.keep(self.layout.host(self.hosts), self.values[op.result])
            self.hosts += 1
        elif kind is step.RETIRE:
            self.retire(op)
        elif kind is step.NEXT:
            self.next(op)
        elif kind is step.PERFORM and op.text("name") == "consume":
            self.performed.append(self.perform_call(op))

    def _load(self, op: Operation) -> None:
        place = self.layout.load(self.loads)
        self.loads += 1
        word = self.values[op.results[0]] = self.word(op.operands[0])
        stamp = self.stamps[op.results[2]] = self.code.get("times", self.source(op.operands[0]))
        self.keep(place, word)
        self.keep(place + 1, stamp)

    def _store(self, op: Operation) -> None:
        address, value, now = (self.source(v) for v in op.operands[:3])
        when = self.when(op.operands[4])
        self.code.line(f"put mem {address} {value}{when}")
        self.code.line(f"put times {address} {self.code.add(Op.OR, now, self._mark(op))}{when}")

    def _mark(self, op: Operation) -> str:
        """The mark of a store, above the bits of a time."""
        mark, number = op.operands[3], constant_of(op.operands[3])
        if mark in self.stamps:
            return self.code.add(Op.AND, self.stamps[mark], str(3 << TIME_BITS))
        if number is None:
            raise NotComputable("a mark is a number, or the one that `latest` found", op)
        return str(int(number) << TIME_BITS)


def emit_executor(steps: Steps, mode: str, user_end: int) -> str:
    """The listing of an executor. Fault messages and field functions are added to `steps`."""
    arms = emit_arms(steps, mode)
    ticks = _ticks(steps, mode)
    cases = [f"case {' '.join(map(str, sorted(arm.ops)))}  # {arm.name[:80]}\n{arm.code}" for arm in arms]
    numbers = {0, *steps.numbers.values()} - {number for arm in arms for number in arm.ops}
    return "\n".join((*ticks, *_fetch(steps, user_end), *_undecoded(numbers, user_end), *cases))


def _ticks(steps: Steps, mode: str) -> list[str]:
    """What a step begins with when no fuel is left: the step that the clock asks for, if it is time for that."""
    code = Listing(indent="")
    code.line(f"when {code.add(Op.LT, 'fuel', '1')}")
    code.indent = "  "
    if steps.ticking is not None:
        emitter = _emitter(steps, steps.ticking, mode, code)
        clk, due = emitter.clk(), code.get("state", fuel.DUE)
        code.line(f"leave {events.FUEL} 0 if {code.add(Op.LT, code.get('state', fuel.REST), '1')}")
        code.line(f"leave {events.FUEL} 0 if {code.add(Op.LT, clk, due)}")
        emitter.commit.append(f"put state {fuel.DUE} {code.add(Op.ADD, clk, str(steps.clock.due(0)))}")
        emitter.emit_checked(steps.tables[steps.ticking][0])
    else:
        code.line(f"leave {events.FUEL} 0")
    code.indent = ""
    code.line("end")
    return code.lines


def _fetch(steps: Steps, user_end: int) -> list[str]:
    """What every step of an instruction begins with. After one that goes on with the next word the pc is not looked at: it is right, or
    that of the first word behind those of users, which is never decoded. There is a case for every number, for `decode` makes no other.
    """
    code = Listing(indent="")
    code.line(f"leave {events.BAD_PC} 0 if {code.add(Op.AND, 'pc', str(WORD_BYTES - 1))}")
    code.line(f"leave {events.BAD_PC} 0 if {_beyond(code, user_end)}")
    code.line(f"label {FETCH}")
    code.line(f"word = shr_exact pc {PC_WORD}")
    own = min((place.low for places in steps.places.values() for place in places.values()), default=0)
    code.line(f"op = field decoded word 0 {OP_SLOT if own >= OP_SLOT else OP_BITS}")
    code.line("choose op")
    code.line("never")
    return code.lines


def _undecoded(numbers: Iterable[int], user_end: int) -> list[str]:
    """What is done where there is no instruction, or one that has no step."""
    code = Listing()
    code.line(f"leave {events.BAD_PC} 0 if {_beyond(code, user_end)}")
    code.line(f"leave {events.DECODE} 0")
    return [f"case {' '.join(map(str, sorted(numbers)))}", *code.lines]


def _beyond(code: Listing, user_end: int) -> str:
    """Whether the pc is no address of users."""
    return code.add(Op.EQ, code.add(Op.LT_UNSIGNED, "pc", str(user_end)), "0")


def alternatives(value: Value) -> tuple[Value, Value, Value] | None:
    """A condition, what the value is if it holds, and what otherwise. A processor guesses which, and need not wait for the condition to go
    on with the next step; a word that is computed it would wait for.
    """
    if value.op is None or value.op.definition is not integer.SELECT:
        return None
    condition, there, here = value.op.operands
    return condition, there, here


def _more_than(value: Value, given: str) -> int | None:
    """What is added to what the row is given; None if that is not known."""
    if _is_given(value, given):
        return 0
    if value.op is None or value.op.definition is not integer.ADD:
        return None
    for x, y in (value.op.operands, value.op.operands[::-1]):
        if _is_given(x, given) and (constant := constant_of(y)) is not None:
            return int(constant)
    return None


def _is_given(value: Value, name: str) -> bool:
    return value.op is not None and value.op.definition is row.GIVEN and value.op.text("name") == name


def emit_arms(steps: Steps, mode: str) -> list[Arm]:
    """The branches. Fault messages and field functions are added to `steps`."""
    arms: list[Arm] = []
    by_call = {name for names in steps.called.values() for name in names}
    for name, table in steps.tables.items():
        if name not in by_call and name != steps.ticking:
            for op in table:
                if op.text("arm") not in steps.called:
                    code = Listing()
                    _step(steps, name, op, mode, code)
                    arms.append(Arm(op.text("arm"), (op.number("op"),), "\n".join(code.lines)))
    for name, services in steps.called.items():
        arms.append(Arm(name, (steps.numbers[name],), _services(steps, services, mode)))
    return merged(arms)


def merged(arms: Sequence[Arm]) -> list[Arm]:
    """Instructions that do the same are one branch."""
    found: dict[str, Arm] = {}
    for arm in arms:
        same = found.get(arm.code)
        found[arm.code] = arm if same is None else Arm(f"{same.name}, {arm.name}", (*same.ops, *arm.ops), arm.code)
    return list(found.values())


def _step(steps: Steps, table: str, op: Operation, mode: str, code: Listing) -> None:
    _emitter(steps, table, mode, code).emit_checked(op)


def _emitter(steps: Steps, table: str, mode: str, code: Listing) -> StepEmitter:
    index = list(steps.tables).index(table)
    return FastStep(steps, index, code) if mode == "fast" else TracingStep(steps, index, code, layout_of(steps.tables[table]))


class Chooser(StepEmitter):
    """Emits what environment calls are chosen by; nothing is recorded."""

    def __init__(self, steps: Steps, code: Listing) -> None:
        super().__init__(steps, 0, code)
        self.conditions: dict[str, str] = {}

    def effect(self, op: Operation) -> None:
        if op.definition is step.LOAD:
            self.values[op.results[0]] = self.word(op.operands[0])
        else:
            self.conditions[op.text("name")] = self.source(op.operands[0])

    def last(self) -> None:
        return


def _services(steps: Steps, services: list[str], mode: str) -> str:
    """A chain over the guards of the services."""
    code = Listing()
    chooser = Chooser(steps, code)
    chooser.emit_checked(steps.guards)
    for name in services:
        code.line(f"when {chooser.conditions[name]}  # {name}")
        code.indent += "  "
        _step(steps, name, steps.tables[name][0], mode, code)
        code.indent = code.indent[:-2]
        code.line("end")
    code.line(f"leave {events.NO_SERVICE} 0")
    return "\n".join(code.lines)
