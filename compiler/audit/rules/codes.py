"""E0506: instructions have different codes, and none has that of a word that is no instruction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from zkc.compiler.audit.findings import Finding
from zkc.compiler.program import Program

NO_INSTRUCTION: Final = 0


def findings(program: Program) -> Iterator[Finding]:
    """Instructions whose code is that of another."""
    seen = {NO_INSTRUCTION}
    for e in program.encodings.values():
        if e.op in seen:
            yield Finding(e.family, e.name, f"the code {e.op} is that of another instruction, or of none", (), e.span)
        seen.add(e.op)
