"""Section 5: what a verifier checks of one proof."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, repeat
from operator import mul as times

from .circuit import Circuit, claim_sum, table_constraints
from .field import ONE, ZERO, Element, P, add, inverses, lift, mul, point, power, powers, root, scale, sub
from .parameters import Parameters, Shape
from .proof import Challenges, Opening, Reader, draw, elements, read_head, read_heights, read_layers, read_trees, words
from .refused import require
from .security import check_security
from .trees import check_paths, node_hash


def check_proof(circuit: Circuit, claim: Sequence[int], proof: bytes, parameters: Parameters) -> None:
    """Refused unless the proof shows that there are tables for this claim. What costs least comes first."""
    require(len(claim) == len(circuit.claim.columns) and all(0 <= value < P for value in claim), "not a claim of this circuit")
    reader = Reader(proof)
    shape = Shape(circuit, read_heights(reader, circuit), parameters)
    check_security(shape)
    require(parameters.log_blowup in circuit.tops or not shape.has_fixed, "the circuit has no layer of its fixed tree for this blow-up")
    top = circuit.tops[parameters.log_blowup] if shape.has_fixed else []
    head = read_head(reader, shape)
    opened, final = elements(head.opened), elements(head.final)
    challenges = draw(shape, claim, fixed_root(tuple(top)), head)
    trees = read_trees(reader, shape, challenges.positions)
    layers = read_layers(reader, shape, challenges.positions)
    leaves = [{i: words(leaf) for i, leaf in opening.leaves.items()} for opening in trees]
    beside = [{i: elements(value)[0] for i, value in opening.leaves.items()} for opening in layers]
    check_identity(shape, opened, challenges, claim_sum(circuit, claim, challenges.logup))
    known = [*([top] if shape.has_fixed else []), *([each] for each in head.roots)]
    for tree, opening, nodes in zip(shape.trees, trees, known):
        check_paths(opening.leaves, opening.siblings, nodes, tree.log_height + parameters.log_blowup)
    values = dict(zip(challenges.positions, deep_values(shape, opened, challenges, leaves)))
    for number, opening in enumerate(layers):
        values = fold_layer(shape, number, values, beside[number], opening, head.layer_roots[number], challenges.folds[number])
    check_final(shape, values, final)


@lru_cache(maxsize=4)
def fixed_root(top: tuple[bytes, ...]) -> bytes:
    """The root above the known layer of the fixed tree; nothing without fixed columns."""
    layer = list(top)
    while len(layer) > 1:
        layer = [node_hash(left, right) for left, right in zip(layer[::2], layer[1::2])]
    return layer[0] if layer else b""


def check_identity(shape: Shape, opened: Sequence[Element], challenges: Challenges, claim: Element) -> None:
    """Check 6: sum_i lambda^i E_i C_i = (zeta^n - 1) (q0 + zeta^n q1 + …)."""
    rest = iter(opened)
    fixed = {table.name: [next(rest) for _ in range(table.fixed_columns)] for table in shape.circuit.tables}
    rows = [[next(rest) for _ in part.table.columns] + fixed[part.table.name] for part in shape.parts]
    phis = [[next(rest) for _ in part.table.batches] for part in shape.parts]
    acc, *quotients, acc_next = rest
    constraints = list[Element]()
    inverse_n, thin = pow(1 << shape.log_n, -1, P), add(power(challenges.zeta, 1 << shape.log_n - 1), ONE)
    step = scale(claim, inverse_n)
    for part, row, fractions in zip(shape.parts, rows, phis):
        factor = thin if part.thin else ONE
        constraints += [mul(factor, each) for each in table_constraints(part.table, row, fractions, challenges.logup)]
        for phi in fractions:
            step = add(step, scale(mul(factor, phi), part.rows * inverse_n))
    constraints.append(sub(sub(acc_next, acc), step))
    high = power(challenges.zeta, 1 << shape.log_n)
    total, quotient = horner(constraints, challenges.lam), horner(quotients, high)
    require(total == mul(sub(high, ONE), quotient), "the constraints do not hold at zeta")


def horner(coefficients: Sequence[Element], x: Element) -> Element:
    """The sum of coefficients times powers of x, from x^0 on."""
    total = ZERO
    for each in reversed(coefficients):
        total = add(mul(total, x), each)
    return total


Sums = list[list[int]]
"""The six coefficients of many elements, each in a list."""


def dot(coefficients: Sums, values: Sequence[int]) -> Element:
    """The sum of elements times numbers."""
    a, b, c, d, e, f = (sum(map(times, column, values)) % P for column in coefficients)
    return (a, b, c, d, e, f)


def columns_of(found: Sequence[Element]) -> Sums:
    return [[each[k] for each in found] for k in range(6)]


class Batch:
    """What one class adds to DEEP: gamma^c (F_c(x) - r_c(x)), summed over its polynomials c, which all have the same K and s."""

    def __init__(self, shape: Shape, tree: int, number: int, opened: Sequence[Element], weights: Sequence[Element]) -> None:
        """weights: gamma^c for each polynomial of the class."""
        each, unit = shape.trees[tree].classes[number], shape.trees[tree].unit
        self.log_k = shape.log_n - each.log_height
        self.stride = 1 << shape.log_n - shape.trees[tree].log_height
        units = [ONE] if unit == 1 else [_unit(k) for k in range(6)]
        self.weights = columns_of([mul(weight, one) for weight in weights for one in units])
        self.words = len(self.weights[0])
        rest = [ZERO] * max(map(len, each.stacks))
        for weight, stack in zip(weights, each.stacks):
            for slot, column in enumerate(stack):
                rest[slot] = add(rest[slot], mul(weight, opened[column]))
        self.rest = columns_of(rest)

    def at(self, x: int, leaf: Sequence[int]) -> Element:
        """leaf: its words of this class."""
        step = pow(x, self.stride, P)
        steps = list(accumulate(repeat(step, len(self.rest[0]) - 1), lambda a, b: a * b % P, initial=1))
        return sub(dot(self.weights, leaf), dot(self.rest, steps))


def _unit(k: int) -> Element:
    a, b, c, d, e, f = (int(i == k) for i in range(6))
    return (a, b, c, d, e, f)


def deep_values(shape: Shape, opened: Sequence[Element], challenges: Challenges, leaves: Sequence[dict[int, list[int]]]) -> list[Element]:
    """Check 8: DEEP at every query position. leaves: of each tree, by position in it."""
    hides, batches = shape.parameters.hides, list[tuple[int, int, Batch]]()
    gammas = powers(challenges.gamma, shape.polynomials + 2 + hides)[hides:]
    first = 0
    for number, tree in enumerate(shape.trees):
        at = 0
        for k, each in enumerate(tree.classes):
            count = len(each.stacks)
            batches.append((number, at, Batch(shape, number, k, opened, gammas[first : first + count])))
            first, at = first + count, at + tree.unit * count
    log_ks = sorted({batch.log_k for _, _, batch in batches})
    ends = [power(challenges.zeta, 1 << k) for k in log_ks] + [scale(challenges.zeta, root(shape.log_n))]
    xs = [point(i, shape.log_n, shape.parameters.log_blowup) for i in challenges.positions]
    below = inverses([sub(lift(pow(x, 1 << k, P)), end) for x in xs for k, end in zip([*log_ks, 0], ends)])
    out = list[Element]()
    for place, (i, x) in enumerate(zip(challenges.positions, xs)):
        sums = dict.fromkeys(log_ks, ZERO)
        for number, at, batch in batches:
            leaf = leaves[number][i >> shape.log_n - shape.trees[number].log_height]
            sums[batch.log_k] = add(sums[batch.log_k], batch.at(x, leaf[at : at + batch.words]))
        acc = _accumulator(shape, leaves[-2][i])
        fractions = [*sums.items(), (0, mul(gammas[-2], sub(acc, opened[-1])))]
        total = _mask(shape, leaves[-1][i]) if hides else ZERO
        for (k, above), inverse in zip(fractions, below[place * len(ends) :]):
            doubled = mul(above, add(ONE, scale(gammas[-1], pow(x, 1 << k, P))))
            total = add(total, mul(doubled, inverse))
        out.append(total)
    return out


def _accumulator(shape: Shape, leaf: Sequence[int]) -> Element:
    """The value of acc in a leaf of the LogUp tree: the last of the tallest class, whose polynomials are single columns."""
    at = 6 * (len(shape.trees[-2].classes[0].stacks) - 1)
    a, b, c, d, e, f = leaf[at : at + 6]
    return (a, b, c, d, e, f)


def _mask(shape: Shape, leaf: Sequence[int]) -> Element:
    """R(x) in a leaf of the quotient tree."""
    at = shape.trees[-1].column_words
    a, b, c, d, e, f = leaf[at : at + 6]
    return (a, b, c, d, e, f)


def fold_layer(
    shape: Shape, number: int, values: dict[int, Element], beside: dict[int, Element], opening: Opening, root_: bytes, challenge: Element
) -> dict[int, Element]:
    """The leaves of a FRI layer, completed from the values known so far, lead to its root; their values in the next layer."""
    fold, log_blowup = shape.parameters.log_fold, shape.parameters.log_blowup
    log_height = shape.log_n - number * fold
    everything = {**values, **beside}
    leaves = {i: [everything[i << fold | j] for j in range(1 << fold)] for i in sorted({i >> fold for i in values})}
    encoded = {i: _leaf_bytes(found) for i, found in leaves.items()}
    check_paths(encoded, opening.siblings, [root_], log_height + log_blowup - fold)
    return {i: _folded(found, i << fold, log_height, log_blowup, challenge) for i, found in leaves.items()}


def _leaf_bytes(values: Sequence[Element]) -> bytes:
    """Coefficient-major Montgomery words."""
    return b"".join((value[c] * 2**32 % P).to_bytes(4, "little") for c in range(6) for value in values)


def _folded(values: Sequence[Element], first: int, log_height: int, log_blowup: int, challenge: Element) -> Element:
    """sum_i challenge^i P_i(y) for the values of sum_i X^i P_i(X^a) at the a points above y.

    P_i(y) = a^-1 sum_j v_j x_j^-i, so v_j counts a^-1 sum_i u^i = a^-1 (1 + u) (1 + u^2) (1 + u^4) …, with u = challenge / x_j.
    """
    total = ZERO
    for j, value in enumerate(values):
        u, weight = scale(challenge, pow(point(first + j, log_height, log_blowup), -1, P)), ONE
        for _ in range(len(values).bit_length() - 1):
            weight, u = mul(weight, add(ONE, u)), mul(u, u)
        total = add(total, mul(value, weight))
    return scale(total, pow(len(values), -1, P))


def check_final(shape: Shape, values: dict[int, Element], final: Sequence[Element]) -> None:
    """The last values are those of the final polynomial."""
    coefficients = columns_of(final)
    for i, value in values.items():
        x = point(i, shape.log_final, shape.parameters.log_blowup)
        steps = list(accumulate(repeat(x, len(final) - 1), lambda a, b: a * b % P, initial=1))
        require(value == dot(coefficients, steps), "the values do not end in the final polynomial")


