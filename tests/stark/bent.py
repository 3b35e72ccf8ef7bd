"""A kit of cheating provers. Each bends one phase of the honest prover and follows the protocol otherwise; none checks itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.stark.circuits import Example
from zkc.runtime.field.extension import Element
from zkc.runtime.field.koalabear import P, from_montgomery, to_montgomery
from zkc.runtime.hash.merkle import leaf_hashes, tree_over
from zkc.runtime.poly.ntt import evaluate, interpolate
from zkc.runtime.stark.commitment import Commitment
from zkc.runtime.stark.constraints import element_powers
from zkc.runtime.stark.deep import Batch, deep_values
from zkc.runtime.stark.fri import Layer, opened_points
from zkc.runtime.stark.identity import identity_defect
from zkc.runtime.stark.parameters import Parameters, shift
from zkc.runtime.stark.proof import Opening
from zkc.runtime.stark.prover import Prover
from zkc.runtime.stark.shape import StackClass
from zkc.runtime.stark.stacks import Masked, Stack

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int64]

FAST = Parameters(queries=40, grinding=4, log_fold=2, log_final=3)
"""Insecure, for tests: many folds on short tables."""
HIDDEN = Parameters(queries=40, grinding=4, log_fold=2, masks=46)
"""As insecure, with masks."""


class BentProver(Prover):
    """The honest prover without its checks: on true statements it is honest, on false ones it does its best."""

    def __init__(self, example: Example, parameters: Parameters = FAST) -> None:
        super().__init__(example.circuit, example.traces, example.claim, parameters, allow_insecure=True)

    def check(self, openings: Words) -> None:
        """Looks away."""

    def balance(self, total: Element) -> None:
        """Looks away."""


class HighDegreeColumn(BentProver):
    """Commits a first column whose extension is that of no polynomial of low degree, everywhere or in a fraction of rows."""

    fraction = 1.0

    def extend(self, stack: Stack) -> Masked:
        masked = super().extend(stack)
        if stack.layout is self.shape.trace:
            rng = np.random.default_rng(5)
            column = masked.extended.views[0][0]
            rows = rng.random(len(column)) < self.fraction
            column[rows] = rng.integers(0, P, int(rows.sum()), dtype=np.uint32)
        return masked


class HalfWrongColumn(HighDegreeColumn):
    fraction = 0.5


class HighDegreeMask(BentProver):
    """Adds a mask to the DEEP polynomial that is no polynomial of low degree."""

    def commit(self, extended: Stack, mask: Words | None = None) -> Commitment:
        if mask is not None:
            mask[:] = np.random.default_rng(6).integers(0, P, mask.shape, dtype=np.uint32)
        return super().commit(extended, mask)


class ForgottenMask(BentProver):
    """Leaves its mask out of the DEEP polynomial."""

    def deep_polynomial(self, openings: Words, gamma: Words) -> Words:
        mask, self.trees[-1].mask = self.trees[-1].mask, None
        values = super().deep_polynomial(openings, gamma)
        self.trees[-1].mask = mask
        return values


class WrongQuotient(BentProver):
    """Adds a constant to the combined constraint before it is divided."""

    def step(self, weight: Words) -> Words:
        combined = super().step(weight)
        combined[0] = (combined[0].astype(np.uint64) + 1) % P
        return combined


class LyingOpenings(BentProver):
    """Chooses the opened value of q0 so that the identity at zeta holds, whatever was committed."""

    def open_columns(self) -> Words:
        openings = super().open_columns()
        opened = np.ascontiguousarray(openings.T)
        defect = identity_defect(self.shape, opened, self.fingerprint, self.lam, self.zeta, self.claimed)
        share = defect * (self.zeta**self.shape.height - Element.base(1)).inverse()
        at = self.shape.quotient.matrices[0].offset
        openings[at] = (Element.from_words(openings[at]) + share).words()
        return openings


class LyingAccumulatorStep(BentProver):
    """Chooses the opened value of the accumulator at w zeta so that the identity holds."""

    def open_columns(self) -> Words:
        openings = super().open_columns()
        opened = np.ascontiguousarray(openings.T)
        defect = identity_defect(self.shape, opened, self.fingerprint, self.lam, self.zeta, self.claimed)
        weight = Element.from_words(element_powers(self.lam, self.shape.constraints)[:, -1])
        at = self.shape.columns
        openings[at] = (Element.from_words(openings[at]) - defect * weight.inverse()).words()
        return openings


class WrongFold(BentProver):
    """Adds a constant to the values of one FRI layer: each layer alone is of low degree, the fold between them is wrong."""

    layer = 1

    def fold_layer(self, leaves: Words, fold: int, log_height: int, beta: Words) -> Words:
        folded = super().fold_layer(leaves, fold, log_height, beta)
        if self.shape.log_height - log_height == self.layer * self.shape.folds[0]:
            folded[0] = (folded[0].astype(np.uint64) + 1) % P
        return folded


class WrongFinal(BentProver):
    """Sends a final polynomial with another constant coefficient, or another of its coefficients, in one of six words."""

    row, word = 0, 0

    def fold(self, values: Words) -> tuple[list[Layer], Words]:
        layers, final = super().fold(values)
        final[self.row, self.word] = (int(final[self.row, self.word]) + 1) % P
        return layers, final


class NoGrinding(BentProver):
    """Takes the first nonce that is not accepted."""

    def grind(self) -> int:
        return next(nonce for nonce in range(1 << 20) if not self.challenges.is_ground(nonce))


class OffsetAccumulator(BentProver):
    """Adds a constant to the accumulator from the middle of the cycle on, so that a sum that is not zero seems to close."""

    def accumulate(self) -> Words:
        acc = super().accumulate()
        height = acc.shape[1]
        acc[0, 1::2] = (acc[0, 1::2].astype(np.uint64) + 12345) % P  # odd rows are the later half of exponents
        assert height > 2
        return acc


class ConstantAccumulator(BentProver):
    """Starts the accumulator elsewhere: no cheat, since only steps count."""

    def accumulate(self) -> Words:
        acc = super().accumulate()
        acc[0] = (acc[0].astype(np.uint64) + 777) % P
        return acc


class ForgetfulAccumulator(BentProver):
    """Leaves one table's fractions out of the accumulator."""

    forgotten = 1

    def accumulate(self) -> Words:
        phi = self.phis[self.forgotten]
        kept = phi.copy()
        phi[:] = 0
        acc = super().accumulate()
        phi[:] = kept
        return acc


class NoFractions(BentProver):
    """Commits zeros instead of all fractions."""

    def accumulate(self) -> Words:
        for phi in self.phis:
            phi[:] = 0
        return super().accumulate()


class GivenValues:
    """A commitment to any values of a tree's leaves `uint32[words][N]`; `columns` are what it is opened as at zeta."""

    def __init__(self, honest: Commitment, values: Words) -> None:
        self.layout, self.columns, self.values, self.mask = honest.layout, honest.columns, np.ascontiguousarray(values), honest.mask
        self.tree = tree_over(leaf_hashes(self.values))
        self.root = self.tree.root

    def open(self, positions: Indices, log_top: int = 0) -> Opening:
        return Opening(np.ascontiguousarray(self.values[:, positions].T), self.tree.siblings(positions, log_top))


class BentStacks(BentProver):
    """Commits to other stacks than those of its columns, and computes the DEEP polynomial from them as a verifier does.

    So whatever can be looked up is consistent: the only thing left to be noticed is that the DEEP polynomial is none of low degree.
    """

    tree = 0
    """0 trace, 1 LogUp, 2 quotient."""

    def commit(self, extended: Stack, mask: Words | None = None) -> Commitment:
        honest = super().commit(extended, mask)
        if extended.layout is not self.shape.committed[self.tree]:
            return honest
        return GivenValues(honest, self.bend(honest, all_values(honest)))  # type: ignore[return-value]

    def bend(self, honest: Commitment, values: Words) -> Words:
        """Other values in place of `values` `uint32[words][N]`."""
        return values

    def deep_polynomial(self, openings: Words, gamma: Words) -> Words:
        batch = Batch(self.shape, np.ascontiguousarray(openings.T), gamma, self.zeta)
        positions = np.arange(1 << self.shape.log_extended)
        leaves: list[Words] = []
        for tree in self.trees:
            rows = tree.open(np.unique(positions >> (self.shape.log_height - tree.layout.log_height))).rows
            leaves.append(np.repeat(rows, len(positions) // len(rows), axis=0))
        return deep_values(batch, leaves, opened_points(positions, self.shape.log_height, self.log_blowup))

    def points(self) -> Words:
        """The extended domain."""
        return opened_points(np.arange(1 << self.shape.log_extended), self.shape.log_height, self.log_blowup)


def all_values(commitment: Commitment) -> Words:
    """`uint32[words][N]`: all leaves."""
    return np.ascontiguousarray(commitment.open(np.arange(1 << commitment.log_rows)).rows.T)


def low_class(commitment: Commitment) -> StackClass:
    """The class of the least height: many slots, not all of them used."""
    found = commitment.layout.classes[-1]
    assert found.slots > found.used > 1
    return found


class UnusedSlot(BentStacks):
    """A column of ones in a slot that holds none."""

    def bend(self, honest: Commitment, values: Words) -> Words:
        each, x = low_class(honest), self.points()
        power = [pow(from_montgomery(int(v)), each.used, P) for v in x]
        values[each.word] = (values[each.word].astype(np.int64) + [to_montgomery(v) for v in power]) % P
        return values


class SwappedSlots(BentStacks):
    """Two columns of a class in each other's slots."""

    def bend(self, honest: Commitment, values: Words) -> Words:
        each = low_class(honest)
        arrays = {h: array.copy() for h, array in honest.columns.arrays.items()}
        unit = each.unit
        array = arrays[each.log_height]
        array[[0, unit]] = array[[unit, 0]]
        return all_values(Commitment(Stack(honest.layout, arrays), self.log_blowup, honest.salts, honest.mask))


class WrongSlotCount(BentStacks):
    """A stack made with half of K: slots where powers of X^(K/2) stand."""

    def bend(self, honest: Commitment, values: Words) -> Words:
        each = low_class(honest)
        array, half = honest.columns.arrays[each.log_height], each.slots // 2
        coefficients = np.zeros((1, self.shape.height), dtype=np.uint32)
        for i in range(min(half, each.used)):
            own = interpolate(np.ascontiguousarray(array[i * each.unit : i * each.unit + 1]), shift(each.log_height))
            coefficients[0, i : self.shape.height // 2 : half] = own[0, : self.shape.height // each.slots]
        values[each.word] = evaluate(coefficients, shift(self.shape.log_height), self.log_blowup)[0]
        return values


class SwappedClasses(BentStacks):
    """The polynomials of two classes in each other's place."""

    def bend(self, honest: Commitment, values: Words) -> Words:
        first, last = honest.layout.classes[0].word, honest.layout.classes[-1].word
        values[[first, last]] = values[[last, first]]
        return values


class UnliftedColumn(BentStacks):
    """A polynomial of full degree where there should be a stack."""

    def bend(self, honest: Commitment, values: Words) -> Words:
        coefficients = np.random.default_rng(8).integers(0, P, (1, self.shape.height), dtype=np.uint32)
        values[low_class(honest).word] = evaluate(coefficients, shift(self.shape.log_height), self.log_blowup)[0]
        return values


class SwappedCoefficients(BentStacks):
    """Two coefficients of a stack of extension columns exchanged."""

    tree = 1

    def bend(self, honest: Commitment, values: Words) -> Words:
        word = honest.layout.classes[-1].word
        values[[word + 1, word + 4]] = values[[word + 4, word + 1]]
        return values


class SwappedHalvesOfTheQuotient(BentStacks):
    """q0 and q1 exchanged, opened as they should be."""

    tree = 2

    def bend(self, honest: Commitment, values: Words) -> Words:
        return np.concatenate([values[6:12], values[:6], values[12:]])


class RemainderRightAtZeta(BentProver):
    """Opens two columns of one stack wrongly, so that the remainder has the right value at zeta and no other."""

    def open_columns(self) -> Words:
        openings = super().open_columns()
        each = self.shape.trace.classes[-1]
        delta = Element((7, 0, 1, 0, 0, 0))
        for number, change in zip(each.columns[:2], (delta * self.zeta, Element.base(0) - delta), strict=True):
            openings[number] = (Element.from_words(openings[number]) + change).words()
        return openings
