"""`decode word as insn`: what an instruction word means, as polynomials of its 32 bits, from the encodings alone."""

from __future__ import annotations

from zkc.compiler.dialects import circ, felt, integer, row
from zkc.compiler.elaboration.expressions import Scope
from zkc.compiler.elaboration.families import immediate_type, numbers
from zkc.compiler.elaboration.statements import Elaborator
from zkc.compiler.elaboration.values import Number, RecordValue, Scalar, Single, StructValue, Value
from zkc.compiler.ir import operation as ir
from zkc.compiler.ir.operation import Operation
from zkc.dsl.built_in import AT, WORD

BITS = 32
HALVES = [("lo", 16, 0), ("hi", 16, 16)]
"""The fields of a word: names, bits, and how many bits lie below."""
Piece = tuple[int, int, int, int]
"""A piece of an immediate: see `circ.format`."""


def elaborate_decode(e: Elaborator, op: Operation, scope: Scope) -> None:
    """Binds the fields of the instruction: 32 bit columns, one selector per instruction, sums over both."""
    if "word" in e.inputs:
        e.fail("E0203", "one row decodes one word; this is the second `decode`", op.loc.span)
    parts = [(part.name, *place) for part, place in zip(e.declared.structs.get(WORD, ()), e.declared.limbs(WORD), strict=True)]
    if parts != HALVES:
        e.fail("E0206", f"a word is two halves: `struct {WORD} {{ lo: u16, hi: u16 }}`", op.loc.span)
    with e.at(op.loc.span):
        scope.values[op.result] = Decoding(e, op).fields()


class Decoding:
    """The columns of one decoded word."""

    def __init__(self, e: Elaborator, op: Operation) -> None:
        self.e = e
        self.op = op
        self.insns = list(e.declared.of(circ.INSN).items())
        e.inputs.append("word")
        self.word = e.given("word", 0, 2**32 - 1)
        self.bits = [self._bit(f"bit{i}", self._piece(i, i), f"bit {i} of the word") for i in range(BITS)]
        self.selectors = {name: self._selector(name, x) for name, x in self.insns}
        e.inputs.append("real")
        self.real = felt.total(e.b, list(self.selectors.values()))
        self._equation(self.real, felt.complement(e.b, self.real), "a word is at most one instruction")

    def _piece(self, high: int, low: int) -> ir.Value:
        return self.e.limb(self.word, high - low + 1, low)

    def _bit(self, name: str, hint: ir.Value, label: str, insn: str | None = None) -> ir.Value:
        column = self.e.new_column(name, "bit", hint, insn=insn)
        self.e.check_range(column, "bit", label, self.op.loc.span)
        return column

    def _equation(self, a: ir.Value, b: ir.Value, label: str) -> None:
        product = self.e.b.value(felt.MUL, a, b)
        self.e.b.create(row.ASSERT, (product, felt.constant(self.e.b, 0)), {"label": label})

    def _selector(self, name: str, x: Operation) -> ir.Value:
        b, mask, match = self.e.b, x.number("mask"), x.number("match")
        masked = b.value(integer.AND, self.word, integer.constant(b, mask))
        fits = b.value(integer.EQ, masked, integer.constant(b, match))
        hint = b.value(integer.AND, fits, self.e.given("real", 0, 1))
        column = self._bit(f"is_{name}", hint, f"the selector of {name}", insn=name)
        wrong = [self.bits[i] if not match >> i & 1 else felt.complement(b, self.bits[i]) for i in range(BITS) if mask >> i & 1]
        self._equation(column, felt.total(b, wrong), f"a word selected as {name} has its fixed bits")
        return column

    # what follows from bits and selectors

    def _select(self, names: list[str]) -> ir.Value:
        return felt.total(self.e.b, [self.selectors[n] for n in names])

    def _number(self, pieces: list[ir.Value], low: int) -> ir.Value:
        return felt.total(self.e.b, [felt.scaled(self.e.b, 1 << (low + k), bit) for k, bit in enumerate(pieces)])

    def _field(self, name: str) -> Single:
        """A field of the word, where formats have it; they agree on where that is."""
        places = {self._place(x.text("format"), name) for _, x in self.insns if name in x.names("uses")}
        if not places:
            return Number(0)
        high, low = places.pop()
        value = Scalar(self._number(self.bits[low : high + 1], 0))
        meant = self.e.with_meaning(value, self._piece(high, low))
        assert isinstance(meant, Number | Scalar)
        return meant

    def _place(self, layout: str, name: str) -> tuple[int, int]:
        """The highest and the lowest bit of a field."""
        op = self.e.declared.of(circ.FORMAT)[layout]
        index = op.names("fields").index(name)
        low = numbers(op, "lows")[index]
        return low + numbers(op, "widths")[index] - 1, low

    def fields(self) -> RecordValue:
        """`insn`: the word, `real`, `op`, each register field and whether the instruction uses it, and the immediate."""
        e, b = self.e, self.e.b
        op = felt.total(b, [felt.scaled(b, x.number("op"), self.selectors[name]) for name, x in self.insns])
        word = StructValue(WORD, {"lo": Scalar(self._number(self.bits[:16], 0)), "hi": Scalar(self._number(self.bits[16:], 0))})
        found: dict[str, Value] = {"real": e.single(self.real), "op": e.single(op), "word": e.with_meaning(word, self.word)}
        for name in self.op.names("fields"):
            if name != AT:
                found[name] = self._field(name)
            found[f"uses_{name}"] = e.single(self._select([n for n, x in self.insns if name in x.names("uses")]))
        found["imm"] = self._immediates(immediate_type(e, self.op, self.op.loc.span))
        return RecordValue(found)

    def _immediates(self, struct: str) -> StructValue:
        """The limbs of the immediate: the sum over formats, each times its selectors."""
        e, b = self.e, self.e.b
        names = [f.name for f in e.declared.structs[struct]]
        sums = [felt.constant(b, 0) for _ in names]
        for layout, op in e.declared.of(circ.FORMAT).items():
            users = [name for name, x in self.insns if x.text("format") == layout and x.flag("immediate")]
            if "pieces" not in op.attributes or not users:
                continue
            for i, value in enumerate(self._immediate(op, struct)):
                sums[i] = b.value(felt.ADD, sums[i], b.value(felt.MUL, self._select(users), value))
        return StructValue(struct, {name: e.single(value) for name, value in zip(names, sums, strict=True)})

    def _immediate(self, layout: Operation, struct: str) -> list[ir.Value]:
        """The limbs of one format's immediate; of an element of the field, the lowest alone."""
        b = self.e.b
        immediate = pieces_of(layout)
        pieces, sign = immediate_bits(immediate, self.bits, felt.constant(b, 0))
        meaning = self._meaning(immediate)
        if layout.text("type") != struct:
            value = b.value(felt.SUB, self._number(pieces, 0), felt.scaled(b, 1 << len(pieces), sign))
            return [b.value(row.MEANING, value, meaning)]
        whole = integer.modulo(b, meaning, 1 << BITS)
        pieces += [sign] * (BITS - len(pieces))
        places = self.e.declared.limbs(struct)
        values = [self._number(pieces[low : low + bits], 0) for bits, low in places]
        return [b.value(row.MEANING, v, self.e.limb(whole, bits, low)) for v, (bits, low) in zip(values, places, strict=True)]

    def _meaning(self, immediate: list[Piece]) -> ir.Value:
        """The immediate as a signed integer or, without a sign, as it is."""
        b = self.e.b
        total = integer.constant(b, 0)
        width = 0
        for high, low, sext, of_word in reversed(immediate):
            if of_word:
                factor = -(1 << width) if sext else 1 << width
                part = b.value(integer.MUL, self._piece(high, low), integer.constant(b, factor))
                total = b.value(integer.ADD, total, part)
            width += high - low + 1 if of_word else high + 1
        return total


def pieces_of(layout: Operation) -> list[Piece]:
    """The pieces of the immediate of a format, the highest first."""
    found: list[Piece] = []
    pieces = layout.attributes["pieces"]
    assert isinstance(pieces, tuple)
    for piece in pieces:
        high, low, sext, of_word = piece  # type: ignore[reportGeneralTypeIssues]  # four numbers, says the verifier
        found.append((high, low, sext, of_word))  # type: ignore[reportArgumentType]
    return found


def immediate_bits(immediate: list[Piece], bits: list[ir.Value], zero: ir.Value) -> tuple[list[ir.Value], ir.Value]:
    """The immediate's bits from the lowest up, and the bit that extends it."""
    pieces: list[ir.Value] = []
    sign = zero
    for high, low, sext, of_word in reversed(immediate):
        if not of_word:
            pieces += [zero] * (high + 1)
        elif sext:
            sign = bits[high]
            pieces.append(sign)
        else:
            pieces += bits[low : high + 1]
    return pieces, sign
