"""Words that begin, words that are fetched, words that are told, and what a claim says: mistakes in them are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.determinism.test_audit import edited
from zkc.compiler.audit.run import audit
from zkc.compiler.compilation import compile_program

ADDRESS = "page_words * page + 8 * step + i"
WIDE = "page_words * page + 16 * step + i"
TELLS = "send journal_word({}, i, u32(lo = {}_lo[i], hi = {}_hi[i])) times real;"
Edits = tuple[tuple[str, str], ...]
BEGIN = "nothing shows that what begins here on `memory` has different addresses"
CHILDREN = "what begins here on `digest` has different addresses"
CHILD = "child = arity * (page - table_page) + step;"
MISTAKES: dict[str, tuple[str, Edits, str, str]] = {
    # name: file, edits, table, a part of the message
    "pages overlap": ("paging.circ", ((ADDRESS, ADDRESS.replace("page_words", "page_words / 2")),) * 2, "data_page", BEGIN),
    "rows of a page overlap": ("paging.circ", ((ADDRESS, ADDRESS.replace("8 *", "4 *")),) * 2, "data_page", BEGIN),
    "words and rows are mixed up": ("paging.circ", ((ADDRESS, "page_words * page + 8 * i + step"),) * 2, "data_page", BEGIN),
    "two words of a row begin at one place": ("paging.circ", ((ADDRESS, ADDRESS.replace("+ i", "+ i / 2")),) * 2, "data_page", BEGIN),
    "wide rows of a page overlap": ("paging.circ", ((WIDE, WIDE.replace("16 *", "15 *")),), "dirty_page", BEGIN),
    "pages of the table overlap": (
        "paging.circ", ((CHILD, CHILD.replace("arity", "arity / 2")),), "table_page", CHILDREN,
    ),
    "one child has all digests of a page": (
        "paging.circ", ((CHILD, CHILD.replace(" + step", "")),), "table_page", CHILDREN,
    ),
    "code is not marked": (
        "cpu.circ", (("insn.word, 0, 1) times insn.real survives", "insn.word, 1, 0) times insn.real survives"),), "decode",
        "speaks of a word of `memory` that gets no mark",
    ),
    "another word than that of the pc is marked": (
        "cpu.circ", (("assert pc == 4 * address", "assert pc == 4 * address + 4"),), "decode", "that gets no mark",
    ),
    "a store takes code": (
        "memory.circ",
        (
            ("recv    memory(address, old, then, 0);", 'hint mark: bit = entry.mark because ""; recv memory(address, old, then, mark);'),
            ("send    memory(address, new, now, 0);", "send    memory(address, new, now, mark);"),
        ),
        "store_word",
        "may have a mark, and is given with another value",
    ),
    "the journal before is told as that after": (
        "claim.circ", ((TELLS.format(1, "after", "after"), TELLS.format(1, "before", "before")),), "boundary", "and nothing is made of it",
    ),
    "one word of the journal is told as all": (
        "claim.circ", ((TELLS.format(1, "after", "after"), TELLS.format(1, "after", "after").replace("[i]", "[0]")),), "boundary",
        "and nothing is made of it",
    ),
    "half of an exit code is not forced": (
        "claim.circ", (("(1 - last) * exit_code.hi == 0", "(1 - last) * exit_code.lo == 0"),), "claim",
        "`exit_code.hi` may be anything: no message speaks of it, where `last` is 0",
    ),
    "the exit code is that of the first segment": (
        "claim.circ", (("recv   halt(exit_code) times last", "recv   halt(exit_code) times first"),), "claim",
        "`exit_code.lo` may be anything",
    ),
}  # fmt: skip


def test_chains_of_two_tables_are_apart(tmp_path: Path) -> None:
    """A page could be hashed by rows of both."""
    root = edited(tmp_path, "paging.circ", ("recv sponge(tag,", "recv sponge(0,"), ("send sponge(tag,", "send sponge(0,"))
    found = audit(compile_program(sorted(root.glob("*.circ")), root), ["data_page", "table_page"])
    assert any("a chain over `sponge` may go on in a row of `data_page`" in f.message and f.span is not None for f in found)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported(name: str, tmp_path: Path) -> None:
    file, edits, table, message = MISTAKES[name]
    root = edited(tmp_path, file, *edits)
    found = [f for f in audit(compile_program(sorted(root.glob("*.circ")), root), [table]) if f.expected is None]
    assert any(message in f.message and f.span is not None for f in found), [f.message for f in found]
