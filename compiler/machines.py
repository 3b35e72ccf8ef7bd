"""The circuit or machine of a folder of .circ files, from the cache if nothing changed: then the compiler itself is not even imported."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zkc import circuits
from zkc.compiler.extensions import Extensions, is_extension, with_extensions
from zkc.compiler.libraries import is_module, used_modules
from zkc.dsl.source_files import read_bytes, shown_name
from zkc.runtime.errors import InputError
from zkc.runtime.files import look_up
from zkc.runtime.kernels import cache, sources

if TYPE_CHECKING:
    from zkc.compiler.program import Program
    from zkc.runtime.circuit.machine import Machine, Told
    from zkc.runtime.circuit.spec import CircuitSpec

KIND: Final = "machines"
"""Of entries of the cache."""


def circuits_directory() -> Path:
    """The circuits that come with zkc."""
    return Path(next(iter(circuits.__path__)))


_compiling = threading.Lock()


def circuit_files(root: Path, extensions: Extensions = ()) -> list[Path]:
    """The .circ files in a folder, by name, those of extensions, and those of the modules that they use. InputError if there are none."""
    files = with_extensions(own_files(root), root, extensions)
    return files + used_modules(files, root)


def own_files(root: Path) -> list[Path]:
    """The .circ files in a folder, by name. InputError if there are none."""
    there = look_up(root, what="the folder of .circ files")
    if there is None or not stat.S_ISDIR(there.st_mode):
        reason = "there is no such folder" if there is None else "this is no folder"
        raise InputError(reason, where=str(root), hint="give a folder of .circ files that make a machine")
    files = sorted(root.glob("*.circ"))
    if not files:
        raise InputError(f"there are no .circ files in {root}", hint="give a folder of .circ files that make a machine")
    return files


def load_machine(directory: Path | None = None, extensions: Extensions = ()) -> Machine:
    """The machine of a directory of .circ files. InputError for a circuit without instructions."""
    from zkc.runtime.circuit.machine import Machine, MachineSpec

    root = directory or circuits_directory()
    spec = load_spec(root, extensions=extensions)
    if isinstance(spec, MachineSpec):
        return Machine(spec)
    hint = f"prove it by itself: `zkc prove {root}`"
    raise InputError("this circuit has no instructions: no program runs in it", where=str(root), hint=hint)


def load_spec(root: Path, told: Told | None = None, extensions: Extensions = ()) -> CircuitSpec:
    """What a directory of .circ files compiles to; from the cache if neither they nor the compiler changed. told: is given the executors of
    a machine if they are compiled here, as soon as they are.
    """
    files = circuit_files(root, extensions)
    key = _key(files, root)
    with _compiling:
        spec = _kept(key)
        if spec is None:
            with cache.making(KIND, key):
                spec = _kept(key) or _build(files, root, key, told)
        return spec


def is_kept(directory: Path | None = None, extensions: Extensions = ()) -> bool:
    """Whether there is an entry for a directory of .circ files, so that nothing has to be compiled for it, unless the entry is damaged."""
    return machine_key(directory, extensions) in cache.names(KIND)


def machine_key(directory: Path | None = None, extensions: Extensions = ()) -> str:
    """The name of the entry for a directory of .circ files, as these are now."""
    root = directory or circuits_directory()
    return _key(circuit_files(root, extensions), root)


def _kept(key: str) -> CircuitSpec | None:
    from zkc.runtime.circuit import artefact

    kept = cache.load(KIND, key)
    return None if kept is None else artefact.from_bytes(kept)


def _build(files: list[Path], root: Path, key: str, told: Told | None) -> CircuitSpec:
    from zkc.compiler.build import build
    from zkc.runtime.circuit import artefact
    from zkc.runtime.circuit.machine import told_nobody

    programs: list[Program] = []
    spec = build(files, root, told or told_nobody, programs.append)
    if _key(files, root) == key:  # otherwise a file was edited meanwhile, and no one knows what was compiled
        cache.save(KIND, key, artefact.to_bytes(spec))
        for program in programs:
            _keep_warnings(key, program)
    cache.prune()
    return spec


@dataclass(frozen=True)
class Warned:
    """A warning: `text` is what people read, with the place in the source."""

    code: str
    message: str
    where: str
    text: str


def warnings_of(directory: Path | None = None, extensions: Extensions = ()) -> list[Warned]:
    """The warnings about a directory of .circ files, in order; from the cache if nothing changed. DiagnosticError if it has errors."""
    root = directory or circuits_directory()
    files = circuit_files(root, extensions)
    key = _key(files, root)
    kept = cache.load("notes", _warnings_name(key))
    if kept is not None:
        return [Warned(**w) for w in json.loads(kept)]
    from zkc.compiler.front import front_end

    program, _ = front_end(files, root)
    return _keep_warnings(key, program)


def _keep_warnings(key: str, program: Program) -> list[Warned]:
    """Those about a program, which does not read its files once more for them."""
    from zkc.dsl.diagnostics import in_order, render

    found = [Warned(d.code, d.message, str(d.span), render(d, program.sources)) for d in in_order(program.warnings)]
    cache.save("notes", _warnings_name(key), json.dumps([asdict(w) for w in found]).encode())
    return found


def _warnings_name(key: str) -> str:
    return f"{key}-warnings"


def _key(files: list[Path], root: Path) -> str:
    """A digest of the .circ files and of the compiler. DiagnosticError if a file cannot be read."""
    h = hashlib.sha256(sources.digest_of(__name__).encode())
    here = Path(__file__).parent
    for path in files:
        role = b"module\0" if is_module(path, root) else b"extension\0" if is_extension(path, root) else b""
        h.update(role + os.fsencode(path.name) + b"\0" + read_bytes(path, shown_name(path, root)) + b"\0")
    for path in sorted([*here.glob("targets/templates/*"), *(here.parent / "dsl").glob("*.lark")]):
        h.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return h.hexdigest()[:32]
