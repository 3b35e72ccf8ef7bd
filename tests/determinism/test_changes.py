"""Changed circuits are noticed: types that are a bit wider, received fields that are 0 or in another's place, accesses in another slot."""

from __future__ import annotations

import pytest

from tests.determinism.changes import Changed, all_changes, judge
from tests.determinism.mutations import FILES, all_said, mutations
from tests.determinism.terms import terms

SAMPLE = 8
CHANGES = [c for c in all_changes() if c.span.file.split("/")[-1] in {*FILES, "cpu.circ", "claim.circ"}]


@pytest.mark.formal
@pytest.mark.parametrize(
    "change", [pytest.param(c, id=c.name, marks=[] if i % SAMPLE == 0 else pytest.mark.slow) for i, c in enumerate(CHANGES)]
)
def test_a_changed_statement_is_noticed(change: Changed) -> None:
    assert bool(judge(change)) != change.survives, change.name


def test_what_is_said_to_survive_is_a_change() -> None:
    assert [said for said in all_said() if not any(change.is_said(said) for change in [*CHANGES, *mutations(), *terms()])] == []
