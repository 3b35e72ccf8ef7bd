"""FRI: folding by 2^k with one challenge, for the prover's layers and the verifier's queries alike.

A layer holds the values of a polynomial of degree < n on the extended domain of height n, bit-reversed. A leaf is 2^k consecutive values,
a coset of the 2^k-th roots of unity; layers are `uint32[6 * 2^k][leaves]`, coefficient-major: column c 2^k + j is coefficient c of value j.
P(X) = sum X^i P_i(X^(2^k)) becomes sum beta^i P_i, which is k folds by two with beta, beta^2, beta^4, …
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field import extension
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.extension import DEGREE, Element
from zkc.runtime.field.koalabear import ONE, P, mul, power, root_of_unity, to_montgomery
from zkc.runtime.field.packed import LANES, load, splat, store
from zkc.runtime.hash.merkle import group_rows, leaf_hashes, tree_over
from zkc.runtime.kernels.threads import parallel_for
from zkc.runtime.stark.parameters import shift
from zkc.runtime.stark.proof import LayerPlan, Opening

TILE: Final = 1 << 10

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int64]


@kernel
def reverse_bits(value: int, bits: int) -> int:
    """The low `bits` bits of `value` in the opposite order."""
    out = 0
    for _ in range(bits):
        out = out << 1 | value & 1
        value >>= 1
    return out


@kernel
def points(indices: Indices, bits: int, root: np.uint32, start: np.uint32) -> Words:
    """start * root^rev(index), the points with these numbers in bit-reversed order of 2^bits; Montgomery."""
    out = np.empty(len(indices), dtype=np.uint32)
    for i in range(len(indices)):
        out[i] = mul(start, power(root, reverse_bits(indices[i], bits)))
    return out


@kernel
def all_points(bits: int, root: np.uint32, start: np.uint32) -> Words:
    """`points` of all 2^bits indices, by doubling: rev(2^k + i) is rev(i) plus 2^(bits - 1 - k)."""
    out = np.empty(1 << bits, dtype=np.uint32)
    out[0] = start
    for k in range(bits):
        factor = power(root, 1 << (bits - 1 - k))
        for i in range(1 << k):
            out[(1 << k) + i] = mul(out[i], factor)
    return out


def inverse_starts(log_height: int, log_blowup: int, fold: int, indices: Indices | None = None) -> Words:
    """1 / x of the first point of each leaf of 2^fold values, or of the leaves `indices`, of a layer of degree bound 2^log_height."""
    log_size = log_height + log_blowup
    root = np.uint32(to_montgomery(pow(root_of_unity(log_size), -1, P)))
    start = np.uint32(to_montgomery(pow(shift(log_height), -1, P)))
    if indices is None:
        return all_points(log_size - fold, root, start)
    return points(indices, log_size - fold, root, start)


def fold_leaves(leaves: Words, inverse_x: Words, beta: Words) -> Words:
    """`uint32[6][n]`: the folded values of `leaves` `uint32[6 * arity][n]`, n a multiple of 16; inverse_x `uint32[n]`, beta `uint32[6]`."""
    arity = leaves.shape[0] // DEGREE
    fold = arity.bit_length() - 1
    challenges = [Element.from_words(beta)]
    while len(challenges) < fold:
        challenges.append(challenges[-1] * challenges[-1])
    betas = np.array([challenge.words() for challenge in challenges], dtype=np.uint32)
    root = np.uint32(to_montgomery(pow(root_of_unity(fold), -1, P)))
    turns = all_points(fold - 1, root, np.uint32(ONE))
    scale = np.uint32(to_montgomery(pow(arity, -1, P)))
    out = np.empty((DEGREE, leaves.shape[1]), dtype=np.uint32)
    parallel_for(lambda start, stop: _fold_rows(leaves, inverse_x, betas, turns, scale, out, start, stop), leaves.shape[1], TILE)
    return out


@kernel
def _fold_rows(leaves: Words, inverse_x: Words, betas: Words, turns: Words, scale: np.uint32, out: Words, start: int, stop: int) -> None:
    """Leaves `start .. stop - 1`. turns[j] is w^-rev(j), w the arity-th root: x of pair j is the leaf's first point times w^rev(j)."""
    arity = leaves.shape[0] // DEGREE
    values = np.empty((DEGREE * arity, LANES), dtype=np.uint32)
    for row in range(start, stop, LANES):
        for column in range(DEGREE * arity):
            store(values, (column // arity + column % arity * DEGREE, 0), load(leaves, (column, row)))
        x = load(inverse_x, row)
        count = arity
        for level in range(betas.shape[0]):
            count >>= 1
            beta = extension.splat_packed(
                (betas[level, 0], betas[level, 1], betas[level, 2], betas[level, 3], betas[level, 4], betas[level, 5])
            )
            for j in range(count):
                a = extension.load_packed(values, 2 * DEGREE * j, 0)
                b = extension.load_packed(values, 2 * DEGREE * j + DEGREE, 0)
                odd = extension.scale(extension.sub(a, b), x * splat(turns[j]))
                extension.store_packed(values, DEGREE * j, 0, extension.add(extension.add(a, b), extension.mul(beta, odd)))
            x = x * x
        extension.store_packed(out, 0, row, extension.scale(extension.load_packed(values, 0, 0), splat(scale)))


@kernel
def evaluate_final(final: Words, x: Words) -> Words:
    """`uint32[6][n]`: the polynomial with coefficients `final` `uint32[6][count]` at base points x `uint32[n]`, by Horner."""
    out = np.zeros((DEGREE, len(x)), dtype=np.uint32)
    for q in range(len(x)):
        total = extension.read(final, final.shape[1] - 1)
        for i in range(final.shape[1] - 2, -1, -1):
            total = extension.add(extension.scale(total, x[q]), extension.read(final, i))
        extension.write(out, q, total)
    return out


def fold_opened(leaves: Words, inverse_x: Words, beta: Words) -> Words:
    """`fold_leaves` of row-major leaves `uint32[n][6 * arity]`, any n."""
    count = len(inverse_x)
    padded = -(-count // LANES) * LANES
    columns = np.zeros((leaves.shape[1], padded), dtype=np.uint32)
    columns[:, :count] = leaves.T
    starts = np.zeros(padded, dtype=np.uint32)
    starts[:count] = inverse_x
    return fold_leaves(columns, starts, beta)[:, :count]


def opened_points(positions: Indices, log_height: int, log_blowup: int) -> Words:
    """The points of the extended domain of height 2^log_height with these numbers."""
    log_size = log_height + log_blowup
    root = np.uint32(to_montgomery(root_of_unity(log_size)))
    return points(positions, log_size, root, np.uint32(to_montgomery(shift(log_height))))


def opened_leaves(plan: LayerPlan, known: Words, missing: Words) -> Words:
    """`uint32[leaves][6 * arity]`: the opened leaves, from the values `uint32[6][.]` that are looked up and the missing `uint32[.][6]`."""
    order = np.argsort(np.concatenate([plan.positions, plan.missing]), kind="stable")
    values = np.concatenate([known.T, missing])[order]
    return np.ascontiguousarray(values.reshape(len(plan.leaves), 1 << plan.fold, DEGREE).transpose(0, 2, 1)).reshape(len(plan.leaves), -1)


class Layer:
    """A committed layer of the prover: `leaves` `uint32[6 * arity][n]` of 2^fold values each, and their tree."""

    def __init__(self, values: Words, fold: int) -> None:
        self.leaves = group_rows(values, 1 << fold)
        self.tree = tree_over(leaf_hashes(self.leaves))

    def open(self, plan: LayerPlan) -> Opening:
        """The values beside those that are looked up, and the siblings."""
        slots = self.leaves.reshape(DEGREE, 1 << plan.fold, -1)
        rows = slots[:, plan.missing & ((1 << plan.fold) - 1), plan.missing >> plan.fold].T
        return Opening(np.ascontiguousarray(rows), self.tree.siblings(plan.leaves))
