"""`zkc test`: the `test` blocks of `.circ` files. Each line calls a gadget on constants and says what must come out.

A line holds if the gadget's integer meaning gives the expected result, the columns filled from it give the same, and every constraint and
lookup that the gadget makes is satisfied: meaning, witness and constraints are then right together, for these arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from zkc.compiler import witness as w
from zkc.compiler.build import circuit_files
from zkc.compiler.elaborate import Elaborator
from zkc.compiler.layout import fixed_table
from zkc.compiler.program import Program, collect, evaluate_constant
from zkc.compiler.table import TableBuilder
from zkc.compiler.values import ArrayValue, Scalar, StructValue, Value, flatten, type_name
from zkc.compiler.witness import W
from zkc.dsl import syntax as s
from zkc.dsl.parser import parse_files
from zkc.runtime.field.koalabear import P

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
    """A `test` block: how many lines it has, and those that fail."""

    name: str
    where: str
    checks: int
    failures: tuple[Failure, ...] = field(default=())


def run_tests(directory: Path, pattern: str = "") -> Iterator[TestOutcome]:
    """The outcome of every test block whose name holds `pattern`, in order. Raises DiagnosticError for files that do not compile."""
    files = circuit_files(directory)
    w.reset()
    items, sources = parse_files(files, directory)
    runner = Runner(collect(items, sources))
    for test in runner.program.tests:
        if pattern in test.name:
            failures = [failure for check in test.checks if (failure := runner.run(check)) is not None]
            yield TestOutcome(test.name, str(test.span), len(test.checks), tuple(failures))


class Runner:
    """Evaluates single lines."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def run(self, check: s.Check) -> Failure | None:
        """What is wrong with the line, None if it holds."""
        call = Call(self.program, check.call)
        problems: list[str] = []
        outputs = call.gadget.outputs
        expected = self.expected(check, len(outputs))
        for param, value, wanted in zip(outputs, call.outputs, expected, strict=True):
            problems += call.compare(param.name, value, wanted)
        problems += call.broken()
        if not problems:
            return None
        return Failure(str(check.span), self._text(check.span), tuple(problems))

    def expected(self, check: s.Check, count: int) -> list[Any]:
        """One constant for each output."""
        value = self.constant(check.expected)
        values = value if count != 1 and isinstance(value, list) else [value]
        if len(values) != count:
            raise self.program.fail("E0210", f"`{check.call.name}` gives {count} values", check.expected.span, help="expect `[a, b]`")
        return values

    def constant(self, expr: s.Expr) -> Any:
        return evaluate_constant(expr, self.program.constants.get, self.program)

    def _text(self, span: s.Span) -> str:
        lines = self.program.sources[span.file].splitlines()
        if span.line == span.end_line:
            return lines[span.line - 1][span.column - 1 : span.end_column - 1]
        return " ".join(line.strip() for line in lines[span.line - 1 : span.end_line])


class Call:
    """A gadget elaborated in a table of its own, for inputs that are constants."""

    def __init__(self, program: Program, call: s.Call) -> None:
        self.program = program
        gadget = program.gadgets.get(call.name)
        if gadget is None:
            raise program.fail("E0204", f"there is no gadget `{call.name}`", call.span)
        self.gadget = gadget
        given = self._arguments(call)
        self.table = TableBuilder(call.name, [])
        elaborator = Elaborator(program, self.table, {})
        self.functions = elaborator.functions
        self.inputs: dict[str, int] = {}
        values = [self._input(elaborator, param, value) for param, value in zip(gadget.params, given, strict=True)]
        self.outputs = elaborator.call_gadget(call.name, values, call.span)
        for output in self.outputs:
            for scalar in flatten(output):
                elaborator.poly_of(scalar, gadget.span)  # or E0501: known to the witness only
        program.check()
        self.known: dict[W, int] = {}

    def _arguments(self, call: s.Call) -> list[Any]:
        names = [param.name for param in self.gadget.params]
        given = dict(zip(names, call.args, strict=False)) | dict(call.named)
        if len(call.args) + len(call.named) != len(names) or set(given) != set(names):
            raise self.program.fail("E0210", f"`{call.name}` takes {', '.join(names) or 'nothing'}", call.span)
        return [evaluate_constant(given[name], self.program.constants.get, self.program) for name in names]

    def _input(self, elaborator: Elaborator, param: s.Param, value: Any) -> Value:
        """Columns that hold the constant, unconstrained: whoever calls a gadget owes it values of the right type."""
        if isinstance(value, list):
            ref = s.TypeRef(param.type.span, param.type.name)
            parts = [self._input(elaborator, s.Param(param.span, f"{param.name}[{i}]", ref), v) for i, v in enumerate(value)]
            return ArrayValue(tuple(parts))
        word = param.type.name in self.program.structs
        self.inputs[param.name] = value % WORD if word else value
        # The bounds of what the value may be, not of this one: the gadget must be elaborated as it is everywhere.
        interval = self.program.interval(param.type.name)
        meaning = w.source(param.name, 0, WORD - 1 if word else interval.high if interval else P - 1)
        return elaborator.new_value(param.name, param.type, meaning, param.span, trusted=True, because="an argument of a test")

    # values

    def integer(self, node: W) -> int:
        """The value of an integer expression."""
        stack = [node]
        while stack:
            top = stack[-1]
            waiting = [a for a in top.args if isinstance(a, W) and a not in self.known]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            if top not in self.known:
                self.known[top] = self._value(top)
        return self.known[node]

    def _value(self, node: W) -> int:
        args: list[Any] = [self.known[a] if isinstance(a, W) else a for a in node.args]
        if node.op == "input":
            return self.inputs[args[0]]
        if node.op == "field_call":
            function = self.functions[args[0]]
            return function.poly.evaluate(function.outputs[args[1]], [a % P for a in args[2:]])
        if node.op not in OPERATIONS:
            message = f"`{self.gadget.name}` needs the machine around it: memory, the host or an instruction"
            raise self.program.fail("E0505", message, self.gadget.span, help="test it with a program")
        return OPERATIONS[node.op](*args)

    @cached_property
    def columns(self) -> list[int]:
        """The columns as the witness has them."""
        values = [0] * len(self.table.columns)
        for number, column in enumerate(self.table.columns):
            meaning = column.by_arm.get(None)
            if meaning is not None:
                values[number] = self.integer(meaning) % P
            elif column.polynomial is not None:
                values[number] = self.table.poly.evaluate(column.polynomial, values)
        return values

    def cell(self, node: int) -> int:
        """A polynomial at the columns."""
        return self.table.poly.evaluate(node, self.columns)

    # judgement

    def compare(self, name: str, value: Value, expected: Any) -> list[str]:
        """Ways in which an output is not what was expected."""
        if isinstance(value, ArrayValue):
            if not isinstance(expected, list) or len(expected) != len(value.items):
                return [f"`{name}` has {len(value.items)} elements"]
            pairs = zip(value.items, expected, strict=True)
            return [problem for i, (item, wanted) in enumerate(pairs) for problem in self.compare(f"{name}[{i}]", item, wanted)]
        if isinstance(expected, list):
            return [f"`{name}` is a {type_name(value)}, not a list"]
        if isinstance(value, StructValue):
            wanted = expected % WORD
            cells = [self.cell(x.poly) for x in flatten(value) if x.poly is not None]
            return [
                *(_differ(f"the meaning of `{name}`", self.integer(value.whole), wanted) if value.whole is not None else ()),
                *(_differ(f"`{name}` in the columns", cells[0] + (cells[1] << 16), wanted) if len(cells) == 2 else ()),
            ]
        assert isinstance(value, Scalar) and value.poly is not None
        meaning = [] if value.wit is None else _differ(f"the meaning of `{name}`", self.integer(value.wit) % P, expected % P)
        return [*meaning, *_differ(f"`{name}` in the columns", self.cell(value.poly), expected % P)]

    def broken(self) -> list[str]:
        """Constraints and lookups that the columns do not satisfy."""
        found: list[str] = []
        for constraint in self.table.constraints:
            value = self.cell(constraint.node)
            if value:
                found.append(f"`{constraint.label}` is {_number(value)}, not 0 ({constraint.span}); {self._cells(constraint.node)}")
        for message in self.table.messages:
            if message.bus in self.program.fixed and self.cell(message.times):
                row = tuple(self.cell(a) for a in message.args)
                if row not in _rows(self.program, message.bus):
                    found.append(f"({', '.join(map(_number, row))}) is no row of `{message.bus}`: {message.label} ({message.span})")
        return found

    def _cells(self, node: int) -> str:
        """The columns that a polynomial reads, with their values."""
        nodes = self.table.poly.nodes
        read = sorted({nodes[n][1] for n in self.table.poly.reachable([node]) if nodes[n][0] == 0})
        shown = [f"{self.table.columns[k].name} = {_number(self.columns[k])}" for k in read[:8]]
        return ", ".join(shown) + (", …" if len(read) > 8 else "")


_row_cache: dict[int, tuple[object, frozenset[tuple[int, ...]]]] = {}
"""By the id of a fixed table, which is kept with its rows: no other gets that id."""


def _rows(program: Program, name: str) -> frozenset[tuple[int, ...]]:
    """The rows of a fixed table."""
    item = program.fixed[name]
    if id(item) not in _row_cache:
        _row_cache[id(item)] = item, frozenset(map(tuple, fixed_table(program, item, 0).fixed.T.tolist()))
    return _row_cache[id(item)][1]


def _differ(what: str, found: int, wanted: int) -> list[str]:
    return [] if found == wanted else [f"{what} is {_number(found)}, not {_number(wanted)}"]


def _number(value: int) -> str:
    return str(value) if value < 1000 else f"0x{value:x}"


def _signed(a: int) -> int:
    return a - (a >> 31 << 32)


def _divide(a: int, b: int) -> tuple[int, int]:
    """Quotient and remainder as RISC-V defines them for signed words."""
    x, y = _signed(a), _signed(b)
    if y == 0:
        return -1, x
    quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
    return quotient, x - quotient * y


OPERATIONS: Final[dict[str, Callable[..., int]]] = {
    "const": lambda a: a,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "floordiv": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
    "shl": lambda a, b: a << b,
    "shr": lambda a, b: a >> b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "eq": lambda a, b: int(a == b),
    "ne": lambda a, b: int(a != b),
    "lt": lambda a, b: int(a < b),
    "ge": lambda a, b: int(a >= b),
    "select": lambda c, a, b: a if c else b,
    "inverse": lambda a: pow(a % P, P - 2, P),
    "signed": _signed,
    "divide_unsigned": lambda a, b: a // b if b else WORD - 1,
    "remainder_unsigned": lambda a, b: a % b if b else a,
    "divide_signed": lambda a, b: _divide(a, b)[0] % WORD,
    "remainder_signed": lambda a, b: _divide(a, b)[1] % WORD,
}
"""What integer expressions mean: written apart from the code generator, which must agree."""
