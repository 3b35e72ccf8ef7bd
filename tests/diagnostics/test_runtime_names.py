"""What the runtime takes for granted is refused at compile time, at the constant or input that says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnostics.fuzz import Mutant, compile_touched, items_of, sources
from zkc import api
from zkc.compiler.elaboration.context import Functions
from zkc.compiler.importer.items import CLAIM
from zkc.compiler.machines import load_machine
from zkc.compiler.pipeline import Lowerings, facts_of, lower_table
from zkc.compiler.program import Program, collect
from zkc.compiler.rows import elaborate_symbol
from zkc.compiler.runtime_names import check_given_tables
from zkc.dsl.diagnostics import DiagnosticError
from zkc.dsl.parser import parse
from zkc.runtime.circuit.expected import CLAIM_COLUMNS, OPTIONAL_INPUTS, TABLE_INPUTS

CONSTANTS: dict[str, tuple[str, str, str]] = {
    # name: text of machine.circ, its replacement, a part of the message
    "pages of 48 words": ("const page_bytes = 1024;", "const page_bytes = 192;", "must be a power of two"),
    "pages too large": ("const page_bytes = 1024;", "const page_bytes = 2**17;", "they have 65536 bytes at most"),
    "pages of half as many words": ("const page_words = page_bytes / 4;", "const page_words = page_bytes / 8;", "`page_words` is 256"),
    "another root": ("const root_page = table_page * arity / (arity - 1);", "const root_page = table_page;", "`root_page` is 219862"),
    "shorter digests": ("const digest_words = 8;", "const digest_words = 4;", "`digest_words` can only be 8"),
    "longer journal": ("const journal_words = 17;", "const journal_words = 18;", "`journal_words` can only be 17"),
    "user memory of half a page": ("const user_end = 0x0C00_0000;", "const user_end = 0x0BFF_FE00;", "must be multiples of page_bytes"),
    "user memory into the system page": ("const user_end = 0x0C00_0000;", "const user_end = 0x0C10_0000;", "must follow each other"),
    "table on another level": ("const table_base = 0x0D00_0000;", "const table_base = 0x0D00_0400;", "two levels"),
    "system page elsewhere": ("const system_word = system_base / 4;", "const system_word = system_base;", "is system_base / 4"),
    "part of a half": ("const user_end = 0x0C00_0000;", "const user_end = 0x0BFF_FC00;", "a multiple of 65536"),
    "no sink": ("const word_sink = registers;", "const word_sink_2 = registers;", "needs an integer constant `word_sink`"),
    "sink in a register": ("const word_sink = registers;", "const word_sink = 31;", "that nothing else uses"),
    "no stack pointer": ("const registers = 32;", "const registers = 2;", "the stack pointer among them"),
    "more registers than words": ("const registers = 32;", "const registers = 2**40;", "words of the system page"),
    "phase on the pc": ("const word_phase = 36;", "const word_phase = 33;", "that nothing else uses"),
    "no phase of reading": ("const phase_reading = 1;", "const phase_reads = 1;", "needs an integer constant `phase_reading`"),
    "journal in pieces": ("const word_journal_buffer = 48;", "const word_journal_buffer = 64;", "follow each other"),
    "one tag for two": ("const tag_root = 3;", "const tag_root = 1;", "`tag_root` is `tag_data`"),
    "one tag for pages and their table": ("const tag_data = 1;", "const tag_data = 2;", "`tag_table` is `tag_data`"),
    "tag outside the field": ("const tag_root = 3;", "const tag_root = 2**31;", "`tag_root` is a field element"),
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_that_the_runtime_cannot_carry_is_refused_where_it_stands(name: str) -> None:
    text, replacement, message = CONSTANTS[name]
    source = sources()["machine.circ"]
    assert text in source
    with pytest.raises(DiagnosticError) as caught:
        compile_touched(Mutant("machine.circ", source.replace(text, replacement).encode(), ()))
    found = [d for d in caught.value.diagnostics if d.code == "E0609" and message in d.message]
    assert found, caught.value.diagnostics
    missing = "needs an integer" in message
    assert missing or any(d.span is not None and d.span.file == "machine.circ" for d in found)


def test_a_hash_of_another_width_is_refused() -> None:
    source = sources()["poseidon2.circ"].replace("[-2, 1], [1, 1], ", "[-2, 1], ", 1)
    with pytest.raises(DiagnosticError, match="width 24"):
        compile_touched(Mutant("poseidon2.circ", source.encode(), ()))


def test_the_inputs_that_are_expected_are_those_of_the_machine() -> None:
    spec = api.machine().spec
    assert {name: frozenset(given.names) for name, given in spec.inputs.items()} == TABLE_INPUTS | OPTIONAL_INPUTS
    assert frozenset(spec.circuit.claim.columns) == CLAIM_COLUMNS


def small(edit: tuple[str, str] = ("", "")) -> Program:
    """The program with claim.circ edited."""
    text = sources()["claim.circ"].replace(*edit) if edit[0] else sources()["claim.circ"]
    items = [item for name in sources() if name != "claim.circ" for item in items_of(name)]
    program = collect([*items, *parse(text, "claim.circ")], dict(sources()))
    assert program.claim is not None
    functions = Functions()
    boundary = elaborate_symbol(program, functions, ("tables", "boundary"))
    claim = elaborate_symbol(program, functions, CLAIM)
    facts = facts_of(program, {})
    tables = [lower_table(table, facts) for table in (boundary, claim)]
    check_given_tables(program, Lowerings([], tables[:1], tables[1], claim, {}, facts, [], {}))
    return program


def test_a_misspelt_input_is_refused() -> None:
    program = small(("last_clk", "last_clock"))
    found = [d for d in program.diagnostics if "last_clock" in d.message]
    assert found and found[0].help == "did you mean `last_clk`?" and found[0].span is not None


def test_an_unknown_public_value_is_refused() -> None:
    program = small(("  input  last: bit;", "  input  last: bit;\n  input  more: felt;"))
    assert any("gives the claim no `more`" in d.message for d in program.diagnostics)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "machine.circ").mkdir()
    with pytest.raises(DiagnosticError, match="cannot be read: is a directory"):
        load_machine(tmp_path)


def test_fmt_leaves_a_file_alone_that_is_not_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "a.circ"
    file.write_bytes(b"const  a = 1; // gr\xf6\xdfe\n")
    with pytest.raises(DiagnosticError, match="0xf6 is not UTF-8"):
        api.format_files([file], write=True)
    assert file.read_bytes() == b"const  a = 1; // gr\xf6\xdfe\n"


def test_a_second_message_of_what_a_word_says_is_refused() -> None:
    """The executor decodes by one of them; until this was refused it took the last."""
    source = sources()["cpu.circ"]
    (line,) = (x for x in source.splitlines() if x.startswith("  send   program(") and "times uses" in x)
    with pytest.raises(DiagnosticError) as caught:
        compile_touched(Mutant("cpu.circ", source.replace(line, f"{line}\n{line}").encode(), ()))
    (found,) = (d for d in caught.value.diagnostics if d.code == "E0212")
    assert found.span is not None and found.span.line == source.splitlines().index(line) + 2
