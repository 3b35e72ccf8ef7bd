"""What `zkc compile` answers when nothing is left to compile: from entries of the cache alone, without arrays or a machine.

The note that says so is named by all that is compiled and by what compiles it. It lists every entry of the cache that this left, and is
believed if all of them are there and whole.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zkc.compiler.extensions import Extensions
from zkc.compiler.machines import KIND, machine_key
from zkc.runtime.kernels import cache, sources
from zkc.runtime.kernels.target import targets

if TYPE_CHECKING:
    from zkc.runtime.circuit.circuit import Circuit

Entry = tuple[str, str]
"""Kind and name of an entry of the cache."""


@dataclass(frozen=True)
class Warmed:
    """What there is, and what was compiled for it: `kernels` is 0 if nothing was left to do."""

    digest: bytes
    tables: int
    buses: int
    constraints: int
    kernels: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, circuit: Circuit, kernels: int = 0, seconds: float = 0.0) -> Warmed:
        """Of a circuit."""
        constraints = sum(len(table.constraints) for table in circuit.tables)
        return cls(circuit.digest, len(circuit.tables), len(circuit.buses), constraints, kernels, seconds)


def nothing_left(directory: Path | None, extensions: Extensions = ()) -> Warmed | None:
    """What there is if everything is compiled; None if it is not known to be."""
    start = time.perf_counter()
    for digest, counts, entries in _notes(machine_key(directory, extensions)):
        if all(cache.load(kind, name) is not None for kind, name in entries):
            return Warmed(bytes.fromhex(digest), *counts, seconds=time.perf_counter() - start)
    return None


def is_noted(directory: Path | None, extensions: Extensions = ()) -> bool:
    """Whether everything is compiled and nothing was removed since; what is damaged is made again when it is needed."""
    there = {kind: cache.names(kind) for kind in cache.KINDS}
    return any(all(name in there[kind] for kind, name in entries) for _, _, entries in _notes(machine_key(directory, extensions)))


def _notes(key: str) -> Iterator[tuple[str, list[int], list[Entry]]]:
    """Digest, counts and entries of each note about the machine of this key, the best first."""
    return (json.loads(note) for name in _names(key) if (note := cache.load("notes", name)) is not None)


def note_nothing_left(key: str, warmed: Warmed, entries: Iterable[Entry]) -> None:
    """To be called when all is compiled for the machine of this key. entries: what the kernels are made of."""
    counts = warmed.tables, warmed.buses, warmed.constraints
    note = warmed.digest.hex(), counts, sorted({(KIND, key), *entries})
    cache.save("notes", _names(key)[0], json.dumps(note).encode())


def _names(key: str) -> list[str]:
    """Of the note, one for each target, the best first. `zkc.warm` imports all that is compiled, and what compiles it."""
    made_of = key, sources.digest_of("zkc.warm"), sources.digest_of(__name__)
    return [sources.short_digest(repr((made_of, target))) for target in targets()]
