"""The stages of the compilation: which dialects and operations may stand in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_DECLARED: Final = ("circ.type", "circ.bus", "circ.fixed", "circ.insn")
"""What passes ask about a program: it stays to the end."""
_ARITHMETIC: Final = ("felt.constant", "felt.add", "felt.sub", "felt.mul")

STAGES: Final[Mapping[str, frozenset[str]]] = {
    "circ": frozenset(("circ",)),
    "row": frozenset((*_DECLARED, "felt", "int", "row", "bus", "step.load", "step.host", "step.fault", "step.perform", "step.retire")),
    "air": frozenset((*_DECLARED, "air", *_ARITHMETIC)),
    "step": frozenset((*_DECLARED, "step", "int", "row.given", "felt.func", "felt.return", *_ARITHMETIC)),
    "fill": frozenset((*_DECLARED, "fill", "int", "row.given", *_ARITHMETIC)),
    "felt": frozenset(("felt.func", "felt.return", *_ARITHMETIC)),
}
"""Names of dialects, and of operations where only some of a dialect are legal. `felt` is that of field functions, which serve several."""

STAGE_OF_DIALECT: Final[Mapping[str, str]] = {name: name for name in STAGES}
"""The stage of what stands in a symbol, by the dialect of the symbol."""


def is_legal(operation: str, stage: str) -> bool:
    """Whether an operation may stand in a stage. KeyError if there is no such stage."""
    legal = STAGES[stage]
    return operation in legal or operation.partition(".")[0] in legal
