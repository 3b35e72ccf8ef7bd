"""The dialect `fill`: what is written into the columns of a row, from what its record holds."""

from __future__ import annotations

from zkc.compiler.ir.operation import FELT, INT, OpDef
from zkc.compiler.ir.registry import declare

TABLE = declare(
    OpDef(
        "fill.table", attributes=("sym_name", "record_words"), symbol=True, regions=1,
        doc="how the rows of a table are filled from records of so many words",
    )
)  # fmt: skip
FUNC = declare(
    OpDef(
        "fill.func", attributes=("arm", "op"), regions=1, within=("fill.table",),
        doc="the rows of one arm; of a table without arms, all rows",
    )
)  # fmt: skip
RECORD = declare(
    OpDef(
        "fill.record", results=(INT,), attributes=("word", "high"), pure=True, within=("fill.func",),
        range=lambda op, _, r: (0, op.number("high")), doc="a word of the record, `high` at most",
    )
)  # fmt: skip
WRITE = declare(
    OpDef("fill.write", (INT,), (), ("column",), effect=True, within=("fill.func",), doc="the column holds the integer, modulo p")
)
COUNT = declare(
    OpDef(
        "fill.count", (INT, INT), (), ("table",), effect=True, within=("fill.func",),
        doc="row `index` (the first) of a fixed table is looked up so often",
    )
)  # fmt: skip
POLYNOMIALS = declare(
    OpDef("fill.polynomials", regions=1, within=("fill.table",), doc="columns that are computed from the others, in the field")
)
COLUMN = declare(
    OpDef(
        "fill.column", results=(FELT,), attributes=("column",), pure=True, degree=lambda d: 1, within=("fill.polynomials",),
        doc="what a column holds",
    )
)  # fmt: skip
COMPUTED = declare(
    OpDef("fill.computed", (FELT,), (), ("column",), effect=True, within=("fill.polynomials",), doc="the column holds the element")
)
