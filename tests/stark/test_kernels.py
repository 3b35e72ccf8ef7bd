"""The kernels of the proof system against Python integers, extreme words included."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt
import pytest

from tests.stark.circuits import TableBuilder
from tests.stark.reference.common import KOALABEAR
from tests.stark.reference.field import bit_reverse
from tests.stark.reference.prover import fold_layer
from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, MUL, SUB
from zkc.runtime.field.extension import DEGREE, Element
from zkc.runtime.field.koalabear import P, from_montgomery, to_montgomery
from zkc.runtime.poly.barycentric import evaluate_columns, weights
from zkc.runtime.poly.ntt import evaluate, interpolate
from zkc.runtime.stark import fri
from zkc.runtime.stark.evaluators import interpreter, outputs
from zkc.runtime.stark.grinding import grind
from zkc.runtime.stark.inversion import INVERSION_COLUMNS, invert_rows
from zkc.runtime.stark.lifting import lift_and_add
from zkc.runtime.stark.logup import accumulator, next_row
from zkc.runtime.stark.parameters import shift
from zkc.runtime.stark.points import PointWeights
from zkc.runtime.stark.proof import distinct
from zkc.runtime.stark.quotient import local_quotient, select_rows, times_basis
from zkc.runtime.stark.shape import StackClass
from zkc.runtime.stark.stacks import thin_coefficients
from zkc.runtime.stark.sums import add_slot_sums, weighted_row_sums
from zkc.runtime.stark.transcript import Transcript

Words = npt.NDArray[np.uint32]


def words(*shape: int, seed: int = 1) -> Words:
    """Random field elements; a good part are p - 1 and 0."""
    rng = np.random.default_rng(seed)
    out = rng.integers(0, P, shape, dtype=np.uint32)
    choice = rng.integers(0, 4, shape)
    out[choice == 0] = P - 1
    out[(choice == 1) & (rng.random(shape) < 0.2)] = 0
    return out


def element(column: Words) -> Element:
    return Element.from_words(column)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 33])
def test_weighted_sums_of_columns(count: int) -> None:
    columns, factors, out = words(count, 48), words(DEGREE, count, seed=2), words(DEGREE, 48, seed=3)
    expected = [
        [(int(out[c, b]) + sum(int(columns[i, b]) * int(factors[c, i]) for i in range(count)) * pow(2**32, -1, P)) % P for b in range(48)]
        for c in range(DEGREE)
    ]
    wide = out[:, None, :].copy()
    add_slot_sums(columns, StackClass(4, 4, 0, 0, tuple(range(count)), 0, 0, 1), factors, wide)
    assert wide[:, 0].tolist() == expected


@pytest.mark.parametrize("rows", [32, 128, 4096])
def test_weighted_sums_of_rows(rows: int) -> None:
    columns, factors = words(3, rows), words(DEGREE, rows, seed=2)
    exact = columns.astype(object) @ factors.T.astype(object) * pow(2**32, -1, P) % P
    assert weighted_row_sums(columns, factors).tolist() == exact.tolist()


def test_inversion_of_rows() -> None:
    work = np.zeros((INVERSION_COLUMNS, 64), dtype=np.uint32)
    work[:DEGREE] = words(DEGREE, 64)
    work[0, (work[:DEGREE] == 0).all(axis=0)] = 1
    before = work[:DEGREE].copy()
    assert invert_rows(work, 48)
    for b in range(48):
        assert element(before[:, b]) * element(work[:DEGREE, b]) == Element.base(1)
    work[:DEGREE, 5] = 0
    assert not invert_rows(work, 48)


def test_values_at_a_point_on_cosets() -> None:
    columns = words(5, 256)
    for start in (1, 3, 12345):
        point = Element((5, 4, 3, 2, 1, 9))
        expected = evaluate_columns(columns, weights(8, point.words(), start))
        assert PointWeights.of(8, point, start).evaluate(columns).tolist() == expected.tolist()


@pytest.mark.parametrize("fold", [1, 2, 3, 4])
def test_folds(fold: int) -> None:
    log_height, log_size = 8, 9
    leaves, beta = words(DEGREE << fold, 1 << (log_size - fold)), words(DEGREE, seed=2)
    by_value = leaves.reshape(DEGREE, 1 << fold, -1).transpose(2, 1, 0).reshape(-1, DEGREE)
    values = [element(value).coefficients for value in by_value]
    expected = fold_layer(KOALABEAR, values, fold, shift(log_height), element(beta).coefficients)
    folded = fri.fold_leaves(leaves, fri.inverse_starts(log_height, 1, fold), beta)
    assert [element(folded[:, b]).coefficients for b in range(folded.shape[1])] == expected
    some = np.array([0, 3, 9, 20])
    again = fri.fold_opened(leaves.T[some], fri.inverse_starts(log_height, 1, fold, some), beta)
    assert again.tolist() == folded[:, some].tolist()


def test_lifted_sums() -> None:
    parts = [words(2, 64, seed=1), words(2, 16, seed=2), words(2, 64, seed=3), words(2, 16, seed=4)]
    expected = [[sum(int(part[c, b * part.shape[1] // 128]) for part in parts) % P for b in range(128)] for c in range(2)]
    assert lift_and_add([part.copy() for part in parts], 128).tolist() == expected


def test_rows_in_the_order_of_exponents() -> None:
    for bits in (1, 4, 7):
        row = 0
        for exponent in range(1 << bits):
            assert row == bit_reverse(exponent, bits)
            row = next_row(row, bits)
        assert row == 0


def test_accumulator_steps() -> None:
    """Of a part of the greatest height, of a lower one, and of a thin one: 16 rows, at the even exponents of 32."""
    phis, claimed = [words(12, 128), words(6, 32, seed=2), words(6, 16, seed=3)], Element((1, 2, 3, 4, 5, 6))
    acc, total = accumulator(7, phis, claimed, [False, False, True])
    running = Element.base(0)
    for exponent in range(128):
        b = bit_reverse(exponent, 7)
        assert element(acc[:, b]) == running
        step = claimed * Element.base(128).inverse() + element(phis[0][:6, b]) + element(phis[0][6:, b])
        running = running + step + element(phis[1][:, b >> 2]) * Element.base(4).inverse()
        if exponent % 2 == 0:
            running = running + element(phis[2][:, b >> 2]) * Element.base(4).inverse()
    every = [element(phis[0][at : at + 6, b]) for at in (0, 6) for b in range(128)]
    every += [element(phi[:, b]) for phi in phis[1:] for b in range(phi.shape[1])]
    assert total == sum(every, claimed)
    assert total == running


@pytest.mark.parametrize(("log_height", "log_rows"), [(5, 5), (5, 4), (9, 8)])
def test_quotients_by_what_vanishes_on_the_rows(log_height: int, log_rows: int) -> None:
    """Of a multiple of Y^m - 1 on the extended domain, for full parts and for thin ones."""
    rows, size = 1 << log_rows, 2 << log_height
    quotient = words(DEGREE, size)
    quotient[:, size - rows :] = 0
    product = np.zeros_like(quotient)
    product[:, rows:] = quotient[:, : size - rows]
    values = evaluate(_less(product, quotient), shift(log_height))
    assert np.array_equal(local_quotient(log_height, log_rows, values), quotient)


def _less(x: Words, y: Words) -> Words:
    return ((x.astype(np.int64) - y) % P).astype(np.uint32)


@pytest.mark.parametrize("masks", [1, 9, 16])
def test_a_thin_column_has_its_rows_and_its_mask(masks: int) -> None:
    """f + (Y^m - 1) r: on the even exponents it is f, and its coefficients from m on are those of r."""
    columns, mask = words(3, 16), np.zeros((3, 16), dtype=np.uint32)
    mask[:, :masks] = words(3, masks, seed=2)
    coefficients = thin_coefficients(columns, mask)
    assert coefficients.shape == (3, 32) and np.array_equal(evaluate(coefficients)[:, :16], columns)
    assert np.array_equal(coefficients[:, 16:], mask)


def test_rows_of_a_thin_part_are_selected() -> None:
    """Times Y^m + 1 on the extended domain: twice the column on its rows, zero on the others."""
    coefficients = np.zeros((2, 64), dtype=np.uint32)
    coefficients[:, :32] = words(2, 32)
    values = evaluate(coefficients, shift(5))
    select_rows(5, 4, values)
    column = evaluate(np.ascontiguousarray(coefficients[:, :32]))
    found = interpolate(values, shift(5))
    folded = np.ascontiguousarray(((found[:, :32].astype(np.int64) + found[:, 32:]) % P).astype(np.uint32))
    rows = evaluate(folded)
    assert not rows[:, 16:].any() and np.array_equal(rows[:, :16], ((2 * column[:, :16].astype(np.int64)) % P).astype(np.uint32))


def test_evaluators_of_random_programs() -> None:
    rng = random.Random(7)
    for _ in range(6):
        table = TableBuilder("random")
        nodes = [table.column(f"c{i}") for i in range(5)] + [table.constant(rng.randrange(P)) for _ in range(3)]
        for _ in range(60):
            x, y = rng.choice(nodes), rng.choice(nodes)
            nodes.append(rng.choice([x + y, x - y, x * y]))
        for node in rng.sample(nodes, 12):
            table.zero(node)
        table.send(0, nodes[0], nodes[6], nodes[-1])
        made, columns = table.build(), words(5, 600)
        expected = [run(made.nodes.tolist(), columns[:, row], outputs(made)) for row in (16, 300, 591)]
        out = np.zeros((len(outputs(made)), 600), dtype=np.uint32)
        interpreter(made)(columns, 16, 592, out)
        assert [out[:, row - 16].tolist() for row in (16, 300, 591)] == expected


def run(nodes: list[list[int]], row: Words, wanted: list[int]) -> list[int]:
    """A node program on one row of Montgomery words, in Python integers."""
    values: list[int] = []
    for op, a, b in nodes:
        if op == COLUMN:
            values.append(from_montgomery(int(row[a])))
        elif op == CONSTANT:
            values.append(a)
        else:
            x, y = values[a], values[b]
            values.append({ADD: x + y, SUB: x - y, MUL: x * y}[op] % P)
    return [to_montgomery(values[node]) for node in wanted]


def test_elements_times_the_powers_of_x() -> None:
    rng = random.Random(7)
    elements = [Element(tuple(rng.choice((0, 1, P - 1, rng.randrange(P))) for _ in range(DEGREE))) for _ in range(20)]
    words = np.array([element.words() for element in elements], dtype=np.uint32).T
    powers = [Element(tuple(int(i == c) for i in range(DEGREE))) for c in range(DEGREE)]
    products = [element * power for element in elements for power in powers]
    assert [Element.from_words(column) for column in times_basis(words).T] == products


def test_positions_are_distinct_and_ascending() -> None:
    for count in (0, 1, 2, 100):
        positions = np.random.default_rng(count).integers(0, 50, count)
        assert distinct(positions).tolist() == np.unique(positions).tolist()


def test_grinding_finds_the_least_nonce() -> None:
    for seed in range(3):
        transcript = Transcript()
        transcript.absorb(b"seed", bytes([seed]))
        nonce = grind(transcript, 9)
        assert nonce == next(k for k in range(10_000) if transcript.proof_of_work(k) % 512 == 0)
