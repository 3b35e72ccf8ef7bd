"""The items of a `.circ` directory by name, with constants, types and encodings worked out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from zkc.compiler.polynomials import Interval
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError
from zkc.runtime.field.koalabear import P

ConstValue = int | list["ConstValue"]  # type: ignore[misc]


@dataclass(frozen=True)
class Encoding:
    """How one instruction is written: `mask` and `match` over the 32-bit word, fields as (high, low) bits, the immediate's pieces."""

    name: str
    family: str
    op: int
    mask: int
    match: int
    fields: dict[str, tuple[int, int]]
    immediate: s.Immediate | None
    assembly: str


@dataclass
class Program:
    """Everything declared, by name, in source order."""

    sources: dict[str, str]
    constants: dict[str, ConstValue] = field(default_factory=lambda: {})
    ranges: dict[str, tuple[int, int]] = field(default_factory=lambda: {})
    structs: dict[str, s.Struct] = field(default_factory=lambda: {})
    buses: dict[str, s.BusDecl] = field(default_factory=lambda: {})
    fixed: dict[str, s.Fixed] = field(default_factory=lambda: {})
    gadgets: dict[str, s.Gadget] = field(default_factory=lambda: {})
    impls: dict[tuple[str, str, str], s.Impl] = field(default_factory=lambda: {})
    formats: dict[str, s.Format] = field(default_factory=lambda: {})
    frames: dict[str, s.Frame] = field(default_factory=lambda: {})
    families: dict[str, s.Family] = field(default_factory=lambda: {})
    services: dict[str, s.Service] = field(default_factory=lambda: {})
    tables: dict[str, s.TableDecl] = field(default_factory=lambda: {})
    claim: s.Claim | None = None
    tests: list[s.Test] = field(default_factory=lambda: [])
    encodings: dict[str, Encoding] = field(default_factory=lambda: {})
    diagnostics: list[Diagnostic] = field(default_factory=lambda: [])

    def error(self, code: str, message: str, span: s.Span | None, **more: object) -> None:
        self.diagnostics.append(Diagnostic(code, message, span, **more))  # type: ignore[arg-type]

    def fail(self, code: str, message: str, span: s.Span | None, **more: object) -> DiagnosticError:
        """For `raise`: the diagnostics so far and this one."""
        self.error(code, message, span, **more)
        return DiagnosticError(self.diagnostics, self.sources)

    def check(self) -> None:
        """Raises if anything was reported."""
        if self.diagnostics:
            raise DiagnosticError(self.diagnostics, self.sources)

    def interval(self, type_: str) -> Interval | None:
        """The integer bounds of a scalar type, None for felt."""
        if type_ == "bit":
            return Interval(0, 1)
        if type_ in self.ranges:
            low, high = self.ranges[type_]
            return Interval(low, high - 1)
        return None


def collect(items: list[s.Item], sources: dict[str, str]) -> Program:
    """Sorts the items by kind; reports names declared twice, and evaluates constants, types and encodings."""
    program = Program(sources)
    register: dict[type, Any] = {
        s.Struct: program.structs, s.BusDecl: program.buses, s.Fixed: program.fixed, s.Gadget: program.gadgets, s.Format: program.formats,
        s.Frame: program.frames, s.Family: program.families, s.Service: program.services, s.TableDecl: program.tables,
    }  # fmt: skip
    seen: dict[str, s.Span] = {}
    constants = {item.name: item for item in items if isinstance(item, s.Const)}
    for item in items:
        if isinstance(item, s.Claim):
            program.claim = item
        elif isinstance(item, s.Test):
            program.tests.append(item)
        elif isinstance(item, s.Impl):
            program.impls[(item.left, item.op, item.right)] = item
        else:
            kind = "bus" if isinstance(item, s.BusDecl) else "name"
            _declare_once(program, seen, f"{type(item).__name__}:{item.name}", item, kind)
            if isinstance(item, s.Const):
                _constant(item.name, constants, program)
            elif isinstance(item, s.TypeAlias):
                low, high = (evaluate_constant(e, lambda n: _constant(n, constants, program), program) for e in (item.low, item.high))
                if not (isinstance(low, int) and isinstance(high, int)) or low != 0 or not 0 < high < P:
                    program.error("E0301", f"type `{item.name}` must range over 0..n with n below the field size", item.span)
                else:
                    program.ranges[item.name] = (low, high)
            else:
                register[type(item)][item.name] = item
    _encodings(program)
    program.check()
    return program


def _constant(name: str, declared: dict[str, s.Const], program: Program) -> ConstValue | None:
    """The value of a constant, worked out when first asked for, so that the order of files does not matter."""
    if name not in program.constants and name in declared:
        item = declared.pop(name)
        program.constants[name] = evaluate_constant(item.value, lambda n: _constant(n, declared, program), program)
    return program.constants.get(name)


def _declare_once(program: Program, seen: dict[str, s.Span], key: str, item: s.Item, kind: str) -> None:
    if key in seen:
        name = key.split(":")[1]
        program.error("E0203", f"the {kind} `{name}` is declared twice", item.span, labels=((seen[key], "first here"),))
    seen[key] = item.span


def evaluate_constant(expr: s.Expr, lookup: Callable[[str], ConstValue | None], program: Program) -> ConstValue:
    """An integer (or nested list) from literals, constants and arithmetic; `/` is floor division."""
    match expr:
        case s.Number(value=value):
            return value
        case s.Name(name=name):
            found = lookup(name)
            if found is None:
                raise program.fail("E0204", f"`{name}` is not a constant", expr.span)
            return found
        case s.ArrayLiteral(items=items):
            return [evaluate_constant(i, lookup, program) for i in items]
        case s.Unary(op="-", operand=operand):
            value = evaluate_constant(operand, lookup, program)
            assert isinstance(value, int)
            return -value
        case s.Binary(op=op, left=left, right=right):
            a, b = evaluate_constant(left, lookup, program), evaluate_constant(right, lookup, program)
            if isinstance(a, int) and isinstance(b, int):
                return integer_operation(op, a, b, expr.span, program)
        case _:
            pass
    raise program.fail("E0204", "this is not a constant expression", expr.span)


def integer_operation(op: str, a: int, b: int, span: s.Span, program: Program) -> int:
    """`a op b` over the integers."""
    if op in ("/", "%") and b == 0:
        raise program.fail("E0204", "division by zero", span)
    if op in ("**", "<<", ">>") and not 0 <= b < 4096:
        raise program.fail("E0204", "exponent or shift out of range", span)
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a // b
        case "%":
            return a % b
        case "**":
            return a**b
        case "<<":
            return a << b
        case ">>":
            return a >> b
        case "&":
            return a & b
        case "|":
            return a | b
        case "^":
            return a ^ b
        case "==":
            return int(a == b)
        case "!=":
            return int(a != b)
        case "<u":
            return int(a < b)
        case ">=u":
            return int(a >= b)
        case "and":
            return int(bool(a) and bool(b))
        case "or":
            return int(bool(a) or bool(b))
        case _:
            raise program.fail("E0204", f"`{op}` is not defined on integers", span)


def _encodings(program: Program) -> None:
    for family in program.families.values():
        layout = program.formats.get(family.format)
        if layout is None:
            program.error("E0101", f"there is no format `{family.format}`", family.span)
            continue
        for insn in family.insns:
            encoding = _encoding(program, family, layout, insn)
            for other in program.encodings.values():
                common = encoding.mask & other.mask
                if encoding.match & common == other.match & common:
                    program.error("E0103", f"`{insn.name}` and `{other.name}` share an encoding", insn.span)
            if insn.name in program.encodings:
                program.error("E0203", f"the instruction `{insn.name}` is declared twice", insn.span)
            program.encodings[insn.name] = encoding


def _encoding(program: Program, family: s.Family, layout: s.Format, insn: s.Insn) -> Encoding:
    fields: dict[str, tuple[int, int]] = {}
    mask = match = 0
    top = 32
    for part in layout.fields:
        high, low = top - 1, top - part.width
        top = low
        if part.name is None:
            mask |= ((1 << part.width) - 1) << max(low, 0)
            match |= part.value << max(low, 0)
        else:
            fields[part.name] = (high, low)
    if top != 0:
        program.error("E0102", f"the fields of format `{layout.name}` have {32 - top} bits, not 32", layout.span)
    for fixed in (*family.fixed, *insn.fixed):
        if fixed.name not in fields:
            program.error("E0101", f"format `{layout.name}` has no field `{fixed.name}`", fixed.span)
            continue
        high, low = fields[fixed.name]
        if fixed.value >> (high - low + 1):
            program.error("E0102", f"`{fixed.name}` has {high - low + 1} bits; this value needs more", fixed.span)
        mask |= ((1 << (high - low + 1)) - 1) << low
        match |= fixed.value << low
    op = len(program.encodings) + 1
    return Encoding(insn.name, family.name, op, mask, match, fields, layout.immediate, family.assembly)
