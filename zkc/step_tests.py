"""`zkc test`: tests of instructions and environment calls. Each is one step: what is there before goes in, what is there after it comes
out.

The step is made by executors that are not compiled, which is what the specification says; the columns of its row are filled from that, and
every equation and every message of the row is checked exactly. So a test tells apart a wrong specification and a row that does not agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from zkc.compiler.elements import elements, limbs_of
from zkc.compiler.extensions import Extensions
from zkc.compiler.frame_words import FrameWords, words_of
from zkc.compiler.machines import load_spec
from zkc.compiler.program import Program, evaluate_constant, register_fields
from zkc.compiler.step_buses import step_buses
from zkc.dsl import syntax as s
from zkc.dsl.check.steps import IMMEDIATE, PC, WORD, Subject, subject_of
from zkc.runtime.circuit.machine import InsnInfo, Machine, MachineSpec, immediate_value
from zkc.runtime.execution.one_step import After, Before, OneStep
from zkc.runtime.execution.step_rows import StepBus, StepRows
from zkc.runtime.given.check import Failure, cells_of
from zkc.runtime.memory.map import WORD_BYTES

WORDS: Final = 1 << 32
T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """A test of one step, in numbers. operands: of the frame. fields: of the instruction, `imm` is one of them. memory: words by address.
    results, memory_after: what is expected, the pc among results. fails: the fault that is, None for none."""

    name: str
    pc: int = 0
    operands: Mapping[str, int] = field(default_factory=lambda: {})
    fields: Mapping[str, int] = field(default_factory=lambda: {})
    memory: Mapping[int, int] = field(default_factory=lambda: {})
    results: Mapping[str, int] = field(default_factory=lambda: {})
    memory_after: Mapping[int, int] = field(default_factory=lambda: {})
    fails: str | None = None


class Unfit(Exception):
    """A step that cannot be: what is said of it does not go together."""


@dataclass(frozen=True)
class Ready:
    """A step that can be made: the words of its operands and results are known."""

    step: Step
    subject: Subject
    before: Before
    results: Mapping[str, int | None]


class Steps:
    """Makes and checks steps of a machine."""

    def __init__(self, directory: Path, program: Program, extensions: Extensions = ()) -> None:
        spec = load_spec(directory, extensions=extensions)
        assert isinstance(spec, MachineSpec)
        self.program = program
        self.spec = spec
        self.words = words_of(program)
        self.executor = OneStep(Machine(spec, compiled=False))
        self.rows = StepRows(spec, buses_of(program))
        self.registers = register_fields(program)
        self._subjects: dict[str, Subject] = {}
        self.insns = {insn.name: insn for insn in spec.insns}

    # what goes in

    def ready(self, steps: Sequence[Step]) -> list[Ready | Unfit]:
        """The states before steps."""
        words = [_perhaps(lambda step=step: self._word(step)) for step in steps]
        known = [(word, step.pc) for word, step in zip(words, steps, strict=True) if isinstance(word, int)]
        decoded = iter(self.rows.decoded_fields(known))
        return [
            _perhaps(lambda step=step, word=word: self._ready(step, word, next(decoded))) if isinstance(word, int) else word
            for step, word in zip(steps, words, strict=True)
        ]

    def subject(self, name: str) -> Subject:
        """The instruction or the environment call of that name."""
        if name not in self._subjects:
            subject = subject_of(self.program, name)
            assert subject is not None
            self._subjects[name] = subject
        return self._subjects[name]

    def free_registers(self, name: str) -> list[str]:
        """The fields of registers that an instruction has, and does not fix."""
        subject = self.subject(name)
        fixed = {f.name for f in (*subject.family.fixed, *subject.insn.fixed)}
        return [x for x in self.registers if x in self.program.encodings[subject.insn.name].fields and x not in fixed]

    def _ready(self, step: Step, word: int, decoded: Mapping[str, int]) -> Ready:
        subject, clk = self.subject(step.name), self.spec.clock.first
        given = {**decoded, "clk": clk, PC: step.pc}
        words = self.words[subject.frame.name]
        memory = {address: _number(value) for address, value in step.memory.items()}
        owner: dict[int, str] = {}
        for name, value in step.operands.items():
            address = words.address(words.operands[name], given) if name in words.operands else None
            if address is None:
                raise Unfit(f"`{name}` is no word of memory whose place the instruction says")
            if memory.get(address, _number(value)) != _number(value):
                raise Unfit(f"`{name}` is the same word as {owner.get(address, 'one that is given')}, and differs from it")
            memory[address], owner[address] = _number(value), f"`{name}`"
        if memory.get(step.pc // WORD_BYTES, word) != word:
            raise Unfit(f"the word at {_hex(step.pc // WORD_BYTES)} is the instruction: give another `pc`")
        return Ready(step, subject, Before(word, step.pc, clk, memory), _results(words, subject, given))

    def _word(self, step: Step) -> int:
        """The instruction with its fields; those of registers that are not said are different ones."""
        subject = self.subject(step.name)
        encoding, info = self.program.encodings[subject.insn.name], self.insns[subject.insn.name]
        said = {name: value for name, value in step.fields.items() if name != IMMEDIATE}
        others = iter(n for n in range(1, WORDS) if n not in said.values())
        said |= {name: next(others) for name in self.free_registers(step.name) if name not in said}
        word = encoding.match
        for name, value in said.items():
            high, low = encoding.fields[name]
            if not 0 <= value < 1 << (high - low + 1):
                raise Unfit(f"`{name}` has {high - low + 1} bits, {value} needs more")
            word |= value << low
        return word | _immediate(info, step.fields[IMMEDIATE], word) if IMMEDIATE in step.fields else word

    # what comes out

    def run(self, steps: Sequence[Step]) -> list[tuple[str, ...]]:
        """What is wrong with each."""
        ready = self.ready(steps)
        made = [(x, self.executor.run(x.before)) for x in ready if isinstance(x, Ready)]
        rows = [(x.before, after) for x, after in made if after.fault is None]
        failures = iter(self.rows.failures(rows)) if rows else iter(())
        outcomes = iter([self._problems(x, after, next(failures) if after.fault is None else []) for x, after in made])
        return [(str(x),) if isinstance(x, Unfit) else next(outcomes) for x in ready]

    def _problems(self, ready: Ready, after: After, failures: list[Failure]) -> tuple[str, ...]:
        """In words."""
        step = ready.step
        if after.fault is not None or step.fails is not None:
            return _faults(after.fault, step.fails)
        if step.name in self.program.services and after.table != step.name:
            return (f"in this state `{ready.subject.insn.name}` is the environment call `{after.table}`",)
        wrong = self._differences(ready, after)
        found = [f"the specification gives {text}" for text in wrong]
        found += [said_of(failure) for failure in failures]
        return (*found, *([_verdict(bool(wrong), failures)] if found else []))

    def _differences(self, ready: Ready, after: After) -> list[str]:
        """What comes out that is not what was expected."""
        found: list[str] = []
        for name, wanted in ready.step.results.items():
            address = ready.results.get(name)
            if name == PC:
                found += _differ(PC, after.pc, wanted)
            elif address is not None:
                found += _differ(f"`{name}`", after.memory.get(address, 0), _number(wanted))
        for address, wanted in ready.step.memory_after.items():
            found += _differ(f"`{self.rows.buses.memory}[{_hex(address)}]`", after.memory.get(address, 0), _number(wanted))
        said = {*ready.step.memory_after, *ready.results.values(), ready.before.pc // WORD_BYTES}
        for address, value in sorted(after.memory.items()):
            if address not in said and value != ready.before.memory.get(address, 0):
                found.append(f"`{self.rows.buses.memory}[{_hex(address)}]` = {_hex(value)}, of which the test says nothing")
        return found


def _perhaps(make: Callable[[], T]) -> T | Unfit:
    """What is made, or why it cannot be."""
    try:
        return make()
    except Unfit as error:
        return error


def step_of(test: s.StepTest, program: Program) -> Step:
    """A test in numbers."""

    def number(expr: s.Expr) -> int:
        value = evaluate_constant(expr, program.constants.get, program)
        assert isinstance(value, int)
        return value

    subject = subject_of(program, test.insn)
    assert subject is not None
    named = {x.name: number(x.value) for x in test.given if x.index is None and x.field is None}
    fields = {x.field: number(x.value) for x in test.given if x.field is not None}
    if IMMEDIATE in named:
        fields[IMMEDIATE] = named.pop(IMMEDIATE)
    after = test.after or ()
    results = {x.name: number(x.value) for x in after if x.index is None}
    if test.result is not None:
        results[subject.results[0]] = number(test.result)
    return Step(
        test.insn, named.pop(PC, 0), named, fields, {number(x.index): number(x.value) for x in test.given if x.index is not None},
        results, {number(x.index): number(x.value) for x in after if x.index is not None}, test.fails,
    )  # fmt: skip


def text_of(step: Step, memory: str) -> str:
    """A test as it would stand in a .circ file."""
    given = [f"{PC} = {_hex(step.pc)}"] if step.pc else []
    given += [f"{name} = {_hex(value)}" for name, value in step.operands.items()]
    given += [f"{name if name == IMMEDIATE else f'{WORD}.{name}'} = {_hex(value)}" for name, value in step.fields.items()]
    given += [f"{memory}[{_hex(address)}] = {_hex(value)}" for address, value in step.memory.items()]
    after = [f"{name} == {_hex(value)};" for name, value in step.results.items()]
    after += [f"{memory}[{_hex(address)}] == {_hex(value)};" for address, value in step.memory_after.items()]
    outcome = f'fails "{step.fails}";' if step.fails is not None else f"{{ {' '.join(after)} }}"
    return f"test {step.name}({', '.join(given)}) {outcome}"


def buses_of(program: Program) -> StepBus:
    """The buses of steps, as frames and declarations say."""
    found, memory = step_buses(program), next(bus for bus in program.buses.values() if bus.remembers)
    assert found.state is not None and found.program is not None
    order = [param.name for param in memory.params]
    limbs: list[tuple[int, int, int]] = []
    for element, bits in zip(elements(program, memory.params), _bits(program, memory), strict=True):
        limbs.append((order.index(element.of), element.low, bits))
    return StepBus(memory.name, found.state.name, found.program.name, tuple(limbs))


def _bits(program: Program, bus: s.BusDecl) -> list[int]:
    """Bits of each element of a message."""
    found: list[int] = []
    for param in bus.params:
        struct = program.structs.get(param.type.name)
        found += [32] if struct is None else [bits for bits, _ in limbs_of(program.interval(part.type.name) for part in struct.fields)]
    return found


def _results(words: FrameWords, subject: Subject, given: Mapping[str, int]) -> dict[str, int | None]:
    """The words of results that are set."""
    return {name: words.address(words.results[name], given) for name in subject.results if name in words.results}


def _immediate(info: InsnInfo, value: int, word: int) -> int:
    """The bits of an immediate. Unfit if the format has no such value."""
    bits, rest = 0, value
    for high, low, _, literal in reversed(info.immediate):
        count = high - low + 1
        bits |= 0 if literal else (rest & ((1 << count) - 1)) << low
        rest >>= count
    if immediate_value(info, word | bits) % WORDS != value % WORDS:
        raise Unfit(f"`{IMMEDIATE}` of `{info.name}` cannot be {_hex(value)}: its format has no bits for that")
    return bits


def _faults(found: str | None, wanted: str | None) -> tuple[str, ...]:
    if found == wanted:
        return ()
    if found is None:
        return (f'the specification makes the step, and does not fail with "{wanted}"',)
    return (f'the specification fails with "{found}"' + (f', not "{wanted}"' if wanted is not None else ""),)


def _verdict(wrong: bool, failures: Sequence[Failure]) -> str:
    if wrong and failures:
        return "so the specification is wrong: the constraints do not allow what it gives"
    if wrong:
        return "so the specification is wrong, and the constraints with it, or the test is"
    return "so a hint is wrong, or this constraint or message: the specification gives what is expected"


def said_of(failure: Failure) -> str:
    """What does not hold in a row, which has no number here."""
    where = f"the row of table {failure.table}: {failure.label}" if failure.table else failure.label
    place = f" ({failure.place})" if failure.place else ""
    cells = cells_of(failure)
    return f"{where}: {failure.problem}{place}" + (f"; {cells}" if cells else "")


def _differ(what: str, found: int, wanted: int) -> list[str]:
    return [] if found == wanted else [f"{what} = {_hex(found)}, not {_hex(wanted)}"]


def _number(value: int) -> int:
    if not -WORDS // 2 <= value < WORDS:
        raise Unfit(f"{_hex(value)} is no word: it has more than 32 bits")
    return value % WORDS


def _hex(value: int) -> str:
    return str(value) if -1000 < value < 1000 else f"-0x{-value:x}" if value < 0 else f"0x{value:x}"
