"""The text of generated modules: the executors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import jinja2

from zkc.compiler.passes.packing import Place
from zkc.compiler.pipeline import Lowerings
from zkc.compiler.program import Program
from zkc.compiler.targets.decoder import Same, emit_decoder
from zkc.compiler.targets.executor import Steps, emit_executor
from zkc.compiler.targets.functions import FieldFunctions
from zkc.compiler.targets.integers import Uncomputable
from zkc.runtime.circuit.machine import Clock
from zkc.runtime.memory.map import WORD_BYTES

ARRAYS: Final = {
    "fast": ("state", "mem", "decoded", "pages", "words", "room", "host", "stdin", "journal"),
    "tracing": ("state", "mem", "decoded", "times", "uses", "places", "ends", "records", "host", "stdin", "journal"),
}
"""What each executor works on."""
FUNCTION_ARRAYS: Final = ("functions", "nodes", "outputs", "scratch")
"""Those of field functions."""
ELEMENTS: Final = {
    **dict.fromkeys(("mem", "times", "uses", "records"), "uint32"), **dict.fromkeys(("pages", "words", "stdin", "journal"), "uint8"),
}  # fmt: skip
"""Of arrays; of others it is int64."""
EXECUTOR: Final = "executor"


class ModuleWriter:
    """Makes the text of generated modules, by kind and table. faults: messages of the executor's faults, by number.

    places: where the fields of a decoded instruction are.
    """

    def __init__(self, source: str, program: Program, places: Mapping[str, Mapping[str, Place]]) -> None:
        self.source = source
        self.program = program
        self.texts: dict[tuple[str, str], str] = {}
        self.faults: tuple[str, ...] = ()
        self.places = places
        loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
        templates = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
        self.template = templates.get_template("executor.py.j2")

    def executors(self, lowered: Lowerings, clock: Clock) -> None:
        """Both executors. Raises DiagnosticError (E0305) for what they cannot compute."""
        program = self.program
        user_end = program.constants["user_end"]
        assert isinstance(user_end, int)
        for mode, arrays in ARRAYS.items():
            steps = steps_of(program, lowered, clock)
            try:
                listing = emit_executor(steps, mode, user_end)
            except Uncomputable as error:
                raise program.fail("E0305", str(error), error.span) from None
            if mode == "fast":
                self.faults = tuple(steps.faults)
            self.texts[mode, EXECUTOR] = self.template.render(
                directory=self.source, mode=mode, arrays=arrays, kinds=_kinds(arrays), steps=listing,
                scratch=steps.functions.words, slots=clock.slots,
                functions=[array.tolist() for array in steps.functions.arrays()],
                decoders=emit_decoder(lowered.decoded, program.encodings, lowered.places, _others(lowered)),
            )  # fmt: skip


def _kinds(arrays: Sequence[str]) -> dict[str, str]:
    """The kinds of all arrays of an executor; see `zkc.runtime.execution.listed`."""
    kinds = {name: f"{ELEMENTS.get(name, 'int64')}[:]" for name in (*arrays, *FUNCTION_ARRAYS)}
    return kinds | dict.fromkeys(("functions", "nodes"), "int64[:, :]")


def _others(lowered: Lowerings) -> dict[str, list[Same]]:
    """What instructions are where two of their fields are the same."""
    found: dict[str, list[Same]] = {}
    for table in (x for x in lowered.steps if "same" in x.row.attributes):
        first, second = table.row.names("same")
        for op in table.steps:
            found.setdefault(op.text("arm"), []).append(Same((first, second), op.number("op")))
    return found


def steps_of(program: Program, lowered: Lowerings, clock: Clock) -> Steps:
    """What executors are made of."""
    called: dict[str, list[str]] = {}
    for service in program.services.values():
        called.setdefault(service.on, []).append(service.name)
    base, page_bytes = program.constants["system_word"], program.constants["page_bytes"]
    assert isinstance(base, int) and isinstance(page_bytes, int)
    words = page_bytes // WORD_BYTES
    numbers = {e.name: e.op for e in program.encodings.values()}
    tables = {x.name: x.steps for x in lowered.steps}
    system = range(base, base + words)
    ticking = next((table.name for table in program.ticking()), None)
    functions, page_bits = FieldFunctions(lowered.functions), words.bit_length() - 1
    return Steps(tables, lowered.guards, called, numbers, clock, ticking, system, page_bits, functions, lowered.places)
