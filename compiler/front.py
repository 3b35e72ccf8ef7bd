"""The front end: from the text of `.circ` files to checked declarations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path

from lark import Lark

from zkc.compiler.elaboration.expressions import HOST, PERFORM
from zkc.compiler.elaboration.statements import ROW_INPUTS
from zkc.compiler.libraries import is_module, known_modules
from zkc.compiler.program import Program, gather, step_fields
from zkc.compiler.runtime_names import check_chips, check_constants
from zkc.compiler.step_buses import check_step_buses, step_buses
from zkc.dsl import parser
from zkc.dsl import syntax as s
from zkc.dsl.built_in import AT, WORD
from zkc.dsl.check import Surroundings, Typed, check
from zkc.dsl.diagnostics import DiagnosticError
from zkc.dsl.modules import NONE, Modules, resolve
from zkc.dsl.source_files import shown_name
from zkc.runtime.circuit.expected import NEEDED_CONSTANTS
from zkc.runtime.field.koalabear import P
from zkc.runtime.kernels import cache as kernels_cache
from zkc.runtime.kernels import sources


def surroundings(program: Program) -> Surroundings:
    """What the compiler and the runtime give to the language."""
    fields = step_fields(program)
    immediate = step_buses(program).immediate
    step = {"op": "felt", **dict.fromkeys(fields, "felt"), **({"imm": immediate.type.name} if immediate is not None else {})}
    uses = {f"uses_{name}": "felt" for name in fields}
    return Surroundings(
        field=P,
        host=HOST,
        perform=PERFORM,
        constants=NEEDED_CONSTANTS if program.has_steps else frozenset(),
        row_inputs=ROW_INPUTS,
        instruction=step,
        decoded={"real": "felt", "word": WORD, **uses, **{name: type_ for name, type_ in step.items() if name != AT}},
    )


@cache
def grammar() -> Lark:
    """The parser, its tables through the cache."""
    text = (Path(parser.__file__).parent / "grammar.lark").read_bytes()
    name = f"{sources.short_digest(repr((text, sources.digest_of(parser.__name__), metadata.version('lark'))))}-grammar"
    kept = kernels_cache.load("notes", name)
    if kept is not None:
        return parser.with_tables(kept.decode())
    made = parser.grammar()
    kernels_cache.save("notes", name, parser.tables_of(made).encode())
    return made


def front_end(files: list[Path], root: Path) -> tuple[Program, Typed]:
    """Parses and checks. Raises DiagnosticError with everything found."""
    items, texts = parser.parse_files(files, root, grammar())
    return checked(items, texts, modules_of(files, root))


def modules_of(files: Sequence[Path], root: Path) -> Modules:
    """Which of the files are modules, and which modules there are."""
    known = known_modules()
    several = {name: tuple(map(str, paths)) for name, paths in known.items() if len(paths) > 1}
    of = {shown_name(path, root): path.stem for path in files if is_module(path, root)}
    return Modules(of, known, several, (*ROW_INPUTS, "imm", "insn"))


def checked(items: list[s.Item], texts: dict[str, str], modules: Modules = NONE) -> tuple[Program, Typed]:
    """The declarations, and the types of what is in them. Raises DiagnosticError with everything that is wrong."""
    resolved = resolve(items, modules)
    if resolved.problems:
        raise DiagnosticError(resolved.problems, texts)  # all else follows from them
    program = gather(resolved.items, texts)
    program.warnings += resolved.warnings
    typed = check(program, surroundings(program))
    program.diagnostics += typed.diagnostics
    program.warnings += typed.warnings
    if program.claim is not None and program.has_steps:
        check_constants(program)
        check_chips(program)
    program.check()
    check_step_buses(program)
    program.check()
    return program, typed
