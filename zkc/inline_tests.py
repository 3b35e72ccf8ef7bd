"""`zkc test`: the tests of `.circ` files. Those of instructions are zkc/step_tests.py's; each line of a `test` block calls a gadget on
constants and says what must come out.

A line holds if the gadget's integer meaning gives the expected result, the columns filled from it give the same, and every constraint and
lookup that the gadget makes is satisfied: meaning, witness and constraints are then right together, for these arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Final

from zkc.circuit import Circuit
from zkc.compiler.dialects import bus, circ, row
from zkc.compiler.elaboration.context import Functions
from zkc.compiler.elaboration.declared import Declared, Param, params_of
from zkc.compiler.elaboration.statements import Elaborator
from zkc.compiler.elaboration.values import ArrayValue, StructValue, Value, flatten, type_name
from zkc.compiler.extensions import Extensions
from zkc.compiler.front import front_end
from zkc.compiler.interpret import Interpreter, NoMeaning
from zkc.compiler.ir.operation import Operation
from zkc.compiler.ir.operation import Value as Operand
from zkc.compiler.machines import circuit_files
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.lower_air import column_name
from zkc.compiler.pipeline import ROW
from zkc.compiler.program import Program, evaluate_constant
from zkc.compiler.rows import gadgets_of
from zkc.compiler.targets.fixed import fixed_rows
from zkc.dsl import syntax as s
from zkc.progress import Progress, no_progress
from zkc.random_steps import tried
from zkc.runtime.errors import InputError
from zkc.runtime.field.koalabear import P
from zkc.runtime.given.check import MOST_SHOWN, Unsatisfied
from zkc.step_tests import Steps, step_of

WORD: Final = 1 << 32


@dataclass(frozen=True)
class Failure:
    """A line that does not hold: where, what was written, and why not."""

    where: str
    line: str
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"{self.where}: {self.line}", *(f"    {problem}" for problem in self.problems)])


@dataclass(frozen=True)
class TestOutcome:
    """A `test` block, the tests of an instruction, or steps of it on `random` operands: how many there are, and those that fail."""

    name: str
    where: str
    checks: int
    failures: tuple[Failure, ...] = field(default=())
    random: bool = False


def run_tests(
    directory: Path,
    pattern: str = "",
    *,
    extensions: Extensions = (),
    count: int = 0,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Iterator[TestOutcome]:
    """The outcome of every test block, then of the tests of every instruction, whose name holds `pattern`, in order; then of `count` steps
    on random operands of each such instruction. Raises DiagnosticError for files that do not compile."""
    files = circuit_files(directory, extensions)
    runner = Runner(front_end(files, directory)[0])
    for test in runner.program.tests:
        if pattern in test.name:
            failures = [failure for check in test.checks if (failure := runner.run(check)) is not None]
            failures += rows_of(directory, runner, test) if test.rows else []
            yield TestOutcome(test.name, str(test.span), len(test.checks) + bool(test.rows), tuple(failures))
    program = runner.program
    tests = [test for test in program.step_tests if pattern in test.insn]
    chosen = [name for name in program.encodings if count and pattern in name] if program.claim is not None else []
    if tests or chosen:
        steps = Steps(directory, program, extensions)
        yield from _tested(steps, tests)
        for number, name in enumerate(chosen):
            progress("test", number, len(chosen))
            found = tried(steps, name, count, seed)
            where = str(program.encodings[name].span)
            failures = tuple(Failure(where, line, problems) for line, problems in found.failures)
            yield TestOutcome(name, where, found.steps, failures, random=True)
        progress("test", len(chosen), len(chosen))


def _tested(steps: Steps, tests: Sequence[s.StepTest]) -> Iterator[TestOutcome]:
    """The outcomes of the tests of instructions, one for each instruction."""
    program = steps.program
    wrong = steps.run([step_of(test, program) for test in tests])
    for name in dict.fromkeys(test.insn for test in tests):
        mine = [(test, problems) for test, problems in zip(tests, wrong, strict=True) if test.insn == name]
        failures = [Failure(str(test.span), source_text(program, test.span), problems) for test, problems in mine if problems]
        yield TestOutcome(name, str(mine[0][0].span), len(mine), tuple(failures))


def rows_of(directory: Path, runner: Runner, test: s.Test) -> list[Failure]:
    """What is wrong with the rows of a circuit that a test gives: what they do not satisfy, or that they satisfy what they must not."""
    tables = {rows.table: {name: runner.constant(value) for name, value in rows.values} for rows in test.rows}
    line = f"rows of {', '.join(f'`{name}`' for name in tables)}"
    try:
        Circuit(directory).check(tables, tables.pop("claim", {}))
    except Unsatisfied as error:
        labels = list(dict.fromkeys(f.label for f in error.failures))
        if test.fails in labels:
            return []
        what = ", ".join(f"`{label}`" for label in labels)
        expected = [] if test.fails is None else [f"`{test.fails}` was to fail: what fails is {what}"]
        return [Failure(str(test.span), line, (*expected, *map(str, error.failures[:MOST_SHOWN])))]
    except InputError as error:
        return [Failure(str(test.span), line, (error.message,))]
    return [] if test.fails is None else [Failure(str(test.span), line, (f"`{test.fails}` was to fail, and everything is satisfied",))]


def source_text(program: Program, span: s.Span) -> str:
    """What stands at a place, on one line."""
    lines = program.sources[span.file].splitlines()
    if span.line == span.end_line:
        return lines[span.line - 1][span.column - 1 : span.end_column - 1]
    return " ".join(line.strip() for line in lines[span.line - 1 : span.end_line])


class Runner:
    """Evaluates single lines."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.declared = gadgets_of(program)

    def run(self, check: s.Check) -> Failure | None:
        """What is wrong with the line, None if it holds."""
        call = Call(self.program, self.declared, check.call)
        problems: list[str] = []
        outputs = call.gadget.outputs
        expected = self.expected(check, len(outputs))
        for param, value, wanted in zip(outputs, call.outputs, expected, strict=True):
            problems += call.compare(param.name, value, wanted)
        problems += call.broken()
        if not problems:
            return None
        return Failure(str(check.span), source_text(self.program, check.span), tuple(problems))

    def expected(self, check: s.Check, count: int) -> list[Any]:
        """One constant for each output."""
        value = self.constant(check.expected)
        return value if count != 1 and isinstance(value, list) else [value]

    def constant(self, expr: s.Expr) -> Any:
        return evaluate_constant(expr, self.program.constants.get, self.program)


class Call:
    """A gadget elaborated in a table of its own, for inputs that are constants."""

    def __init__(self, program: Program, declared: Declared, call: s.Call) -> None:
        self.program = program
        self.declared = declared
        self.gadget = program.gadgets[call.name]
        given = self._arguments(call)
        elaborator = Elaborator(declared, call.name, Functions())
        self.inputs: dict[str, int] = {}
        params = params_of(declared.of(circ.GADGET)[call.name], "params", "types")
        values = [self._input(elaborator, param, value) for param, value in zip(params, given, strict=True)]
        outputs = elaborator.call_gadget(call.name, values, call.span)
        self.outputs = [(output, elaborator.maybe_integer(output), self._elements(elaborator, output)) for output in outputs]
        needed = [v for _, meaning, elements in self.outputs for v in (*elements, *([] if meaning is None else [meaning]))]
        elaborator.b.create(row.YIELD, needed)
        table = Operation(row.TABLE, (), {"sym_name": call.name, "kind": "given"}, (), (elaborator.body,))
        facts = Facts(program.types(), {}, {})
        for each in ROW:
            each.run(table, facts)
        program.diagnostics += facts.diagnostics
        program.check()
        self.body = elaborator.body
        self.interpreter = Interpreter(elaborator.functions.by_name, self.inputs)
        self._run()

    def _elements(self, elaborator: Elaborator, output: Value) -> list[Operand]:
        return [elaborator.felt_of(scalar, self.gadget.span) for scalar in flatten(output)]  # or E0501: known to the witness only

    def _arguments(self, call: s.Call) -> list[Any]:
        names = [param.name for param in self.gadget.params]
        given = dict(zip(names, call.args, strict=False)) | dict(call.named)
        return [evaluate_constant(given[name], self.program.constants.get, self.program) for name in names]

    def _input(self, elaborator: Elaborator, param: Param, value: Any) -> Value:
        """Columns that hold the constant, unconstrained: whoever calls a gadget owes it values of the right type."""
        type_ = param.type[0]
        if isinstance(value, list):
            return ArrayValue(tuple(self._input(elaborator, Param(f"{param.name}[{i}]", (type_, None)), v) for i, v in enumerate(value)))
        word = type_ in self.declared.structs
        self.inputs[param.name] = value % WORD if word else value
        # The bounds of what the value may be, not of this one: the gadget must be elaborated as it is everywhere.
        interval = self.declared.interval(type_)
        meaning = elaborator.given(param.name, 0, WORD - 1 if word else interval.high if interval else P - 1)
        return elaborator.new_value(param.name, param.type, meaning, self.gadget.span, trusted=True, because="an argument of a test")

    def _run(self) -> None:
        """Every value of the row, as integer and as element."""
        try:
            self.interpreter.run(self.body)
        except NoMeaning:
            message = f"`{self.gadget.name}` needs the machine around it: memory, the host or an instruction"
            raise self.program.fail("E0505", message, self.gadget.span, help="test it with a program") from None

    def cell(self, value: Operand) -> int:
        """What an element of the row is."""
        return self.interpreter.of(value) % P

    # judgement

    def compare(self, name: str, output: tuple[Value, Operand | None, list[Operand]], expected: Any) -> list[str]:
        """Ways in which an output is not what was expected."""
        value, meaning, elements = output
        if isinstance(value, ArrayValue):
            if not isinstance(expected, list) or len(expected) != len(value.items):
                return [f"`{name}` has {len(value.items)} elements"]
            parts = zip(value.items, elements, expected, strict=True)
            return [p for i, (item, element, e) in enumerate(parts) for p in self.compare(f"{name}[{i}]", (item, None, [element]), e)]
        if isinstance(expected, list):
            return [f"`{name}` is a {type_name(value)}, not a list"]
        wanted = expected % (WORD if isinstance(value, StructValue) else P)
        cells = [self.cell(x) for x in elements]
        found: list[str] = []
        if meaning is not None:
            number = self.interpreter.of(meaning)
            found += _differ(f"the meaning of `{name}`", number if isinstance(value, StructValue) else number % P, wanted)
        if len(cells) == (2 if isinstance(value, StructValue) else 1):
            found += _differ(f"`{name}` in the columns", cells[0] if len(cells) == 1 else cells[0] + (cells[1] << 16), wanted)
        return found

    def broken(self) -> list[str]:
        """Constraints and lookups that the columns do not satisfy."""
        found: list[str] = []
        for op in self.body:
            if op.definition is row.ASSERT:
                left, right, *factors = (self.cell(v) for v in op.operands)
                value = (left - right) * prod(factors) % P
                if value:
                    found.append(f"`{op.text('label')}` is {_number(value)}, not 0 ({op.loc.span}); {self._cells(op)}")
            elif op.definition is bus.LOOKUP and self.cell(op.operands[0]):
                values = tuple(self.cell(v) for v in op.operands[1:])
                if values not in _rows(self.program, op.text("bus")):
                    shown = ", ".join(map(_number, values))
                    found.append(f"({shown}) is no row of `{op.text('bus')}`: {op.text('label')} ({op.loc.span})")
        return found

    def _cells(self, op: Operation) -> str:
        """The columns that an equation reads, with their values."""
        read: dict[int, Operation] = {}
        stack = list(op.operands)
        while stack:
            source = stack.pop().op
            if source is not None and "slot" in source.attributes:
                read[source.number("slot")] = source
            elif source is not None:
                stack += source.operands
        shown = [f"{column_name(c)} = {_number(self.cell(c.result))}" for _, c in sorted(read.items())[:8]]
        return ", ".join(shown) + (", …" if len(read) > 8 else "")


_row_cache: dict[int, tuple[object, frozenset[tuple[int, ...]]]] = {}
"""By the id of a fixed table, which is kept with its rows: no other gets that id."""


def _rows(program: Program, name: str) -> frozenset[tuple[int, ...]]:
    """The rows of a fixed table."""
    item = program.fixed[name]
    if id(item) not in _row_cache:
        _row_cache[id(item)] = item, frozenset(map(tuple, fixed_rows(program, item).tolist()))
    return _row_cache[id(item)][1]


def _differ(what: str, found: int, wanted: int) -> list[str]:
    return [] if found == wanted else [f"{what} is {_number(found)}, not {_number(wanted)}"]


def _number(value: int) -> str:
    return str(value) if value < 1000 else f"0x{value:x}"
