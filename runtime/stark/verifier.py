"""The verifier. It reads canonical bytes only, derives every size from circuit, parameters and heights, and says why it does not accept.

It imports neither the prover nor a compiler: constraints are interpreted from the circuit's node lists at one point.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit import Circuit
from zkc.runtime.errors import VerificationError
from zkc.runtime.field import extension
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.extension import DEGREE, Element
from zkc.runtime.field.koalabear import GENERATOR, add, mul, root_of_unity, to_montgomery
from zkc.runtime.hash.merkle import Opening, verify_many
from zkc.runtime.stark.challenges import Challenges
from zkc.runtime.stark.constraints import Fingerprint, claim_sum, dot, element_powers
from zkc.runtime.stark.fri import check_queries, points
from zkc.runtime.stark.identity import checked_claim, identity_holds
from zkc.runtime.stark.parameters import DEFAULT, Parameters
from zkc.runtime.stark.proof import Head, Reader, TreePlan, plans, read_head, read_log_heights, read_openings
from zkc.runtime.stark.security import require_secure
from zkc.runtime.stark.shape import Shape

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int64]


def verify(circuit: Circuit, claim: Sequence[int], proof: bytes, parameters: Parameters = DEFAULT, *, allow_insecure: bool = False) -> None:
    """Returns if `proof` shows that traces exist for `circuit` with the public values `claim`; raises VerificationError if not.

    Raises InputError if the circuit itself is ill-formed, or if the parameters give less than 128 bits and `allow_insecure` is off.
    """
    claim = checked_claim(circuit, claim)
    reader = Reader(bytes(proof))
    shape = Shape(circuit, read_log_heights(reader, len(circuit.tables)), parameters)
    require_secure(shape, allow_insecure=allow_insecure)
    head = read_head(reader, shape)
    challenges = Challenges(shape, claim)
    alpha, beta = challenges.after_trace(head.roots[0])
    lam = challenges.after_logup(head.roots[1])
    zeta = challenges.after_quotient(head.roots[2])
    gamma = challenges.after_openings(head.openings)
    folds = [challenges.after_layer(root) for root in head.layer_roots]
    challenges.after_final(head.final)
    if not challenges.is_ground(head.nonce):
        raise VerificationError("the proof of work is missing")
    indices = challenges.after_nonce(head.nonce)

    opened = np.ascontiguousarray(head.openings.T)
    fingerprint = Fingerprint.of(alpha, beta, shape.bus_power, len(circuit.buses))
    if not identity_holds(shape, opened, fingerprint, lam, zeta, claim_sum(circuit, claim, fingerprint)):
        raise VerificationError("the constraints do not hold at the random point")
    plan = plans(shape, indices)
    openings = read_openings(reader, plan)
    check_roots(plan, openings, head)
    values = deep_values(shape, plan, openings, opened, gamma, zeta, indices)
    layers = [layer_rows(tree, opening, indices, shape) for tree, opening in zip(plan[3:], openings[3:], strict=True)]
    if not check_queries(shape, indices, values, layers, folds, np.ascontiguousarray(head.final.T)):
        raise VerificationError("the opened values are not those of polynomials of low degree")


def check_roots(plan: Sequence[TreePlan], openings: Sequence[Opening], head: Head) -> None:
    """Raises unless all opened leaves lead to the committed roots."""
    for tree, opening, root in zip(plan, openings, head.roots + head.layer_roots, strict=True):
        if not verify_many(root, tree.shape, tree.positions[0], opening):
            raise VerificationError("an opened leaf does not belong to its Merkle root")


def deep_values(
    shape: Shape, plan: Sequence[TreePlan], openings: Sequence[Opening], opened: Words, gamma: Words, zeta: Element, indices: Indices
) -> Words:
    """`uint32[6][queries]`: the DEEP polynomial at the query positions, from the opened rows."""
    weights = element_powers(gamma, shape.openings)
    here = np.zeros((DEGREE, len(indices)), dtype=np.uint32)
    there = np.zeros((DEGREE, len(indices)), dtype=np.uint32)
    for tree, opening in zip(plan[:3], openings[:3], strict=True):
        for group, positions, rows in zip(tree.groups, tree.group_positions, opening.rows, strict=True):
            leaves = np.searchsorted(positions, indices >> (shape.log_height - group.log_height))
            start = 0
            for matrix in group.matrices:
                columns = rows[:, start : start + matrix.width]
                add_weighted(columns, leaves, weights[:, matrix.offset : matrix.offset + matrix.width], here)
                start += matrix.width
                if matrix == shape.logup[-1]:
                    add_weighted(columns, leaves, weights[:, shape.columns :], there)
    here_claimed = Element.from_words(dot(weights[:, : shape.columns], opened[:, : shape.columns]))
    there_claimed = Element.from_words(dot(weights[:, shape.columns :], opened[:, shape.columns :]))
    root = np.uint32(to_montgomery(root_of_unity(shape.log_extended)))
    x = points(indices, shape.log_extended, root, np.uint32(to_montgomery(GENERATOR)))
    next_zeta = zeta * Element.base(root_of_unity(shape.log_height))
    quotients = (divided(here, here_claimed.words(), x, zeta.words()), divided(there, there_claimed.words(), x, next_zeta.words()))
    return added(*quotients)


@kernel
def add_weighted(rows: Words, leaves: Indices, weights: Words, out: Words) -> None:
    """out[:, q] += sum of weights[:, i] rows[leaves[q], i]; rows `uint32[leaves][width]`, weights `uint32[6][width]`."""
    for q in range(len(leaves)):
        for c in range(DEGREE):
            total = out[c, q]
            for i in range(rows.shape[1]):
                total = add(total, mul(weights[c, i], rows[leaves[q], i]))
            out[c, q] = total


@kernel
def divided(values: Words, claimed: Words, x: Words, point: Words) -> Words:
    """(values - claimed) / (x - point) at each base point x `uint32[n]`; values `uint32[6][n]`, claimed and point `uint32[6]`."""
    out = np.empty_like(values)
    minus = (claimed[0], claimed[1], claimed[2], claimed[3], claimed[4], claimed[5])
    at = (point[0], point[1], point[2], point[3], point[4], point[5])
    zero = np.uint32(0)
    for q in range(len(x)):
        below = extension.sub((x[q], zero, zero, zero, zero, zero), at)
        above = extension.sub(extension.read(values, q), minus)
        extension.write(out, q, extension.mul(above, extension.inverse(below)))
    return out


@kernel
def added(x: Words, y: Words) -> Words:
    """x + y, both `uint32[6][n]`."""
    out = np.empty_like(x)
    for q in range(x.shape[1]):
        extension.write(out, q, extension.add(extension.read(x, q), extension.read(y, q)))
    return out


def layer_rows(tree: TreePlan, opening: Opening, indices: Indices, shape: Shape) -> Words:
    """`uint32[queries][6 * arity]`: for each query the opened leaf of a FRI layer that holds its position."""
    leaves = indices >> (shape.log_extended - tree.depth)
    return opening.rows[0][np.searchsorted(tree.positions[0], leaves)]
