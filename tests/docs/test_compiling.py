"""docs/compiling.md and docs/isa.md show what the compiler prints."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from zkc.emit import emit

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(circ:\w+|row|air|step|fill)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall((DOCS / "compiling.md").read_text(encoding="utf-8"))


@cache
def printed(stage: str) -> str:
    """A stage, of `addi` if it names nothing else, without locations and the indentation of the module around it."""
    lines = [re.sub(r' loc\(.*\)$', "", line) for line in emit(None, stage if ":" in stage else f"{stage}:addi").split("\n")]
    return "\n".join(line.removeprefix("  ") for line in lines)


@pytest.mark.parametrize(("stage", "text"), BLOCKS, ids=[stage for stage, _ in BLOCKS])
def test_the_page_shows_what_is_printed(stage: str, text: str) -> None:
    assert text.rstrip("\n") in printed(stage)


def test_every_stage_is_shown() -> None:
    assert [stage for stage, _ in BLOCKS] == ["circ:addi", "circ:add32", "circ:add32", "row", "air", "step", "fill"]


def test_the_gadget_is_the_one_of_the_circuits() -> None:
    (gadget,) = re.findall(r"^```circ\n(.*?)^```$", (DOCS / "compiling.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert gadget in (DOCS.parent / "circuits" / "alu.circ").read_text(encoding="utf-8")


def test_the_page_of_the_instruction_set_is_fresh() -> None:
    assert (DOCS / "isa.md").read_text(encoding="utf-8").rstrip("\n") == emit(None, "isa"), "run `zkc compile --emit isa -o docs/isa.md`"
