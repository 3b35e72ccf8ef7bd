"""Instruction families and environment calls: a frame around the bodies of several instructions, one table each."""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler import witness as w
from zkc.compiler.columns import FieldFunction
from zkc.compiler.elaborate import Elaborator
from zkc.compiler.expressions import Scope
from zkc.compiler.polynomials import Interval
from zkc.compiler.program import Program
from zkc.compiler.table import Origin, TableBuilder
from zkc.compiler.values import RecordValue, Scalar, StructValue, Value
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import did_you_mean

FIELDS = ("rd", "rs1", "rs2")


@dataclass(frozen=True)
class Uses:
    """Which parts of the instruction word a family needs; the others are 0 on the bus `program`."""

    rd: bool
    rs1: bool
    rs2: bool
    imm: str | None = None
    imm_bounds: tuple[int, int] = (0, 0)


def names_in(node: object) -> set[str]:
    """Names read and names set anywhere in a piece of syntax (a set name is `=name`)."""
    nodes = list(s.walk(node))
    return {n.name for n in nodes if isinstance(n, s.Name)} | {"=" + n.name for n in nodes if isinstance(n, s.Set)}


def family_uses(program: Program, family: s.Family) -> Uses:
    names = names_in((family.shared, tuple(i.body for i in family.insns)))
    layout = program.formats[family.format]
    imm = layout.immediate.type.name if layout.immediate is not None and "imm" in names else None
    bounds = (0, 0) if imm is None or layout.immediate is None else immediate_bounds(layout.immediate)
    return Uses("=rd" in names, "rs1" in names, "rs2" in names, imm, bounds)


def immediate_bounds(immediate: s.Immediate) -> tuple[int, int]:
    """Least and greatest value of an immediate."""
    width = sum(p.high + 1 if p.literal is not None else p.high - p.low + 1 for p in immediate.pieces)
    signed = any(p.sext for p in immediate.pieces)
    return (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)


@dataclass
class ArmBody:
    name: str
    body: s.Body


class FamilyBuilder:
    """Elaborates one family or service into its table."""

    def __init__(self, program: Program, functions: dict[str, FieldFunction], name: str, arms: list[ArmBody], uses: Uses) -> None:
        self.program = program
        self.arms = arms
        self.uses = uses
        self.table = TableBuilder(name, [a.name for a in arms])
        self.elaborator = Elaborator(program, self.table, functions)
        self.scope = Scope({})

    def build(self, frame: s.Frame, shared: s.Body, ops: dict[str, int]) -> TableBuilder:
        names = names_in((shared, tuple(a.body for a in self.arms)))
        self.scope.env["insn"] = self._instruction(ops)
        names |= {n for stmt in frame.body if isinstance(stmt, s.Result) and "=" + stmt.name in names for n in names_in(stmt.body)}
        for stmt in frame.body:
            if isinstance(stmt, s.Operand):
                if stmt.name in names:
                    value = self.elaborator.evaluate(stmt.value, self.scope)
                    self.elaborator.check_type(s.Param(stmt.span, stmt.name, stmt.type), value, stmt.span)
                    self.scope.env[stmt.name] = value
            elif isinstance(stmt, s.RunBody):
                self._bodies(frame, shared)
                self.table.in_after = True
            elif isinstance(stmt, s.Result):
                self._result(stmt)
            else:
                self.elaborator.statement(stmt, self.scope)
        return self.table

    def _instruction(self, ops: dict[str, int]) -> RecordValue:
        """`insn`: the fields of the instruction as the decode table gives them."""
        e, poly = self.elaborator, self.table.poly
        op = poly.sum([poly.mul(poly.constant(ops[a]), node) for a, node in self.table.selectors.items()])
        fields: dict[str, Value] = {"op": Scalar(op, w.source("op", 0, 255))}
        for name, used in (("rd", self.uses.rd), ("rs1", self.uses.rs1), ("rs2", self.uses.rs2)):
            fields[name] = self._field(name, 63) if used else e.constant(0)
        fields["imm_lo"] = fields["imm_hi"] = e.constant(0)
        if self.uses.imm == "u32":
            imm = w.source("imm", 0, 2**32 - 1)
            lo, hi = w.modulo(imm, 1 << 16), w.shift_right(imm, w.const(16))
            fields["imm_lo"], fields["imm_hi"] = (self._column(n, v, Interval(0, 2**16 - 1)) for n, v in (("imm.lo", lo), ("imm.hi", hi)))
            self.scope.env["imm"] = StructValue("u32", {"lo": fields["imm_lo"], "hi": fields["imm_hi"]}, imm)
        elif self.uses.imm is not None:
            low, high = self.uses.imm_bounds
            fields["imm_lo"] = self.scope.env["imm"] = self._column("imm", w.source("simm", low, high), Interval(low, high))
        return RecordValue(fields)

    def _field(self, name: str, high: int) -> Scalar:
        return self._column(name, w.source(name, 0, high), Interval(0, high))

    def _column(self, name: str, wit: w.W, interval: Interval | None) -> Scalar:
        column = self.table.new_column(name, "felt", wit, interval, None)
        column.origins[None] = Origin(name, "fixed by the decode table", True, None)
        return Scalar(column.node, wit)

    def _bodies(self, frame: s.Frame, shared: s.Body) -> None:
        self.elaborator.run(shared, self.scope)
        results: dict[str, dict[str, Value]] = {}
        self.spans: dict[str, dict[str, s.Span]] = {}
        settable = {r.name: r for r in frame.body if isinstance(r, s.Result)}
        defaults = {r.name: r.default for r in frame.body if isinstance(r, s.Result) and r.default is not None}
        for arm in self.arms:
            with self.elaborator.in_arm(arm.name):
                scope = Scope(dict(self.scope.env), settable=settable)
                for name, default in defaults.items():
                    scope.env[f"default {name}"] = self.elaborator.evaluate(default, self.scope)
                self.elaborator.run(arm.body, scope)
                results[arm.name] = scope.results
                self.spans[arm.name] = scope.result_spans
        self.arm_results = results

    def _result(self, stmt: s.Result) -> None:
        given = {arm: r[stmt.name] for arm, r in self.arm_results.items() if stmt.name in r}
        if not given and stmt.default is None:
            return
        for arm in self.arms:
            if arm.name not in given:
                if stmt.default is None:
                    self.elaborator.fail("E0213", f"`{arm.name}` does not set `{stmt.name}`, which its family does", stmt.span)
                given[arm.name] = self.elaborator.evaluate(stmt.default, self.scope)
        self.scope.env[stmt.name] = self._merge(stmt.name, given, stmt.span)
        self.elaborator.run(stmt.body, self.scope)

    def _merge(self, name: str, given: dict[str, Value], span: s.Span) -> Value:
        """One value for all arms: the same polynomial where they agree, a column where they do not."""
        values = list(given.values())
        if all(isinstance(v, StructValue) for v in values):
            structs = {a: v for a, v in given.items() if isinstance(v, StructValue)}
            first = next(iter(structs.values()))
            parts = {f: self._merge(f"{name}.{f}", {a: v.fields[f] for a, v in structs.items()}, span) for f in first.fields}
            wholes = {a: v.whole for a, v in structs.items()}
            if any(x is None for x in wholes.values()):
                self.elaborator.fail("E0502", f"`{name}` has no integer meaning", span)
            return StructValue(first.type, parts, w.by_arm({a: x for a, x in wholes.items() if x is not None}))
        scalars = {a: self.elaborator.scalar(v, span) for a, v in given.items()}
        wit = w.by_arm({a: self.elaborator.integer_of(v, self.spans[a].get(name.split(".")[0], span)) for a, v in scalars.items()})
        polys = {a: self.elaborator.poly_of(v, span) for a, v in scalars.items()}
        same = set(polys.values())
        if len(same) == 1 and self.table.poly.degrees[min(same)] <= 1:
            return Scalar(min(same), wit)
        column = self.table.new_column(name, "felt", wit, None, span)
        for arm, node in polys.items():
            self.table.arm = arm
            self.table.constrain(self.table.poly.sub(column.node, node), f"{name} of {arm}", self.spans[arm].get(name.split(".")[0], span))
            self.table.arm = None
        return Scalar(column.node, wit)


def build_family(program: Program, functions: dict[str, FieldFunction], family: s.Family) -> tuple[TableBuilder, Uses]:
    arms = [ArmBody(i.name, i.body) for i in family.insns]
    uses = family_uses(program, family)
    builder = FamilyBuilder(program, functions, family.name, arms, uses)
    ops = {i.name: program.encodings[i.name].op for i in family.insns}
    return builder.build(_frame(program, "instruction", family.span), family.shared, ops), uses


def _frame(program: Program, name: str, span: s.Span) -> s.Frame:
    if name not in program.frames:
        raise program.fail("E0204", f"there is no frame `{name}` around this", span, help=did_you_mean(name, program.frames))
    return program.frames[name]


def build_service(program: Program, functions: dict[str, FieldFunction], service: s.Service) -> TableBuilder:
    if service.on not in program.encodings:
        help_ = did_you_mean(service.on, program.encodings)
        raise program.fail("E0204", f"there is no instruction `{service.on}`", service.span, help=help_)
    uses = Uses(False, False, False)
    builder = FamilyBuilder(program, functions, service.name, [ArmBody(service.name, service.body)], uses)
    return builder.build(_frame(program, "service", service.span), (), {service.name: program.encodings[service.on].op})


def build_guards(program: Program, functions: dict[str, FieldFunction]) -> tuple[TableBuilder, dict[str, w.W]]:
    """The conditions that choose among services, over the operands of the service frame (integers only)."""
    table = TableBuilder("guards", ["guards"])
    elaborator = Elaborator(program, table, functions)
    scope = Scope({"insn": RecordValue({n: elaborator.constant(0) for n in ("op", "rd", "rs1", "rs2", "imm_lo", "imm_hi")})})
    names = names_in(tuple(x.when for x in program.services.values()))
    for stmt in program.frames["service"].body if program.services else ():
        if isinstance(stmt, s.RunBody):
            break
        if not isinstance(stmt, s.Operand):
            elaborator.statement(stmt, scope)
        elif stmt.name in names:
            scope.env[stmt.name] = elaborator.evaluate(stmt.value, scope)
    return table, {name: elaborator.integer(x.when, scope) for name, x in program.services.items()}
