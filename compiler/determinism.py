"""The soundness audit: what a row sends must follow from what it receives. Finds circuits that leave the prover a choice.

For each arm of each table, two rows that agree on all they receive (and on what is bound elsewhere, `GIVEN`) must agree on all they
send. The proof is a propagation over the laid-out table, that is over what the verifier checks: `known` holds the columns that are
shown to be equal in both rows, and grows by rules that are exact modulo p. Types and `trusted` are not believed; ranges come from the
lookups and bit equations that are there. docs/audit.md explains the rules.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zkc.compiler.build import Compilation, circuit_files, circuits_directory, compile_program
from zkc.compiler.layout import Laid, _fixed_rows, lay_out  # pyright: ignore[reportPrivateUsage]
from zkc.compiler.program import Program
from zkc.compiler.values import flatten
from zkc.dsl.diagnostics import Diagnostic
from zkc.dsl.syntax import Span
from zkc.runtime.circuit import ADD, COLUMN, CONSTANT, MUL, SUB
from zkc.runtime.errors import InputError
from zkc.runtime.field.koalabear import P

Node = tuple[int, int, int]
Form = tuple[tuple[tuple[int, int], ...], tuple[str, object]]
"""A linear form of columns ((column, coefficient), …) and what its difference between two rows can be: ("range", R) or ("set", values)."""

GIVEN: dict[tuple[str, str], str] = {
    ("decode", "pc"): "the row stands for this pc; the bus `program` asks for it",
    ("decode", "uses"): "how often a true statement is used; the bus balances",
    ("data_page", "page"): "which page; its digest is received",
    ("data_page", "lo"): "the words of a page are bound by its digest, which is received at its last row",
    ("data_page", "hi"): "the words of a page are bound by its digest, which is received at its last row",
    ("table_page", "page"): "which page; its digest is received",
    ("table_page", "child_digest"): "the digests in a page are bound by its own digest, which is received at its last row",
    ("boundary", "blind_lo"): "the prover's own words, which hide what else is in memory",
    ("boundary", "blind_hi"): "the prover's own words, which hide what else is in memory",
    ("read_start", "length"): "the host chooses how many bytes come, at most what is asked for",
    ("read_word", "value"): "private input: any word",
    ("read_byte", "value"): "private input: any byte",
}
"""Columns that are free on purpose: (table, name without field or index), and why."""

CHAINS = {"sponge": "step"}
"""Buses that carry a state from row to row, and the field that says how far: a row that only takes or only gives fixes it by itself."""

FUNCTIONAL = {"bytes_and": 2, "shift_amounts": 1}
"""Fixed tables whose first fields determine the others."""

FIXED_RANGES: dict[str, tuple[int, ...]] = {"bytes_and": (256, 256, 256), "shift_amounts": (32, 16, 2**15 + 1, 2**16 + 1, 2)}
"""Fields of fixed tables are below these."""

LONGEST_GAP = 1 << 30
"""Times differ by less: with the clock below it too, a time before the first cannot pass for a late one."""

MAX_POINTS = 1 << 19
MAX_SPLITS = 2
SOLVER_MS = 2000


@dataclass(frozen=True)
class Finding:
    """A choice that a row leaves the prover. `expected`: why it is meant, from `GIVEN`; None for a mistake.

    code: E0506 for a choice, E0507 for a value that nothing keeps in its range, E0508 for a row where the executor stops.
    """

    table: str
    arm: str
    message: str
    columns: tuple[str, ...]
    span: Span | None
    expected: str | None = None
    spans: tuple[Span, ...] = ()
    code: str = "E0506"

    def diagnostic(self) -> Diagnostic:
        where = f"`{self.table}`" if self.arm in ("", self.table) else f"`{self.arm}` of `{self.table}`"
        names = ", ".join(f"`{c}`" for c in self.columns)
        notes = (f"not determined: {names}",) if names else ()
        labels = tuple((s, "the prover may choose this") for s in self.spans)
        return Diagnostic(self.code, f"{self.message} in {where}", self.span, notes, "constrain it, or say in GIVEN why it is free", labels)


# Rows ------------------------------------------------------------------------------------------------------------------------


class Row:
    """The polynomials of one arm or mode: selectors replaced by their values, constants folded. Only ever extended."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.support: list[int] = []
        self._ids: dict[Node, int] = {}
        self._linear: dict[int, dict[int, int]] = {}
        self.zero: list[int] = []  # these vanish
        self.shared: list[int] = []  # these have one value in both rows
        self.lookups: list[tuple[str, tuple[int, ...]]] = []
        self.messages: list[tuple[int, int, tuple[int, ...]]] = []  # number, multiplicity, arguments
        self.impossible = False

    def _node(self, op: int, a: int, b: int) -> int:
        key = (op, a, b)
        found = self._ids.get(key)
        if found is None:
            found = self._ids[key] = len(self.nodes)
            self.nodes.append(key)
            self.support.append(1 << a if op == COLUMN else 0 if op == CONSTANT else self.support[a] | self.support[b])
        return found

    def constant(self, value: int) -> int:
        return self._node(CONSTANT, value % P, 0)

    def column(self, index: int) -> int:
        return self._node(COLUMN, index, 0)

    def value(self, node: int) -> int | None:
        op, a, _ = self.nodes[node]
        return a if op == CONSTANT else None

    def make(self, op: int, a: int, b: int) -> int:
        ca, cb = self.value(a), self.value(b)
        if ca is not None and cb is not None:
            return self.constant(ca + cb if op == ADD else ca - cb if op == SUB else ca * cb)
        if op == MUL:
            if ca == 0 or cb == 0:
                return self.constant(0)
            if ca == 1 or cb == 1:
                return b if ca == 1 else a
            return self._node(MUL, min(a, b), max(a, b))
        if cb == 0:
            return a
        if op == ADD:
            return b if ca == 0 else self._node(ADD, min(a, b), max(a, b))
        return self.constant(0) if a == b else self._node(SUB, a, b)

    def import_nodes(self, nodes: list[Node], columns: dict[int, int], replaced: dict[int, int]) -> list[int]:
        """Our number of each node, with columns and nodes replaced by constants."""
        out: list[int] = []
        for i, (op, a, b) in enumerate(nodes):
            if i in replaced:
                out.append(self.constant(replaced[i]))
            elif op == COLUMN:
                out.append(self.constant(columns[a]) if a in columns else self.column(a))
            elif op == CONSTANT:
                out.append(self.constant(a))
            else:
                out.append(self.make(op, out[a], out[b]))
        return out

    def vanish(self, node: int) -> None:
        value = self.value(node)
        if value is None:
            self.zero.append(node)
        elif value:
            self.impossible = True

    def substituted(self, columns: dict[int, int], replaced: dict[int, int]) -> Row:
        """The row under an assumption."""
        row = Row()
        to = row.import_nodes(self.nodes, columns, replaced)
        for n in self.zero:
            row.vanish(to[n])
        row.shared = [to[n] for n in self.shared]
        row.lookups = [(t, tuple(to[a] for a in args)) for t, args in self.lookups]
        row.messages = [(i, to[m], tuple(to[a] for a in args)) for i, m, args in self.messages]
        row.impossible = row.impossible or self.impossible
        return row

    def linear(self, node: int) -> dict[int, int]:
        """The node as a sum of atoms (columns and products that are not of a constant) with coefficients; -1 is the constant."""
        stack = [node]
        while stack:
            top = stack[-1]
            if top in self._linear:
                stack.pop()
                continue
            op, a, b = self.nodes[top]
            if op == COLUMN:
                self._linear[top] = {top: 1}
            elif op == CONSTANT:
                self._linear[top] = {-1: a} if a else {}
            elif op == MUL and self.value(a) is None and self.value(b) is None:
                self._linear[top] = {top: 1}
            else:
                waiting = [x for x in (a, b) if x not in self._linear]
                if waiting:
                    stack += waiting
                    continue
                la, lb = self._linear[a], self._linear[b]
                if op == MUL:
                    la, lb = (lb, la) if self.value(a) is not None else (la, lb)
                    k = lb.get(-1, 0)
                    self._linear[top] = {x: c * k % P for x, c in la.items()}
                else:
                    total = dict(la)
                    for x, c in lb.items():
                        total[x] = (total.get(x, 0) + (c if op == ADD else -c)) % P
                    self._linear[top] = {x: c for x, c in total.items() if c}
        return self._linear[node]

    def factors(self, node: int) -> list[int]:
        """Factors of a product, but for constants."""
        op, a, b = self.nodes[node]
        if op == MUL:
            return [f for x in (a, b) for f in (self.factors(x) if self.value(x) is None else [])]
        return [node]

    def direct_factors(self, node: int) -> list[int]:
        """Factors of a product, each with its constants."""
        op, a, b = self.nodes[node]
        return [a, b] if op == MUL else [node]

    def reachable(self) -> set[int]:
        """Nodes that some equation or message needs."""
        found = {*self.zero, *self.shared}
        for args in (*(args for _, args in self.lookups), *(args for _, _, args in self.messages)):
            found.update(args)
        for i in range(len(self.nodes) - 1, -1, -1):
            if i in found and self.nodes[i][0] > CONSTANT:
                found.update(self.nodes[i][1:])
        return found


def bits_of(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def signed(value: int) -> int:
    value %= P
    return value - P if value > P // 2 else value


# Differences of two rows ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=100_000)
def determined(count: int, forms: tuple[Form, ...]) -> int:
    """Which of `count` columns (a mask) must have difference 0, given what the differences of linear forms can be. Exact: enumerates
    the differences of `count` independent forms with few values and drops those that another form forbids."""
    chosen: list[Form] = []
    rows: list[list[int]] = []
    for form in sorted(forms, key=lambda f: _size(f[1])):
        dense = [0] * count
        for column, c in form[0]:
            dense[column] = c
        if _independent(rows, dense):
            chosen.append(form)
            rows.append(dense)
        if len(chosen) == count:
            break
    if len(chosen) < count or prod(_size(f[1]) for f in chosen) > MAX_POINTS:
        return 0
    inverse = _invert(rows)
    grids = np.meshgrid(*[_values(f[1]) for f in chosen], indexing="ij")
    points = [g.ravel() % P for g in grids]
    columns = [_combine(inverse[i], points) for i in range(count)]
    for form, allowed in forms:
        value = _combine([dict(form).get(i, 0) for i in range(count)], columns)
        keep = np.isin(value, _values(allowed) % P) if allowed[0] == "set" else _below(value, allowed[1])
        columns = [c[keep] for c in columns]
    return sum(1 << i for i, c in enumerate(columns) if not np.any(c))


def _below(value: npt.NDArray[np.int64], bound: object) -> npt.NDArray[np.bool_]:
    assert isinstance(bound, int)
    return (value < bound) | (value > P - bound)


def _size(allowed: tuple[str, object]) -> int:
    what = allowed[1]
    return 2 * what - 1 if isinstance(what, int) else len(what)  # type: ignore[arg-type]


def _values(allowed: tuple[str, object]) -> npt.NDArray[np.int64]:
    what = allowed[1]
    if isinstance(what, int):
        return np.arange(-what + 1, what, dtype=np.int64)
    return np.array(what, dtype=np.int64)


def _combine(coefficients: list[int], columns: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    total = np.zeros_like(columns[0])
    for c, x in zip(coefficients, columns, strict=True):
        if c:
            total = (total + c * x % P) % P
    return total


def _independent(rows: list[list[int]], new: list[int]) -> bool:
    work = [list(r) for r in rows]
    new = list(new)
    for r in work:
        pivot = next(i for i, x in enumerate(r) if x)
        inverse = pow(r[pivot], -1, P)
        for other in (*work, new):
            if other is not r and other[pivot]:
                k = other[pivot] * inverse % P
                other[:] = [(x - k * y) % P for x, y in zip(other, r, strict=True)]
    return any(new)


def _invert(rows: list[list[int]]) -> list[list[int]]:
    n = len(rows)
    work = [list(r) + [int(i == j) for j in range(n)] for i, r in enumerate(rows)]
    for i in range(n):
        pivot = next(j for j in range(i, n) if work[j][i])
        work[i], work[pivot] = work[pivot], work[i]
        k = pow(work[i][i], -1, P)
        work[i] = [x * k % P for x in work[i]]
        for j in range(n):
            if j != i and work[j][i]:
                k = work[j][i]
                work[j] = [(x - k * y) % P for x, y in zip(work[j], work[i], strict=True)]
    return [r[n:] for r in work]


# Propagation ---------------------------------------------------------------------------------------------------------------------


class Solver:
    """What is known of one row under some assumptions: a mask of columns."""

    def __init__(self, row: Row, known: int, user_ranges: dict[str, int], depth: int = MAX_SPLITS) -> None:
        self.row = row
        self.known = known
        self.user_ranges = user_ranges
        self.depth = depth  # cases within cases that may be tried
        self.facts: list[int] = [*row.zero, *row.shared]
        self.split_on: set[tuple[int, int, int]] = set()
        self.ranges = self._ranges()

    def unknown(self, node: int) -> int:
        return self.row.support[node] & ~self.known

    def has(self, node: int) -> bool:
        """The node has one value in both rows, even if its columns do not."""
        return not self.unknown(node) or node in self.facts

    def _ranges(self) -> list[tuple[int, int]]:
        """(node, R): the node is below R."""
        found: list[tuple[int, int]] = []
        for table, args in self.row.lookups:
            if table == "range":
                bits = self.row.value(args[0])
                if bits is not None:
                    found.append((args[1], 1 << bits if bits <= 16 else 1))
            elif table in FIXED_RANGES:
                found += list(zip(args, FIXED_RANGES[table], strict=True))
            elif table in self.user_ranges:
                found.append((args[0], self.user_ranges[table]))
        return found

    def run(self, goal: int = -1) -> int:
        """Grows `known` as far as it goes. `goal`: stops trying the costly rules when these columns are known."""
        if self.row.impossible:
            self.known = -1
            return -1
        while True:
            self._affine()
            if self._lookups() or self._differences() or self._digits():
                continue
            if self.row.impossible:
                return -1
            if not goal & ~self.known:
                return self.known
            near = self._component(goal & ~self.known)
            if self._learn(Euclid(self, near).columns()) or any(self._splits(near, goal, d) for d in range(self.depth)):
                continue
            if not Uniqueness(self, near).run():
                return self.known

    def _component(self, start: int) -> int:
        """The unknown columns that equations tie to these."""
        masks = [self.unknown(n) for n in (*self.row.zero, *self.facts)]
        near = start
        while True:
            more = near
            for m in masks:
                if m & more:
                    more |= m
            if more == near:
                return near
            near = more

    def _learn(self, mask: int) -> bool:
        new = mask & ~self.known
        self.known |= new
        return bool(new)

    def _affine(self) -> None:
        """An equation with one unknown, and that with a constant coefficient."""
        facts = self.facts
        changed = True
        while changed:
            changed = False
            rest: list[int] = []
            for node in facts:
                unknown = self.unknown(node)
                if unknown and not unknown & (unknown - 1) and self._solves(node, unknown):
                    self.known |= unknown
                    changed = True
                elif unknown:
                    rest.append(node)
            facts = rest
        self.facts = facts

    def _solves(self, node: int, unknown: int) -> bool:
        op, a, b = self.row.nodes[node]
        if op == COLUMN:
            return True
        if op in (ADD, SUB):  # a column and something known: not expanded
            for x, y in ((a, b), (b, a)):
                if self.row.nodes[x][0] == COLUMN and self.row.support[x] == unknown and not self.unknown(y):
                    return True
        form = self._form(node)
        return form is not None and len(form) == 1

    def _form(self, node: int) -> dict[int, int] | None:
        """The unknown part of a node as a linear form over columns, None if it is not linear with constant coefficients."""
        form: dict[int, int] = {}
        for atom, c in self.row.linear(node).items():
            if atom < 0 or not self.unknown(atom):
                continue
            op, a, _ = self.row.nodes[atom]
            if op != COLUMN:
                return None
            form[a] = c
        return form

    def _lookups(self) -> bool:
        """Functional tables: known arguments give known results."""
        new = False
        for table, args in self.row.lookups:
            inputs = FUNCTIONAL.get(table)
            if inputs and all(self.has(a) for a in args[:inputs]):
                for a in args[inputs:]:
                    if self.unknown(a) and a not in self.facts:
                        self.facts.append(a)
                        new = True
        return new

    # differences

    def _forms(self) -> list[tuple[dict[int, int], tuple[str, object]]]:
        forms: list[tuple[dict[int, int], tuple[str, object]]] = []
        for node in self.facts:
            if self.unknown(node).bit_count() <= 4:
                form = self._form(node)
                if form:
                    forms.append((form, ("set", (0,))))
        for node in self.row.zero:
            if 0 < self.unknown(node).bit_count() <= 4:
                found = self._roots(node)
                if found is not None:
                    forms.append(found)
        for node, high in self.ranges:
            if 0 < self.unknown(node).bit_count() <= 4:
                form = self._form(node)
                if form:
                    forms.append((form, ("range", high)))
        return forms

    def _roots(self, node: int) -> tuple[dict[int, int], tuple[str, object]] | None:
        """A product of the same linear form plus different constants: the form takes one of few values."""
        lin = self.row.linear(node)
        if len(lin) != 1:
            return None
        factors = self.row.factors(next(iter(lin)))
        if len(factors) < 2:
            return None
        base: dict[int, int] | None = None
        constants: list[int] = []
        first = -1
        for f in factors:
            lf = dict(self.row.linear(f))
            constant = lf.pop(-1, 0)
            if base is None:
                unknown = [x for x in lf if self.unknown(x)]
                if not unknown:
                    return None
                first = unknown[0]
            if not lf.get(first):
                return None
            k = pow(lf[first], -1, P)
            scaled = {x: c * k % P for x, c in lf.items()}
            if base is None:
                base = scaled
            elif scaled != base:
                return None
            constants.append(constant * k % P)
        assert base is not None
        form: dict[int, int] = {}
        for x, c in base.items():
            if self.unknown(x):
                op, a, _ = self.row.nodes[x]
                if op != COLUMN:
                    return None
                form[a] = c
        return form, ("set", tuple(sorted({(a - b) % P for a in constants for b in constants})))

    def _differences(self) -> bool:
        """Small clusters of unknown columns whose differences can only be zero."""
        forms = self._forms()
        clusters = {sum(1 << c for c in form) for form, _ in forms}
        clusters |= {1 << c for form, _ in forms for c in form}
        new = False
        for cluster in sorted(clusters, key=lambda m: (m.bit_count(), m)):
            if cluster & self.known:
                continue
            columns = list(bits_of(cluster))
            place = {c: i for i, c in enumerate(columns)}
            inside = {
                (tuple(sorted((place[c], k) for c, k in form.items())), allowed) for form, allowed in forms if all(c in place for c in form)
            }
            found = determined(len(columns), tuple(sorted(inside, key=repr)))
            for i in bits_of(found):
                new = self._learn(1 << columns[i]) or new
        return new

    def _digits(self) -> bool:
        """Known = sum of w_i x_i with digits x_i that cannot overlap: they are determined."""
        high: dict[int, int] | None = None
        for node in self.facts:
            if self.unknown(node).bit_count() <= 4:
                continue
            form = self._form(node)
            high = high if high is not None else self.column_ranges()
            if form is None or any(c not in high for c in form):
                continue
            weights = sorted((abs(signed(k)), c) for c, k in form.items())
            total = 0
            for weight, c in weights:
                if weight <= total:
                    break
                total += weight * (high[c] - 1)
            else:
                if total < P:
                    return self._learn(sum(1 << c for c in form))
        return False

    # cases

    def _splits(self, near: int, goal: int, depth: int) -> bool:
        """What is known in all cases of something known; `depth` more levels of cases within."""
        for table, args in self.row.lookups:
            if table == "shift_amounts" and not self.unknown(args[0]) and self.row.support[args[0]] and self._new_split(args[0], depth):
                rows = (self._assume(dict(zip(args, shift_row(s), strict=True))) for s in range(32))
                if self._merge(rows, goal, depth):
                    return True
        gates: dict[int, None] = {}
        for node in self.row.zero:
            if self.unknown(node) & near:
                gates |= dict.fromkeys(self._gates(node))
        return any(self._new_split(f, depth) and self._merge((self._assume({f: 0}), self._assume_not(f)), goal, depth) for f in gates)

    def _new_split(self, node: int, depth: int) -> bool:
        """True once for the node, the depth and what is known."""
        key = (node, depth, self.known)
        if key in self.split_on:
            return False
        self.split_on.add(key)
        return True

    def _gates(self, node: int) -> list[int]:
        """Known factors of a product that vanishes."""
        atoms = list(self.row.linear(node))
        return [f for f in self.row.factors(atoms[0]) if not self.unknown(f)] if len(atoms) == 1 else []

    def _assume(self, values: dict[int, int]) -> Row:
        """The row where these nodes have these values; an affine node of one column settles the column."""
        columns: dict[int, int] = {}
        replaced: dict[int, int] = {}
        for node, value in values.items():
            lin = {x: c for x, c in self.row.linear(node).items() if x >= 0}
            if len(lin) == 1 and self.row.nodes[next(iter(lin))][0] == COLUMN:
                ((atom, c),) = lin.items()
                columns[self.row.nodes[atom][1]] = (value - self.row.linear(node).get(-1, 0)) * pow(c, -1, P) % P
            else:
                replaced[node] = value
        if value_zero := [n for n, v in values.items() if v == 0]:
            columns.update(dict.fromkeys(self._nonnegative_parts(value_zero), 0))
        return self.row.substituted(columns, replaced)

    def _nonnegative_parts(self, zeros: list[int]) -> list[int]:
        """Columns that are 0 because a sum of columns that cannot be negative is."""
        high = {self.row.nodes[n][1]: r for n, r in self.ranges if self.row.nodes[n][0] == COLUMN}
        found: list[int] = []
        for node in zeros:
            lin = self.row.linear(node)
            if len(lin) < 2 or -1 in lin or any(self.row.nodes[x][0] != COLUMN or self.row.nodes[x][1] not in high for x in lin):
                continue
            columns = {self.row.nodes[x][1]: c for x, c in lin.items()}
            if all(signed(c) > 0 for c in columns.values()) and sum(c * (high[x] - 1) for x, c in columns.items()) < P:
                found += columns
        return found

    def _assume_not(self, gate: int) -> Row:
        """The row where the node is not zero: it is dropped as a factor."""
        row = self.row
        reduced: list[int] = []
        for node in row.zero:
            lin = row.linear(node)
            if len(lin) == 1 and row.nodes[next(iter(lin))][0] == MUL:
                factors = row.factors(next(iter(lin)))
                if gate in factors:
                    rest = [f for f in factors if f != gate]
                    if rest:
                        reduced.append(self._product(rest))
        zeros = [n for n in reduced if not self.unknown(n)]
        columns = dict.fromkeys(self._nonnegative_parts(zeros), 0)
        other = row.substituted(columns, {})
        to = other.import_nodes(row.nodes, columns, {})
        for n in reduced:
            other.vanish(to[n])
        return other

    def _product(self, factors: list[int]) -> int:
        node = factors[0]
        for f in factors[1:]:
            node = self.row.make(MUL, node, f)
        return node

    def _merge(self, cases: Iterable[Row], goal: int, depth: int) -> bool:
        """What all cases show."""
        both = -1
        for row in cases:
            both &= Solver(row, self.known, self.user_ranges, depth).run(goal)
            if not both & ~self.known:
                return False
        if both == -1:
            self.row.impossible = True
            self.known = -1
            return False
        return self._learn(both)

    def column_ranges(self) -> dict[int, int]:
        """Columns below a bound."""
        found: dict[int, int] = {}
        for node, high in self.ranges:
            op, a, _ = self.row.nodes[node]
            if op == COLUMN:
                found[a] = min(high, found.get(a, P))
        one = self.row.constant(1)
        for node in self.row.zero:
            factors = self.row.factors(node)
            if len(factors) == 2 and self.row.nodes[factors[0]][0] == COLUMN and self.row.nodes[factors[1]] == (SUB, one, factors[0]):
                found[self.row.nodes[factors[0]][1]] = 2
            elif len(factors) == 2 and self.row.nodes[factors[1]][0] == COLUMN and self.row.nodes[factors[0]] == (SUB, one, factors[1]):
                found[self.row.nodes[factors[1]][1]] = 2
        return found


def shift_row(s: int) -> tuple[int, ...]:
    """The row of `shift_amounts`."""
    return s, s % 16, 2 ** (s % 16), 2 ** (16 - s % 16), s // 16


def small_fraction(value: int) -> Fraction:
    """The fraction with a power of two below it that a field element stands for, if there is a short one."""
    for k in range(25):
        v = signed(value << k)
        if abs(v) <= 1 << 17:
            return Fraction(v, 1 << k)
    return Fraction(signed(value))


# The lemma of Euclid ---------------------------------------------------------------------------------------------------------------

Polynomial = dict[tuple[int, ...], Fraction]


class Euclid:
    """q d + r = n over the integers with 0 <= r < d determines q and r.

    The equations of a product with known factors are summed so that carries cancel. What remains must be Q D + R = known, with Q and R
    linear forms of unknown columns, D one of known columns. Every equation summed must hold over the integers, because it is too small
    to wrap; R < D is shown by the solver from the other equations of the row.
    """

    def __init__(self, solver: Solver, near: int) -> None:
        self.s = solver
        self.row = solver.row
        self.near = near
        self.high = solver.column_ranges()

    def columns(self) -> int:
        """Columns that the lemma determines."""
        group = [n for n in self.row.zero if self.s.unknown(n) & self.near and self._is_product(n)]
        if len(group) < 2:
            return 0
        polynomials = [q for n in group if (q := self._expand(n)) is not None and self._is_exact(n)]
        found = 0
        for e in self._without_carries(polynomials):
            parts = self._divide(e)
            if parts is None:
                continue
            quotient, divisor, rest = parts
            if not divisor:
                found |= self._digits(rest)
            elif self._below(rest, divisor):
                found |= self._digits(quotient) | self._digits(rest)
        return found

    def _digits(self, form: dict[int, Fraction]) -> int:
        """The columns of a form whose integer value is known, if they are its digits."""
        total = Fraction(0)
        for c, weight in sorted(form.items(), key=lambda item: item[1]):
            if c not in self.high or weight <= total:
                return 0
            total += weight * (self.high[c] - 1)
        return sum(1 << c for c in form)

    def _is_product(self, node: int) -> bool:
        lin = self.row.linear(node)
        products = [x for x in lin if x >= 0 and self.row.nodes[x][0] == MUL]
        return bool(products) and len(lin) > 1 and all(len(self.row.factors(x)) == 2 for x in products)  # of two forms

    def _operands(self, atom: int) -> tuple[int, ...]:
        op, a, b = self.row.nodes[atom]
        return (a, b) if op == MUL else (atom,)

    def _expand(self, node: int) -> Polynomial | None:
        """As a polynomial of columns over the rationals, of degree 2."""
        out: Polynomial = {}
        for atom, c in self.row.linear(node).items():
            k = small_fraction(c)
            if atom < 0:
                out[()] = out.get((), Fraction(0)) + k
            elif self.row.nodes[atom][0] == COLUMN:
                key = (self.row.nodes[atom][1],)
                out[key] = out.get(key, Fraction(0)) + k
            else:
                f, g = (self._affine(x) for x in self._operands(atom))
                if f is None or g is None:
                    return None
                for (ma, ca), (mb, cb) in itertools.product(f.items(), g.items()):
                    key = tuple(sorted((*ma, *mb)))
                    out[key] = out.get(key, Fraction(0)) + k * ca * cb
        return {m: c for m, c in out.items() if c}

    def _affine(self, node: int) -> Polynomial | None:
        """A factor: a column, or a form that is range-checked and small enough to be the same over the rationals."""
        lin = self.row.linear(node)
        if any(x >= 0 and self.row.nodes[x][0] != COLUMN for x in lin):
            return None
        out = {(() if x < 0 else (self.row.nodes[x][1],)): small_fraction(c) for x, c in lin.items()}
        if any(c != 1 or not m for m, c in out.items()) and not self._small(out, self._range_of(node) or 0):
            return None
        return out

    def _small(self, form: Polynomial, high: int) -> bool:
        """The form times its denominator, minus that times a value below `high`, stays below p."""
        d = max(c.denominator for c in form.values())
        if d > 1 and not high:
            return False
        total = d * high
        for m, c in form.items():
            bound = prod(self.high.get(x, P) for x in m)
            total += int(abs(c * d)) * bound
        return total < P

    def _range_of(self, node: int) -> int | None:
        lin = self.row.linear(node)
        return next((r for n, r in self.s.ranges if self.row.linear(n) == lin), None)

    def _is_exact(self, node: int) -> bool:
        """The equation cannot hold only modulo p: all terms together are below it."""
        total = Fraction(0)
        for atom, c in self.row.linear(node).items():
            if atom < 0:
                bound = 1
            else:
                bound = 1
                for f in self._operands(atom):
                    op, a, _ = self.row.nodes[f]
                    high = self.high.get(a) if op == COLUMN else self._range_of(f)
                    bound *= P if high is None else high
            k = small_fraction(c)
            if k.denominator != 1:
                return False
            total += abs(k) * bound
        return total < P

    def _without_carries(self, polynomials: list[Polynomial]) -> list[Polynomial]:
        """Sums in which the unknown columns that are linear in exactly two polynomials cancel."""
        work = list(polynomials)
        while True:
            step = self._carry(work)
            if step is None:
                return work
            column, i, j = step
            a, b = work[i], work[j]
            k = -a[(column,)] / b[(column,)]
            total = dict(a)
            for m, c in b.items():
                total[m] = total.get(m, Fraction(0)) + k * c
            work = [w for n, w in enumerate(work) if n not in (i, j)] + [{m: c for m, c in total.items() if c}]

    def _carry(self, work: list[Polynomial]) -> tuple[int, int, int] | None:
        places: dict[int, list[tuple[int, int]]] = {}
        for i, w in enumerate(work):
            for m in w:
                for x in m:
                    places.setdefault(x, []).append((i, len(m)))
        for x, where in places.items():
            if not self.s.known >> x & 1 and len(where) == 2 and all(n == 1 for _, n in where) and where[0][0] != where[1][0]:
                return x, where[0][0], where[1][0]
        return None

    def _divide(self, e: Polynomial) -> tuple[dict[int, Fraction], dict[int, Fraction], dict[int, Fraction]] | None:
        """Q, D and R with e = Q D + R + known."""
        table: dict[tuple[int, int], Fraction] = {}
        rest: dict[int, Fraction] = {}
        for m, c in e.items():
            unknown = [x for x in m if not self.s.known >> x & 1]
            if len(unknown) > 1:
                return None
            if len(m) == 2 and unknown:
                table[unknown[0], m[0] if m[1] == unknown[0] else m[1]] = c
            elif unknown:
                rest[unknown[0]] = c
        if not table:
            return {}, {}, rest
        x0, y0 = min(table, key=lambda xy: abs(table[xy]))
        divisor = {y: c for (x, y), c in table.items() if x == x0}
        quotient = {x: c / table[x0, y0] for (x, y), c in table.items() if y == y0}
        if table != {(x, y): a * b for x, a in quotient.items() for y, b in divisor.items()}:
            return None
        if any(a.denominator != 1 for a in quotient.values()):
            return None
        return quotient, divisor, rest

    def _below(self, rest: dict[int, Fraction], divisor: dict[int, Fraction]) -> bool:
        """0 <= R < D in every row."""
        if any(c < 0 for c in (*rest.values(), *divisor.values())):
            return False
        both = sum(1 << c for c in {*rest, *divisor})
        first = [n for n in self.row.zero if self._compares(n, rest) and self._compares(n, divisor) and self._plain(n)]
        for n in first:
            both |= self.row.support[n]
        facts = [n for n in self.row.zero if self.row.support[n] and not self.row.support[n] & ~both and self._plain(n)]
        q = Query(self.row)
        for n in facts:
            q.vanishes(n, "")
        for n in self._nonzero():
            if not self.row.support[n] & ~both and self._plain(n):
                q.solver.add(q.residue(self.row.linear(n), "") != 0)
        for c in {*rest, *divisor}:
            q.variable(c, "")
        for c, high in self.high.items():
            q.bound(c, "", high)

        def total(form: dict[int, Fraction]) -> Any:
            scale = max(c.denominator for c in (*rest.values(), *divisor.values()))
            return sum(int(k * scale) * q.variable(c, "") for c, k in form.items())

        return q.refutes(total(rest) >= total(divisor))

    def _nonzero(self) -> list[int]:
        """Nodes that have an inverse: a product of them is a constant."""
        found: list[int] = []
        for n in self.row.zero:
            lin = self.row.linear(n)
            atoms = [x for x in lin if x >= 0]
            if len(atoms) == 1 and -1 in lin:
                found += self._operands(atoms[0])
        return found

    def _compares(self, node: int, form: dict[int, Fraction]) -> bool:
        return bool(self.row.support[node] & sum(1 << c for c in form))

    def _plain(self, node: int) -> bool:
        """A product of forms of bounded columns."""
        lin = self.row.linear(node)
        atoms = self.row.factors(next(iter(lin))) if len(lin) == 1 and next(iter(lin)) >= 0 else [node]
        return all(
            x < 0 or (self.row.nodes[x][0] == COLUMN and self.row.nodes[x][1] in self.high) for f in atoms for x in self.row.linear(f)
        )


# The solver ------------------------------------------------------------------------------------------------------------------------

_answers: dict[str, bool] = {}


class Query:
    """A question to z3 about one or two copies of a few columns, over integers below p with explicit multiples of p."""

    def __init__(self, row: Row) -> None:
        try:
            import z3  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise InputError("the audit needs z3", hint="pip install z3-solver") from None
        self.z3: Any = z3
        self.row = row
        self.solver: Any = z3.Solver()
        self._variables: dict[object, Any] = {}
        self._order: dict[object, int] = {}

    def variable(self, key: object, copy: str, high: int = P) -> Any:
        name = (key, copy)
        if name not in self._variables:
            v = self._variables[name] = self.z3.Int(f"x{self._order.setdefault(key, len(self._order))}{copy}")
            self.solver.add(v >= 0, v < high)
        return self._variables[name]

    def alias(self, key: object, copy: str, variable: Any) -> None:
        """Another name for a variable."""
        self._variables[key, copy] = variable

    def bound(self, column: int, copy: str, high: int) -> None:
        if (column, copy) in self._variables:
            self.solver.add(self._variables[column, copy] < high)

    def residue(self, linear: dict[int, int], copy: str, shared: int = 0) -> Any:
        """The value in 0..p of a linear combination of columns; atoms within `shared` (a mask) are one opaque value of both copies."""
        opaque = frozenset((x, c) for x, c in linear.items() if x >= 0 and not self.row.support[x] & ~shared)
        free = {x: c for x, c in linear.items() if x >= 0 and (x, c) not in opaque}
        terms: list[tuple[int, Any]] = [(c, self.variable(self.row.nodes[x][1], copy)) for x, c in free.items()]
        if opaque:
            terms.append((1, self.variable(opaque, "")))
        constant = linear.get(-1, 0)
        v = self.variable(("value", len(self._variables)), copy)
        k = self.z3.Int(f"k{len(self._variables)}")
        all_terms = [(c, t) for c, t in terms] + [(-1 % P, v)]
        scale = min((1 << s for s in range(25)), key=lambda m: max(abs(signed(c * m)) for c, _ in all_terms))
        self.solver.add(self.z3.Sum([signed(c * scale) * t for c, t in all_terms]) + signed(constant * scale) == P * k)
        return v

    def vanishes(self, node: int, copy: str, shared: int = 0) -> None:
        lin = self.row.linear(node)
        if len(lin) == 1 and next(iter(lin)) >= 0:
            factors = self.row.factors(next(iter(lin)))
            self.solver.add(self.z3.Or([self.residue(self.row.linear(f), copy, shared) == 0 for f in factors]))
        else:
            self.solver.add(self.residue(lin, copy, shared) == 0)

    def refutes(self, claim: Any) -> bool:
        """True if no values satisfy everything and `claim`."""
        self.solver.add(claim)
        key = self.solver.sexpr()
        if key not in _answers:
            self.solver.set("timeout", SOLVER_MS)
            _answers[key] = self.solver.check() == self.z3.unsat
        return _answers[key]


class Uniqueness:
    """Asks the solver whether a small cluster of unknown columns is determined; for values that come near p."""

    def __init__(self, solver: Solver, near: int) -> None:
        self.s = solver
        self.row = solver.row
        self.near = near

    def run(self) -> bool:
        done = 0
        for column in bits_of(self.near):
            if done >> column & 1 or self.s.known >> column & 1:
                continue
            cluster = self.s._component(1 << column)  # pyright: ignore[reportPrivateUsage]
            done |= cluster
            if 1 < cluster.bit_count() <= 6 and self._unique(cluster):
                return True
        return False

    def _unique(self, cluster: int) -> bool:
        facts = [n for n in self.row.zero if self.s.unknown(n) and not self.s.unknown(n) & ~cluster]
        shared = [n for n in self.row.shared if self.s.unknown(n) and not self.s.unknown(n) & ~cluster]
        ranges = [(n, r) for n, r in self.s.ranges if self.s.unknown(n) and not self.s.unknown(n) & ~cluster]
        hints = {c: f for c in bits_of(cluster) if (f := self._inverse(c, facts, shared, ranges)) is not None}
        q = Query(self.row)
        for copy in "ab":
            for n in facts:
                hint = next((h for h in hints.values() if h[0] == n), None)
                if hint is not None:
                    e, rest = (q.residue(x, copy, self.s.known) for x in hint[1:])
                    q.solver.add(q.z3.Implies(e == 0, rest == 0))
                elif self._encodable(n):
                    q.vanishes(n, copy, self.s.known)
            for n, high in ranges:
                if self._linear_only(n):
                    q.solver.add(q.residue(self.row.linear(n), copy, self.s.known) < high)
        for n in shared:
            if self._linear_only(n):
                a, b = (q.residue(self.row.linear(n), copy, self.s.known) for copy in "ab")
                q.solver.add(a == b)
        learned = 0
        for column in bits_of(cluster):
            if column in hints:
                continue
            q.solver.push()
            if q.refutes(q.variable(column, "a") != q.variable(column, "b")):
                learned |= 1 << column
            q.solver.pop()
        self.s.known |= learned
        return bool(learned)

    def _linear_only(self, node: int) -> bool:
        return all(x < 0 or not self.s.unknown(x) or self.row.nodes[x][0] == COLUMN for x in self.row.linear(node))

    def _encodable(self, node: int) -> bool:
        lin = self.row.linear(node)
        if len(lin) == 1 and next(iter(lin)) >= 0:
            return all(self._linear_only(f) for f in self.row.factors(next(iter(lin))))
        return self._linear_only(node)

    def _inverse(
        self, column: int, facts: list[int], shared: list[int], ranges: list[tuple[int, int]]
    ) -> tuple[int, dict[int, int], dict[int, int]] | None:
        """A column that occurs once, in e * column + rest == 0: all that says is that rest is 0 where e is."""
        bit = 1 << column
        where = [n for n in facts if self.row.support[n] & bit]
        if len(where) != 1 or any(self.row.support[n] & bit for n in (*shared, *(n for n, _ in ranges))):
            return None
        lin = self.row.linear(where[0])
        atoms = [x for x in lin if x >= 0 and self.row.support[x] & bit]
        factors = self.row.factors(atoms[0])
        others = [f for f in factors if not self.row.support[f] & bit]
        if len(atoms) != 1 or len(factors) != 2 or len(others) != 1 or not self._linear_only(others[0]):
            return None
        rest = {x: c for x, c in lin.items() if x != atoms[0]}
        if any(x >= 0 and self.s.unknown(x) and self.row.nodes[x][0] != COLUMN for x in rest):
            return None
        return where[0], self.row.linear(others[0]), rest


# Tables ----------------------------------------------------------------------------------------------------------------------------


class TableAudit:
    """The audit of one table, arm by arm."""

    def __init__(self, program: Program, laid: Laid, names: dict[str, list[str]]) -> None:
        self.program = program
        self.laid = laid
        self.names = names
        self.builder = laid.builder
        self.nodes: list[Node] = [(int(op), int(a), int(b)) for op, a, b in np.asarray(laid.table.nodes).tolist()]
        self.user_ranges = {n: high for n, (_, high) in program.ranges.items() if n in program.fixed}
        self.findings: list[Finding] = []

    def run(self, arms: Iterable[str] | None = None) -> list[Finding]:
        chosen = self.builder.arms if arms is None else [a for a in self.builder.arms if a in set(arms)]
        selectors = {a: self.builder.poly.nodes[n][1] for a, n in self.builder.selectors.items()}
        for arm in chosen:
            self._audit(arm, {c: int(a == arm) for a, c in selectors.items()})
        if not self.builder.arms:
            for mode in self._modes():
                name = " + ".join(self._name(c) for c, v in mode.items() if v)
                self._audit(name, mode)
        return list(dict.fromkeys(self.findings))

    def _name(self, column: int) -> str:
        return self.builder.columns[column].name

    def row(self, values: dict[int, int]) -> Row:
        """The polynomials of a row whose selectors or bits have these values, by column."""
        row = Row()
        to = row.import_nodes(self.nodes, values, {})
        for n in self.laid.table.constraints:
            row.vanish(to[n])
        for i, (merged, m) in enumerate(zip(self.laid.messages, self.laid.table.messages, strict=True)):
            times, args = to[m.multiplicity], tuple(to[a] for a in m.args)
            if merged.sent.bus in self.program.fixed:
                if row.value(times):
                    row.lookups.append((merged.sent.bus, args))
            elif row.value(times) != 0:
                row.messages.append((i, times, args))
        return row

    def _modes(self) -> Iterator[dict[int, int]]:
        """The bits that messages are multiplied by, in every way that the equations may allow."""
        row = self.row({})
        solver = Solver(row, 0, self.user_ranges)
        used = 0
        for _, times, _ in row.messages:
            used |= row.support[times]
        bits = [c for c, high in solver.column_ranges().items() if high == 2 and used >> c & 1]
        groups: list[list[int]] = []
        for n in row.zero:
            factors = row.factors(n)
            if len(factors) != 2 or row.nodes[factors[0]][0] == COLUMN or row.nodes[factors[1]][0] == COLUMN:
                continue
            one = row.constant(1)
            for x, y in (factors, factors[::-1]):
                lin = row.linear(x)
                columns = [row.nodes[a][1] for a in lin if a >= 0]
                if row.nodes[y] == (SUB, one, x) and all(c == 1 for c in lin.values()) and set(columns) <= set(bits):
                    groups.append(columns)
        choices: list[list[dict[int, int]]] = []
        left = set(bits)
        for g in groups:
            if set(g) <= left:
                left -= set(g)
                choices.append([dict.fromkeys(g, 0)] + [dict.fromkeys(g, 0) | {c: 1} for c in g])
        choices += [[{c: 0}, {c: 1}] for c in sorted(left)]
        for combination in itertools.product(*choices):
            yield {c: v for part in combination for c, v in part.items()}

    def _given(self, column: int, arm: str) -> str | None:
        """Why the column may be free, if it may."""
        c = self.builder.columns[column]
        stems = {n.split("[")[0].split(".")[0] for n in c.name.split("|")}
        reason = next((GIVEN[self.builder.name, s] for s in stems if (self.builder.name, s) in GIVEN), None)
        if reason is None or c.name in self.builder.inputs:
            return reason
        wit = c.by_arm.get(arm, c.by_arm.get(None))
        return reason if wit is not None and _from_host(wit) else None

    def _audit(self, arm: str, values: dict[int, int]) -> None:
        row = self.row(values)
        if row.impossible:
            return
        goals: list[tuple[int, int, str]] = []  # message, node, what
        for i, times, args in row.messages:
            sent = self.laid.messages[i].sent
            value = row.value(times)
            names = self.names[sent.bus]
            if value is None:
                goals.append((i, times, "how often"))
            elif signed(value) != sent.sign:
                self._report(arm, i, f"`{sent.label}` happens {signed(value)} times", 0)
            key = self.program.buses[sent.bus].remembers
            for name, a in zip(names, args, strict=True):
                if sent.sign > 0 or value is None or name.split(".")[0] == key:
                    goals.append((i, a, name))
                else:
                    row.shared.append(a)
        wanted = 0
        for _, node, _ in goals:
            wanted |= row.support[node]
        solver = Solver(row, 0, self.user_ranges)
        solver.run(wanted)
        if row.impossible:
            return
        self._free(arm, solver, wanted)
        for i, node, what in goals:
            if not solver.has(node):
                sent = self.laid.messages[i].sent
                self._report(arm, i, f"`{what}` of `{sent.label}` is not determined by what is received", solver.unknown(node))
        self._chain_ends(arm, row)
        self._times(arm, row, solver)
        self._carries(arm, row, solver)

    def _free(self, arm: str, solver: Solver, wanted: int) -> None:
        """Where the propagation ends, columns that are free on purpose are given."""
        if not wanted & ~solver.known:
            return
        given = 0
        for c in range(len(self.builder.columns)):
            reason = None if solver.known >> c & 1 else self._given(c, arm)
            if reason is not None:
                given |= 1 << c
                stem = self._name(c).split("[")[0].split(".")[0]
                self.findings.append(Finding(self.builder.name, arm, "free on purpose", (stem,), self.builder.columns[c].span, reason))
                self._stays_in_type(arm, solver, c)
        if given:
            solver.known |= given
            solver.run(wanted)

    def _chain_ends(self, arm: str, row: Row) -> None:
        """A row that begins or ends a chain fixes the position by its own equations."""
        for bus, position in CHAINS.items():
            here = [(i, args) for i, _, args in row.messages if self.laid.messages[i].sent.bus == bus]
            if len(here) != 1:
                continue
            i, args = here[0]
            at = self.names[bus].index(position)
            alone = Row()
            alone.__dict__.update(row.__dict__)
            alone.shared = []
            solver = Solver(alone, 0, self.user_ranges)
            solver.run(row.support[args[at]])
            if not solver.has(args[at]):
                self._report(arm, i, f"`{position}` of `{bus}` is not fixed where the chain begins or ends", solver.unknown(args[at]))

    def _stays_in_type(self, arm: str, solver: Solver, column: int) -> None:
        """What the host chooses is of its type all the same."""
        c = self.builder.columns[column]
        bounds = self.program.interval(c.type)
        if bounds is not None and solver.column_ranges().get(column, P) > bounds.high + 1:
            self._fault(arm, f"`{c.name}` is chosen by the prover and nothing keeps it a {c.type}", [column], c.span)

    def _times(self, arm: str, row: Row, solver: Solver) -> None:
        """What is received from a bus that remembers was sent before: the time sent at the same key is later, by a bounded gap."""
        if not self.builder.arms:
            return
        ranges = solver.column_ranges()
        for bus, decl in self.program.buses.items():
            if decl.remembers is None:
                continue
            key, time = self.names[bus].index(decl.remembers), self.names[bus].index("time")
            here = [(i, row.value(m), args) for i, m, args in row.messages if self.laid.messages[i].sent.bus == bus]
            for i, times, args in here:
                if times != P - 1:
                    continue
                later = [a[time] for _, t, a in here if t == 1 and a[key] == args[key]]
                if not any(self._bounded_gap(row, ranges, args[time], t) for t in later):
                    span = self.laid.messages[i].sent.span
                    self._fault(arm, f"nothing shows that what is received from `{bus}` was sent before", [], span)

    def _bounded_gap(self, row: Row, ranges: dict[int, int], earlier: int, later: int) -> bool:
        total = low = 0
        for x, c in row.linear(row.make(SUB, later, earlier)).items():
            k = signed(c)
            if x < 0:
                low, total = low + k, total + k
            elif k < 0 or row.nodes[x][0] != COLUMN or row.nodes[x][1] not in ranges:
                return False
            else:
                total += k * (ranges[row.nodes[x][1]] - 1)
        return low > 0 and total < LONGEST_GAP

    def _carries(self, arm: str, row: Row, solver: Solver) -> None:
        """A fraction of bounded values, such as a carry, is shown to be a small integer: else sums with it hold only modulo p."""
        bounded = set(solver.column_ranges())
        for n in row.shared:
            bounded |= set(bits_of(row.support[n])) if row.nodes[n][0] == COLUMN else set()
        one = row.constant(1)
        small = {n for n, _ in solver.ranges}
        for n in row.zero:
            factors = row.direct_factors(n)
            if len(factors) == 2 and any(row.nodes[y] == (SUB, one, x) for x, y in (factors, factors[::-1])):
                small |= set(factors)
        for n in row.reachable():
            op, a, b = row.nodes[n]
            value = None if op != MUL else row.value(a) if row.value(a) is not None else row.value(b)
            if n in small or value is None or not any(abs(signed(value << k)) == 1 for k in range(1, 25)):
                continue
            if not row.support[n] & ~sum(1 << c for c in bounded):
                columns = list(bits_of(row.support[n]))
                self._fault(arm, "nothing shows that a fraction is an integer", columns, self.builder.columns[columns[0]].span)

    def _fault(self, arm: str, text: str, columns: list[int], span: Span | None) -> None:
        names = tuple(self._name(c) for c in columns)
        self.findings.append(Finding(self.builder.name, arm, text, names, span, None, (), "E0507"))

    def _report(self, arm: str, message: int, text: str, unknown: int) -> None:
        columns = [self.builder.columns[c] for c in bits_of(unknown)]
        spans = tuple(dict.fromkeys(c.span for c in columns if c.span is not None))
        span = self.laid.messages[message].sent.span
        self.findings.append(Finding(self.builder.name, arm, text, tuple(c.name for c in columns), span, None, spans))


def _from_host(wit: Any) -> bool:
    """A witness that is a host's answer, or a half of one."""
    while wit.op in ("shr", "mod"):
        wit = wit.args[0]
    return bool(wit.op == "host")


def field_names(program: Program) -> dict[str, list[str]]:
    """The names of the fields of every bus, one for each field element."""
    from zkc.compiler.elaborate import Elaborator
    from zkc.compiler.table import TableBuilder

    names: dict[str, list[str]] = {}
    for bus, decl in program.buses.items():
        table = TableBuilder("names", [])
        elaborator = Elaborator(program, table, {}, pure=True)
        for p in decl.params:
            flatten(elaborator.new_value(p.name, p.type, None, p.span, trusted=True, because=None))
        names[bus] = [c.name for c in table.columns]
    return names


def audit(compilation: Compilation, tables: Iterable[str] | None = None) -> list[Finding]:
    """What the prover may choose in each table, and in `tables` only if given. Findings with `expected` are meant."""
    from zkc.compiler.faults import audit_stops

    program = compilation.program
    buses = {n: i for i, n in enumerate([*program.buses, *program.fixed])}
    names = field_names(program)
    wanted = None if tables is None else set(tables)
    found: list[Finding] = []
    audits: list[TableAudit] = []
    for builder in (*compilation.steps, *compilation.others):
        if wanted is None or builder.name in wanted:
            audits.append(TableAudit(program, lay_out(program, builder, buses), names))
            found += audits[-1].run()
    if wanted is None:
        found += check_fixed(program) + check_codes(program)
    return found + audit_stops(compilation, audits)


def check_fixed(program: Program) -> list[Finding]:
    """The fixed tables are what the rules take them for."""
    found: list[Finding] = []
    for name, item in program.fixed.items():
        if name == "range":
            wanted = [(b, v) for b in range(17) for v in range(1 << b)]
        elif name == "shift_amounts":
            wanted = [shift_row(i) for i in range(32)]
        elif name in program.ranges:
            wanted = [(v,) for v in range(program.ranges[name][1])]
        elif name in FUNCTIONAL:
            rows = _fixed_rows(program, item)
            inputs = FUNCTIONAL[name]
            functional = len({r[:inputs] for r in rows}) == len(set(rows))
            small = all(v < high for r in rows for v, high in zip(r, FIXED_RANGES[name], strict=True))
            wanted = rows if functional and small else []
        else:
            continue
        if _fixed_rows(program, item) != wanted:
            found.append(Finding(name, "", "the audit takes the fixed table for another", (), item.span))
    return found


def check_codes(program: Program) -> list[Finding]:
    """Instructions have different codes, and none has that of a word that is no instruction."""
    codes = [e.op for e in program.encodings.values()]
    if len(set(codes)) == len(codes) and 0 not in codes:
        return []
    return [Finding("decode", "", "two instructions have one code", (), None)]


def determinism_findings(directory: Path | None = None) -> list[Diagnostic]:
    """Everything the prover may choose that is not free on purpose, as diagnostics; empty for a sound machine."""
    root = directory or circuits_directory()
    return [f.diagnostic() for f in audit(compile_program(circuit_files(root), root)) if f.expected is None]
