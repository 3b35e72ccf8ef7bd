"""Whatever stands in a text of any stage, `zkc opt` prints a text or says what is wrong and where.

ZKC_FUZZ_TEXTS sets the number of edits, ZKC_FUZZ_SEED the first of them (6 000 take four minutes).
"""

from __future__ import annotations

import os

import pytest

from tests.compiler.ir.fuzz import PIPELINES, judged, mutant, originals

COUNT = int(os.environ.get("ZKC_FUZZ_TEXTS", "300"))
FIRST = int(os.environ.get("ZKC_FUZZ_SEED", "0"))
PART = 100


@pytest.mark.parametrize("part", range(max(1, COUNT // PART)))
def test_edits_are_taken_or_refused_with_a_place(part: int) -> None:
    found: list[str] = []
    for seed in range(FIRST + part * PART, FIRST + (part + 1) * PART):
        m = mutant(seed)
        problem = judged(m.text)
        if problem is not None:
            found.append(f"mutant {seed} of {m.name} ({'; '.join(m.edits)}): {problem[:300]}")
    assert not found, "\n".join(found)


def test_there_are_texts_of_all_stages() -> None:
    text = "\n".join(x.text for x in originals())
    assert all(f'"{stage}.' in text for stage in ("circ", "row", "air", "step", "fill", "felt", "int", "bus"))
    assert len(PIPELINES) > 1
