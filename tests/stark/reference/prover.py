"""The reference prover: slow, plain, generic in the prime. An honest run gives the same bytes as the production prover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.stark.reference.common import (
    LOG_TOP,
    Layout,
    LogUp,
    Setting,
    Sizes,
    Tree,
    claim_sum,
    deep,
    draw_zeta,
    run,
    stacked,
    start,
    table_constraints,
)
from tests.stark.reference.field import Element, Field, bit_reverse, evaluate, to_coefficients, to_values
from zkc.runtime.circuit.circuit import Circuit

Column = list[int]


def split(column: Sequence[Element]) -> list[Column]:
    """The six base columns of an extension column."""
    return [list(c) for c in zip(*column, strict=True)]


class Committed:
    """Columns by their coefficients, stacked and hashed: `polynomials` are the values of a leaf's words."""

    def __init__(self, sizes: Sizes, layout: Layout, columns: list[list[int]], blind: Sequence[Column] = ()) -> None:
        """columns: coefficients of the base columns of the tree, in order. blind: values of the random words that follow in a leaf."""
        self.layout, unit = layout, layout.unit
        first = min(number for each in layout.classes for number in each.members)
        self.polynomials = [
            stacked(sizes.setting, [columns[unit * (k - first) + c] for k in stack], each.log_k, layout.log_n)
            for each in layout.classes
            for stack in each.stacks
            for c in range(unit)
        ]
        self.rows = list(zip(*self.polynomials, *blind, strict=True))
        self.tree = Tree([sizes.setting.words(row) for row in self.rows])


@dataclass(frozen=True)
class Blinds:
    """The randomness of a proof that hides. masks: of the trace and the LogUp tree, coefficients for each base column; between: those of
    t_1 and t_2, six base columns each; mask: those of the DEEP polynomial's; salts: of each tree, five words for each leaf.
    """

    masks: tuple[list[Column], list[Column]]
    between: list[Column]
    mask: list[Column]
    salts: tuple[list[Column], list[Column], list[Column]]


OPEN = Blinds(([], []), [], [], ([], [], []))


def masked(f: Field, columns: list[Column], masks: list[Column]) -> list[Column]:
    """Coefficients of f + (Y^m - 1) r."""
    if not masks:
        return columns
    out: list[Column] = []
    for column, mask in zip(columns, masks, strict=True):
        low = [(c - r) % f.p for c, r in zip(column, mask + [0] * (len(column) - len(mask)), strict=True)]
        out.append(low + mask)
    return out


def parted(sizes: Sizes, traces: Mapping[str, Sequence[Sequence[int]]]) -> list[list[Column]]:
    """The columns of each part: its rows of the table's."""
    first: dict[str, int] = {}
    out: list[list[Column]] = []
    for t, h in sizes.tables:
        start, stop = first.get(t.name, 0), first.get(t.name, 0) + sizes.setting.rows(h)
        out.append([list(map(int, c[start:stop])) for c in traces[t.name]])
        first[t.name] = stop
    return out


def prove(
    circuit: Circuit, traces: Mapping[str, Sequence[Sequence[int]]], claim: Sequence[int], setting: Setting, blinds: Blinds = OPEN
) -> bytes:
    """A proof, honest if the traces are."""
    f = setting.field
    counts = [len(traces[t.name][0]) if t.name in traces else 0 for t in circuit.tables]
    heights = [rows + rows % (1 << setting.full) for rows in counts]
    sizes = Sizes(circuit, heights, setting)
    n = 1 << sizes.log_n
    fixed_columns = [to_coefficients(f, list(map(int, c))) for t in circuit.tables for c in t.fixed]
    committed = [Committed(sizes, layout, fixed_columns) for layout in sizes.fixed]
    layouts = sizes.trees[len(sizes.fixed) :]
    transcript = start(sizes, heights, claim, committed[0].tree.root if committed else b"")

    columns = parted(sizes, traces)
    fixed = [[[int(v) for v in c for _ in range((1 << h) // len(c))] for c in t.fixed] for t, h in sizes.tables]
    trace_polynomials = masked(f, [to_coefficients(f, c) for m in columns for c in m], blinds.masks[0])
    committed.append(Committed(sizes, layouts[0], trace_polynomials, blinds.salts[0]))
    transcript.absorb(b"trace root", committed[-1].tree.root)
    alpha, beta = transcript.element(b"alpha"), transcript.element(b"beta")
    logup = LogUp(alpha, f.powers(beta, sizes.bus_power + 1))

    phis = [fractions(sizes, k, columns[k] + fixed[k], logup) for k in range(len(sizes.tables))]
    claimed = f.scale(claim_sum(circuit, claim, logup, f), pow(n, -1, f.p))
    acc = accumulator(sizes, phis, claimed)
    phi_columns = [[c for phi in table for c in split(phi)] for table in phis] + [split(acc)]
    phi_polynomials = masked(f, [to_coefficients(f, c) for m in phi_columns for c in m], blinds.masks[1])
    committed.append(Committed(sizes, layouts[1], phi_polynomials, blinds.salts[1]))
    transcript.absorb(b"logup root", committed[-1].tree.root)
    lam = transcript.element(b"lambda")

    every = [*(h for _, h in sizes.tables), sizes.log_n]
    domains = over_quotient_domains(sizes, every[:-1], shared(trace_polynomials, columns))
    fixed_polynomials = [[to_coefficients(f, c) for c in m] for m in fixed]
    for m, own in zip(domains, over_quotient_domains(sizes, every[:-1], fixed_polynomials), strict=True):
        m += own
    phi_domains = over_quotient_domains(sizes, every, shared(phi_polynomials, phi_columns))
    quotient = quotient_columns(sizes, combined(sizes, domains, phi_domains, logup, lam, claimed), blinds.between)
    mask = [to_values(f, c, sizes.log_size, setting.shift(sizes.log_n)) for c in blinds.mask]
    committed.append(Committed(sizes, layouts[2], quotient, [*mask, *blinds.salts[2]]))
    transcript.absorb(b"quotient root", committed[-1].tree.root)
    zeta = draw_zeta(transcript, sizes)

    def at(coefficients: list[int], x: Element, height: int) -> Element:
        return evaluate(f, coefficients, f.power(x, n // height))

    opened = [at(c, zeta, len(c)) for c in fixed_columns]
    for polynomials, matrices in ((trace_polynomials, columns), (phi_polynomials, phi_columns)):
        logs = [h for h, m in zip(every, matrices, strict=False) for _ in m]
        values = [at(c, zeta, 1 << h) for c, h in zip(polynomials, logs, strict=True)]
        opened += values if polynomials is trace_polynomials else []
    values += [at(c, zeta, n) for c in quotient]
    opened += [f.combine(values[k : k + 6]) for k in range(0, len(values), 6)]
    opened.append(f.combine([at(c, f.scale(zeta, f.root(sizes.log_n)), n) for c in phi_polynomials[-6:]]))
    raw = b"".join(setting.words(v) for v in opened)
    transcript.absorb(b"openings", raw)
    gamma = transcript.element(b"gamma")

    size = 1 << sizes.log_size
    xs = [setting.shift(sizes.log_n) * pow(f.root(sizes.log_size), bit_reverse(b, sizes.log_size), f.p) % f.p for b in range(size)]
    everywhere = [[c.rows[b >> (sizes.log_n - c.layout.log_n)] for b in range(size)] for c in committed]
    values = deep(sizes, everywhere, opened, gamma, zeta, xs)
    layers: list[tuple[Tree, list[Element]]] = []
    log_n = sizes.log_n
    for fold in sizes.folds:
        leaves = [setting.words(row) for row in zip(*layer_columns(values, fold), strict=True)]
        layers.append((Tree(leaves), values))
        transcript.absorb(b"layer root", layers[-1][0].root)
        values = fold_layer(f, values, fold, setting.shift(log_n), transcript.element(b"fold"))
        log_n -= fold
    final_columns = [to_coefficients(f, list(c), setting.shift(log_n))[: sizes.final] for c in split(values)]
    final_raw = b"".join(setting.words(v) for v in zip(*final_columns, strict=True))
    transcript.absorb(b"final polynomial", final_raw)
    nonce = next(k for k in range(2**40) if transcript.proof_of_work(k) % (1 << setting.grinding) == 0).to_bytes(8, "little")
    transcript.absorb(b"nonce", nonce)
    positions = sorted(set(transcript.indices(b"queries", setting.queries, sizes.log_size)))

    out = b"".join(v.to_bytes(4, "little") for v in heights) + b"".join(c.tree.root for c in committed[len(sizes.fixed) :])
    out += raw + b"".join(tree.root for tree, _ in layers) + final_raw + nonce
    for c in committed:
        down, known = sizes.log_n - c.layout.log_n, c.layout in sizes.fixed
        here = sorted({i >> down for i in positions})
        out += b"".join(setting.words(c.rows[i]) for i in here) + c.tree.siblings(here, LOG_TOP if known else 0)
    for fold, (tree, layer) in zip(sizes.folds, layers, strict=True):
        here = sorted({i >> fold for i in positions})
        beside = [i for leaf in here for i in range(leaf << fold, (leaf + 1) << fold) if i not in positions]
        out += b"".join(setting.words(layer[i]) for i in beside) + tree.siblings(here)
        positions = here
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
            row, rows = b >> (log_n - h), sizes.setting.rows(h)
            for phi in table if row < rows else []:
                total = f.add(total, f.scale(phi[row], pow(1 << (log_n - h), -1, f.p)))
    return out


def combined(
    sizes: Sizes, columns: list[list[Column]], phis: list[list[Column]], logup: LogUp, lam: Element, claimed: Element
) -> list[Element]:
    """The sum of lambda^i C_i on the domains of `over_quotient_domains`."""
    f, log_n, levels = sizes.setting.field, sizes.log_n, sizes.parts - 1
    size = 1 << (log_n + levels)
    weights = f.powers(lam, 1 + sum(len(t.constraints) + len(t.batches) for t, _ in sizes.tables))
    out: list[Element] = []
    for b in range(size):
        x = sizes.setting.shift(log_n) * pow(f.root(log_n + levels), bit_reverse(b, log_n + levels), f.p) % f.p
        total, at, sums, even = f.lift(0), 0, claimed, (pow(x, 1 << log_n >> 1, f.p) + 1) % f.p
        for (table, h), m, phi in zip(sizes.tables, columns, phis[:-1], strict=True):
            row, rows = b >> (log_n - h), sizes.setting.rows(h)
            factor = 1 if rows == 1 << h else even
            values = [tuple(phi[6 * k + c][row] for c in range(6)) for k in range(len(table.batches))]
            for value in table_constraints(table, [f.lift(column[row]) for column in m], values, logup, f):
                total = f.add(total, f.scale(f.mul(weights[at], value), factor))
                at += 1
            for value in values:
                sums = f.add(sums, f.scale(value, factor * rows * pow(1 << log_n, -1, f.p) % f.p))
        e = bit_reverse(b, log_n + levels)
        following = bit_reverse((e + (1 << levels)) % size, log_n + levels)
        acc, acc_next = (tuple(column[i] for column in phis[-1]) for i in (b, following))
        step = f.sub(f.sub(acc_next, acc), sums)
        out.append(f.add(total, f.mul(weights[at], step)))
    return out


def shared(polynomials: list[Column], matrices: list[list[Column]]) -> list[list[Column]]:
    """The polynomials, matrix by matrix."""
    take = iter(polynomials)
    return [[next(take) for _ in m] for m in matrices]


def over_quotient_domains(sizes: Sizes, heights: Sequence[int], matrices: list[list[Column]]) -> list[list[Column]]:
    """Values of columns on domains where quotients have their degree: twice their rows, four times with masks."""
    f, setting = sizes.setting.field, sizes.setting
    return [[to_values(f, c, h + sizes.parts - 1, setting.shift(h)) for c in m] for h, m in zip(heights, matrices, strict=True)]


def quotient_columns(sizes: Sizes, values: list[Element], between: list[Column]) -> list[Column]:
    """Coefficients of q0, q1, … (six base columns each) from the combined constraint; `between` goes from each to the one before."""
    f, n, log_size = sizes.setting.field, 1 << sizes.log_n, sizes.log_n + sizes.parts - 1
    out: list[Column] = []
    for column in split(values):
        divided: Column = []
        for b, v in enumerate(column):
            x = sizes.setting.shift(sizes.log_n) * pow(f.root(log_size), bit_reverse(b, log_size), f.p)
            divided.append(v * pow(pow(x, n, f.p) - 1, -1, f.p) % f.p)
        out.append(to_coefficients(f, divided, sizes.setting.shift(sizes.log_n)))
    parts = [c[k * n : (k + 1) * n] for k in range(sizes.parts) for c in out]
    for k, moved in enumerate(between):
        parts[k] += moved
        parts[k + 6][: len(moved)] = [(c - t) % f.p for c, t in zip(parts[k + 6], moved, strict=False)]
    return parts


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
