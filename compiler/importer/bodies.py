"""Gadgets, tables and the claim, and which row of a fixed table arguments are."""

from __future__ import annotations

from zkc.compiler.dialects import circ
from zkc.compiler.importer.frames import instruction_attributes
from zkc.compiler.importer.statements import Statements, bound_in
from zkc.compiler.importer.types import declared_text, declared_type
from zkc.compiler.ir.locations import Location
from zkc.compiler.ir.operation import FELT, Attribute, Operation, Region, Value
from zkc.compiler.program import Program
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import did_you_mean

MEANING = "the gadget's own meaning"
"""Why the columns of an output that only a spec defines are what they are."""


def gadget(program: Program, item: s.Gadget) -> Operation:
    """A gadget: its body, and what that gives."""
    region = Region([declared_type(program, p.type) for p in item.params])
    body = Statements(program, region)
    body.env |= zip((p.name for p in item.params), region.arguments, strict=True)
    outputs = {p.name: p for p in item.outputs}
    defined = set(bound_in(item.body))
    for i, stmt in enumerate(item.body):
        if isinstance(stmt, s.Spec):
            _spec(body, stmt, outputs, defined=stmt.name in defined)
        else:
            body.statement(stmt, item.body[i + 1 :], frozenset(outputs))
    body.create(circ.RETURN, item.span, [_output(body, item, p) for p in item.outputs])
    attributes: dict[str, Attribute] = {
        "sym_name": item.name,
        "params": tuple(p.name for p in item.params),
        "types": tuple(declared_text(program, p.type) for p in item.params),
        "outputs": tuple(outputs),
        "results": tuple(declared_text(program, p.type) for p in item.outputs),
    }
    if isinstance(item, s.Chip):
        attributes["chip"] = True
    return Operation(circ.GADGET, (), attributes, (), (region,), Location(item.span))


def _spec(body: Statements, stmt: s.Spec, outputs: dict[str, s.Param], *, defined: bool) -> None:
    """What an output is, and, if nothing else defines it, columns that are filled with that."""
    if stmt.name not in outputs:
        help_ = did_you_mean(stmt.name, outputs)
        raise body.program.fail("E0503", f"`{stmt.name}` is not an output of this gadget", stmt.span, help=help_)
    if stmt.name in body.specs:
        raise body.program.fail("E0203", f"the meaning of `{stmt.name}` is given twice", stmt.span)
    spec = body.create(circ.SPEC, stmt.span, (), {"name": stmt.name}, regions=(body.region_of(stmt.value),)).result
    body.specs[stmt.name] = spec
    if not defined:
        region = Region()
        with body.inside(region):
            body.create(circ.YIELD, stmt.span, (spec,))
        body.env[stmt.name] = body.hinted(stmt.name, outputs[stmt.name].type, region, {"because": MEANING}, stmt.span)


def _output(body: Statements, item: s.Gadget, param: s.Param) -> Value:
    if param.name not in body.env:
        raise body.program.fail("E0503", f"the gadget `{item.name}` never defines its output `{param.name}`", param.span)
    meant = body.specs.get(param.name)
    operands = (body.env[param.name], *(() if meant is None else (meant,)))
    type_ = declared_type(body.program, param.type)
    attributes: dict[str, Attribute] = {"name": param.name, "type": declared_text(body.program, param.type)}
    return body.create(circ.OUTPUT, param.span, operands, attributes, results=(type_,)).result


def declared_table(program: Program, item: s.TableDecl) -> Operation:
    """A table whose rows the runtime gives, or whose rows are steps of the clock."""
    if item.every is None:
        return table(program, item.name, "given", item.body, item.span)
    body = Statements(program, Region())
    body.run(item.body, None)
    return Operation(circ.TABLE, (), {"sym_name": item.name, "kind": "step"}, (), (body.region,), Location(item.span))


def table(program: Program, name: str, kind: str, body: s.Body, span: s.Span) -> Operation:
    """A table whose rows the runtime gives, or the claim."""
    attributes = instruction_attributes(program)
    struct = attributes.get("type")
    made = Statements(program, Region(), immediate=struct if isinstance(struct, str) else None)
    for i, stmt in enumerate(body):
        if not isinstance(stmt, s.Decode):
            made.statement(stmt, body[i + 1 :], frozenset())
        elif not (isinstance(stmt.word, s.Name) and stmt.word.name == "word"):
            raise program.fail("E0212", "the runtime gives the word: it is `decode word as …;`", stmt.word.span)
        else:
            made.env[stmt.name] = made.create(circ.DECODE, stmt.span, (), attributes).result
    return Operation(circ.TABLE, (), {"sym_name": name, "kind": kind}, (), (made.region,), Location(span))


def row_at(program: Program, item: s.Fixed) -> Operation:
    """Which row of a fixed table the arguments are."""
    assert item.at is not None
    region = Region([FELT] * len(item.params))
    body = Statements(program, region)
    body.env |= zip((p.name for p in item.params), region.arguments, strict=True)
    body.create(circ.YIELD, item.at.span, (body.integer(item.at),))
    return Operation(circ.AT, (), {"sym_name": item.name}, (), (region,), Location(item.span))
