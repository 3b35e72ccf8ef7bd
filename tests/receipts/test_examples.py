"""Every example is executed, proven and verified, and its journal is the expected one; all but the long one also in small segments."""

from __future__ import annotations

from pathlib import Path

import pytest

import zkc

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(p.parent.name for p in EXAMPLES.glob("*/expected.journal"))
SMALL = {"fibonacci": 10, "matrix": 10, "json": 10, "selfmodify": 7}
"""How small the segments are, as an exponent."""


def proven(name: str, segment_limit: int | None) -> zkc.Proof:
    folder = EXAMPLES / name
    given = sorted(folder.glob("input*"))
    program = folder / f"{name}.elf"
    proof = zkc.prove(program, given[0].read_bytes() if given else b"", segment_limit=segment_limit)
    journal = (folder / "expected.journal").read_bytes()
    verified = zkc.verify(proof.receipt, program=program, journal=journal, exit_code=0)
    assert verified.journal == journal and verified.segments == proof.run.segments
    return proof


@pytest.mark.prove
@pytest.mark.parametrize("name", NAMES)
def test_example(name: str) -> None:
    proof = proven(name, None)
    assert name != "marathon" or proof.run.segments > 2


@pytest.mark.prove
@pytest.mark.parametrize("name", SMALL)
def test_example_in_small_segments(name: str) -> None:
    assert proven(name, SMALL[name]).run.segments > 1
