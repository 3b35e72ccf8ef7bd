"""A simulator: proofs that are accepted and made without a witness, by whoever may choose the challenges.

It draws each opened value from the distribution that docs/rationale/hiding.md says it has: columns and random words are uniform, only what
the verifier's equations fix is computed. So an honest proof tells nothing that one could not have made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pytest

from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.errors import InputError
from zkc.runtime.field.extension import DEGREE, Element
from zkc.runtime.field.koalabear import P, root_of_unity
from zkc.runtime.hash.merkle import leaf_hashes, tree_over
from zkc.runtime.poly.ntt import Tail, evaluate, interpolate
from zkc.runtime.stark import verifier
from zkc.runtime.stark.challenges import Challenges
from zkc.runtime.stark.commitment import fixed_commitment
from zkc.runtime.stark.constraints import Fingerprint, claim_sum, stack
from zkc.runtime.stark.deep import Batch, deep_values
from zkc.runtime.stark.fixed import fixed_words
from zkc.runtime.stark.fri import Layer, fold_leaves, inverse_starts, opened_points
from zkc.runtime.stark.identity import identity_defect
from zkc.runtime.stark.parameters import Parameters, shift
from zkc.runtime.stark.proof import Head, Opening, encode, layer_plans, tree_plans
from zkc.runtime.stark.shape import Layout, Shape
from zkc.runtime.stark.stacks import NO_WORDS

Words = npt.NDArray[np.uint32]


@dataclass(eq=False)
class Simulator:
    """One proof of a claim, true or not; the circuit needs a hiding parameter set."""

    circuit: Circuit
    claim: tuple[int, ...]
    heights: Sequence[int]
    parameters: Parameters
    seed: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.shape = Shape(self.circuit, list(self.heights), self.parameters)
        self.alpha, self.beta, self.lam, self.gamma = (self.elements(1)[0] for _ in range(4))
        self.zeta = Element.from_words(self.elements(1)[0])
        self.folds = list(self.elements(len(self.shape.folds)))
        self.positions = np.sort(self.rng.choice(1 << self.shape.log_extended, self.parameters.queries, replace=False).astype(np.int64))
        self.fingerprint = Fingerprint.of(self.alpha, self.beta, self.shape.bus_power, len(self.circuit.buses))
        self.values: dict[tuple[int, int], Words] = {}

    def elements(self, count: int) -> Words:
        """`uint32[count][6]`, uniform."""
        return self.rng.integers(0, P, (count, DEGREE), dtype=np.uint32)

    @cached_property
    def claimed(self) -> Element:
        return claim_sum(self.circuit, self.claim, self.fingerprint)

    def accepts(self, proof: bytes) -> bool:
        """Whether the verifier accepts if the challenges are the simulator's."""
        drawn = {
            "after_trace": lambda *_: (self.alpha, self.beta),
            "after_logup": lambda *_: self.lam,
            "after_quotient": lambda *_: self.zeta,
            "after_openings": lambda *_: self.gamma,
            "is_ground": lambda *_: True,
            "after_nonce": lambda *_: self.positions,
        }
        folds = iter(self.folds)
        with pytest.MonkeyPatch.context() as patch:
            for name, drawer in drawn.items():
                patch.setattr(Challenges, name, drawer)
            patch.setattr(Challenges, "after_layer", lambda *_: next(folds))
            verifier.verify(self.circuit, self.claim, proof, self.parameters, allow_insecure=True)
        return True

    def prove(self) -> bytes:
        """The proof."""
        opened = self.opened_at_zeta()
        x = opened_points(self.positions, self.shape.log_height, self.parameters.log_blowup)
        leaves = self.leaves(x)
        final_values = self.random_codeword(leaves, opened, x)
        fixed = fixed_commitment(self.circuit, self.parameters.log_blowup)
        plans = tree_plans(self.shape, self.positions)
        openings = [fixed.open(plans[0].leaves, plans[0].log_top)] if fixed else []
        roots: list[bytes] = []
        for rows in leaves[-3:]:
            hashes = self.rng.integers(0, 2**32, (1 << self.shape.log_extended, 8), dtype=np.uint32)
            hashes[self.positions] = leaf_hashes(np.ascontiguousarray(rows.T))
            tree = tree_over(hashes)
            roots.append(tree.root)
            openings.append(Opening(rows, tree.siblings(self.positions, 0)))
        layers, final = self.fold(final_values)
        openings += [layer.open(plan) for layer, plan in zip(layers, layer_plans(self.shape, self.positions), strict=True)]
        head = Head((roots[0], roots[1], roots[2]), opened, tuple(layer.tree.root for layer in layers), final, 0)
        return encode(self.shape.heights, head, openings)

    # ***** what is opened *****

    def opened_at_zeta(self) -> Words:
        """Uniform, but for fixed columns, and for q0, which the identity fixes."""
        opened = self.elements(self.shape.openings)
        for number, value in self.fixed_at(self.zeta).items():
            opened[number] = value.words()
        q0 = self.shape.accumulator + 1
        opened[q0] = 0
        defect = self.defect(opened, self.zeta)
        opened[q0] = (defect * (self.zeta**self.shape.height - Element.base(1)).inverse()).words()
        return opened

    def defect(self, opened: Words, at: Element) -> Element:
        return identity_defect(self.shape, np.ascontiguousarray(opened.T), self.fingerprint, self.lam, at, self.claimed)

    def fixed_at(self, at: Element) -> dict[int, Element]:
        """By number of the opening: the fixed columns at the point to which a column of their height is lifted."""
        found: dict[int, Element] = {}
        number = 0
        for table in self.circuit.tables:
            for coefficients in interpolate(fixed_words(table)) if len(table.fixed) else []:
                point, total = at ** (self.shape.height // len(coefficients)), Element.base(0)
                for word in coefficients[::-1]:
                    total = total * point + Element.from_words(np.array([word, 0, 0, 0, 0, 0], dtype=np.uint32))
                found[number], number = total, number + 1
        return found

    def column(self, number: int, point: int, unit: int) -> Words:
        """`uint32[6]`: a column at a point of its own domain: uniform the first time, then the same; in the base field if unit is 1."""
        value = self.elements(1)[0]
        value[unit:] = 0
        return self.values.setdefault((number, point), value)

    def leaves(self, x: Words) -> list[Words]:
        """Of each tree the leaves at the points; random words that follow the columns are uniform."""
        trees = [np.empty((len(x), tree.words), dtype=np.uint32) for tree in self.shape.trees]
        fixed = fixed_commitment(self.circuit, self.parameters.log_blowup)
        if fixed:
            down = self.shape.log_height - fixed.layout.log_height
            trees[0][:] = [fixed.open(np.array([position >> down])).rows[0] for position in self.positions]
        for q, word in enumerate(x):
            point = Element.from_words(np.array([word, 0, 0, 0, 0, 0], dtype=np.uint32))
            self.values_at(point)
            for tree, rows in zip(self.shape.committed, trees[-3:], strict=True):
                rows[q] = self.leaf(tree, point)
        return trees

    def values_at(self, point: Element) -> None:
        """Draws all columns over one query, and computes q0 there."""
        x, opened = base(point), np.zeros((self.shape.openings, DEGREE), dtype=np.uint32)
        for number, value in self.fixed_at(point).items():
            opened[number] = value.words()
        for tree in self.shape.committed[:2]:
            for each in tree.classes:
                for number in each.columns:
                    opened[number] = self.column(number, pow(x, each.slots, P), each.unit)
        opened[-1] = self.column(self.shape.accumulator, x * root_of_unity(self.shape.log_height) % P, DEGREE)
        q0, power = self.shape.accumulator + 1, point**self.shape.height
        quotient = self.defect(opened, point) * (power - Element.base(1)).inverse()
        for k in range(1, self.shape.quotients):
            quotient = quotient - power**k * Element.from_words(self.column(q0 + k, x, DEGREE))
        self.values[q0, x] = quotient.words()

    def leaf(self, tree: Layout, point: Element) -> Words:
        """The words of one leaf: stacks of the columns drawn, then uniform ones."""
        words: list[Words] = []
        for each in tree.classes:
            for j in range(each.polynomials):
                total = Element.base(0)
                for number in reversed(each.columns[j * each.slots : (j + 1) * each.slots]):
                    total = total * point + Element.from_words(self.column(number, pow(base(point), each.slots, P), each.unit))
                words.append(total.words()[: each.unit])
        return np.concatenate([*words, self.rng.integers(0, P, tree.blind, dtype=np.uint32)])

    # ***** FRI *****

    def random_codeword(self, leaves: list[Words], opened: Words, x: Words) -> Words:
        """`uint32[6][N]`: a uniform polynomial below the degree bound, as the DEEP polynomial; its mask is opened to what makes it so."""
        shape, first = self.shape, self.shape.quotient.column_words
        above = self.rng.integers(0, P, (DEGREE, -(-(shape.degree_bound - shape.height) // 16) * 16), dtype=np.uint32)
        above[:, shape.degree_bound - shape.height :] = 0
        low = self.rng.integers(0, P, (DEGREE, shape.height), dtype=np.uint32)
        values = evaluate(low, shift(shape.log_height), self.parameters.log_blowup, Tail(above, NO_WORDS, 0))
        leaves[-1][:, first : first + DEGREE] = 0
        without = deep_values(Batch(shape, np.ascontiguousarray(opened.T), self.gamma, self.zeta), leaves, x)
        mask = (values[:, self.positions].astype(np.int64) - without) % P
        leaves[-1][:, first : first + DEGREE] = mask.T
        return values

    def fold(self, values: Words) -> tuple[list[Layer], Words]:
        """As a prover does."""
        layers: list[Layer] = []
        log_height = self.shape.log_height
        for fold, beta in zip(self.shape.folds, self.folds, strict=True):
            layers.append(Layer(values, fold))
            values = fold_leaves(layers[-1].leaves, inverse_starts(log_height, self.parameters.log_blowup, fold), beta)
            log_height -= fold
        coefficients = interpolate(values, shift(log_height))
        if coefficients[:, self.shape.final :].any():
            raise InputError("a codeword of too high a degree")
        return layers, np.ascontiguousarray(coefficients[:, : self.shape.final].T)


def base(point: Element) -> int:
    """The canonical number of an element of the base field."""
    words = stack([point])[:, 0]
    assert not words[1:].any()
    return int(words[0]) * pow(2**32, -1, P) % P
