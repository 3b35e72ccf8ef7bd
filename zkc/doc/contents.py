"""What a folder declares, in the order of its text, with the comment above each item; and on which page that stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from zkc.compiler.compilation import compile_program
from zkc.compiler.extensions import Extensions
from zkc.compiler.front import front_end
from zkc.compiler.machines import circuit_files
from zkc.compiler.targets.isa import source_text
from zkc.dsl import syntax as s
from zkc.dsl.spans import text_at

PAGES: Final = {
    "index": "Overview", "instructions": "Instructions", "tables": "Tables", "gadgets": "Gadgets", "buses": "Buses and lookups",
    "names": "Types and constants",
}  # fmt: skip
"""The pages and their titles."""
KINDS: Final[dict[type[s.Node], tuple[str, str]]] = {
    s.Family: ("family", "tables"), s.Service: ("environment call", "tables"), s.TableDecl: ("table", "tables"),
    s.Claim: ("claim", "tables"), s.Frame: ("frame", "tables"), s.Gadget: ("gadget", "gadgets"),
    s.Chip: ("chip", "gadgets"), s.Impl: ("operator", "gadgets"), s.BusDecl: ("bus", "buses"),
    s.Fixed: ("fixed table", "buses"), s.TypeAlias: ("type", "names"), s.Struct: ("struct", "names"),
    s.Const: ("constant", "names"), s.Format: ("format", "names"), s.Insn: ("instruction", "instructions"),
}  # fmt: skip
"""What a declaration is called, and the page that it stands on."""


@dataclass(frozen=True)
class Entry:
    """Something declared. text: as it stands in its file. comment: what stands above it."""

    item: s.Node
    name: str
    kind: str
    page: str
    text: str
    comment: str

    @property
    def anchor(self) -> str:
        """Its name on its page, of characters that addresses may have."""
        return "".join(c if c.isalnum() or c in "_." else "-" if c == " " else f"x{ord(c):02x}" for c in f"{self.kind} {self.name}")

    @property
    def address(self) -> str:
        """Where it stands, from any page."""
        return f"{self.page}.html#{self.anchor}"

    @property
    def place(self) -> str:
        """Its file and line."""
        return f"{Path(self.item.span.file).name}:{self.item.span.line}"


class Contents:
    """Everything that one program declares. tables: those that come of it, with the claim; none for a library, which has no claim.

    Raises DiagnosticError if it does not compile.
    """

    def __init__(self, directory: Path, extensions: Extensions = ()) -> None:
        files = circuit_files(directory, extensions)
        self.program, _ = front_end(files, directory)
        lowered = compile_program(files, directory).lowered if self.program.claim is not None else None
        self.tables = [] if lowered is None else [*lowered.tables, lowered.claim]

    @cached_property
    def entries(self) -> list[Entry]:
        """All that is declared, instructions too."""
        return [self._entry(item, name) for item, name in self._declared()]

    @cached_property
    def named(self) -> Mapping[tuple[str, str], Entry]:
        """Entries by kind and name."""
        return {(e.kind, e.name): e for e in self.entries}

    def of(self, *kinds: str) -> list[Entry]:
        """The entries of these kinds."""
        return [e for e in self.entries if e.kind in kinds]

    def tests_of(self, gadget: str) -> list[str]:
        """The texts of the tests that call a gadget."""
        calls = (t for t in self.program.tests if any(isinstance(node, s.Call) and node.name == gadget for node in s.walk(t)))
        return [self._text(test) for test in calls]

    def tests_of_step(self, name: str) -> str:
        """The tests of an instruction, or of an environment call, a line each."""
        return "\n".join(self._text(test) for test in self.program.step_tests if test.insn == name)

    def _declared(self) -> Iterator[tuple[s.Node, str]]:
        p = self.program
        for items in (p.families, p.services, p.tables, p.frames, p.gadgets, p.buses, p.fixed, p.type_items, p.structs, p.formats):
            yield from ((item, name) for name, item in items.items())
        yield from ((item, name) for name, item in p.constant_items.items())
        yield from ((item, " ".join(key)) for key, item in p.impls.items())
        yield from ((insn, insn.name) for family in p.families.values() for insn in family.insns)
        if p.claim is not None:
            yield p.claim, "claim"

    def _entry(self, item: s.Node, name: str) -> Entry:
        kind, page = KINDS[type(item)]
        return Entry(item, name, kind, page, self._text(item), self._comment(item))

    def _text(self, item: s.Node) -> str:
        lines = text_at(item.span, self.program.sources[item.span.file]).split("\n")
        indent = " " * (item.span.column - 1)
        return "\n".join(line.removeprefix(indent) for line in lines)

    def _comment(self, item: s.Node) -> str:
        lines = self.program.sources[item.span.file].split("\n")
        first = last = item.span.line - 1
        while first and lines[first - 1].lstrip().startswith("///"):
            first -= 1
        return " ".join(line.strip().removeprefix("///").strip() for line in lines[first:last])

    def about(self, file: str) -> str:
        """What a file says of itself: its first comment, if that belongs to no item."""
        lines = self.program.sources[file].split("\n")
        count = next((i for i, line in enumerate(lines) if not line.startswith("///")), len(lines))
        alone = count and (count == len(lines) or not lines[count].strip())
        return " ".join(line.removeprefix("///").strip() for line in lines[:count]) if alone else ""

    def meaning(self, insn: s.Insn) -> str:
        """What an instruction does, on one line."""
        return source_text(self.program, insn.body) or "nothing"
