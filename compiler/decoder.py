"""`decode word as insn`: what an instruction word means, as polynomials of its 32 bits, from the encodings alone."""

from __future__ import annotations

from zkc.compiler import witness as w
from zkc.compiler.elaborate import Elaborator
from zkc.compiler.expressions import Scope
from zkc.compiler.families import Uses, family_uses
from zkc.compiler.polynomials import Interval
from zkc.compiler.program import Program
from zkc.compiler.values import RecordValue, Scalar, StructValue, Value
from zkc.dsl import syntax as s


def elaborate_decode(elaborator: Elaborator, stmt: s.Decode, scope: Scope) -> None:
    """Binds the fields of the instruction: 32 bit columns, one selector per instruction, sums over both."""
    program, table = elaborator.program, elaborator.table
    if "word" in table.inputs:
        elaborator.fail("E0203", "one row decodes one word; this is the second `decode`", stmt.span)
    if not (isinstance(stmt.word, s.Name) and stmt.word.name == "word"):
        elaborator.fail("E0212", "the runtime gives the word: it is `decode word as …;`", stmt.word.span)
    word = w.source("word", 0, 2**32 - 1)
    table.inputs.append("word")
    poly = table.poly
    bits: list[int] = []
    for i in range(32):
        wit = w.bitwise("and", w.shift_right(word, w.const(i)), w.const(1))
        column = table.new_column(f"bit{i}", "bit", wit, Interval(0, 1), stmt.span)
        elaborator.check_range(column.node, wit, "bit", f"bit {i} of the word", stmt.span)
        bits.append(column.node)
    uses = {e.name: family_uses(program, program.families[e.family]) for e in program.encodings.values()}
    selectors: dict[str, Scalar] = {}
    for e in program.encodings.values():
        is_it = w.compare("eq", w.bitwise("and", word, w.const(e.mask)), w.const(e.match))
        wit = w.bitwise("and", is_it, w.source("real", 0, 1))
        column = table.new_column(f"is_{e.name}", "bit", wit, Interval(0, 1), stmt.span)
        elaborator.check_range(column.node, wit, "bit", f"the selector of {e.name}", stmt.span)
        wrong = [bits[i] if not e.match >> i & 1 else poly.sub(poly.constant(1), bits[i]) for i in range(32) if e.mask >> i & 1]
        table.constrain(poly.mul(column.node, poly.sum(wrong)), f"a word selected as {e.name} has its fixed bits", stmt.span)
        selectors[e.name] = Scalar(column.node, wit)
    table.inputs.append("real")
    real = poly.sum([x.poly for x in selectors.values() if x.poly is not None])
    table.constrain(poly.mul(real, poly.sub(poly.constant(1), real)), "a word is at most one instruction", stmt.span)
    scope.env[stmt.name] = RecordValue(_fields(elaborator, program, selectors, uses, bits, word, real))


def _fields(
    elaborator: Elaborator, program: Program, selectors: dict[str, Scalar], uses: dict[str, Uses], bits: list[int], word: w.W, real: int
) -> dict[str, Value]:
    poly = elaborator.poly

    def select(names: list[str]) -> int:
        return poly.sum([selectors[n].poly or 0 for n in names])

    def number(pieces: list[int], low: int) -> int:
        return poly.sum([poly.mul(poly.constant(1 << (low + k)), b) for k, b in enumerate(pieces)])

    def field_bits(name: str) -> Scalar:
        highs = {e.fields[name] for e in program.encodings.values() if name in e.fields and getattr(uses[e.name], name)}
        if not highs:
            return Scalar(poly.constant(0), w.const(0))
        high, low = highs.pop()  # formats agree: see program.encodings
        wit = w.bitwise("and", w.shift_right(word, w.const(low)), w.const((1 << (high - low + 1)) - 1))
        return Scalar(number(bits[low : high + 1], 0), wit)

    everything = list(program.encodings.values())
    fields: dict[str, Value] = {"real": Scalar(real, None)}
    fields["op"] = Scalar(poly.sum([poly.mul(poly.constant(e.op), selectors[e.name].poly or 0) for e in everything]), None)
    lo, hi = number(bits[:16], 0), number(bits[16:], 0)
    lo_wit, hi_wit = w.modulo(word, 1 << 16), w.shift_right(word, w.const(16))
    fields["word"] = StructValue("u32", {"lo": Scalar(lo, lo_wit), "hi": Scalar(hi, hi_wit)}, word)
    fields["rd"] = field_bits("rd")
    fields["uses_rd"] = Scalar(select([e.name for e in everything if uses[e.name].rd]), None)
    for name in ("rs1", "rs2"):
        users = select([e.name for e in everything if getattr(uses[e.name], name)])
        fields[name] = Scalar(poly.mul(users, field_bits(name).poly or 0), None)
    imm_lo, imm_hi = poly.constant(0), poly.constant(0)
    for layout in program.formats.values():
        users = [e.name for e in everything if program.families[e.family].format == layout.name and uses[e.name].imm]
        if layout.immediate is None or not users:
            continue
        pieces, sign = immediate_bits(layout.immediate, bits, poly.constant(0))
        if layout.immediate.type.name == "u32":
            pieces += [sign] * (32 - len(pieces))
            imm_lo = poly.add(imm_lo, poly.mul(select(users), number(pieces[:16], 0)))
            imm_hi = poly.add(imm_hi, poly.mul(select(users), number(pieces[16:], 0)))
        else:
            value = poly.sub(number(pieces, 0), poly.mul(poly.constant(1 << len(pieces)), sign))
            imm_lo = poly.add(imm_lo, poly.mul(select(users), value))
    fields["imm_lo"], fields["imm_hi"] = Scalar(imm_lo, None), Scalar(imm_hi, None)
    return fields


def immediate_bits(immediate: s.Immediate, bits: list[int], zero: int) -> tuple[list[int], int]:
    """The immediate's bits from the lowest up, and the bit that extends it."""
    pieces: list[int] = []
    sign = zero
    for piece in reversed(immediate.pieces):
        if piece.literal is not None:
            pieces += [zero] * (piece.high + 1)
        elif piece.sext:
            sign = bits[piece.high]
            pieces.append(sign)
        else:
            pieces += bits[piece.low : piece.high + 1]
    return pieces, sign


def immediate_fields(immediate: s.Immediate) -> str:
    """Source of the immediate of `word` as a signed 32-bit integer or, without a sign, as it is."""
    parts: list[str] = []
    width = 0
    signed = None
    for piece in reversed(immediate.pieces):
        count = piece.high - piece.low + 1 if piece.literal is None else piece.high + 1
        if piece.literal is None:
            parts.append(f"((word >> {piece.low} & {(1 << count) - 1}) << {width})")
            if piece.sext:
                signed = piece.high, width + 1
        width += count
    text = " | ".join(parts)
    if signed is None:
        return f"({text})"
    high, bits = signed
    return f"(({text}) - ((word >> {high} & 1) << {bits}))"
