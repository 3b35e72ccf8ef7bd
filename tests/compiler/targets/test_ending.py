"""The shortest run is part of what is kept of a machine."""

from __future__ import annotations

from dataclasses import replace

from zkc.compiler.compilation import compile_program
from zkc.compiler.dialects import step
from zkc.compiler.machines import circuit_files, circuits_directory, load_machine
from zkc.compiler.targets.ending import ending_of
from zkc.runtime.circuit.artefact import from_bytes, to_bytes
from zkc.runtime.circuit.machine import Ending


def test_it_is_read_back_as_it_was() -> None:
    """It came back as a list, so the second process to load a machine could not warm it."""
    spec = load_machine(None).spec
    assert isinstance(spec.ending, Ending)
    for ending in (spec.ending, None):
        back = from_bytes(to_bytes(replace(spec, ending=ending)))
        assert back is not None and back.ending == ending


def test_a_call_that_asks_for_a_register_and_a_phase_ends_the_run() -> None:
    compilation = compile_program(circuit_files(circuits_directory()), circuits_directory())
    program = compilation.program
    system, phase = (int(program.constants[name]) for name in ("system_word", "word_phase"))  # type: ignore[arg-type]
    ending = ending_of(program, compilation.lowered)
    assert ending == Ending(program.encodings["ecall"].match, {system + phase: 0, system + 17: 93})


def test_a_machine_that_does_not_halt_has_none() -> None:
    compilation = compile_program(circuit_files(circuits_directory()), circuits_directory())
    for table in compilation.lowered.steps:
        for function in table.steps:
            region = function.regions[0]
            region.operations = [op for op in region.operations if op.definition is not step.PERFORM]
    assert ending_of(compilation.program, compilation.lowered) is None
