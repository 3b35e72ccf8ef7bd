"""The syntax tree of `.circ`: one frozen dataclass per construct, each with the place it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache

from zkc.dsl.spans import Span


@dataclass(frozen=True)
class Node:
    span: Span


# Expressions -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number(Node):
    value: int


@dataclass(frozen=True)
class Name(Node):
    name: str


@dataclass(frozen=True)
class Binary(Node):
    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Unary(Node):
    op: str
    operand: Expr


@dataclass(frozen=True)
class Conditional(Node):
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True)
class Call(Node):
    name: str
    args: tuple[Expr, ...]
    named: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True)
class Field(Node):
    of: Expr
    name: str


@dataclass(frozen=True)
class Index(Node):
    of: Expr
    index: Expr


@dataclass(frozen=True)
class ArrayLiteral(Node):
    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Comprehension(Node):
    item: Expr
    name: str
    start: Expr
    stop: Expr


@dataclass(frozen=True)
class Last(Node):
    """`latest memory(address)`: the last message sent on a remembering bus for that key (witness only)."""

    bus: str
    key: Expr


@dataclass(frozen=True)
class Host(Node):
    """`host name(args)`: an answer of the host, hostile by definition (witness only)."""

    name: str
    args: tuple[Expr, ...]


Expr = Number | Name | Binary | Unary | Conditional | Call | Field | Index | ArrayLiteral | Comprehension | Last | Host


# Types and parameters --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TypeRef(Node):
    name: str
    length: Expr | None = None


@dataclass(frozen=True)
class Param(Node):
    name: str
    type: TypeRef


# Statements ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spec(Node):
    name: str
    value: Expr
    survives: tuple[Survives, ...] = ()


@dataclass(frozen=True)
class Free(Node):
    """Why the prover may choose a value; the bus, if that is because a message there is made of it."""

    why: str
    bus: str | None = None


@dataclass(frozen=True)
class Survives(Node):
    """A change of this kind to a constant, or a statement, which nothing notices, and why that does no harm. of: what is changed of it, a
    field of a message or a term of a sum; None stands for all."""

    kind: str
    of: Expr | None
    why: str

    @property
    def field(self) -> str | None:
        """The name of what is changed; None for all, or for what is no name."""
        return self.of.name if isinstance(self.of, Name) else None


@dataclass(frozen=True)
class Hint(Node):
    name: str
    type: TypeRef
    value: Expr
    because: str | None
    trusted: bool
    free: Free | None = None
    survives: tuple[Survives, ...] = ()


@dataclass(frozen=True)
class Input(Node):
    name: str
    type: TypeRef
    free: Free | None = None
    survives: tuple[Survives, ...] = ()


@dataclass(frozen=True)
class Let(Node):
    names: tuple[str, ...]
    value: Expr
    survives: tuple[Survives, ...] = ()


@dataclass(frozen=True)
class Set(Node):
    name: str
    value: Expr


@dataclass(frozen=True)
class Assert(Node):
    left: Expr
    right: Expr
    when: Expr | None
    label: str | None
    survives: tuple[Survives, ...] = ()


@dataclass(frozen=True)
class MessageStmt(Node):
    direction: str
    bus: str
    args: tuple[Expr, ...]
    times: Expr | None
    when: Expr | None
    because: str | None = None
    """Why a token begins or ends here."""
    survives: tuple[Survives, ...] = ()


@dataclass(frozen=True)
class For(Node):
    name: str
    start: Expr
    stop: Expr
    body: Body


@dataclass(frozen=True)
class If(Node):
    condition: Expr
    body: Body


@dataclass(frozen=True)
class Fault(Node):
    message: str
    when: Expr


@dataclass(frozen=True)
class Operand(Node):
    name: str
    type: TypeRef
    value: Expr


@dataclass(frozen=True)
class Result(Node):
    name: str
    type: TypeRef
    default: Expr | None
    body: Body


@dataclass(frozen=True)
class RunBody(Node):
    pass


@dataclass(frozen=True)
class CallStmt(Node):
    call: Call


@dataclass(frozen=True)
class Decode(Node):
    word: Expr
    name: str


@dataclass(frozen=True)
class Retire(Node):
    when: Expr | None


@dataclass(frozen=True)
class Perform(Node):
    """An effect outside the machine (halt, console, consume input); the executor acts, the proof does not depend on it."""

    name: str
    args: tuple[Expr, ...]


Stmt = (
    Spec
    | Hint
    | Input
    | Let
    | Set
    | Assert
    | MessageStmt
    | For
    | If
    | Fault
    | Operand
    | Result
    | RunBody
    | CallStmt
    | Decode
    | Retire
    | Perform
)
Body = tuple[Stmt, ...]


# Items -----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Use(Node):
    """The public names of a module are known in this file."""

    module: str


@dataclass(frozen=True)
class Const(Node):
    name: str
    value: Expr
    survives: tuple[Survives, ...] = ()


@dataclass(frozen=True)
class TypeAlias(Node):
    """A range. parameter: of types of that name and a number; number: of one of these."""

    name: str
    low: Expr
    high: Expr
    parameter: str | None = None
    number: int | None = None


@dataclass(frozen=True)
class Struct(Node):
    name: str
    fields: tuple[Param, ...]


@dataclass(frozen=True)
class BusDecl(Node):
    name: str
    params: tuple[Param, ...]
    remembers: str | None
    chain: str | None = None
    """The field that says how far a chain of rows is, which hand their state on over the bus."""
    known: str | None = None
    """The field that says what a message is about: it is true of that, so the prover may send it any number of times."""
    carries: tuple[str, ...] = ()
    """The fields that stay as they are from what a row takes to what it gives."""
    asked: tuple[str, ...] = ()
    """The fields that are asked of a chip: a message is true of them, and may be sent any number of times."""


@dataclass(frozen=True)
class Generator(Node):
    name: str
    start: Expr
    stop: Expr


@dataclass(frozen=True)
class Fixed(Node):
    name: str
    params: tuple[Param, ...]
    row: tuple[Expr, ...]
    generators: tuple[Generator, ...]
    at: Expr | None


@dataclass(frozen=True)
class Gadget(Node):
    name: str
    params: tuple[Param, ...]
    outputs: tuple[Param, ...]
    body: Body


@dataclass(frozen=True)
class Chip(Gadget):
    """A gadget that is not inlined: it has a table of its own, with a row for each different request."""


@dataclass(frozen=True)
class Impl(Node):
    left: str
    op: str
    right: str
    gadget: str


@dataclass(frozen=True)
class Check(Node):
    """`gadget(arguments) == expected`; a list is expected of a gadget with several results."""

    call: Call
    expected: Expr


@dataclass(frozen=True)
class Rows(Node):
    """What rows of a table, or the claim, are given in a test: inputs by name."""

    table: str
    values: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True)
class Test(Node):
    """Calls of gadgets, and rows of a whole circuit. fails: the label of what these rows do not satisfy; None if they satisfy all."""

    name: str
    checks: tuple[Check, ...]
    rows: tuple[Rows, ...] = ()
    fails: str | None = None


@dataclass(frozen=True)
class Setting(Node):
    """A place and a constant: what it is before a step, or what it must be after it. index: of a bus that remembers; field: of `insn`."""

    name: str
    index: Expr | None
    field: str | None
    value: Expr


@dataclass(frozen=True)
class StepTest(Node):
    """`test add(rs1 = 5) == 5;`: one step of an instruction. given: what is there before; result: what it gives; after: what is there
    then; fails: the message of its fault. One of the last three is not None."""

    insn: str
    given: tuple[Setting, ...]
    result: Expr | None
    after: tuple[Setting, ...] | None
    fails: str | None


@dataclass(frozen=True)
class EncodingField(Node):
    """A field of an instruction word; `name` is None for a literal, whose bits are `value`."""

    name: str | None
    width: int
    value: int = 0


@dataclass(frozen=True)
class BitPiece(Node):
    """Bits `high`..`low` of the instruction word; `sext` repeats bit `high` upwards; `literal` holds constant bits (width = high + 1)."""

    high: int
    low: int
    sext: bool = False
    literal: int | None = None


@dataclass(frozen=True)
class Immediate(Node):
    type: TypeRef
    pieces: tuple[BitPiece, ...]


@dataclass(frozen=True)
class Format(Node):
    name: str
    fields: tuple[EncodingField, ...]
    immediate: Immediate | None


@dataclass(frozen=True)
class Frame(Node):
    """same: two fields of instructions, if the frame is for those alone in which they are the same."""

    name: str
    same: tuple[str, str] | None
    body: Body


@dataclass(frozen=True)
class FixedField(Node):
    name: str
    value: int


@dataclass(frozen=True)
class Insn(Node):
    name: str
    fixed: tuple[FixedField, ...]
    body: Body


@dataclass(frozen=True)
class Also(Node):
    """Instructions of a family in which two fields are the same may be rows of another table, whose frame this is."""

    frame: str


@dataclass(frozen=True)
class Family(Node):
    name: str
    also: tuple[Also, ...]
    format: str
    fixed: tuple[FixedField, ...]
    assembly: str
    shared: Body
    insns: tuple[Insn, ...]


@dataclass(frozen=True)
class Beside(Node):
    """An environment call may be made where the executor makes another, and why that does no harm."""

    name: str
    reason: str


@dataclass(frozen=True)
class Service(Node):
    """One environment call (or one step of it), taken by instruction `on` when `when` holds."""

    name: str
    on: str
    when: Expr
    beside: tuple[Beside, ...]
    body: Body


@dataclass(frozen=True)
class TableDecl(Node):
    """every: its rows are steps, one whenever the clock has gone on by so much; None where the runtime gives them."""

    name: str
    every: Expr | None
    body: Body


@dataclass(frozen=True)
class Claim(Node):
    body: Body


Item = (
    Use | Const | TypeAlias | Struct | BusDecl | Fixed | Gadget | Chip | Impl | Format | Frame | Family | Service
    | TableDecl | Claim | Test | StepTest
)  # fmt: skip


@cache
def parts(kind: type[Node]) -> tuple[str, ...]:
    """The fields of a construct in which there may be further ones."""
    return tuple(part.name for part in fields(kind) if part.name != "span" and part.type not in ("str", "int", "bool"))


def walk(node: object) -> Iterator[Node]:
    """Every node of a piece of syntax (a node, or tuples of them), parents first."""
    stack: list[object] = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, Node):
            yield top
            stack += [getattr(top, part) for part in reversed(parts(type(top)))]
        elif isinstance(top, tuple):
            stack += reversed(top)  # type: ignore[reportUnknownArgumentType]


def alike(a: object, b: object) -> bool:
    """Whether two pieces of syntax are the same but for their places."""
    if isinstance(a, Node):
        return type(a) is type(b) and all(alike(getattr(a, f.name), getattr(b, f.name)) for f in fields(a) if f.name != "span")
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(alike, a, b))  # type: ignore[reportUnknownArgumentType]
    return a == b


def terms_of(node: object) -> Iterator[Binary]:
    """The sums and differences in a piece of syntax, but for those that `survives` speaks of."""
    said = {id(inner) for n in walk(node) if isinstance(n, Survives) for inner in walk(n)}
    return (n for n in walk(node) if isinstance(n, Binary) and n.op in ("+", "-") and id(n) not in said)


def insn_name(call: Call) -> str | None:
    """The instruction that `is(name)` means, of which parts may be joined by dots; None for what is no name."""
    parts: list[str] = []
    node: Expr | None = call.args[0] if len(call.args) == 1 and not call.named else None
    while isinstance(node, Field):
        parts.append(node.name)
        node = node.of
    return ".".join([node.name, *reversed(parts)]) if isinstance(node, Name) else None


def nesting(node: object) -> int:
    """How many nodes and lists are inside each other; what a node has that is no node is one level more."""
    deepest = 0
    stack: list[tuple[object, int]] = [(node, 1)]
    while stack:
        top, depth = stack.pop()
        deepest = max(deepest, depth + isinstance(top, Node))
        if isinstance(top, Node):
            stack += [(getattr(top, part), depth + 1) for part in parts(type(top))]
        elif isinstance(top, tuple):
            stack += [(item, depth + 1) for item in top]  # type: ignore[reportUnknownVariableType]
    return deepest
