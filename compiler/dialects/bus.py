"""The dialect `bus`: messages between tables. What is sent is received, as often; a lookup is answered by the rows of a fixed table."""

from __future__ import annotations

from zkc.compiler.dialects.row import is_column
from zkc.compiler.ir.operation import FELT, OpDef, Operation
from zkc.compiler.ir.registry import declare


def _verify_lookup(op: Operation) -> str | None:
    return None if not op.flag("checks") or is_column(op.operands[-1]) else "what checks the type of a column ends with it"


SEND = declare(
    OpDef(
        "bus.send", (FELT, FELT), (), ("bus", "label"), ("because",), variadic=True, effect=True,
        doc="sends the message, `times` (the first). `because`: why a token of a bus that remembers begins here",
    )
)  # fmt: skip
RECV = declare(
    OpDef(
        "bus.recv", (FELT, FELT), (), ("bus", "label"), ("because",), variadic=True, effect=True,
        doc="receives the message, `times` (the first). `because`: why a token of a bus that remembers ends here",
    )
)  # fmt: skip
LOOKUP = declare(
    OpDef(
        "bus.lookup", (FELT, FELT), (), ("bus", "label"), ("checks",), variadic=True, effect=True, verify=_verify_lookup,
        doc="the values are a row of a fixed table, if `times` (the first) is not 0. `checks`: it is the type of a column",
    )
)  # fmt: skip
MESSAGES = frozenset((SEND, RECV, LOOKUP))
