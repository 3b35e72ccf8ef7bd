"""What the compiler refuses, with code, place and help: each case is one edit of the real circuits."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from lark import Lark

from zkc.compiler.build import build
from zkc.compiler.machines import circuits_directory
from zkc.dsl.diagnostics import DiagnosticError
from zkc.dsl.parser import grammar, parse, tables_of, with_tables

CASES: dict[str, tuple[str, str, str, str]] = {
    # name: file, text, its replacement, the code expected
    "missing semicolon": ("alu.circ", "spec   sum = (a + b) % 2**32;", "spec   sum = (a + b) % 2**32", "E0201"),
    "stray character": ("alu.circ", "spec   sum = (a + b) % 2**32;", "spec   sum = (a + b) $ 2**32;", "E0201"),
    "end of file": ("rv32m.circ", "insn remu   funct7=0b0000001 funct3=0b111 { rd = remainder; }\n}", "", "E0201"),
    "unknown name": ("alu.circ", "let    c1  = ", "let    c1  = nowhere + ", "E0204"),
    "misspelt gadget": ("cpu.circ", "read_register(insn.rs1, clk);", "read_registre(insn.rs1, clk);", "E0204"),
    "unknown field": ("alu.circ", "(a.lo + b.lo - sum.lo)", "(a.low + b.lo - sum.lo)", "E0207"),
    "unknown type": ("memory.circ", "hint gap_hi: u8", "hint gap_hi: byte", "E0206"),
    "wrong type": ("rv32i.circ", "insn lui { rd = imm; }", "insn lui { rd = add32(imm, pc); }", "E0205"),
    "no operator": ("rv32i.circ", "insn xori  funct3=0b100 { rd = rs1 ^ imm; }", "insn xori  funct3=0b100 { rd = rs1 / imm; }", "E0209"),
    "wrong number of arguments": ("rv32i.circ", "load_word(word_address(rs1, imm)", "load_word(word_address(rs1)", "E0210"),
    "declared twice": ("rv32m.circ", "/// RV32M, in the manual's order.", "gadget add32(a: u32) -> b: u32 { let b = a; }", "E0203"),
    "shared encoding": ("rv32m.circ", "insn divu   funct7=0b0000001 funct3=0b101", "insn divu   funct7=0b0000001 funct3=0b100", "E0103"),
    "field of a format": ("rv32m.circ", "insn divu   funct7=0b0000001", "insn divu   funct8=0b0000001", "E0101"),
    "value too wide": ("rv32m.circ", "insn divu   funct7=0b0000001 funct3=0b101", "insn divu   funct7=0b0000001 funct3=0b1101", "E0102"),
    "format of 31 bits": ("rv32i.circ", "format r { funct7:7", "format r { funct7:6", "E0102"),
    "equation that wraps": ("alu.circ", "hint   c0: u10 = (x[0]", "hint   c0: u16 = (x[0]", "E0301"),
    "degree": ("alu.circ", "assert  sign * (1 - signed) == 0", "assert  sign * (1 - signed) * x0 * x1 == 0", "E0401"),
    "unconstrained hint": ("alu.circ", '  assert t1 + c0 == product.hi + 2**16 * c1 "bits 16 to 31";', "", "E0501"),
    "nothing receives": ("services.circ", "bus halt(code: u32);", "bus halt(code: u32);\nbus lonely(x: felt);", "E0606"),
    "wrong width": ("cpu.circ", "recv    exec(clk, pc);", "recv    exec(clk);", "E0603"),
    "no such bus": ("cpu.circ", "recv    exec(clk, pc);", "recv    exek(clk, pc);", "E0601"),
    "dropped result": ("rv32i.circ", "insn fence funct2=0b00 { }", "insn fence funct2=0b00 { pc_word(pc); }", "E0505"),
    "gadget in a hint": ("alu.circ", "spec   sum = (a + b) % 2**32;", "spec   sum = add32(a, b);", "E0504"),
    "assert that is no equation": ("alu.circ", 'assert c0 * (1 - c0) == 0 "carry', 'assert c0 * (1 - c0) "carry', "E0202"),
}  # fmt: skip


def squeezed(text: str) -> str:
    """The text with runs of spaces inside lines made one, so that alignment does not matter."""
    return re.sub(r"(?<=\S) +", " ", text)


def compiled(directory: Path) -> None:
    build(sorted(directory.glob("*.circ")), directory)


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str, tmp_path: Path) -> None:
    file, text, replacement, code = CASES[name]
    directory = tmp_path / "circuits"
    shutil.copytree(circuits_directory(), directory)
    source, text = squeezed((directory / file).read_text()), squeezed(text)
    assert text in source
    (directory / file).write_text(source.replace(text, replacement, 1))
    with pytest.raises(DiagnosticError) as caught:
        compiled(directory)
    found = [d for d in caught.value.diagnostics if d.code == code]
    assert found, str(caught.value)
    assert f"error[{code}]" in str(caught.value)
    place = "rv32i.circ" if name == "degree" else file  # a gadget's degree shows where an instruction uses it
    assert any(d.span is not None and d.span.file.endswith(place) for d in found), str(caught.value)


def test_a_missing_semicolon_is_shown_where_it_is_missing(tmp_path: Path) -> None:
    directory = tmp_path / "circuits"
    directory.mkdir()
    (directory / "a.circ").write_text("const x = 3\nconst y = 4;\n")
    with pytest.raises(DiagnosticError) as caught:
        compiled(directory)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.span is not None and (diagnostic.span.line, diagnostic.span.column) == (1, 12)
    assert "const x = 3\n" in str(caught.value) and "^" in str(caught.value)


def test_a_kept_parser_reads_and_refuses_the_same() -> None:
    """States have numbers for names, which JSON makes strings of."""
    kept = with_tables(tables_of(grammar()))
    text = (circuits_directory() / "rv32m.circ").read_text()
    tokens = [m.span() for m in re.finditer(r"\w+|[^\w\s]", text)]
    texts = [text, *(text[:start] + text[end:] for start, end in tokens[::7]), *(text[:end] for _, end in tokens[::23]), "gadget $"]

    def read(source: str, lark: Lark) -> object:
        try:
            return parse(source, "a.circ", lark)
        except DiagnosticError as error:
            return error.diagnostics

    assert all(read(source, kept) == read(source, grammar()) for source in texts)
