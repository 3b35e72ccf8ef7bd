"""The instruction set as a page of the docs: how each instruction is written, what it means in .circ, and what a row of it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from zkc.compiler.dialects import air
from zkc.compiler.pipeline import Lowered, Lowerings
from zkc.compiler.program import Encoding, Program
from zkc.dsl import syntax as s
from zkc.dsl.spans import text_at

EXTENSION_CELLS = 6
"""Committed cells of a column of the accumulator, which two messages share."""

HEAD = f"""# The instruction set

Made from `circuits/` by `zkc compile --emit isa`; do not edit. *Cells* are what one row commits to: its columns, and {EXTENSION_CELLS} for
each two of its messages. Instructions of one family share a table, and its cost. A meaning is the text of the circuit: `rs1` and `rs2` are
the words read, `rd = …` is the word written, `pc = …` the next instruction (`pc + 4` if nothing is said), `imm` the immediate.

## Formats

Fields from the highest bit down, each with its width. The immediate is put together from bits of the word; `sext(b)` is bit b, repeated.
"""


def isa_page(program: Program, lowered: Lowerings) -> str:
    """The page, in Markdown."""
    return "\n".join(_page(program, {table.name: table for table in lowered.steps})) + "\n"


def _page(program: Program, tables: dict[str, Lowered]) -> Iterator[str]:
    yield HEAD
    yield "| format | fields | immediate |"
    yield "|---|---|---|"
    for layout in program.formats.values():
        fields = " ".join(f"{f.name}:{f.width}" for f in layout.fields)
        yield f"| `{layout.name}` | `{fields}` | {immediate_text(layout.immediate)} |"
    for family in program.families.values():
        yield ""
        yield from _family(program, family, tables)
    if program.services:
        yield ""
        yield from _services(program, tables)
    for table in program.ticking():
        yield ""
        yield from _ticking(program, table, tables)


def immediate_text(immediate: s.Immediate | None) -> str:
    """How the immediate is put together from bits of the word; nothing if there is none."""
    if immediate is None:
        return ""
    pieces: list[str] = []
    for p in immediate.pieces:
        if p.literal is not None:
            pieces.append("0b" + "0" * (p.high + 1))
        elif p.sext:
            pieces.append(f"sext({p.high})")
        else:
            pieces.append(f"{p.high}..{p.low}" if p.high > p.low else str(p.high))
    return f"`{' @ '.join(pieces)}`"


def _family(program: Program, family: s.Family, tables: dict[str, Lowered]) -> Iterator[str]:
    yield f"## {family.name}"
    yield ""
    table = tables.get(family.name)
    where = f"`{Path(family.span.file).name}`, line {family.span.line}. Format `{family.format}`"
    yield f"{where}. {_cost(table)}" if table is not None else f"{where}. Every instruction is an environment call, see below."
    yield ""
    for variant in (x for x in program.variants().values() if x.family is family):
        first, second = program.frames[variant.frame].same or ("", "")
        yield f"With {first} = {second} in the table `{variant.name}`, if there are many. {_cost(tables[variant.name])}"
        yield ""
    shared = source_text(program, family.shared)
    if shared:
        yield f"All of them: `{shared}`"
        yield ""
    yield "| instruction | word | assembly | meaning |"
    yield "|---|---|---|---|"
    for insn in family.insns:
        encoding = program.encodings[insn.name]
        word = _word(encoding, program.formats[family.format])
        meaning = source_text(program, insn.body).replace("|", "\\|")
        assembly = encoding.assembly.replace("{name}", insn.name)
        yield f"| `{insn.name}` | `{word}` | `{assembly}` | {f'`{meaning}`' if meaning else 'nothing'} |"


def _cost(table: Lowered) -> str:
    columns = sum(op.definition is air.COLUMN for op in table.air.regions[0])
    messages = sum(op.definition is air.MESSAGE for op in table.air.regions[0])
    batches = sum(op.definition is air.BATCH for op in table.air.regions[0])
    return f"A row: {columns} columns, {messages} messages, {columns + EXTENSION_CELLS * batches} cells."


def _word(encoding: Encoding, layout: s.Format) -> str:
    return " ".join(text for text, _ in word_parts(encoding, layout))


def word_parts(encoding: Encoding, layout: s.Format) -> list[tuple[str, int]]:
    """Fixed bits as digits, other fields by name, from the highest bit down, each with its width in bits."""
    parts: list[tuple[str, int]] = []
    high = sum(f.width for f in layout.fields)
    for f in layout.fields:
        low = high - f.width
        mask = encoding.mask >> low & (1 << f.width) - 1
        fixed = mask == (1 << f.width) - 1
        parts.append((f"{encoding.match >> low & (1 << f.width) - 1:0{f.width}b}" if fixed else str(f.name), f.width))
        high = low
    return parts


def _services(program: Program, tables: dict[str, Lowered]) -> Iterator[str]:
    yield "## Environment calls"
    yield ""
    yield "Each is made by the instruction named when its condition holds. A long call is several steps, each of them a row."
    yield ""
    yield "| call | on | when | a row |"
    yield "|---|---|---|---|"
    for service in program.services.values():
        condition = source_text(program, (service.when,)).replace("|", "\\|")
        cost = _cost(tables[service.name]).removeprefix("A row: ").rstrip(".")
        yield f"| `{service.name}` | `{service.on}` | `{condition}` | {cost} |"


def _ticking(program: Program, table: s.TableDecl, tables: dict[str, Lowered]) -> Iterator[str]:
    assert table.every is not None
    yield "## Steps of no instruction"
    yield ""
    cost = _cost(tables[table.name]).removeprefix("A row: ").rstrip(".")
    yield f"The clock asks for `{table.name}` every `{source_text(program, (table.every,))}`. A row: {cost}."


def source_text(program: Program, nodes: tuple[s.Node, ...]) -> str:
    """The source of nodes that follow each other, on one line, without comments."""
    if not nodes:
        return ""
    first, last = nodes[0].span, nodes[-1].span
    whole = replace(first, end_line=last.end_line, end_column=last.end_column)
    lines = text_at(whole, program.sources[first.file]).split("\n")
    return " ".join(" ".join(line.split("//")[0].split()) for line in lines).strip()
