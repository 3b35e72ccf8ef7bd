"""Times and marks of words that no step gives follow from the circuits: another machine by `.circ` files alone, and what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.compiler.variants import Edit, edited
from tests.guests.catalogue import examples
from tests.machine.check import check
from zkc.compiler.audit.rules import segment
from zkc.compiler.audit.run import circuit_of
from zkc.compiler.build import build
from zkc.compiler.compilation import compile_program
from zkc.compiler.machines import circuit_files, load_machine
from zkc.dsl.diagnostics import DiagnosticError
from zkc.runtime.circuit.machine import Machine, Stamps
from zkc.runtime.execution.executor import Limits, execute
from zkc.runtime.execution.stamps import stamp
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.verifier import verify

EDITS: Final[tuple[Edit, ...]] = (
    ("claim.circ", "exec(4,", "exec(16,"),
    ("claim.circ", "), 1, 0)", "), 7, 0)"),
    ("claim.circ", "), 1, 2)", "), 9, 3)"),
    ("cpu.circ", "insn.word, 0, 1)", "insn.word, 5, 1)"),
)
SHA256: Final = next(program for program in examples() if program.name == "sha256")
pytestmark = pytest.mark.xdist_group("machine of other stamps")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return edited(tmp_path_factory.mktemp("stamps") / "circuits", EDITS)


def test_the_stock_stamps() -> None:
    """What stood in the tracer follows from the circuits."""
    assert load_machine().spec.stamps == Stamps(code=stamp(0, 1), first=stamp(1, 0), last=stamp(1, 2))


def test_a_machine_of_other_stamps(root: Path) -> None:
    """Its code is given at time 5, and the journal is read at 7 and, with mark 3, at 9. Segments fit, and one is proven."""
    machine = load_machine(root)
    assert machine.spec.stamps == Stamps(code=stamp(5, 1), first=stamp(7, 0), last=stamp(9, 3))
    ran = execute(machine, load_elf(SHA256.elf, machine.memory_map), SHA256.stdin, Limits(segment_limit=12), snapshots=True)
    assert ran.journal == SHA256.journal and len(ran.segments) > 2
    for each in ran.segments:
        assert not check(machine.circuit, *trace(machine, each), machine)
    traces, claim = trace(machine, ran.segments[-1])
    verify(machine.circuit, claim, prove(machine.circuit, traces, claim))


def test_the_audit_makes_its_segments(root: Path) -> None:
    compilation = compile_program(circuit_files(root), root)
    assert not list(segment.findings(circuit_of(compilation), compilation.lowered))


def test_the_wrong_stamp_fits_nowhere(root: Path) -> None:
    """Each of the three by itself: no other number is as good."""
    machine = load_machine(root)
    spec = machine.spec
    program = load_elf(SHA256.elf, machine.memory_map)
    (first, *_) = execute(machine, program, SHA256.stdin, Limits(segment_limit=12), snapshots=True).segments
    for name in ("code", "first", "last"):
        wrong = Machine(spec.__class__(**vars(spec) | {"stamps": Stamps(**vars(spec.stamps) | {name: getattr(spec.stamps, name) - 1})}))
        assert check(machine.circuit, *trace(wrong, first), machine), name


WRONG: Final[dict[str, tuple[Edit, str]]] = {
    "no number": (("claim.circ", "), 1, 2)", "), 1 + real, 2)"), "a word that no step gives has a time below 1073741824"),
    "a great mark": (("claim.circ", "), 1, 2)", "), 1, 4)"), "a word that no step gives has a time below 1073741824 and a mark below 4"),
    "a late word": (("cpu.circ", "insn.word, 0, 1)", "insn.word, 2**30, 1)"), "words are there that were given at 1073741824"),
    "a page that begins late": (("paging.circ", "hi[i]), 0, 0)", "hi[i]), 1, 0)"), "the words of a page begin at time 0 with mark 0"),
    "one mark": (("claim.circ", "), 1, 2)", "), 2, 0)"), "what it reads last at one with a greater mark"),
    "three stamps": (("claim.circ", "blind_hi[i]), 1, 2)", "blind_hi[i]), 1, 3)"), "what it reads last at one with a greater mark"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_stamps_that_cannot_be_are_refused(name: str, tmp_path: Path) -> None:
    edit, message = WRONG[name]
    root = edited(tmp_path / "circuits", (edit,))
    with pytest.raises(DiagnosticError) as caught:
        build(circuit_files(root), root)
    assert any(d.code == "E0609" and message in d.message and d.span is not None for d in caught.value.diagnostics), str(caught.value)
