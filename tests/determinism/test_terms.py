"""A term of a sum that is dropped is refused, noticed by the audit, by tests in the circuits or by the proofs of what rows mean, or said to
survive."""

from __future__ import annotations

from hashlib import sha256

import pytest

from tests.determinism.mutations import all_said
from tests.determinism.terms import Term, judge, terms
from zkc.dsl import syntax as s
from zkc.dsl.check.statements import TERM

SAMPLE, SURVIVORS = 24, 3
TEXTS = {t.text: t for t in terms() if not t.survives}
CHOSEN = {TEXTS[text] for text in sorted(TEXTS, key=lambda text: sha256(text.encode()).digest())[:SAMPLE]}
SAID = [said for said in all_said() if said.kind == TERM]


@pytest.mark.formal
@pytest.mark.parametrize("term", [pytest.param(t, id=t.name, marks=[] if t in CHOSEN else pytest.mark.whole) for t in terms()])
def test_a_dropped_term_is_noticed(term: Term) -> None:
    assert judge(term) is not None or term.survives, term.name


@pytest.mark.formal
@pytest.mark.parametrize(
    "said", [pytest.param(x, id=f"{x.why} at {x.span}", marks=[] if i < SURVIVORS else pytest.mark.whole) for i, x in enumerate(SAID)]
)
def test_what_is_said_to_survive_does(said: s.Survives) -> None:
    """A statement may have a term in several sums: one of them is meant."""
    assert any(judge(t) is None for t in terms() if t.is_said(said))
