"""What the runtime takes for granted, checked against a program: constants, given tables, the claim (E0609)."""

from __future__ import annotations

from collections.abc import Set

from zkc.compiler.dialects import integer, row, step
from zkc.compiler.ir.operation import Value, constant_of
from zkc.compiler.passes.lower_air import column_name
from zkc.compiler.pipeline import Lowered, Lowerings
from zkc.compiler.program import Program, field_width, register_fields
from zkc.dsl.diagnostics import did_you_mean
from zkc.dsl.spans import Span
from zkc.runtime.circuit.expected import CLAIM_COLUMNS, OPTIONAL_INPUTS, TABLE_INPUTS, constant_problems


def check_constants(program: Program) -> None:
    """The memory map, the system page and the hash are what the runtime can carry. A constant without a value has its error already."""
    anywhere = program.claim.span if program.claim is not None else None
    if not any(bus.remembers for bus in program.buses.values()):
        message = "a machine has its program, its registers and its data in memory: no bus here `remembers latest by` an address"
        help_ = "without memory it is a circuit: its steps are rows of a table, as in examples/circuits/stack"
        program.error("E0609", message, next(iter(program.frames.values())).span if program.frames else anywhere, help=help_)
        return
    for name, message in constant_problems(program.constants):  # type: ignore[arg-type]
        item = program.constant_items.get(name)
        if item is None or name in program.constants:
            program.error("E0609", message, item.span if item is not None else anywhere)


def check_chips(program: Program) -> None:
    """The runtime makes rows of chips where no row is a step."""
    for name in program.chips():
        message = f"the chip `{name}` is asked in a machine: the runtime makes rows of chips in circuits without instructions alone"
        program.error("E0609", message, program.buses[name].span, help="declare it as a gadget")


def check_registers(program: Program, lowered: Lowerings) -> None:
    """What a field of an instruction can address, from a register on, are registers."""
    first, count = program.constants["system_word"], program.constants["registers"]
    assert isinstance(first, int) and isinstance(count, int)
    wide = {name for name in register_fields(program) if 1 << field_width(program, name) > count}
    for table in lowered.steps:
        for op in (op for step_ in table.steps for op in step_.regions[0] if op.definition is step.LOAD):
            field, base = _indexed(op.operands[0])
            if field in wide and first <= base < first + count:
                message = f"`{field}` has {field_width(program, field)} bits, and there are {count} registers"
                program.error("E0609", message, program.constant_items["registers"].span)
                wide.remove(field)


def _indexed(address: Value) -> tuple[str, int]:
    """The field and the constant that an address is the sum of; ("", 0) for another."""
    operands = address.op.operands if address.op is not None and address.op.definition is integer.ADD else ()
    fields = [str(v.op.attributes["name"]) for v in operands if v.op is not None and v.op.definition is row.GIVEN]
    constants = [c for v in operands if (c := constant_of(v)) is not None]
    return (fields[0], int(constants[0])) if fields and constants else ("", 0)


def check_given_tables(program: Program, lowered: Lowerings) -> None:
    """The runtime fills exactly the tables and the claim that there are, with exactly the inputs they ask for."""
    assert program.claim is not None
    found, known = {table.name: table for table in lowered.others}, TABLE_INPUTS | OPTIONAL_INPUTS
    for name, table in found.items():
        if name not in known:
            help_ = did_you_mean(name, known) or f"it gives those of {', '.join(known)}"
            program.error("E0609", f"the runtime gives no rows of a table `{name}`", program.tables[name].span, help=help_)
        else:
            _compare(program, f"the table `{name}`", _inputs(table), known[name], table)
    for name in TABLE_INPUTS.keys() - found.keys():
        program.error("E0609", f"the runtime gives rows of a table `{name}`, which there is not", program.claim.span)
    _compare(program, "the claim", _columns(lowered.claim).keys(), CLAIM_COLUMNS, lowered.claim)


def _inputs(table: Lowered) -> Set[str]:
    return {op.text("name") for op in table.row.regions[0] if op.definition is row.GIVEN}


def _columns(table: Lowered) -> dict[str, Span | None]:
    """Names of columns, and where they come from."""
    return {column_name(op): op.loc.span for op in table.row.regions[0] if "slot" in op.attributes}


def _compare(program: Program, what: str, inputs: Set[str], known: frozenset[str], table: Lowered) -> None:
    spans = _columns(table)
    for name in sorted(inputs - known):
        place = spans.get(name) or program.place_of(table.name)
        program.error("E0609", f"the runtime gives {what} no `{name}`", place, help=did_you_mean(name, known - inputs))
    missing = sorted(known - inputs)
    if missing:
        names = ", ".join(f"`{name}`" for name in missing[:6]) + (", …" if len(missing) > 6 else "")
        program.error("E0609", f"{what} has no input {names}, which the runtime gives", program.place_of(table.name))
