"""The reference prover: slow, plain, generic in the prime. An honest run gives the same bytes as the production prover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.stark.reference.common import LogUp, Setting, Sizes, claim_sum, draw_zeta, node_hash, row_hash, run, start, table_constraints
from tests.stark.reference.field import Element, Field, bit_reverse, evaluate, to_coefficients, to_values
from zkc.runtime.circuit import Circuit

Column = list[int]


class Tree:
    """A Merkle tree over groups of columns, tallest first: `layers[0]` are the leaf hashes."""

    def __init__(self, groups: Sequence[Sequence[Column]], setting: Setting) -> None:
        self.groups, self.setting = groups, setting
        hashes = {len(columns[0]): [row_hash(setting.words(row)) for row in zip(*columns, strict=True)] for columns in groups}
        self.layers = [hashes[len(groups[0][0])]]
        while len(self.layers[-1]) > 1:
            below, size = self.layers[-1], len(self.layers[-1]) // 2
            extra = hashes.get(size)
            layer = [node_hash(below[2 * i], below[2 * i + 1], *([extra[i]] if extra else [])) for i in range(size)]
            self.layers.append(layer)

    @property
    def root(self) -> bytes:
        return self.layers[-1][0]

    def open(self, indices: Sequence[int]) -> bytes:
        positions = [sorted(set(indices))]
        for _ in self.layers[1:]:
            positions.append(sorted({i >> 1 for i in positions[-1]}))
        out = b""
        for columns in self.groups:
            level = len(self.layers[0]).bit_length() - len(columns[0]).bit_length()
            out += b"".join(self.setting.words([column[i] for column in columns]) for i in positions[level])
        for layer, here in zip(self.layers[:-1], positions, strict=False):
            out += b"".join(layer[i ^ 1] for i in here if i ^ 1 not in here)
        return out


def extend(f: Field, column: Column, lift: int = 1) -> Column:
    """Values on 3^lift * <W_2n'> from values on <w_n'>."""
    return to_values(f, to_coefficients(f, column), len(column).bit_length(), pow(f.generator, lift, f.p))


def split(column: Sequence[Element]) -> list[Column]:
    """The six base columns of an extension column."""
    return [list(c) for c in zip(*column, strict=True)]


def grouped(tree: Sequence[Sequence[Column]]) -> list[list[Column]]:
    """Columns of the matrices by height, tallest first."""
    heights = sorted({len(m[0]) for m in tree if m}, reverse=True)
    return [[column for m in tree if m and len(m[0]) == h for column in m] for h in heights]


def prove(circuit: Circuit, traces: Mapping[str, Sequence[Sequence[int]]], claim: Sequence[int], setting: Setting) -> bytes:
    """A proof, honest if the traces are."""
    f = setting.field
    log_heights = [len(traces[t.name][0]).bit_length() - 1 if t.name in traces else 0 for t in circuit.tables]
    sizes = Sizes(circuit, log_heights, setting)
    n = 1 << sizes.log_n
    transcript = start(sizes, log_heights, claim)

    columns = [[list(map(int, c)) for c in traces[t.name]] for t, _ in sizes.tables]
    fixed = [[list(map(int, c)) for c in t.fixed] for t, _ in sizes.tables]
    extended = [[extend(f, c, n >> h) for c in m] for m, (_, h) in zip(columns, sizes.tables, strict=True)]
    fixed_extended = [[extend(f, c, n >> h) for c in m] for m, (_, h) in zip(fixed, sizes.tables, strict=True)]
    trace_tree = Tree(grouped(extended), setting)
    transcript.absorb(b"trace root", trace_tree.root)
    alpha, beta = transcript.element(b"alpha"), transcript.element(b"beta")
    logup = LogUp(alpha, f.powers(beta, sizes.bus_power + 1))

    phis = [fractions(sizes, k, columns[k] + fixed[k], logup) for k in range(len(sizes.tables))]
    claimed = f.scale(claim_sum(circuit, claim, logup, f), pow(n, -1, f.p))
    acc = accumulator(sizes, phis, claimed)
    phi_columns = [[c for phi in table for c in split(phi)] for table in phis] + [split(acc)]
    lifts = [n >> h for _, h in sizes.tables] + [1]
    phi_extended = [[extend(f, c, s) for c in m] for m, s in zip(phi_columns, lifts, strict=True)]
    logup_tree = Tree(grouped(phi_extended), setting)
    transcript.absorb(b"logup root", logup_tree.root)
    lam = transcript.element(b"lambda")

    bent = combined(sizes, [a + b for a, b in zip(extended, fixed_extended, strict=True)], phi_extended, logup, lam, claimed)
    quotient = quotient_columns(sizes, bent)
    quotient_extended = [to_values(f, c, sizes.log_n + 1, f.generator) for c in quotient]
    quotient_tree = Tree([quotient_extended], setting)
    transcript.absorb(b"quotient root", quotient_tree.root)
    zeta = draw_zeta(transcript, sizes)

    coefficients = [to_coefficients(f, c) for m in [*columns, *phi_columns] for c in m]
    points = [f.power(zeta, n // len(c)) for c in coefficients]
    opened = [evaluate(f, c, x) for c, x in zip(coefficients, points, strict=True)] + [evaluate(f, c, zeta) for c in quotient]
    next_zeta = f.scale(zeta, f.root(sizes.log_n))
    opened += [evaluate(f, c, next_zeta) for c in coefficients[-6:]]
    raw = b"".join(setting.words(v) for v in opened)
    transcript.absorb(b"openings", raw)
    gamma = transcript.element(b"gamma")

    everything = [c for m in [*extended, *phi_extended, quotient_extended] for c in m]
    values = deep(sizes, everything, opened, gamma, zeta)
    layer_trees: list[Tree] = []
    log_size, shift = sizes.log_n + 1, f.generator
    for fold in sizes.folds:
        layer_trees.append(Tree([layer_columns(values, fold)], setting))
        transcript.absorb(b"layer root", layer_trees[-1].root)
        values = fold_layer(f, values, fold, shift, transcript.element(b"fold"))
        log_size, shift = log_size - fold, pow(shift, 1 << fold, f.p)
    final_columns = [to_coefficients(f, list(c), shift)[: 1 << setting.log_final] for c in split(values)]
    final_raw = b"".join(setting.words(v) for v in zip(*final_columns, strict=True))
    transcript.absorb(b"final polynomial", final_raw)
    nonce = next(k for k in range(2**40) if transcript.proof_of_work(k) % (1 << setting.grinding) == 0).to_bytes(8, "little")
    transcript.absorb(b"nonce", nonce)
    indices = transcript.indices(b"queries", setting.queries, sizes.log_n + 1)

    roots = trace_tree.root + logup_tree.root + quotient_tree.root
    out = bytes(log_heights) + roots + raw + b"".join(t.root for t in layer_trees) + final_raw + nonce
    out += b"".join(tree.open(indices) for tree in (trace_tree, logup_tree, quotient_tree))
    for fold, tree in zip(sizes.folds, layer_trees, strict=True):
        indices = [i >> fold for i in indices]
        out += tree.open(indices)
    return out


def fractions(sizes: Sizes, number: int, columns: list[Column], logup: LogUp) -> list[list[Element]]:
    """The phi columns of a table, one for each batch."""
    f, table = sizes.setting.field, sizes.tables[number][0]
    out: list[list[Element]] = [[] for _ in table.batches]
    for row in zip(*columns, strict=True):
        values = run(table, [f.lift(v) for v in row], f)
        for phi, batch in zip(out, table.batches, strict=True):
            total = f.lift(0)
            for k in batch:
                message = table.messages[k]
                total = f.add(total, f.mul(values[message.multiplicity], f.invert(logup.denominator(message, values, f))))
            phi.append(total)
    return out


def accumulator(sizes: Sizes, phis: list[list[list[Element]]], claimed: Element) -> list[Element]:
    """acc in bit-reversed order, 0 at exponent 0."""
    f, log_n = sizes.setting.field, sizes.log_n
    out = [f.lift(0)] * (1 << log_n)
    total = f.lift(0)
    for e in range(1 << log_n):
        b = bit_reverse(e, log_n)
        out[b] = total
        total = f.add(total, claimed)
        for (_, h), table in zip(sizes.tables, phis, strict=True):
            for phi in table:
                total = f.add(total, f.scale(phi[b >> (log_n - h)], pow(1 << (log_n - h), -1, f.p)))
    return out


def combined(
    sizes: Sizes, columns: list[list[Column]], phis: list[list[Column]], logup: LogUp, lam: Element, claimed: Element
) -> list[Element]:
    """The sum of lambda^i C_i on the extended domain."""
    f, log_n = sizes.setting.field, sizes.log_n
    size = 2 << log_n
    weights = f.powers(lam, 1 + sum(len(t.constraints) + len(t.batches) for t, _ in sizes.tables))
    out: list[Element] = []
    for b in range(size):
        total, at, sums = f.lift(0), 0, claimed
        for (table, h), m, phi in zip(sizes.tables, columns, phis[:-1], strict=True):
            row = b >> (log_n - h)
            values = [tuple(phi[6 * k + c][row] for c in range(6)) for k in range(len(table.batches))]
            for value in table_constraints(table, [f.lift(column[row]) for column in m], values, logup, f):
                total = f.add(total, f.mul(weights[at], value))
                at += 1
            for value in values:
                sums = f.add(sums, f.scale(value, pow(1 << (log_n - h), -1, f.p)))
        e = bit_reverse(b, log_n + 1)
        following = bit_reverse((e + 2) % size, log_n + 1)
        acc, acc_next = (tuple(column[i] for column in phis[-1]) for i in (b, following))
        step = f.sub(f.sub(acc_next, acc), sums)
        out.append(f.add(total, f.mul(weights[at], step)))
    return out


def quotient_columns(sizes: Sizes, values: list[Element]) -> list[Column]:
    """Coefficients of q0 and q1 (six base columns each) from the combined constraint on the extended domain."""
    f, n = sizes.setting.field, 1 << sizes.log_n
    out: list[Column] = []
    for column in split(values):
        divided: Column = []
        for b, v in enumerate(column):
            x = f.generator * pow(f.root(sizes.log_n + 1), bit_reverse(b, sizes.log_n + 1), f.p)
            divided.append(v * pow(pow(x, n, f.p) - 1, -1, f.p) % f.p)
        out.append(to_coefficients(f, divided, f.generator))
    return [c[:n] for c in out] + [c[n:] for c in out]


def deep(sizes: Sizes, columns: list[Column], opened: list[Element], gamma: Element, zeta: Element) -> list[Element]:
    """The DEEP polynomial on the extended domain."""
    f, log_size = sizes.setting.field, sizes.log_n + 1
    weights = f.powers(gamma, len(opened))
    next_zeta = f.scale(zeta, f.root(sizes.log_n))
    acc = columns[-18:-12]
    out: list[Element] = []
    for b in range(1 << log_size):
        x = f.lift(f.generator * pow(f.root(log_size), bit_reverse(b, log_size), f.p))
        here, there = f.lift(0), f.lift(0)
        for column, value, weight in zip(columns, opened, weights, strict=False):
            shrink = (2 << sizes.log_n) // len(column)
            here = f.add(here, f.mul(weight, f.sub(f.lift(column[b // shrink]), value)))
        for column, value, weight in zip(acc, opened[-6:], weights[-6:], strict=True):
            there = f.add(there, f.mul(weight, f.sub(f.lift(column[b]), value)))
        first = f.mul(here, f.invert(f.sub(x, zeta)))
        out.append(f.add(first, f.mul(there, f.invert(f.sub(x, next_zeta)))))
    return out


def layer_columns(values: list[Element], fold: int) -> list[Column]:
    """A FRI layer as 6 * 2^fold columns, coefficient-major."""
    arity = 1 << fold
    return [[v[c] for v in values[j::arity]] for c in range(6) for j in range(arity)]


def fold_layer(f: Field, values: list[Element], fold: int, shift: int, beta: Element) -> list[Element]:
    """The values of sum beta^i P_i where P(X) = sum X^i P_i(X^(2^fold))."""
    arity, log_size = 1 << fold, len(values).bit_length() - 1
    out: list[Element] = []
    for index in range(len(values) // arity):
        x0 = shift * pow(f.root(log_size), bit_reverse(index, log_size - fold), f.p) % f.p
        folded = f.lift(0)
        for k, column in enumerate(split(values[arity * index : arity * (index + 1)])):
            unit = tuple(int(i == k) for i in range(6))
            folded = f.add(folded, f.mul(unit, evaluate(f, to_coefficients(f, column, x0), beta)))
        out.append(folded)
    return out
