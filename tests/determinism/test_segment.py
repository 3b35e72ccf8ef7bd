"""A small honest segment fits, and mistakes that it cannot fit are reported: in rows that the runtime gives, in the claim, in padding."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.determinism.mutations import circuit, compilation
from tests.determinism.test_audit import edited
from zkc.compiler.audit import run
from zkc.compiler.audit.findings import HONEST
from zkc.compiler.audit.rules.segment import findings
from zkc.compiler.audit.run import circuit_of, segment_of
from zkc.compiler.audit.segment import HonestSegment
from zkc.compiler.compilation import compile_program
from zkc.compiler.targets.ending import ending_of


def test_the_segment_fits() -> None:
    assert list(findings(circuit(), compilation().lowered)) == []


def test_the_segment_has_what_a_segment_has() -> None:
    """Instructions, an environment call, loads and stores of user memory; pages that are clean and dirty."""
    c = circuit()
    segment = HonestSegment(c, compilation().lowered)
    arms = {str(row.arm) for row in segment.steps}
    assert arms & c.program.services.keys() and arms & {"lw", "lh", "lb", "lhu", "lbu"} and arms & {"sw", "sh", "sb"}
    for table in ("data_page", "table_page"):
        assert all(1 in segment.given[table][version] for version in ("clean", "old", "new"))
    assert not segment.given["dirty_page"]["page"]
    assert {0, 1, 2} <= set(segment.given["data_page"]["marks[0]"]) | set(segment.given["data_page"]["marks[1]"])


def test_the_last_segment_ends_the_run() -> None:
    lowered = compilation().lowered
    segment = HonestSegment(circuit(), lowered, ending_of(compilation().program, lowered))
    claim = segment.given[lowered.claim.name]
    assert not any(1 in segment.given["data_page"][version] for version in ("old", "new"))
    assert all(1 in segment.given["dirty_page"][version] for version in ("old", "new"))
    assert [row.arm for row in segment.steps] == ["exit"] and claim["last"] == [1] and claim["exit_code.lo"][0] and claim["exit_code.hi"][0]


MISTAKES = {
    "words of another place": ("paging.circ", "step + i, u32(lo = lo[i], hi = hi[i]), t", "step, u32(lo = lo[i], hi = hi[i]), t", "memory"),
    "a wide row of another place": ("paging.circ", "16 * step + i, u32(lo = lo[i]", "16 * step + i, u32(lo = lo[0]", "memory"),
    "a page that begins late": ("paging.circ", "assert old * times[i] == 0", "assert old * (times[i] - 1) == 0", "begins at time 0"),
    "another child": ("paging.circ", "child = arity * (page - table_page) + step;", "child = arity * page + step;", "digest"),
    "another version": ("paging.circ", "send sponge(tag, page, version, step + 1", "send sponge(tag, page, 1, step + 1", "sponge"),
    "an exit code": ("claim.circ", "assert (1 - last) * exit_code.hi == 0", "assert exit_code.hi == 0", "only the last segment"),
    "the last pc": ("claim.circ", "recv  exec(last_clk, last_lo + 2**16 * last_hi)", "recv  exec(last_clk, last_lo)", "exec"),
    "padding": ("paging.circ", "real == 1 ? inverse(page - root_page) : 0", "inverse(page - root_page)", "a real row of another page"),
    "the pc of a word": ("cpu.circ", "quarter: u14 = (pc >> 2) % 2**14", "quarter: u14 = (pc >> 2) % 2**8", "pc is the byte address"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported(name: str, tmp_path: Path) -> None:
    file, old, new, label = MISTAKES[name]
    root = edited(tmp_path, file, (old, new))
    c = compile_program(sorted(root.glob("*.circ")), root)
    found = list(findings(circuit_of(c), c.lowered))
    assert [f for f in found if f.code == HONEST and label in f.message and f.span is not None], found


def test_a_segment_that_fits_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the runtime reads something else of the program."""
    assert segment_of(compilation()) == []
    monkeypatch.setattr(run.segment, "findings", lambda *_: pytest.fail("tried again"))
    assert segment_of(compilation()) == []
    monkeypatch.setitem(compilation().program.constants, "tag_root", 5)
    with pytest.raises(pytest.fail.Exception, match="tried again"):
        segment_of(compilation())
