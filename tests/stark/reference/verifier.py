"""The reference verifier: slow, plain, generic in the prime."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from tests.stark.reference.common import (
    LOG_TOP,
    LogUp,
    Setting,
    Sizes,
    Tree,
    claim_sum,
    deep,
    draw_zeta,
    fixed_tree,
    node_hash,
    require,
    row_hash,
    start,
    table_constraints,
)
from tests.stark.reference.field import Element, Field, bit_reverse, evaluate, to_coefficients
from zkc.runtime.circuit.circuit import COLUMN, CONSTANT, SUB, Circuit, Table


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


def check_heights(circuit: Circuit, heights: Sequence[int], setting: Setting) -> None:
    fractions = len(circuit.claim.messages)
    for table, height in zip(circuit.tables, heights, strict=True):
        fixed, parts = table.fixed_log_height, [h for h in range(32) if height >> h & 1]
        require(all(setting.least <= h <= min(22, 24 - setting.log_blowup) for h in parts), "height")
        require(not parts or fixed is None or parts == [max(fixed, setting.full)], "fixed height")
        require(not parts or fixed is None or parts == [fixed] or is_lookup(table), "not a lookup table")
        fractions += len(table.messages) * height
    require(any(heights), "no table")
    require(fractions < setting.field.p or not setting.check_wrap, "multiplicities could wrap")


def is_lookup(table: Table) -> bool:
    """One committed column, which is how often each message happens, or minus that."""
    nodes = table.nodes.tolist()

    def counts(k: int) -> bool:
        op, a, b = nodes[k]
        return (op, a) == (COLUMN, 0) or (op == SUB and nodes[a][:2] == [CONSTANT, 0] and nodes[b][:2] == [COLUMN, 0])

    return len(table.columns) == 1 and not table.constraints and all(counts(m.multiplicity) for m in table.messages)


def read_tree(
    reader: Reader, depth: int, indices: Sequence[int], rows: dict[int, list[int]], top: Sequence[bytes], setting: Setting
) -> None:
    """Reads the siblings of opened leaves and checks the paths to the layer `top`."""
    layer = {i: row_hash(setting.words(row)) for i, row in rows.items()}
    here = sorted(set(indices))
    for _ in range(depth - (len(top).bit_length() - 1)):
        for i in here:
            if i ^ 1 not in layer:
                layer[i ^ 1] = reader.bytes(32)
        here = sorted({i >> 1 for i in here})
        layer = {i: node_hash(layer[2 * i], layer[2 * i + 1]) for i in here}
    require(all(layer[i] == top[i] for i in here), "Merkle root")


def check_identity(sizes: Sizes, opened: list[Element], logup: LogUp, lam: Element, zeta: Element, claim: Element) -> None:
    """The combined constraint at zeta equals (zeta^n - 1)(q0 + zeta^n q1 + …)."""
    f, n = sizes.setting.field, 1 << sizes.log_n
    take = iter(opened)
    fixed = {t.name: [next(take) for _ in t.fixed] for t in sizes.circuit.tables}
    trace = [[next(take) for _ in t.columns] + fixed[t.name] for t, _ in sizes.tables]
    phis = [[next(take) for _ in t.batches] for t, _ in sizes.tables]
    acc, *parts, acc_next = take
    total, weight = f.lift(0), f.lift(1)
    sums = f.scale(claim, pow(n, -1, f.p))
    for (table, h), columns, fractions in zip(sizes.tables, trace, phis, strict=True):
        rows = sizes.setting.rows(h)
        even = f.lift(1) if rows == 1 << h else f.add(f.power(zeta, n // 2), f.lift(1))
        for value in table_constraints(table, columns, fractions, logup, f):
            total = f.add(total, f.mul(f.mul(weight, even), value))
            weight = f.mul(weight, lam)
        for phi in fractions:
            sums = f.add(sums, f.scale(f.mul(even, phi), rows * pow(n, -1, f.p) % f.p))
    step = f.sub(f.sub(acc_next, acc), sums)
    total = f.add(total, f.mul(weight, step))
    zn = f.power(zeta, n)
    quotient = f.lift(0)
    for k, part in enumerate(parts):
        quotient = f.add(quotient, f.mul(f.power(zn, k), part))
    require(total == f.mul(f.sub(zn, f.lift(1)), quotient), "identity at zeta")


def verify(circuit: Circuit, claim: Sequence[int], proof: bytes, setting: Setting) -> None:
    """Raises Reject unless `proof` is accepted."""
    f = setting.field
    require(len(claim) == len(circuit.claim.columns) and all(0 <= v < f.p for v in claim), "claim")
    reader = Reader(proof, f)
    heights = [int.from_bytes(reader.bytes(4), "little") for _ in circuit.tables]
    check_heights(circuit, heights, setting)
    sizes = Sizes(circuit, heights, setting)
    fixed = known_fixed_tree(circuit, setting)
    transcript = start(sizes, heights, claim, fixed.root if fixed else b"")
    roots = [reader.bytes(32) for _ in range(3)]
    opened_raw = reader.data[reader.at : reader.at + 24 * (sizes.columns + 1)]
    opened = reader.extension(sizes.columns + 1)
    layer_roots = [reader.bytes(32) for _ in sizes.folds]
    final_raw = reader.data[reader.at : reader.at + 24 * sizes.final]
    final = reader.extension(sizes.final)
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
    indices = sorted(set(transcript.indices(b"queries", setting.queries, sizes.log_size)))

    check_identity(sizes, opened, logup, lam, zeta, claim_sum(circuit, claim, logup, f))
    tops = [*([fixed.top(LOG_TOP)] if fixed else []), *([root] for root in roots)]
    leaves: list[list[list[int]]] = []
    for layout, top in zip(sizes.trees, tops, strict=True):
        down = sizes.log_n - layout.log_n
        rows = {i: reader.elements(layout.width) for i in sorted({i >> down for i in indices})}
        read_tree(reader, layout.log_n + setting.log_blowup, list(rows), rows, top, setting)
        leaves.append([rows[i >> down] for i in indices])
    xs = [setting.shift(sizes.log_n) * pow(f.root(sizes.log_size), bit_reverse(i, sizes.log_size), f.p) % f.p for i in indices]
    values = dict(zip(indices, deep(sizes, leaves, opened, gamma, zeta, xs), strict=True))
    check_folds(reader, sizes, values, layer_roots, betas, final)
    require(reader.at == len(proof), "too long")


def check_folds(
    reader: Reader, sizes: Sizes, values: dict[int, Element], roots: list[bytes], betas: list[Element], final: list[Element]
) -> None:
    """Reads what is opened of each layer beside the values known so far, and folds them to those of the final polynomial."""
    f, log_n = sizes.setting.field, sizes.log_n
    for fold, root, beta in zip(sizes.folds, roots, betas, strict=True):
        log_size = log_n + sizes.setting.log_blowup
        arity, leaves = 1 << fold, sorted({i >> fold for i in values})
        for leaf in leaves:
            for i in range(leaf * arity, (leaf + 1) * arity):
                if i not in values:
                    values[i] = reader.extension(1)[0]
        cosets = {leaf: [values[leaf * arity + j] for j in range(arity)] for leaf in leaves}
        rows = {leaf: [v[c] for c in range(6) for v in coset] for leaf, coset in cosets.items()}
        read_tree(reader, log_size - fold, leaves, rows, [root], sizes.setting)
        values = {}
        for leaf, coset in cosets.items():
            x0 = sizes.setting.shift(log_n) * pow(f.root(log_size), bit_reverse(leaf, log_size - fold), f.p) % f.p
            parts = [evaluate(f, to_coefficients(f, [v[k] for v in coset], x0), beta) for k in range(6)]
            values[leaf] = f.combine(parts)
        log_n -= fold
    log_size = log_n + sizes.setting.log_blowup
    for i, value in values.items():
        x = sizes.setting.shift(log_n) * pow(f.root(log_size), bit_reverse(i, log_size), f.p) % f.p
        expected = f.lift(0)
        for c in reversed(final):
            expected = f.add(f.scale(expected, x), c)
        require(value == expected, "final polynomial")


@lru_cache(maxsize=8)
def known_fixed_tree(circuit: Circuit, setting: Setting) -> Tree | None:
    """The tree of the fixed columns, computed here from the circuit."""
    heights = [0 if t.fixed_log_height is None else 1 << t.fixed_log_height for t in circuit.tables]
    made = fixed_tree(Sizes(circuit, heights, setting)) if any(heights) else None
    return made[0] if made else None
