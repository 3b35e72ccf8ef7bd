"""Whatever is typed in a .circ file, the compiler takes it or says what is wrong with it and where.

ZKC_FUZZ sets the number of mutants (10 000 take about half an hour), ZKC_FUZZ_SEED the first of them.
"""

from __future__ import annotations

import os

import pytest

from tests.diagnostics.fuzz import Mutant, compile_touched, mutant, sources
from zkc.dsl.diagnostics import DiagnosticError

COUNT = int(os.environ.get("ZKC_FUZZ", "400"))
FIRST = int(os.environ.get("ZKC_FUZZ_SEED", "0"))
PART = 50


def judged(m: Mutant) -> str | None:
    """What is wrong with how the compiler took a mutant."""
    try:
        compile_touched(m)
    except DiagnosticError as error:
        text = m.data.decode("utf-8", "replace")
        lines = {name: source.count("\n") + 1 for name, source in (sources() | {m.name: text}).items()}
        lines[m.name] = max(lines[m.name], text.count("\r") + lines[m.name])
        for d in error.diagnostics:
            if d.span is None and d.code != "E0605":
                return f"{d.code} without a place: {d.message}"
            if d.span is not None and not 0 < d.span.line <= lines[d.span.file]:
                return f"{d.code} outside of its file: {d.span}"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize("part", range(max(1, COUNT // PART)))
def test_edits_are_compiled_or_refused_with_a_place(part: int) -> None:
    found: list[str] = []
    for seed in range(FIRST + part * PART, FIRST + (part + 1) * PART):
        m = mutant(seed)
        problem = judged(m)
        if problem is not None:
            found.append(f"mutant {seed} of {m.name} ({'; '.join(m.edits)}): {problem[:300]}")
    assert not found, "\n".join(found)
