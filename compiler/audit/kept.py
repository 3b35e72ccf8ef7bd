"""What was found sound is kept by its content: an edit audits again what it touched.

The content of a table is what the audit reads of it, without locations: its operations in the last stages, what lookups and buses mean, the
guards if it is an environment call. The audit itself and the version of z3 count, too. A table with a mistake is not kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Any, Final

from zkc.compiler.audit.findings import Finding
from zkc.compiler.audit.rules.alone import tables_around
from zkc.compiler.audit.table import Circuit, TableAudit
from zkc.compiler.ir.operation import Operation, Value
from zkc.compiler.pipeline import Lowerings
from zkc.runtime.circuit.expected import NEEDED_CONSTANTS
from zkc.runtime.kernels import cache, sources

KIND: Final = "audits"
AUDIT: Final = "zkc.compiler.audit.run"


def content(table: TableAudit) -> str:
    """32 hexadecimal digits."""
    h = hashlib.sha256(f"{sources.digest_of(AUDIT)} {_solver()}".encode())
    for line in (*_operations(table), *_meanings(table)):
        h.update(line.encode() + b"\0")
    for name in sorted({op.text("bus") for op in table.messages} & table.circuit.program.fixed.keys()):
        h.update(name.encode() + b"\0" + table.circuit.fixed.rows(name).tobytes())
    return h.hexdigest()[:32]


def _solver() -> str:
    """The version of z3; there may be none, for the compiler asks no solver."""
    try:
        return metadata.version("z3-solver")
    except metadata.PackageNotFoundError:
        return "none"


def content_of_all(circuit: Circuit, lowered: Lowerings) -> str:
    """The same of all tables together, with the claim and what the runtime reads of the program."""
    program = circuit.program
    tables = (*lowered.tables, lowered.claim)
    parts = [content(TableAudit(circuit, t)) for t in tables]
    parts += [repr(program.constants), repr([(e.name, e.op, e.mask, e.match) for e in program.encodings.values()])]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def load(table: TableAudit) -> list[Finding] | None:
    """What is free on purpose in a table that was found sound, None if it was not."""
    kept = cache.load(KIND, content(table))
    if kept is None:
        return None
    places = {name: op.loc.span for name, op in table.free()}
    return [Finding(table.name, arm, message, (stem,), places.get(stem), why) for arm, message, stem, why in json.loads(kept)]


def save(table: TableAudit, findings: Sequence[Finding]) -> None:
    """Keeps what was found, if that is no mistake."""
    if all(f.expected is not None for f in findings):
        found: list[Any] = [[f.arm, f.message, f.columns[0], f.expected] for f in findings]
        cache.save(KIND, content(table), json.dumps(found).encode())


def is_quick(name: str) -> bool:
    """Whether the rules that need no solver found nothing in a table of this content: they alone, or all."""
    return cache.load(KIND, f"{name}-quick") is not None or cache.load(KIND, name) is not None


def save_quick(name: str) -> None:
    """Keeps that they found nothing."""
    cache.save(KIND, f"{name}-quick", b"[]")


def is_honest(circuit: Circuit, lowered: Lowerings) -> bool:
    """Whether the rows of a small segment were found to fit."""
    return cache.load(KIND, content_of_all(circuit, lowered)) is not None


def save_honest(circuit: Circuit, lowered: Lowerings) -> None:
    """Keeps that they fit."""
    cache.save(KIND, content_of_all(circuit, lowered), b"[]")


def _operations(table: TableAudit) -> Iterator[str]:
    x = table.lowered
    numbers: dict[Value, int] = {}
    for op in (x.row, x.air, *x.steps, *([table.circuit.guards] if table.name in table.circuit.program.services else [])):
        yield from _lines(op, numbers)


def _lines(op: Operation, numbers: dict[Value, int]) -> Iterator[str]:
    for value in op.results:
        numbers[value] = len(numbers)
    yield f"{op.name} {[numbers[v] for v in op.operands]} {sorted(op.attributes.items())} {len(op.results)}"
    for region in op.regions:
        for value in region.arguments:
            numbers[value] = len(numbers)
        yield "{"
        for inner in region:
            yield from _lines(inner, numbers)
        yield "}"


def _meanings(table: TableAudit) -> Iterator[str]:
    program = table.circuit.program
    yield repr(sorted(program.ranges.items()))
    yield repr((program.constants.get("user_end"), tables_around(table.circuit)))
    for name, bus in program.buses.items():
        yield repr((name, table.circuit.facts.buses[name], bus.chain, bus.carries, bus.asked, table.circuit.fields[name]))
    if table.name in program.services:
        yield repr([program.constants.get(n) for n in sorted(NEEDED_CONSTANTS)])
        yield repr([(x.name, x.on) for x in program.services.values()])
        yield repr([b.name for b in program.services[table.name].beside])
