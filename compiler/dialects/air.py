"""The dialect `air`: what prover and verifier see of a table, and nothing else."""

from __future__ import annotations

from zkc.compiler.ir.operation import FELT, OpDef
from zkc.compiler.ir.registry import declare

TABLE = declare(OpDef("air.table", attributes=("sym_name", "arms"), symbol=True, regions=True, doc="a table: columns, equations, messages"))
COLUMN = declare(
    OpDef(
        "air.column", results=(FELT,), attributes=("name", "type"), degree=lambda d: 1,
        doc="a committed column; a `computed` one is made from the others, by its definition",
    )
)  # fmt: skip
CONSTRAINT = declare(
    OpDef(
        "air.constraint", (FELT,), (), ("label",), ("arms", "kind", "checks"), effect=True,
        doc="the polynomial vanishes on every row; in the arms named only, until they are merged. kind: selector, definition, type",
    )
)  # fmt: skip
MESSAGE = declare(
    OpDef(
        "air.message", (FELT, FELT), (), ("bus", "sign", "label"), ("arms", "checks", "because"), variadic=True, effect=True,
        doc="a message `times` (the first), sent if `sign` is 1, received if it is -1, in the arms named; gated, the first is times sign",
    )
)  # fmt: skip
BATCH = declare(OpDef("air.batch", attributes=("messages",), effect=True, doc="messages that share a column of the accumulator"))
