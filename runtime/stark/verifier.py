"""The verifier. It reads canonical bytes only, derives every size from circuit, parameters and heights, and says why it does not accept.

It imports neither the prover nor a compiler: constraints are interpreted from the circuit's node lists at one point.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.errors import VerificationError
from zkc.runtime.hash.merkle import digest_words, verify_rows
from zkc.runtime.stark.challenges import Challenges
from zkc.runtime.stark.commitment import fixed_tree
from zkc.runtime.stark.constraints import Fingerprint, claim_sum
from zkc.runtime.stark.deep import Batch, deep_values
from zkc.runtime.stark.fri import evaluate_final, fold_opened, inverse_starts, opened_leaves, opened_points
from zkc.runtime.stark.identity import checked_claim, identity_holds
from zkc.runtime.stark.parameters import DEFAULT, Parameters
from zkc.runtime.stark.proof import (
    Head,
    LayerPlan,
    Opening,
    Reader,
    TreePlan,
    distinct,
    layer_plans,
    read_head,
    read_heights,
    read_openings,
    tree_plans,
)
from zkc.runtime.stark.security import require_secure
from zkc.runtime.stark.shape import Shape

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int64]


def verify(circuit: Circuit, claim: Sequence[int], proof: bytes, parameters: Parameters = DEFAULT, *, allow_insecure: bool = False) -> None:
    """Returns if `proof` shows that traces exist for `circuit` with the public values `claim`; raises VerificationError if not.

    Raises InputError if the circuit itself is ill-formed, or if the parameters give less than 128 bits in their regime and `allow_insecure`
    is off. Who gives parameters of the regime JOHNSON trusts what it rests on: `receipt.verify_receipt` asks first.
    """
    claim = checked_claim(circuit, claim)
    reader = Reader(bytes(proof))
    shape = Shape(circuit, read_heights(reader, len(circuit.tables)), parameters)
    require_secure(shape, allow_insecure=allow_insecure)
    head = read_head(reader, shape)
    fixed = fixed_tree(circuit, parameters.log_blowup)
    challenges = Challenges(shape, claim, fixed.root)
    alpha, beta = challenges.after_trace(head.roots[0])
    lam = challenges.after_logup(head.roots[1])
    zeta = challenges.after_quotient(head.roots[2])
    gamma = challenges.after_openings(head.openings)
    folds = [challenges.after_layer(root) for root in head.layer_roots]
    challenges.after_final(head.final)
    if not challenges.is_ground(head.nonce):
        raise VerificationError(
            "the proof of work does not fit: the proof is for another circuit, claim or parameters, or it was changed",
            hint="verify with the circuit and the claim that it was made for",
        )
    positions = distinct(challenges.after_nonce(head.nonce))
    trees, layers = tree_plans(shape, positions), layer_plans(shape, positions)
    openings = read_openings(reader, [*trees, *layers])

    opened = np.ascontiguousarray(head.openings.T)
    fingerprint = Fingerprint.of(alpha, beta, shape.bus_power, len(circuit.buses))
    if not identity_holds(shape, opened, fingerprint, lam, zeta, claim_sum(circuit, claim, fingerprint)):
        raise VerificationError("the constraints do not hold at the random point")
    tops = [*([fixed.top] if shape.fixed else []), *map(digest_words, head.roots)]
    leaves = checked_leaves(shape, positions, trees, openings[: len(trees)], tops)
    values = deep_values(Batch(shape, opened, gamma, zeta), leaves, opened_points(positions, shape.log_height, parameters.log_blowup))
    check_low_degree(shape, head, positions, values, layers, openings[len(trees) :], folds)


def checked_leaves(
    shape: Shape, positions: Indices, plans: Sequence[TreePlan], openings: Sequence[Opening], tops: Sequence[Words]
) -> list[Words]:
    """Of each tree the leaves that the positions see, `uint32[positions][words]`; raises unless the opened ones lead to the known top."""
    out: list[Words] = []
    for tree, plan, opening, top in zip(shape.trees, plans, openings, tops, strict=True):
        if not verify_rows(top, plan.depth, plan.leaves, opening.rows, opening.siblings):
            raise VerificationError("an opened leaf does not belong to its Merkle root")
        seen = np.searchsorted(plan.leaves, positions >> (shape.log_height - tree.log_height))
        out.append(np.ascontiguousarray(opening.rows[seen]))
    return out


def check_low_degree(
    shape: Shape,
    head: Head,
    positions: Indices,
    values: Words,
    plans: Sequence[LayerPlan],
    openings: Sequence[Opening],
    folds: Sequence[Words],
) -> None:
    """FRI: raises unless `values` `uint32[6][positions]` fold, layer by layer, to those of the final polynomial.

    A layer's leaf is made of the values computed and of those opened beside them; that it leads to the root is the check.
    """
    log_height, log_blowup = shape.log_height, shape.parameters.log_blowup
    for plan, opening, root, beta in zip(plans, openings, head.layer_roots, folds, strict=True):
        leaves = opened_leaves(plan, values, opening.rows)
        if not verify_rows(digest_words(root), plan.depth, plan.leaves, leaves, opening.siblings):
            raise VerificationError("the opened values are not those of polynomials of low degree: a FRI layer does not continue them")
        values = fold_opened(leaves, inverse_starts(log_height, log_blowup, plan.fold, plan.leaves), beta)
        log_height, positions = log_height - plan.fold, plan.leaves
    x = opened_points(positions, log_height, log_blowup)
    if not np.array_equal(values, evaluate_final(np.ascontiguousarray(head.final.T), x)):
        raise VerificationError("the opened values are not those of polynomials of low degree: they do not end in the final polynomial")
