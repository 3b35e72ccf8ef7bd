"""A kit of cheating provers. Each bends one phase of the honest prover and follows the protocol otherwise; none checks itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.stark.circuits import Example
from zkc.runtime.field.extension import Element
from zkc.runtime.field.koalabear import P
from zkc.runtime.stark.constraints import element_powers
from zkc.runtime.stark.fri import Layer
from zkc.runtime.stark.identity import identity_defect
from zkc.runtime.stark.parameters import Parameters
from zkc.runtime.stark.prover import Prover
from zkc.runtime.stark.stacks import Stack

Words = npt.NDArray[np.uint32]

FAST = Parameters(queries=40, grinding=4, log_fold=2, log_final=3)
"""Insecure, for tests: many folds on short tables."""


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

    def extend(self, stack: Stack) -> Stack:
        extended = super().extend(stack)
        if stack.layout is self.shape.trace:
            rng = np.random.default_rng(5)
            column = extended.views[0][0]
            rows = rng.random(len(column)) < self.fraction
            column[rows] = rng.integers(0, P, int(rows.sum()), dtype=np.uint32)
        return extended


class HalfWrongColumn(HighDegreeColumn):
    fraction = 0.5


class WrongQuotient(BentProver):
    """Adds a constant to the combined constraint before it is divided."""

    def combine(self) -> Words:
        combined = super().combine()
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
    """Sends a final polynomial with another constant coefficient."""

    def fold(self, values: Words) -> tuple[list[Layer], Words]:
        layers, final = super().fold(values)
        final[0, 0] = (int(final[0, 0]) + 1) % P
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
