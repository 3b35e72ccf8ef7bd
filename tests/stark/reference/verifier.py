"""The reference verifier: slow, plain, generic in the prime."""

from __future__ import annotations

from collections.abc import Sequence

from tests.stark.reference.common import (
    ABSENT,
    LogUp,
    Setting,
    Sizes,
    claim_sum,
    draw_zeta,
    node_hash,
    require,
    row_hash,
    start,
    table_constraints,
)
from tests.stark.reference.field import Element, Field, bit_reverse, evaluate, to_coefficients
from zkc.runtime.circuit import Circuit


class Reader:
    def __init__(self, data: bytes, field: Field) -> None:
        self.data, self.at, self.field = data, 0, field

    def bytes(self, count: int) -> bytes:
        require(self.at + count <= len(self.data), "too short")
        self.at += count
        return self.data[self.at - count : self.at]

    def elements(self, count: int) -> list[int]:
        p = self.field.p
        raw = self.bytes(4 * count)
        words = [int.from_bytes(raw[i : i + 4], "little") for i in range(0, 4 * count, 4)]
        require(all(w < p for w in words), "not canonical")
        down = pow(2**32, -1, p)
        return [w * down % p for w in words]

    def extension(self, count: int) -> list[Element]:
        flat = self.elements(6 * count)
        return [tuple(flat[i : i + 6]) for i in range(0, 6 * count, 6)]


def check_heights(circuit: Circuit, log_heights: Sequence[int], setting: Setting) -> None:
    fractions = len(circuit.claim.messages)
    for table, h in zip(circuit.tables, log_heights, strict=True):
        fixed = table.fixed_log_height
        require(h == ABSENT or 7 <= h <= 22, "height")
        require(h == ABSENT or fixed is None or fixed == h, "fixed height")
        fractions += len(table.messages) << h if h else 0
    require(any(log_heights), "no table")
    require(fractions < setting.field.p or not setting.check_wrap, "multiplicities could wrap")


def read_tree(
    reader: Reader, groups: list[tuple[int, int]], indices: Sequence[int], root: bytes, setting: Setting
) -> list[dict[int, list[int]]]:
    """Opened leaves of each group by position, after the path to the root is checked."""
    depth = groups[0][0]
    positions = [sorted(set(indices))]
    for _ in range(depth):
        positions.append(sorted({i >> 1 for i in positions[-1]}))
    rows = [{i: reader.elements(width) for i in positions[depth - h]} for h, width in groups]
    hashes = {h: {i: row_hash(setting.words(row)) for i, row in opened.items()} for (h, _), opened in zip(groups, rows, strict=True)}
    layer = hashes[depth]
    for level in range(depth):
        for i in positions[level]:
            if i ^ 1 not in layer:
                layer[i ^ 1] = reader.bytes(32)
        extra = hashes.get(depth - level - 1)
        layer = {i: node_hash(layer[2 * i], layer[2 * i + 1], *([extra[i]] if extra else [])) for i in positions[level + 1]}
    require(layer[0] == root, "Merkle root")
    return rows


def fixed_at(f: Field, table: Sequence[Sequence[int]], point: Element) -> list[Element]:
    return [evaluate(f, to_coefficients(f, [int(v) for v in column]), point) for column in table]


def check_identity(sizes: Sizes, opened: list[Element], logup: LogUp, lam: Element, zeta: Element, claim: Element) -> None:
    """The combined constraint at zeta equals (zeta^n - 1)(q0 + zeta^n q1)."""
    f, n = sizes.setting.field, 1 << sizes.log_n
    trace = sum(width for _, width in sizes.trees[0])
    at, at_phi = 0, trace
    total, weight = f.lift(0), f.lift(1)
    sums = f.scale(claim, pow(n, -1, f.p))
    for table, h in sizes.tables:
        s = n >> h
        columns = opened[at : at + len(table.columns)] + fixed_at(f, table.fixed, f.power(zeta, s))
        at += len(table.columns)
        phis = [f.combine(opened[at_phi + 6 * k : at_phi + 6 * k + 6]) for k in range(len(table.batches))]
        at_phi += 6 * len(table.batches)
        for value in table_constraints(table, columns, phis, logup, f):
            total = f.add(total, f.mul(weight, value))
            weight = f.mul(weight, lam)
        for phi in phis:
            sums = f.add(sums, f.scale(phi, pow(s, -1, f.p)))
    acc, q0, q1, acc_next = (f.combine(opened[at_phi + 6 * k : at_phi + 6 * k + 6]) for k in range(4))
    step = f.sub(f.sub(acc_next, acc), sums)
    total = f.add(total, f.mul(weight, step))
    zn = f.power(zeta, n)
    require(total == f.mul(f.sub(zn, f.lift(1)), f.add(q0, f.mul(zn, q1))), "identity at zeta")


def verify(circuit: Circuit, claim: Sequence[int], proof: bytes, setting: Setting) -> None:
    """Raises Reject unless `proof` is accepted."""
    f = setting.field
    require(len(claim) == len(circuit.claim.columns) and all(0 <= v < f.p for v in claim), "claim")
    reader = Reader(proof, f)
    log_heights = list(reader.bytes(len(circuit.tables)))
    check_heights(circuit, log_heights, setting)
    sizes = Sizes(circuit, log_heights, setting)
    transcript = start(sizes, log_heights, claim)
    roots = [reader.bytes(32) for _ in range(3)]
    opened_raw = reader.data[reader.at : reader.at + 24 * (sizes.columns + 6)]
    opened = reader.extension(sizes.columns + 6)
    layer_roots = [reader.bytes(32) for _ in sizes.folds]
    final_raw = reader.data[reader.at : reader.at + (24 << setting.log_final)]
    final = reader.extension(1 << setting.log_final)
    nonce = reader.bytes(8)

    transcript.absorb(b"trace root", roots[0])
    alpha, beta = transcript.element(b"alpha"), transcript.element(b"beta")
    logup = LogUp(alpha, f.powers(beta, sizes.bus_power + 1))
    transcript.absorb(b"logup root", roots[1])
    lam = transcript.element(b"lambda")
    transcript.absorb(b"quotient root", roots[2])
    zeta = draw_zeta(transcript, sizes)
    transcript.absorb(b"openings", opened_raw)
    gamma = transcript.element(b"gamma")
    betas: list[Element] = []
    for root in layer_roots:
        transcript.absorb(b"layer root", root)
        betas.append(transcript.element(b"fold"))
    transcript.absorb(b"final polynomial", final_raw)
    require(transcript.proof_of_work(int.from_bytes(nonce, "little")) % (1 << setting.grinding) == 0, "proof of work")
    transcript.absorb(b"nonce", nonce)
    indices = transcript.indices(b"queries", setting.queries, sizes.log_n + 1)

    check_identity(sizes, opened, logup, lam, zeta, claim_sum(circuit, claim, logup, f))
    trees = [read_tree(reader, sizes.groups(k), indices, roots[k], setting) for k in range(3)]
    layers: list[dict[int, list[int]]] = []
    below = list(indices)
    for fold, groups, root in zip(sizes.folds, sizes.layers(), layer_roots, strict=True):
        below = [i >> fold for i in below]
        layers.append(read_tree(reader, groups, below, root, setting)[0])
    require(reader.at == len(proof), "too long")
    for index in sorted(set(indices)):
        value = deep(sizes, trees, opened, gamma, zeta, index)
        check_query(sizes, layers, betas, final, value, index)


def deep(
    sizes: Sizes, trees: list[list[dict[int, list[int]]]], opened: list[Element], gamma: Element, zeta: Element, index: int
) -> Element:
    """The DEEP polynomial at one position of the extended domain."""
    f, log_n = sizes.setting.field, sizes.log_n
    x = f.generator * pow(f.root(log_n + 1), bit_reverse(index, log_n + 1), f.p) % f.p
    row = canonical_row(sizes, trees, index)
    powers = f.powers(gamma, len(opened))
    here, there = f.lift(0), f.lift(0)
    for value, claimed, weight in zip(row, opened, powers, strict=False):
        here = f.add(here, f.mul(weight, f.sub(f.lift(value), claimed)))
    acc = row[-18:-12]
    for value, claimed, weight in zip(acc, opened[-6:], powers[-6:], strict=True):
        there = f.add(there, f.mul(weight, f.sub(f.lift(value), claimed)))
    next_zeta = f.scale(zeta, f.root(log_n))
    first = f.mul(here, f.invert(f.sub(f.lift(x), zeta)))
    return f.add(first, f.mul(there, f.invert(f.sub(f.lift(x), next_zeta))))


def canonical_row(sizes: Sizes, trees: list[list[dict[int, list[int]]]], index: int) -> list[int]:
    """The values of all committed columns at a position, in the order of openings."""
    out: list[int] = []
    for number, tree in enumerate(sizes.trees):
        heights = [h for h, _ in sizes.groups(number)]
        used = dict.fromkeys(heights, 0)
        for h, width in tree:
            if width:
                leaf = trees[number][heights.index(h + 1)][index >> (sizes.log_n - h)]
                out += leaf[used[h + 1] : used[h + 1] + width]
                used[h + 1] += width
    return out


def check_query(
    sizes: Sizes, layers: list[dict[int, list[int]]], betas: list[Element], final: list[Element], value: Element, index: int
) -> None:
    """Follows one query through all folds to the final polynomial."""
    f, log_size, shift = sizes.setting.field, sizes.log_n + 1, sizes.setting.field.generator
    for fold, layer, beta in zip(sizes.folds, layers, betas, strict=True):
        leaf = layer[index >> fold]
        arity = 1 << fold
        values = [tuple(leaf[c * arity + j] for c in range(6)) for j in range(arity)]
        require(values[index & (arity - 1)] == value, "fold")
        index >>= fold
        x0 = shift * pow(f.root(log_size), bit_reverse(index, log_size - fold), f.p) % f.p
        value = f.lift(0)
        for k in range(6):  # coefficient by coefficient: P_i = (interpolation on the coset)_i
            coefficients = to_coefficients(f, [v[k] for v in values], x0)
            unit = tuple(int(i == k) for i in range(6))
            value = f.add(value, f.mul(unit, evaluate(f, coefficients, beta)))
        log_size -= fold
        shift = pow(shift, arity, f.p)
    x = shift * pow(f.root(log_size), bit_reverse(index, log_size), f.p) % f.p
    expected = f.lift(0)
    for c in reversed(final):
        expected = f.add(f.scale(expected, x), c)
    require(value == expected, "final polynomial")
