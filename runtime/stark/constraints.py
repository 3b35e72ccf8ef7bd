"""The constraints of a circuit at one point: node programs over the extension, LogUp fractions, the claim. The verifier's side.

An array of extension elements is `uint32[6][count]`, Montgomery.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, SUB, Circuit, Table
from zkc.runtime.errors import VerificationError
from zkc.runtime.field import extension
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.extension import DEGREE, ONE_WORDS, ZERO_WORDS, Element
from zkc.runtime.field.koalabear import to_montgomery

Words = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Program:
    """A table as arrays for kernels. Constants in `nodes` are Montgomery words; `batches` is `int64[k][2]`, -1 where there is no second
    message; the arguments of message m are `args[starts[m]:starts[m + 1]]`.
    """

    nodes: Numbers
    constraints: Numbers
    multiplicities: Numbers
    buses: Numbers
    starts: Numbers
    args: Numbers
    batches: Numbers


@lru_cache(maxsize=256)
def program_of(table: Table) -> Program:
    """The arrays of a well-formed table."""
    nodes = np.array(table.nodes, dtype=np.int64).reshape(-1, 3)
    constant = nodes[:, 0] == CONSTANT
    nodes[constant, 1] = [to_montgomery(int(value)) for value in nodes[constant, 1]]
    messages = table.messages
    pairs = [(*batch, -1)[:2] for batch in table.batches]
    return Program(
        nodes=nodes,
        constraints=numbers(table.constraints),
        multiplicities=numbers([m.multiplicity for m in messages]),
        buses=numbers([m.bus for m in messages]),
        starts=numbers(list(accumulate((len(m.args) for m in messages), initial=0))),
        args=numbers([node for m in messages for node in m.args]),
        batches=numbers(pairs).reshape(-1, 2),
    )


def numbers(values: Sequence[int] | Sequence[tuple[int, ...]]) -> Numbers:
    return np.array(values, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """The LogUp challenges as tables: `beta` `uint32[6][W + 1]` powers of beta, `offsets` `uint32[6][buses]` alpha + (bus + 1) beta^W."""

    beta: Words
    offsets: Words

    @staticmethod
    def of(alpha: Words, beta: Words, bus_power: int, buses: int) -> Fingerprint:
        """From challenges `uint32[6]` and W = `bus_power`."""
        powers = element_powers(beta, bus_power + 1)
        start, step = Element.from_words(alpha), Element.from_words(powers[:, bus_power])
        offsets = [start + Element.base(bus + 1) * step for bus in range(buses)]
        return Fingerprint(powers, stack(offsets))


def stack(elements: Sequence[Element]) -> Words:
    """`uint32[6][count]` of the elements."""
    rows = [element.words() for element in elements]
    return np.ascontiguousarray(np.array(rows, dtype=np.uint32).reshape(-1, DEGREE).T)


@kernel
def element_powers(x: Words, count: int) -> Words:
    """1, x, x^2, … of `x` `uint32[6]`: `uint32[6][count]`."""
    out = np.empty((DEGREE, count), dtype=np.uint32)
    factor = (x[0], x[1], x[2], x[3], x[4], x[5])
    power = ONE_WORDS
    for i in range(count):
        extension.write(out, i, power)
        power = extension.mul(power, factor)
    return out


@kernel
def dot(x: Words, y: Words) -> Words:
    """`uint32[6]`: the sum of x[i] y[i] over two arrays `uint32[6][count]`."""
    total = ZERO_WORDS
    for i in range(x.shape[1]):
        total = extension.add(total, extension.mul(extension.read(x, i), extension.read(y, i)))
    out = np.empty((DEGREE, 1), dtype=np.uint32)
    extension.write(out, 0, total)
    return out[:, 0]


@kernel
def run_nodes(nodes: Numbers, columns: Words) -> Words:
    """`uint32[6][nodes]`: values of all nodes on the row `columns` `uint32[6][width]`."""
    out = np.zeros((DEGREE, nodes.shape[0]), dtype=np.uint32)
    for i in range(nodes.shape[0]):
        op, a, b = nodes[i, 0], nodes[i, 1], nodes[i, 2]
        if op == COLUMN:
            extension.write(out, i, extension.read(columns, a))
        elif op == CONSTANT:
            out[0, i] = np.uint32(a)
        elif op == ADD:
            extension.write(out, i, extension.add(extension.read(out, a), extension.read(out, b)))
        elif op == SUB:
            extension.write(out, i, extension.sub(extension.read(out, a), extension.read(out, b)))
        else:
            extension.write(out, i, extension.mul(extension.read(out, a), extension.read(out, b)))
    return out


@kernel
def denominators(values: Words, buses: Numbers, starts: Numbers, args: Numbers, beta: Words, offsets: Words) -> Words:
    """`uint32[6][messages]`: alpha + (bus + 1) beta^W - sum of beta^i m_i for each message."""
    out = np.empty((DEGREE, len(buses)), dtype=np.uint32)
    for m in range(len(buses)):
        total = extension.read(offsets, int(buses[m]))
        first = int(starts[m])
        for i in range(first, int(starts[m + 1])):
            term = extension.mul(extension.read(beta, i - first), extension.read(values, int(args[i])))
            total = extension.sub(total, term)
        extension.write(out, m, total)
    return out


@kernel
def batch_constraints(values: Words, multiplicities: Numbers, batches: Numbers, denominator: Words, phi: Words) -> Words:
    """`uint32[6][batches]`: phi d_a d_b - mult_a d_b - mult_b d_a, or phi d_a - mult_a."""
    out = np.empty((DEGREE, batches.shape[0]), dtype=np.uint32)
    for k in range(batches.shape[0]):
        a, b = int(batches[k, 0]), int(batches[k, 1])
        fraction = extension.read(phi, k)
        total = extension.sub(extension.mul(fraction, extension.read(denominator, a)), extension.read(values, int(multiplicities[a])))
        if b >= 0:
            crossed = extension.mul(extension.read(values, int(multiplicities[b])), extension.read(denominator, a))
            total = extension.sub(extension.mul(total, extension.read(denominator, b)), crossed)
        extension.write(out, k, total)
    return out


def table_sum(table: Table, columns: Words, phi: Words, weights: Words, fingerprint: Fingerprint) -> Element:
    """Sum of weight times constraint of one table at a point: columns (fixed ones last) `uint32[6][width]`, phi `uint32[6][batches]`."""
    program = program_of(table)
    values = run_nodes(program.nodes, columns)
    d = denominators(values, program.buses, program.starts, program.args, fingerprint.beta, fingerprint.offsets)
    fractions = batch_constraints(values, program.multiplicities, program.batches, d, phi)
    every = np.concatenate([values[:, program.constraints], fractions], axis=1)
    return Element.from_words(dot(every, weights))


def claim_sum(circuit: Circuit, claim: Sequence[int], fingerprint: Fingerprint) -> Element:
    """Sum of the claim's fractions. Raises VerificationError if the claim breaks its constraints, or a denominator is zero."""
    program = program_of(circuit.claim)
    values = run_nodes(program.nodes, stack([Element.base(value) for value in claim]))
    for number, node in enumerate(circuit.claim.constraints):
        if values[:, node].any():
            raise VerificationError(f"the claim breaks its constraint {label(circuit.claim, number)}")
    d = denominators(values, program.buses, program.starts, program.args, fingerprint.beta, fingerprint.offsets)
    if not d.any(axis=0).all():
        raise VerificationError("a message of the claim has denominator zero")
    return Element.from_words(dot(np.ascontiguousarray(values[:, program.multiplicities]), extension.invert_columns(d)))


def label(table: Table, number: int) -> str:
    """The name of a constraint for people."""
    return table.labels[number] if number < len(table.labels) else str(number)
