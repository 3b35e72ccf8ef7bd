"""A question of the audit kept z3 busy for hours, out of reach of signals: cuts from Hermite normal forms had numbers that grew and
grew, and no steps were counted. The text is that question, about a call whose arguments were not what the row read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import z3

from zkc.compiler.audit.query import LIMITS, STEPS

QUESTION = Path(__file__).parent / "data" / "numbers_that_grow.smt2"


def answer(**options: Any) -> str:
    """What z3 says to the question, in a context of its own."""
    solver: Any = z3.Solver(ctx=z3.Context())
    solver.set(**options)
    solver.from_file(str(QUESTION))
    return str(solver.check())


def test_a_question_with_numbers_that_grow_has_an_answer() -> None:
    assert answer(**LIMITS, rlimit=STEPS) == "sat"


def test_time_ends_what_steps_do_not() -> None:
    """Without the first limit the last one ends it (older versions of z3 find the answer)."""
    assert answer(timeout=1_000, rlimit=STEPS) in ("unknown", "sat")
