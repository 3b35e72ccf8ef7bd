"""The rule of differences: which linear forms lie within a few columns."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from zkc.compiler.audit.inference import differences
from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.run import circuit_of
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.compilation import compile_program

WIDE = """table row {{
  input real: bit;
  input b: bit[{bits}] free "any";
  send s(sum([2**(i % 16) * b[i] for i in 0..{bits}])) times real;
}}
bus s(a: felt);
claim {{ input a: felt; recv s(a); }}
"""


def test_all_parts_of_a_few_columns_once_each() -> None:
    for mask in range(1 << 5):
        bits = [1 << i for i in range(5) if mask >> i & 1]
        parts = sorted(sum(part) for n in range(len(bits) + 1) for part in combinations(bits, n))
        assert sorted(differences._within(mask)) == parts


def test_a_wide_row_looks_at_each_form_a_few_times(tmp_path: Path) -> None:
    """Each cluster of columns looked at every form of the row: a row of 1600 bits took minutes."""
    looked: list[int] = []

    class Counted(dict[int, int]):
        """A linear form that says when it is looked at."""

        def items(self):  # type: ignore[no-untyped-def]
            looked.append(1)
            return super().items()

        def __iter__(self):  # type: ignore[no-untyped-def]
            looked.append(1)
            return super().__iter__()

    class Looked(State):
        def form(self, node: int) -> Counted | None:
            found = super().form(node)
            return None if found is None else Counted(found)

    (tmp_path / "wide.circ").write_text(WIDE.format(bits=300))
    compilation = compile_program([tmp_path / "wide.circ"], tmp_path)
    table = TableAudit(circuit_of(compilation), compilation.lowered.tables[0])
    (_, _, row), *_ = list(table.rows())[-1:]
    row.shared += [n for n in range(len(row.nodes)) if row.column_of(n) is not None]  # each bit is a form of its own
    differences.apply(Looked(row, 0, table.circuit.fixed, 0))
    assert 300 <= len(looked) < 300 * 20
