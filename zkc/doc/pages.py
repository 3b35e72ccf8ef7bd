"""The pages: what stands on each, from the templates in zkc/templates/doc."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from zkc import costs
from zkc.compiler.extensions import Extensions
from zkc.compiler.pipeline import Lowered
from zkc.compiler.targets.isa import immediate_text, source_text, word_parts
from zkc.doc.colours import Colours
from zkc.doc.contents import PAGES, Contents, Entry
from zkc.doc.drawing import draw
from zkc.dsl import syntax as s
from zkc.runtime.text import printable

TEMPLATES: Final = Path(__file__).parents[1] / "templates" / "doc"


def documentation(directory: Path, title: str, version: str, extensions: Extensions = ()) -> dict[str, str]:
    """The pages of a folder by file name. Raises DiagnosticError if it does not compile."""
    contents = Contents(directory, extensions)
    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    site = _Site(contents)
    pages = {name: PAGES[name] for name in PAGES if name == "index" or any(e.page == name for e in contents.entries)}
    common = {"site": printable(title), "pages": pages, "version": version, "count": len, "plural": costs.plural}
    made: dict[str, Callable[[], Mapping[str, Any]]] = {
        "index": site.index, "instructions": site.instructions, "tables": site.tables, "gadgets": site.gadgets, "buses": site.buses,
        "names": site.names,
    }  # fmt: skip
    return {f"{name}.html": environment.get_template(f"{name}.html.j2").render(**common, here=name, **made[name]()) for name in pages}


class _Site:
    """What templates are given."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.colours = Colours(contents)
        self.fixed = frozenset(contents.program.fixed)
        self.lowered: dict[str, Lowered] = {t.name: t for t in contents.tables}
        self.cost = {name: costs.table_cost(table, self.fixed) for name, table in self.lowered.items()}

    @cached_property
    def traffic(self) -> dict[str, dict[str, tuple[int, int]]]:
        """Messages of each table, by bus."""
        return {name: costs.traffic(table) for name, table in self.lowered.items()}

    @cached_property
    def table_entries(self) -> dict[str, Entry]:
        """The entries whose rows are a table, by its name; a family may have others, `addi.onto_rs1`, and a module has chips."""
        found = {e.name: e for e in self.contents.of("family", "environment call", "table", "claim")}
        return {name: replace(found.get(name) or found[name.partition(".")[0]], name=name) for name in self.lowered}

    def index(self) -> dict[str, Any]:
        """What there is, the drawing, and what each table costs."""
        program = self.contents.program
        addresses = {e.name: e.address for e in (*self.contents.of("bus", "fixed table"), *self.table_entries.values())}
        most = max((cost.cells for cost in self.cost.values()), default=1)
        return {
            "files": [(Path(file).name, self.contents.about(file)) for file in sorted(program.sources)],
            "facts": [
                ("instructions", sum(len(f.insns) for f in program.families.values())), ("tables", max(0, len(self.lowered) - 1)),
                ("buses", len(program.buses)), ("fixed tables", len(program.fixed)), ("gadgets", len(program.gadgets)),
                ("equations", sum(c.equations for c in self.cost.values())),
            ],
            "drawing": draw(self.traffic, addresses, self.fixed) if self.traffic else None,
            "costs": [
                (self.table_entries[name], cost, 100 * cost.columns / most, 100 * cost.logup / most)
                for name, cost in sorted(self.cost.items(), key=lambda x: -x[1].cells)
            ],
        }  # fmt: skip

    def instructions(self) -> dict[str, Any]:
        """Instructions by family."""
        families, calls = self.contents.of("family"), self.contents.of("environment call")
        return {"families": list(map(self._family, families)), "calls": list(map(self._call, calls)), "compiled": bool(self.lowered)}

    def _family(self, entry: Entry) -> dict[str, Any]:
        program, family = self.contents.program, entry.item
        assert isinstance(family, s.Family)
        layout = program.formats[family.format]
        insns = [(self.contents.named["instruction", insn.name], self._insn(insn, layout)) for insn in family.insns]
        return {
            "entry": entry, "cost": self.cost.get(entry.name), "insns": insns,
            "shared": self.colours.text(source_text(program, family.shared)),
            "format": self.contents.named["format", family.format], "immediate": immediate_text(layout.immediate).strip("`"),
        }  # fmt: skip

    def _insn(self, insn: s.Insn, layout: s.Format) -> dict[str, Any]:
        encoding = self.contents.program.encodings[insn.name]
        return {
            "parts": [(text, width, text.isdigit()) for text, width in word_parts(encoding, layout)],
            "assembly": encoding.assembly.replace("{name}", insn.name).replace("{", "").replace("}", ""),
            "meaning": self.colours.text(self.contents.meaning(insn)), "tests": self.colours.text(self.contents.tests_of_step(insn.name)),
        }

    def _call(self, entry: Entry) -> dict[str, Any]:
        service = entry.item
        assert isinstance(service, s.Service)
        when = self.colours.text(source_text(self.contents.program, (service.when,)))
        return {"entry": entry, "cost": self.cost.get(entry.name), "when": when}

    def tables(self) -> dict[str, Any]:
        """Tables with their columns, and frames."""
        rows = [self._table(name, entry) for name, entry in self.table_entries.items()]
        return {"tables": rows, "others": self._plain("frame", "family", "environment call", rest=True)}

    def _table(self, name: str, entry: Entry) -> dict[str, Any]:
        columns = costs.columns(self.lowered[name])
        arms = len({c.arm for c in columns if c.arm})
        return {
            "entry": entry, "code": self.colours.entry(entry), "cost": self.cost[name], "columns": columns, "arms": arms if arms > 1 else 0,
            "traffic": [(self._bus(bus), sent, received) for bus, (sent, received) in self.traffic[name].items()],
        }  # fmt: skip

    def gadgets(self) -> dict[str, Any]:
        """Gadgets with what they cost where, and operators."""
        uses = [use for table in self.lowered.values() for use in costs.uses(table).items()]
        found = [
            {
                "entry": entry, "code": self.colours.entry(entry),
                "tests": [self.colours.text(t) for t in self.contents.tests_of(entry.name)],
                "uses": [(use, self.table_entries[use.table]) for name, use in uses if name == entry.name],
            }
            for entry in self.contents.of("gadget", "chip")
        ]  # fmt: skip
        return {"gadgets": found, "operators": self._plain("operator")}

    def buses(self) -> dict[str, Any]:
        """Buses and fixed tables, with who speaks there."""
        found = [
            {
                "entry": entry, "code": self.colours.entry(entry),
                "ends": [(self.table_entries[t], *messages[entry.name]) for t, messages in self.traffic.items() if entry.name in messages],
            }
            for entry in self.contents.of("bus", "fixed table")
        ]  # fmt: skip
        return {"buses": found}

    def names(self) -> dict[str, Any]:
        """Structs, types, formats and constants."""
        return {"groups": [(kind, self._plain(kind)) for kind in ("struct", "type", "format", "constant")]}

    def _bus(self, name: str) -> Entry:
        named = self.contents.named
        return named.get(("bus", name)) or named["fixed table", name]

    def _plain(self, *kinds: str, rest: bool = False) -> list[tuple[Entry, str]]:
        """Entries and their texts; with `rest` those alone that are no table."""
        return [(e, self.colours.entry(e)) for e in self.contents.of(*kinds) if not (rest and e.name in self.table_entries)]
