"""Instruction families and environment calls: a frame around the bodies of several instructions, one table each."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from zkc.compiler.dialects import circ, felt, row
from zkc.compiler.dialects.circ import shape_of
from zkc.compiler.elaboration.context import Functions
from zkc.compiler.elaboration.declared import Declared, Param
from zkc.compiler.elaboration.expressions import Scope
from zkc.compiler.elaboration.statements import Elaborator
from zkc.compiler.elaboration.values import Number, RecordValue, Scalar, StructValue, Value
from zkc.compiler.ir import operation as ir
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import FELT, INT, Operation, Region
from zkc.compiler.program import MAX_INSTRUCTIONS
from zkc.dsl.built_in import AT
from zkc.dsl.diagnostics import did_you_mean
from zkc.dsl.spans import Span
from zkc.runtime.field.koalabear import P

INSTRUCTION, SERVICE = "instruction", "service"
"""The frames of instructions and of environment calls."""
WORD, IMMEDIATE = "insn", "imm"
"""What bodies and frames call the instruction, and bodies its immediate."""
ResultIn = tuple[str, list[tuple[ir.Value, ir.Value]]]
"""An element of a result: its name, and what it is in each arm, as an element of the field and as an integer."""


@dataclass
class Arm:
    """One instruction or environment call: `body` is the region of the stage `circ`, `region` what is made of it, `scope` and `builder`
    are where that was."""

    name: str
    body: Region
    op: int
    span: Span | None
    region: Region = field(default_factory=Region)
    scope: Scope = field(default_factory=Scope)
    builder: Builder | None = None


def names_of(operations: Iterable[Operation], *kinds: ir.OpDef) -> set[str]:
    """Names that operations of these kinds have, in regions too."""
    found: set[str] = set()
    for op in operations:
        if op.definition in kinds:
            found.add(op.text("name"))
        for region in op.regions:
            found |= names_of(region, *kinds)
    return found


def needed(frame: Operation, bodies: Iterable[Operation]) -> set[Operation]:
    """The operands of a frame that bodies need: those that they get by name, or that the rest of the frame uses. What they need is
    evaluated in the order of the frame, for it has effects; the others are not."""
    bodies = list(bodies)
    read, set_ = names_of(bodies, circ.GET), names_of(bodies, circ.SET)
    found: set[Operation] = set()
    used: set[ir.Value] = set()
    for op in reversed(frame.regions[0].operations):
        if op.definition is circ.OPERAND:
            if op.text("name") not in read and op.result not in used:
                continue
            found.add(op)
        if op.definition is circ.BODY or (op.definition is circ.RESULT and op.text("name") not in set_ and not op.regions[0].operations):
            continue
        inside = [op, *(o for region in op.regions for o in region.walk())]
        used.update(v for o in inside for v in o.operands)
    return found


class FamilyBuilder:
    """Elaborates one family or service into its table. uses: an operation that says what is needed of the instruction."""

    def __init__(self, declared: Declared, functions: Functions, uses: Operation, frame: Operation, arms: list[Arm]) -> None:
        self.declared = declared
        self.arms = arms
        self.uses = uses
        self.frame = frame
        self.elaborator = Elaborator(declared, uses.text("sym_name"), functions)
        self.scope = Scope()
        self.merged: dict[str, tuple[ir.Value, ir.Value]] = {}
        for arm in arms:
            self.elaborator.selectors[arm.name] = self.elaborator.b.create(row.IS, (), {"arm": arm.name}).result

    def build(self, shared: list[Operation]) -> Operation:
        """The table."""
        e = self.elaborator
        wanted = needed(self.frame, [*shared, *(op for a in self.arms for op in a.body)])
        self.scope.given = self._instruction(self.frame.loc.span)
        for op in self.frame.regions[0]:
            if op.definition is circ.OPERAND:
                if op in wanted:
                    self.scope.values[op.result] = operand_of(e, op, self.scope)
            elif op.definition is circ.BODY:
                self._bodies(op, shared)
            elif op.definition is circ.RESULT:
                self._result(op)
            else:
                e.evaluate(op, self.scope)
        more = {name: self.uses.attributes[name] for name in ("same", "variant") if name in self.uses.attributes}
        return Operation(row.TABLE, (), {"sym_name": e.name, "kind": "step", **more}, (), (e.body,))

    # the instruction

    def _instruction(self, span: Span | None) -> dict[str, Value]:
        """`insn`: the fields of the instruction as the decode table gives them; and the immediate, if the family needs it."""
        e = self.elaborator
        op = felt.total(e.b, [felt.scaled(e.b, a.op, e.selectors[a.name]) for a in self.arms])
        fields: dict[str, Value] = {"op": e.with_meaning(e.single(op), e.given("op", 0, MAX_INSTRUCTIONS))}
        same = self.uses.names("same")
        for name in (n for n in self.frame.names("fields") if n not in same[1:]):
            # a field, or a number beyond all of them
            high = 2**32 - 1 if name == AT else (2 << field_width(self.declared, name)) - 1
            fields[name] = self._column(name, e.given(name, 0, high)) if name in self.uses.names("uses") else Number(0)
        fields.update({name: fields[same[0]] for name in same[1:]})
        given = self._immediate(immediate_type(e, self.frame, span), fields)
        return {WORD: RecordValue(fields), **given}

    def _immediate(self, struct: str, fields: dict[str, Value]) -> dict[str, Value]:
        """The immediate of the family, 0 if it has none: a word in limbs, or an element of the field in the lowest."""
        e = self.elaborator
        names = [f.name for f in self.declared.structs[struct]]
        limbs: dict[str, Value] = dict.fromkeys(names, Number(0))
        given: dict[str, Value] = {}
        if self.uses.attributes.get("type") == struct:
            imm = e.given("imm", 0, 2**32 - 1)
            for name, (bits, low) in zip(names, self.declared.limbs(struct), strict=True):
                limbs[name] = self._column(f"imm.{name}", e.limb(imm, bits, low))
            given[IMMEDIATE] = StructValue(struct, limbs)
        elif "type" in self.uses.attributes:
            imm = e.given("imm", self.uses.number("low"), self.uses.number("high"))
            limbs[names[0]] = given[IMMEDIATE] = self._column("imm", imm)
        fields["imm"] = StructValue(struct, limbs)
        return given

    def _column(self, name: str, given: ir.Value) -> Scalar:
        low, high = self.elaborator.b.ranges.of(given)
        attributes: dict[str, ir.Attribute] = {"name": name, "type": "felt", "low": low, "high": high}
        attributes |= {"trusted": True, "because": "fixed by the decode table"}
        return Scalar(self.elaborator.b.create(row.COLUMN, (given,), attributes).result)

    # bodies and their results

    @contextmanager
    def _inside(self, arm: Arm) -> Generator[None]:
        """What is made inside belongs to the arm."""
        e = self.elaborator
        before = e.b
        if arm.builder is None:
            arm.builder = before.nested(arm.region)
        e.b = arm.builder
        try:
            yield
        finally:
            e.b = before

    def _bodies(self, body: Operation, shared: list[Operation]) -> None:
        """The bodies: what all share, then each arm, with what results are where it does not set them."""
        e, values = self.elaborator, self.scope.values
        reach = {name: values[v] for name, v in zip(body.names("names"), body.operands, strict=True) if v in values}
        around = Scope(given={**self.scope.given, **reach})
        for op in shared:
            if op.definition is not circ.ARM:
                e.evaluate(op, around)
        declared = {op.text("name"): op for op in self.frame.regions[0] if op.definition is circ.RESULT}
        for arm in self.arms:
            with self._inside(arm):
                arm.scope = Scope(dict(around.values), around.given, declared)
                for name, result in declared.items():
                    if result.regions[0].operations:
                        (default,) = e.run(result.regions[0], self.scope)
                        e.check_type(Param(name, shape_of(result.text("type"))), default, result.loc.span)
                        arm.scope.defaults[name] = default
                e.run(arm.body, arm.scope)
        results = [self._arm_results(r) for r in declared.values() if any(r.text("name") in a.scope.results for a in self.arms)]
        self._arms([x for result in results for x in result])

    def _arm_results(self, result: Operation) -> list[ResultIn]:
        """The elements of a result."""
        values: list[Value] = []
        name = result.text("name")
        for arm in self.arms:
            value = arm.scope.results.get(name, arm.scope.defaults.get(name))
            if value is None:
                self.elaborator.fail("E0213", f"`{arm.name}` does not set `{name}`, which its family does", arm.span)
            values.append(value)
        first = values[0]
        if not isinstance(first, StructValue):
            return [(name, [self._set(a, result, name, v) for a, v in zip(self.arms, values, strict=True)])]
        found: list[ResultIn] = []
        for part in first.fields:
            parts = [v.fields[part] if isinstance(v, StructValue) else v for v in values]
            found.append((f"{name}.{part}", [self._set(a, result, f"{name}.{part}", v) for a, v in zip(self.arms, parts, strict=True)]))
        return found

    def _set(self, arm: Arm, result: Operation, name: str, value: Value) -> tuple[ir.Value, ir.Value]:
        e = self.elaborator
        span = arm.scope.result_spans.get(result.text("name"), result.loc.span)
        with self._inside(arm), e.at(span):
            meaning = e.integer_of(e.scalar(value, span), span)
            return e.b.create(row.RESULT, (e.felt_of(value, span),), {"name": name}).result, meaning

    def _arms(self, results: list[ResultIn]) -> None:
        """The arms, and what they agree on."""
        e = self.elaborator
        for i, arm in enumerate(self.arms):
            with self._inside(arm):
                e.b.create(row.YIELD, [pair[i][k] for k in (0, 1) for _, pair in results])
        names = tuple(a.name for a in self.arms)
        types = [FELT] * len(results) + [INT] * len(results)
        arms = e.b.create(row.ARMS, (), {"names": names}, results=types, regions=[a.region for a in self.arms])
        for i, (name, _) in enumerate(results):
            self.merged[name] = arms.results[i], arms.results[i + len(results)]

    def _result(self, op: Operation) -> None:
        """What a frame does with a result that arms set, or that is the default in all of them; nothing if it is neither."""
        e, name = self.elaborator, op.text("name")
        default, body = op.regions
        setting = [a for a in self.arms if name in a.scope.results]
        if setting:
            value = self._merge(name, setting[0].scope.results[name], op.loc.span)
        elif default.operations:
            (value,) = e.run(default, self.scope)
        else:
            return
        self.scope.values[op.result] = self.scope.values[body.arguments[0]] = value
        e.run(body, self.scope)

    def _merge(self, name: str, like: Value, span: Span | None) -> Value:
        """One value for all arms."""
        if isinstance(like, StructValue):
            return StructValue(like.type, {f: self._merge(f"{name}.{f}", v, span) for f, v in like.fields.items()})
        e = self.elaborator
        element, meaning = self.merged[name]
        with e.at(span):
            merged = e.b.create(row.MERGE, (element,), {"name": name}).result
        return e.with_meaning(Scalar(merged), meaning)


def operand_of(e: Elaborator, op: Operation, scope: Scope) -> Value:
    """What the frame has by the name of an operand."""
    (value,) = e.run(op.regions[0], scope)
    e.check_type(Param(op.text("name"), shape_of(op.text("type"))), value, op.loc.span)
    return value


def field_width(declared: Declared, name: str) -> int:
    """Bits of a register field."""
    layouts = [dict(zip(op.names("fields"), numbers(op, "widths"), strict=True)) for op in declared.of(circ.FORMAT).values()]
    return next(widths[name] for widths in layouts if name in widths)


def numbers(op: Operation, attribute: str) -> tuple[int, ...]:
    """An attribute that is a list of numbers."""
    value = op.attributes[attribute]
    assert isinstance(value, tuple)
    return tuple(v for v in value if isinstance(v, int))


def immediate_type(e: Elaborator, op: Operation, span: Span | None) -> str:
    """The struct that carries immediates, as an operation says it. E0608 if it is none."""
    if "type" not in op.attributes:
        e.fail("E0608", "the frames of instructions receive `insn.imm` as a field of a struct type", span)
    return op.text("type")


def build_family(declared: Declared, functions: Functions, family: Operation) -> Operation:
    """The table of a family."""
    body = list(family.regions[0])
    inner = [op for op in body if op.definition is circ.ARM]
    arms = [Arm(op.text("name"), op.regions[0], number_of(declared, op.text("name"), op.loc.span), op.loc.span) for op in inner]
    name = family.text("frame") if "frame" in family.attributes else INSTRUCTION
    return FamilyBuilder(declared, functions, family, frame_of(declared, name, family.loc.span), arms).build(body)


def number_of(declared: Declared, name: str, span: Span | None) -> int:
    """The number of an instruction. E0204 if there is none of that name."""
    insns = declared.of(circ.INSN)
    if name not in insns:
        declared.fail("E0204", f"there is no instruction `{name}`", span, help=did_you_mean(name, insns))
    return insns[name].number("op")


def frame_of(declared: Declared, name: str, span: Span | None) -> Operation:
    """The frame of that name. E0204 if there is none."""
    frames: Mapping[str, Operation] = declared.of(circ.FRAME)
    if name not in frames:
        declared.fail("E0204", f"there is no frame `{name}` around this", span, help=did_you_mean(name, frames))
    return frames[name]


def build_service(declared: Declared, functions: Functions, service: Operation) -> Operation:
    """The table of an environment call."""
    arms = [Arm(service.text("sym_name"), service.regions[0], number_of(declared, service.text("on"), service.loc.span), service.loc.span)]
    return FamilyBuilder(declared, functions, service, frame_of(declared, SERVICE, service.loc.span), arms).build([])


def build_guards(declared: Declared, functions: Functions, guards: Operation) -> Operation:
    """What chooses among the environment calls: a row that gives the conditions over the operands of their frame, in order."""
    e = Elaborator(declared, "guards", functions)
    e.selectors["guards"] = e.b.create(row.IS, (), {"arm": "guards"}).result
    frame = declared.of(circ.FRAME).get(SERVICE)
    reach: dict[str, Value] = {} if frame is None else _reach(e, frame, guards.regions[0])
    conditions = [e.integer_of(v, guards.loc.span) for v in e.run(guards.regions[0], Scope(given=reach))]
    e.b.create(row.YIELD, conditions)
    attributes: dict[str, ir.Attribute] = {"sym_name": "guards", "kind": "guards", "names": guards.names("names")}
    return Operation(row.GUARDS, (), attributes, (), (e.body,))


def _reach(e: Elaborator, frame: Operation, body: Region) -> dict[str, Value]:
    """What the frame of environment calls has by name where their conditions are asked for."""
    scope = Scope(given={WORD: RecordValue({n: Number(0) for n in ("op", *frame.names("fields"))})})
    wanted = needed(frame, body)
    for op in frame.regions[0]:
        if op.definition is circ.BODY:
            found = zip(op.names("names"), op.operands, strict=True)
            return {**scope.given, **{name: scope.values[v] for name, v in found if v in scope.values}}
        if op.definition is not circ.OPERAND:
            e.evaluate(op, scope)
        elif op in wanted:
            scope.values[op.result] = operand_of(e, op, scope)
    return dict(scope.given)


def integer_function(declared: Declared, functions: Functions, item: Operation) -> Operation:
    """The row of a fixed table that arguments mean, as a function of them."""
    e = Elaborator(declared, item.text("sym_name"), functions)
    (region,) = item.regions
    scope = Scope()
    for value in region.arguments:
        argument = e.body.new_argument(INT)
        e.b.ranges.learn(argument, 0, P - 1)
        scope.values[value] = Scalar(argument)
    index = e.run(region, scope)
    e.b.create(row.YIELD, [e.integer_of(v, item.loc.span) for v in index])
    return Operation(row.INDEX, (), {"sym_name": item.text("sym_name")}, (), (e.body,))
