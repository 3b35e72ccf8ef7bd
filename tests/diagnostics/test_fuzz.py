"""Whatever is typed in a .circ file, the compiler takes it or says what is wrong with it and where.

ZKC_FUZZ sets the number of mutants that go through the whole front end (10 000 take about half an hour), ZKC_FUZZ_CHECK that of those that
are parsed and checked only, ZKC_FUZZ_SEED the first of them. What is checked without an error and then refused by the elaboration with a
code of the check is a gap, which is reported too.
"""

from __future__ import annotations

import os

import pytest

from tests.diagnostics.fuzz import Mutant, check_item, elaborate_touched, front, gaps, item_mutant, mutant, sources
from zkc.dsl.diagnostics import DiagnosticError

COUNT = int(os.environ.get("ZKC_FUZZ", "400"))
FIRST = int(os.environ.get("ZKC_FUZZ_SEED", "0"))
PART = 50
CHECKED = int(os.environ.get("ZKC_FUZZ_CHECK", "10000"))
CHECKED_PART = 1000


def judged(m: Mutant) -> str | None:
    """What is wrong with how the compiler took a mutant."""
    text = m.data.decode("utf-8", "replace")
    lines = {name: source.count("\n") + 1 for name, source in (sources() | {m.name: text}).items()}
    lines[m.name] = max(lines[m.name], text.count("\r") + lines[m.name])
    try:
        program, mine = front(m)
    except DiagnosticError as error:
        return misplaced(error, lines)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    try:
        elaborate_touched(m, program, mine)
    except DiagnosticError as error:
        return misplaced(error, lines) or "; ".join(gaps(error.diagnostics)) or None
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def misplaced(error: DiagnosticError, lines: dict[str, int]) -> str | None:
    """A diagnostic without a place, or with one outside of its file."""
    for d in error.diagnostics:
        if d.span is None and d.code != "E0605":
            return f"{d.code} without a place: {d.message}"
        if d.span is not None and not 0 < d.span.line <= lines[d.span.file]:
            return f"{d.code} outside of its file: {d.span}"
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


@pytest.mark.parametrize("part", range(max(1, CHECKED // CHECKED_PART)))
def test_edits_of_items_are_checked_or_refused_with_a_place(part: int) -> None:
    found: list[str] = []
    for seed in range(FIRST + part * CHECKED_PART, FIRST + (part + 1) * CHECKED_PART):
        m = item_mutant(seed)
        problem = None
        try:
            check_item(m)
        except DiagnosticError as error:
            names = {name: source.count("\n") + 1 for name, source in (sources() | {"mine.circ": m.text}).items()}
            problem = misplaced(error, names)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        if problem is not None:
            found.append(f"mutant {seed} ({m.edit}): {problem[:300]}")
    assert not found, "\n".join(found)
