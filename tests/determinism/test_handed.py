"""What rows hand on, and what is bound by it: a small circuit that is right, and mistakes in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from zkc.compiler.audit.findings import HANDED
from zkc.compiler.audit.run import rows_of
from zkc.compiler.audit.table import Circuit, TableAudit
from zkc.compiler.elaboration.context import Functions
from zkc.compiler.front import front_end
from zkc.compiler.pipeline import facts_of, lower_table
from zkc.compiler.rows import elaborate_symbol, indices

CIRCUIT = Path(__file__).parent / "handed.circ"
GIVEN = "send   sponge(page, version, step + 1, slice(out, 2, 4)) times real - last;"
TAKEN = "recv   sponge(page, version, step, carried) times real - first;"
BOUND = "recv   digest(page, slice(out, 0, 2), 0) times last * (clean + old);"
SENT = "send words(8 * page + 2 * step + i, word[i]) times clean + old;"
OTHER = (("(page, version, step, c", "(0, version, step, c"), ("(page, version, step + 1", "(0, version, step + 1"))
MISTAKES: dict[str, tuple[tuple[tuple[str, str], ...], str]] = {
    "another page goes on": (((TAKEN, TAKEN.replace("page", "other")),), "`page` of `sponge` is not given as it is taken"),
    "another version goes on": (((GIVEN, GIVEN.replace("version", "1")),), "`version` of `sponge` is not given as it is taken"),
    "a row is left out": (((GIVEN, GIVEN.replace("+ 1", "+ 2")),), "`step` of `sponge` does not grow by one"),
    "the position stays": (((GIVEN, GIVEN.replace("step + 1", "step")),), "`step` of `sponge` does not grow by one"),
    "the chain does not tell the page": (OTHER, "`address` of `send words` is neither carried by the chain nor determined by it"),
    "words of another page": (((SENT, SENT.replace("page", "other")),), "`address` of `send words` is neither carried by the chain nor"),
    "all versions are one": ((("3 * clean + old + 2 * new", "0"),), "is not told by all rows of a chain"),
    "a word is not hashed": ((("word[1], carried", "word[0], carried"),), "is not made of all that is to be bound"),
    "a part of the state is lost": ((("carried[0], carried[1]]", "carried[0], 0]"),), "is not made of all that is to be bound"),
    "a part of the state is a constant": ((("step, carried)", "step, [carried[0], 0])"),), "`capacity[1]` of `sponge` is not taken as"),
    "the state does not go on": (((GIVEN, GIVEN.replace("slice(out, 2, 4)", "[out[2], page]")),), "is not made of all that is to be bound"),
    "a part of the digest is a constant": (((BOUND, BOUND.replace("slice(out, 0, 2)", "[out[0], 5]")),), "`digest[1]` of `digest` is not"),
    "the digest of old words is not received": (((BOUND, BOUND.replace("clean + old", "clean")),), "is not received where its chain"),
    "the digest is sent, not received": (((BOUND, BOUND.replace("recv", "send")),), "is not received where its chain ends"),
    "the digest of another page": (((BOUND, BOUND.replace("page", "other")),), "is not received where its chain ends"),
    "a page takes the digest that it gives": (((BOUND, BOUND.replace(", 0)", ", 1)")),), "a row takes what it gives itself on `digest`"),
    "a clean page has two digests": (((BOUND, BOUND.replace("slice(out, 0, 2)", "[out[1], out[0]]")),), "`digest[0]` of `digest` is not"),
    "the last step is turned around": (((", last_lo + 2**16 * last_hi)", ", last_hi + 2**16 * last_lo)"),), "`pc` of `steps` is not put"),
    "the first step is turned around": ((("(0, lo + 2**16 * hi)", "(0, hi + 2**16 * lo)"),), "`pc` of `steps` is not put back"),
    "the last step is not put back": ((("lo = last_lo, hi", "lo = lo, hi"),), "`pc` of `steps` is not put back"),
    "a word is turned around": ((("lo = last_lo, hi = last_hi", "lo = hi, hi = lo"),), "is given as `value.lo`"),
    "what binds is not received in the row": ((("value(0, one[0]", "value(0, word[0]"),), "nothing that is received on `value` is made of"),
}  # fmt: skip


def audited(text: str, folder: Path) -> list[str]:
    """What the rules of chains say about the tables of a text."""
    path = folder / "handed.circ"
    path.write_text(text)
    program, _ = front_end([path], folder)
    facts = facts_of(program, indices(program))
    found: list[str] = []
    for name in program.tables:
        lowered = lower_table(elaborate_symbol(program, Functions(), ("tables", name)), facts)
        audit = TableAudit(Circuit.of(program, facts, lowered.row, {}), lowered)
        found += [f.message for f in rows_of(audit) if f.code == HANDED]
    return found


def test_the_circuit_is_right(tmp_path: Path) -> None:
    assert audited(CIRCUIT.read_text(), tmp_path) == []


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported(name: str, tmp_path: Path) -> None:
    text = CIRCUIT.read_text()
    edits, message = MISTAKES[name]
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    assert any(message in found for found in audited(text, tmp_path)), audited(text, tmp_path)
