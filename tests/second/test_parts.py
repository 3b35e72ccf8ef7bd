"""Tables in several parts, thin ones among them: the second verifier takes the heights that zkc does, and proofs about all their rows."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from examples.verifier import checks
from examples.verifier.parameters import Shape
from examples.verifier.refused import Refused
from tests.second.support import remember_hashes
from tests.second.toys import made_by, of_rows, refused, second, translated
from tests.stark.bent import FAST, HIDDEN, BentProver
from tests.stark.circuits import Example
from tests.stark.golden import statement
from zkc.runtime.errors import VerificationError
from zkc.runtime.stark.parameters import PARAMETER_SETS, Parameters
from zkc.runtime.stark.prover import heights_of, prove
from zkc.runtime.stark.shape import Shape as FirstShape

pytestmark = [pytest.mark.slow, pytest.mark.prove]
WIDE = replace(HIDDEN, log_blowup=3, log_fold=3)
CASES: dict[str, tuple[Parameters, int, int, list[int]]] = {
    "three and two": (FAST, 1024 + 256 + 128, 512 + 128, [1024 + 256 + 128, 512 + 128]),
    "the second is taller": (FAST, 256 + 128, 2048 + 128, [256 + 128, 2048 + 128]),
    "all low ones": (FAST, 1024 - 128, 256 + 128, [1024 - 128, 256 + 128]),
    "one thin part each": (HIDDEN, 2048 + 128, 1024 + 256, [2048 + 256, 1024 + 512]),
    "two thin parts": (HIDDEN, 4096 + 256 + 128, 2048 + 1024, [4096 + 512 + 256, 2048 + 1024]),
    "a thin table": (HIDDEN, 2048, 128, [2048, 256]),
    "a thin table in two parts": (HIDDEN, 2048 + 1024, 256 + 128, [2048 + 1024, 512 + 256]),
    "thin parts, blow-up 8": (WIDE, 2048 + 256, 1024 + 256 + 128, [2048 + 512, 1024 + 512 + 256]),
}
"""By name: parameters, rows of `main` and `copy`, and their heights."""


@pytest.fixture(autouse=True)
def insecure(monkeypatch: pytest.MonkeyPatch) -> None:
    remember_hashes()
    monkeypatch.setattr(checks, "check_security", lambda shape: None)


def case(name: str) -> tuple[Example, Parameters]:
    parameters, main, copy, _ = CASES[name]
    return of_rows(main, copy, parameters), parameters


@pytest.mark.parametrize("name", CASES)
def test_proofs_of_tables_in_parts(name: str) -> None:
    made, parameters = case(name)
    heights = heights_of(made.circuit, made.traces, parameters)
    proof = prove(made.circuit, made.traces, made.claim, parameters, allow_insecure=True)
    assert heights[:2] == CASES[name][3] and struct.unpack_from("<3I", proof) == tuple(heights)
    assert refused(made.circuit, made.claim, proof, parameters) is None


def ends(made: Example, table: int, parameters: Parameters) -> Iterator[int]:
    """The first and the last row of every part of a table."""
    shape = FirstShape(made.circuit, heights_of(made.circuit, made.traces, parameters), parameters)
    for part in shape.parts:
        if part.index == table:
            yield from (part.rows.start, part.rows.stop - 1)


@pytest.mark.parametrize("name", CASES)
def test_constraints_hold_in_every_part(name: str) -> None:
    """A square that is wrong in one row. That is the only constraint to fail: all later sums have what follows from it."""
    made, parameters = case(name)
    for row in ends(made, 0, parameters):
        main = made.traces["main"].copy()
        main[3, row] += 1
        main[1, row + 1 :] += 1
        main[5, row] = 0
        copy = made.traces["copy"].copy()
        copy[3, copy[0] == row] = 0
        wrong = Example(made.circuit, {**made.traces, "main": main, "copy": copy}, (made.claim[0], made.claim[1] + 1))
        assert made_by(BentProver, wrong, parameters) == "the constraints do not hold at zeta", row


@pytest.mark.parametrize("name", CASES)
def test_messages_count_in_every_part(name: str) -> None:
    """A row of `copy` that does not receive what is sent; one of `main` that does not count."""
    made, parameters = case(name)
    for table, cell in ((0, 4), (1, 3)):
        for row in ends(made, table, parameters):
            trace = made.traces[made.circuit.tables[table].name]
            assert trace[cell, row] == 1 or row >= min(CASES[name][1:3]) - 5
            wrong = made.altered(made.circuit.tables[table].name, cell, row, 1 - int(trace[cell, row]))
            assert made_by(BentProver, wrong, parameters), (table, row)


def digits_of(pick: random.Random) -> int:
    """A number of few digits, also too low and too high ones."""
    return sum(1 << k for k in pick.sample(range(5, 25), pick.randrange(1, 5)))


def some_heights(pick: random.Random, fixed: int | None, parameters: Parameters) -> int:
    """A height for a table with fixed columns of that height; most of them are allowed, or would be but for one digit."""
    least, full, most = parameters.min_log_height, parameters.full_log_height, parameters.max_log_height
    allowed = sum(1 << k for k in pick.sample(range(least, most + 1), pick.randrange(1, 6)))
    own = allowed if fixed is None else max(fixed, 1 << full)
    near = [own ^ 1 << pick.randrange(32), own | 1 << least - 1, own | 1 << most + 1, own | 1 << full, digits_of(pick), fixed or 1, allowed]
    return pick.choices([0, own, pick.choice(near)], [2, 12, 1])[0]


EVERY = [*PARAMETER_SETS.values(), FAST, HIDDEN, WIDE, replace(HIDDEN, masks=1), replace(HIDDEN, masks=341)]


@pytest.mark.parametrize("parameters", EVERY, ids=str)
def test_which_heights_are_allowed(parameters: Parameters) -> None:
    """Check 3 by itself: of most heights, no proof would get as far as this check. If they are allowed, the same follows from them."""
    made, pick = statement("everything").circuit, random.Random(5)
    read, allowed = second(made), 0
    fixed = [table.fixed.shape[1] if len(table.fixed) else None for table in made.tables]
    given = [[some_heights(pick, height, parameters) for height in fixed] for _ in range(400)]
    for heights in [[0] * 5, [1 << 14] * 4, [1 << 14] * 6, *given]:
        try:
            expected = FirstShape(made, heights, parameters)
        except VerificationError:
            with pytest.raises(Refused):
                Shape(read, heights, translated(parameters))
            continue
        same_shape(expected, Shape(read, heights, translated(parameters)))
        allowed += 1
    assert 100 < allowed < 350


def same_shape(expected: FirstShape, found: Shape) -> None:
    parts = [(part.table.name, part.log_height, part.rows.stop - part.rows.start, part.thin) for part in expected.parts]
    assert [(part.table.name, part.log_height, part.rows, part.thin) for part in found.parts] == parts
    assert (found.log_n, found.columns, found.polynomials) == (expected.log_height, expected.columns, expected.polynomials)
    assert (found.constraints, found.degree_bound, found.final) == (expected.constraints, expected.degree_bound, expected.final)
    for tree, layout in zip(found.trees, expected.trees, strict=True):
        assert tree.leaf_words == layout.words
        assert [(each.log_height, each.columns) for each in tree.classes] == [(each.log_height, each.columns) for each in layout.classes]


@pytest.mark.parametrize("parameters", [FAST, HIDDEN], ids=str)
def test_fixed_columns_are_in_one_part(parameters: Parameters) -> None:
    """Theirs, or 2^L: no second digit, none that is thin."""
    made, full = of_rows(128, 128, parameters).circuit, 1 << parameters.full_log_height
    read, tall, agreed = second(made), 4 * full, []
    for height in (full, *(full | 1 << k for k in range(25) if 1 << k != full), 2 * full, full // 2, full // 4, 4 * full - 128):
        try:
            agreed.append(bool(FirstShape(made, [tall, 0, height], parameters)))
        except VerificationError:
            agreed.append(False)
            with pytest.raises(Refused):
                Shape(read, [tall, 0, height], translated(parameters))
    assert agreed == [True, *[False] * (len(agreed) - 1)]
    assert Shape(read, [tall, 0, full], translated(parameters))


@pytest.mark.parametrize("name", ["three and two", "two thin parts"])
def test_any_height_in_a_proof(name: str) -> None:
    """Many that a proof may name, in place of its own: every digit alone and every one changed."""
    made, parameters = case(name)
    proof = BentProver(made, parameters).run()
    for table, own in enumerate(struct.unpack_from("<3I", proof)):
        digits = [1 << k for k in range(32)]
        for height in [0, *digits, *(own ^ digit for digit in digits), own.bit_length() - 1, 2**32 - 1]:
            changed = proof[: 4 * table] + struct.pack("<I", height) + proof[4 * table + 4 :]
            assert (refused(made.circuit, made.claim, changed, parameters) is None) == (height == own), (table, height)


def test_the_same_rows_in_other_parts() -> None:
    """Nothing but buses ties rows together: rows that change places, between a thin part and one that is not, prove the same claim."""
    made, parameters = case("two thin parts")
    mixed = np.random.default_rng(3).permutation(made.traces["main"].shape[1])
    other = Example(made.circuit, {**made.traces, "main": np.ascontiguousarray(made.traces["main"][:, mixed])}, made.claim)
    assert made_by(BentProver, other, parameters) is None


def test_any_bit() -> None:
    """Of a proof with thin parts."""
    made, parameters = case("thin parts, blow-up 8")
    proof, pick = BentProver(made, parameters).run(), random.Random(8)
    for position in [*range(0, 12), *(pick.randrange(len(proof)) for _ in range(60))]:
        changed = bytearray(proof)
        changed[position] ^= 1 << pick.randrange(8)
        assert refused(made.circuit, made.claim, bytes(changed), parameters), position
