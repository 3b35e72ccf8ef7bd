"""`zkc opt`: runs passes over operations, from a text or from .circ files, and prints what comes out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from zkc.compiler.ir.module import Module
from zkc.compiler.ir.printer import print_module
from zkc.compiler.ir.reader import read_module
from zkc.compiler.ir.verifier import check
from zkc.compiler.passes.declarations import facts_of_module
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.registry import PASSES, OfModule, Registered, passes
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError, did_you_mean
from zkc.runtime.errors import InputError
from zkc.runtime.files import read_file

MAX_BYTES: Final = 1 << 26
"""Of a text; all tables of our machine are a tenth of that."""
SPLIT: Final = re.compile(r"^// -----[ \t]*$\n?", re.MULTILINE)
"""The line between modules of a file."""
_PASS: Final = re.compile(r"\s*([\w-]+)\s*(?:\{([^{}]*)\})?\s*(,|$)", re.ASCII)
_OPTION: Final = re.compile(r"\s*([\w-]+)\s*=\s*([\w.-]+)\s*(?:,|\s|$)", re.ASCII)
_EXPECTED: Final = re.compile(r"//\s*expected-error\s*(?:@(above|below|[+-]\d{1,6}|unknown))?\s*\{\{(.*?)\}\}")
_OFFSETS: Final[Mapping[str, int]] = {"": 0, "above": -1, "below": 1}


@dataclass(frozen=True)
class Step:
    """A pass of a pipeline, with its options."""

    registered: Registered | OfModule
    options: Any

    @property
    def name(self) -> str:
        return self.options.name


@dataclass
class Settings:
    """How passes are run. between: called with the name of each pass and its module. times: gets the seconds of each pass, in order."""

    steps: Sequence[Step] = ()
    verify_each: bool = False
    locations: bool = False
    between: Callable[[str, Module], None] = lambda name, module: None
    times: list[tuple[str, float]] = field(default_factory=lambda: list[tuple[str, float]]())


@dataclass(frozen=True)
class Source:
    """A module and the texts that its locations name."""

    make: Callable[[], Module]
    texts: Mapping[str, str]


def parse_pipeline(text: str) -> list[Step]:
    """The passes of `a,b{option=3 other=true}`. InputError for what is none."""
    found: list[Step] = []
    known = passes()
    position = 0
    while position < len(text):
        m = _PASS.match(text, position)
        if m is None:
            raise InputError(f"this is no list of passes: `{text[position:]}`", hint="write `a,b{option=3}`")
        if m[1] not in known:
            hint = did_you_mean(m[1], known) or f"one of: {', '.join(known)}"
            raise InputError(f"there is no pass `{m[1]}`", hint=hint)
        registered = known[m[1]]
        found.append(Step(registered, registered.make(**_options(m[1], registered, m[2] or ""))))
        position = m.end()
    return found


def _options(name: str, registered: Registered | OfModule, text: str) -> dict[str, int | bool | str]:
    known = {f.name.replace("_", "-"): f for f in fields(registered.make)}  # pyright: ignore[reportArgumentType]  # a dataclass
    found: dict[str, int | bool | str] = {}
    position = 0
    while text[position:].strip():
        m = _OPTION.match(text, position)
        if m is None:
            raise InputError(f"these are no options of `{name}`: `{text}`", hint="write `{option=3 other=true}`")
        option = known.get(m[1].replace("_", "-"))
        if option is None:
            raise InputError(f"`{name}` has no option `{m[1]}`", hint=f"it has: {', '.join(known) or 'none'}")
        value = found[option.name] = _value(name, m[1], m[2], type(option.default))
        least = option.metadata.get("least")
        if least is not None and isinstance(value, int) and value < least:
            raise InputError(f"the option `{m[1]}` of `{name}` is {least} at least, not {value}", hint="give a larger number")
        position = m.end()
    return found


def _value(name: str, option: str, text: str, type_: type) -> int | bool | str:
    if type_ is bool and text in ("true", "false"):
        return text == "true"
    if type_ is int and re.fullmatch(r"-?\d{1,9}", text, re.ASCII):
        return int(text)
    if type_ is str:
        return text
    hint = f"give {'true or false' if type_ is bool else 'an integer'}"
    raise InputError(f"`{text}` cannot be the option `{option}` of `{name}`", hint=hint)


def optimise_all(sources: Sequence[Source], settings: Settings) -> str:
    """The modules that come out, as a text that `--split-input-file` reads."""
    from zkc.runtime.collector import collector_off

    with collector_off():
        return "// -----\n".join(optimise(source, settings) for source in sources)


def after(name: str, module: Module, *, locations: bool) -> str:
    """What `--print-between-passes` prints."""
    return f"// after {name}\n{print_module(module, locations=locations)}"


def optimise(source: Source, settings: Settings) -> str:
    """Reads, verifies, runs the passes, verifies and prints. DiagnosticError with all that is wrong after the step that found it."""
    module = source.make()
    check(module, closed=True, sources=source.texts)
    for number, step in enumerate(settings.steps):
        facts = facts_of_module(module)
        start = time.perf_counter()
        module = _run(step, module, facts)
        settings.times.append((step.name, time.perf_counter() - start))
        if facts.diagnostics:
            raise DiagnosticError(facts.diagnostics, dict(source.texts))
        if settings.verify_each or number == len(settings.steps) - 1:
            check(module, closed=True, sources=source.texts)
        settings.between(step.name, module)
    return print_module(module, locations=settings.locations)


def _run(step: Step, module: Module, facts: Facts) -> Module:
    """A pass on a module. InputError if one that another package brings does something wrong."""
    try:
        return step.registered.on(module, step.options, facts)
    except (DiagnosticError, InputError):
        raise
    except Exception as error:  # whatever the other package does wrong
        if step.name in PASSES:
            raise
        message = f"the pass `{step.name}` of another package failed: {type(error).__name__}: {error}"
        raise InputError(message, hint="mend the pass, or leave it out") from error


def sources(path: Path | None, folder: Path, *, split: bool) -> list[Source]:
    """What a file holds, or a folder of .circ files; `folder` if there is no path. InputError if it cannot be read."""
    if path is None or path.is_dir():
        return [_compiled(None, path or folder)]
    if path.suffix == ".circ":
        return [_compiled([path], path.parent)]
    if str(path) == "-":
        return texts(_read(Path("/dev/stdin")), "<stdin>", split=split)
    return texts(_read(path), str(path), split=split)


def _read(path: Path) -> str:
    data = read_file(path, what="the operations", limit=MAX_BYTES)
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"this is no UTF-8: {error.reason} at byte {error.start}", where=str(path), hint="save it as UTF-8") from None


def texts(text: str, file: str, *, split: bool) -> list[Source]:
    """The modules of a text."""
    starts = [0, *(m.end() for m in SPLIT.finditer(text))] if split else [0]
    ends = [*(m.start() for m in SPLIT.finditer(text)), len(text)] if split else [len(text)]
    found: list[Source] = []
    for start, end in zip(starts, ends, strict=True):
        line = text.count("\n", 0, start) + 1
        part = text[start:end]
        found.append(Source(lambda part=part, line=line: read_module(part, file, line=line), {file: text[:end]}))
    return found


def _compiled(files: list[Path] | None, folder: Path) -> Source:
    """Operations of .circ files, before any pass."""
    from zkc.compiler.front import front_end
    from zkc.compiler.importer.items import import_program
    from zkc.compiler.libraries import used_modules
    from zkc.compiler.machines import circuit_files

    program, _ = front_end(circuit_files(folder) if files is None else files + used_modules(files, folder), folder)
    return Source(lambda: import_program(program), program.sources)


# Expected errors


@dataclass(frozen=True)
class Expected:
    """An error that a comment of the text expects. line: None if it has no place."""

    line: int | None
    text: str
    stated: int


def expected_errors(text: str) -> list[Expected]:
    """`// expected-error @+1 {{message}}`: an error on that line, the message holds that text."""
    found: list[Expected] = []
    for number, line in enumerate(text.split("\n"), 1):
        for place, message in _EXPECTED.findall(line):
            at = None if place == "unknown" else number + (_OFFSETS[place] if place in _OFFSETS else int(place))
            found.append(Expected(at, message, number))
    return found


def verify_diagnostics(source: Source, settings: Settings) -> list[str]:
    """What is wrong between errors and the comments that expect them; [] if each is expected and found."""
    if len(source.texts) != 1:
        raise InputError("errors are expected by comments of one text", hint="give a file, not a folder of .circ files")
    ((file, text),) = source.texts.items()
    start = 1 + max((text.count("\n", 0, m.end()) for m in SPLIT.finditer(text)), default=0)
    waiting = [e for e in expected_errors(text) if e.stated >= start]
    try:
        optimise(source, settings)
        found: list[Diagnostic] = []
    except DiagnosticError as error:
        found = error.diagnostics
    wrong: list[str] = []
    for diagnostic in found:
        line = None if diagnostic.span is None else diagnostic.span.line
        shown = f"error[{diagnostic.code}]: {diagnostic.message}"
        match = next((e for e in waiting if e.line == line and e.text in shown), None)
        if match is None:
            wrong.append(f"{diagnostic.span or file}: unexpected {shown}")
        else:
            waiting.remove(match)
    return wrong + [f"{file}:{e.stated}: expected error not found: {e.text}" for e in waiting]
