"""What the reference prover and verifier share: sizes, transcript, Merkle trees, constraints at a point.

It takes nothing from the runtime but the circuit's data classes and the two Merkle keys: see docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from tests.stark.reference.field import Element, Field, to_coefficients, to_values
from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, SUB, Circuit, Message, Table
from zkc.runtime.hash.merkle import LEAF_KEY, NODE_KEY

KOALABEAR = Field(2**31 - 2**24 + 1, 3)
PROTOCOL = b"zkc stark v4: KoalaBear^6 (x^6 + x^3 + 1), BLAKE3"


class Reject(Exception):
    """The reference verifier does not accept."""


def require(condition: bool, reason: str) -> None:
    if not condition:
        raise Reject(reason)


@dataclass(frozen=True)
class Setting:
    """The field and the parameters. `check_wrap` off is the verifier without the bound on multiplicities."""

    field: Field = field(default_factory=lambda: KOALABEAR)
    queries: int = 261
    grinding: int = 20
    log_fold: int = 3
    log_final: int = 7
    log_blowup: int = 1
    masks: int = 0
    regime: int = 0
    check_wrap: bool = True

    def encode(self) -> bytes:
        words = (self.field.p, 6, self.field.generator, self.log_blowup, self.queries, self.grinding, self.log_fold, self.log_final)
        words = (*words, self.masks, self.regime)
        return b"".join(word.to_bytes(4, "little") for word in words)

    @property
    def least(self) -> int:
        """log2 of the least height of a part."""
        return max(7, (3 * self.masks - 1).bit_length())

    @property
    def full(self) -> int:
        """log2 of the least height of one that is all rows."""
        return max(7, (14 * self.masks - 1).bit_length())

    def rows(self, h: int) -> int:
        """How many rows a part of height 2^h has."""
        return 1 << h if h >= self.full else 1 << h >> 1

    @property
    def excess(self) -> int:
        """What the degree bound exceeds n by, in parts of n / 2^7."""
        return -(-self.masks * 128 // (1 << self.full)) if self.masks else 0

    def words(self, values: Sequence[int]) -> bytes:
        """Field elements as they stand in a proof: little-endian Montgomery words."""
        return b"".join((v * 2**32 % self.field.p).to_bytes(4, "little") for v in values)

    def shift(self, log_height: int) -> int:
        """The extended domain of height 2^log_height is the coset of this."""
        return pow(self.field.generator, 1 << (22 - log_height), self.field.p)


@dataclass(frozen=True)
class Class:
    """Columns of one height 2^h in one tree: `members` are their numbers; K = 2^log_k to a polynomial; `first` is the number of that."""

    h: int
    log_k: int
    members: list[int]
    first: int

    @property
    def stacks(self) -> list[list[int]]:
        """The members of each polynomial, slot by slot."""
        k = 1 << self.log_k
        return [self.members[i : i + k] for i in range(0, len(self.members), k)]


@dataclass(frozen=True)
class Layout:
    """A tree of height 2^log_n over base columns (unit 1) or extension columns (unit 6); `matrices` are (h, columns of a table)."""

    log_n: int
    unit: int
    matrices: list[tuple[int, int]]
    classes: list[Class]
    blind: int = 0

    @property
    def polynomials(self) -> int:
        return sum(len(each.stacks) for each in self.classes)

    @property
    def width(self) -> int:
        """Words of a leaf, the random ones at the end included."""
        return self.unit * self.polynomials + self.blind


class Sizes:
    """Everything that follows from circuit and heights. `tables` are the parts: the table and log2 of the height."""

    def __init__(self, circuit: Circuit, heights: Sequence[int], setting: Setting) -> None:
        self.circuit, self.setting = circuit, setting
        fixed = [(t.fixed.shape[1].bit_length() - 1, t.fixed.shape[0]) for t in circuit.tables if t.fixed.shape[0]]
        log_fixed = max((h for h, _ in fixed), default=0)
        self.log_n = max(max(heights).bit_length() - 1, log_fixed)
        self.log_size = self.log_n + setting.log_blowup
        self.tables = [(t, h) for t, height in zip(circuit.tables, heights, strict=True) for h in range(24, -1, -1) if height >> h & 1]
        self.columns = self.polynomials = 0
        self.fixed = [self.layout(log_fixed, 1, fixed)] if fixed else []
        self.hides, salt = setting.masks > 0, 5 if setting.masks else 0
        self.parts = 3 if self.hides else 2
        trace = self.layout(self.log_n, 1, [(h, len(t.columns)) for t, h in self.tables], salt)
        logup = self.layout(self.log_n, 6, [*((h, len(t.batches)) for t, h in self.tables), (self.log_n, 1)], salt)
        self.acc = self.columns - 1
        self.trees = [*self.fixed, trace, logup, self.layout(self.log_n, 6, [(self.log_n, self.parts)], salt + 6 if salt else 0)]
        self.folds = [setting.log_fold] * ((self.log_n - setting.log_final) // setting.log_fold)
        self.final = ((1 << self.log_n) + setting.excess * ((1 << self.log_n) // 128)) >> sum(self.folds)
        self.bus_power = 1 + max((bus.width for bus in circuit.buses), default=0)

    def layout(self, log_n: int, unit: int, matrices: list[tuple[int, int]], blind: int = 0) -> Layout:
        """The next tree; numbers of columns and polynomials go on from the last one."""
        numbers: dict[int, list[int]] = {}
        for h, width in matrices:
            numbers.setdefault(h, []).extend(range(self.columns, self.columns + width))
            self.columns += width
        classes = []
        for h in sorted((h for h in numbers if numbers[h]), reverse=True):
            classes.append(Class(h, log_n - h, numbers[h], self.polynomials))
            self.polynomials += len(classes[-1].stacks)
        return Layout(log_n, unit, matrices, classes, blind)


class Transcript:
    def __init__(self, field: Field) -> None:
        self.field = field
        self.state = blake3(PROTOCOL).digest()

    def absorb(self, label: bytes, data: bytes) -> None:
        framed = len(label).to_bytes(4, "little") + label + len(data).to_bytes(8, "little") + data
        self.state = blake3(b"zkc.absb" + framed + self.state).digest()

    def _draw(self, label: bytes, count: int, accept: Callable[[int], bool], mask: int) -> list[int]:
        out: list[int] = []
        counter = 0
        while len(out) < count:
            seed = b"zkc.sqez" + self.state + len(label).to_bytes(4, "little") + label + counter.to_bytes(8, "little")
            block = blake3(seed).digest()
            words = [int.from_bytes(block[i : i + 4], "little") & mask for i in range(0, 32, 4)]
            out += [w for w in words if accept(w)]
            counter += 1
        self.state = blake3(b"zkc.next" + self.state + label).digest()
        return out[:count]

    def element(self, label: bytes) -> Element:
        p = self.field.p
        words = self._draw(label, 6, lambda w: w < p, (1 << p.bit_length()) - 1)
        down = pow(2**32, -1, p)
        return tuple(w * down % p for w in words)

    def indices(self, label: bytes, count: int, bits: int) -> list[int]:
        return self._draw(label, count, lambda _: True, (1 << bits) - 1)

    def proof_of_work(self, nonce: int) -> int:
        return int.from_bytes(blake3(b"zkc.pow." + self.state + nonce.to_bytes(8, "little")).digest()[:8], "little")


def start(sizes: Sizes, heights: Sequence[int], claim: Sequence[int], fixed_root: bytes) -> Transcript:
    """A transcript that has absorbed the statement."""
    transcript = Transcript(sizes.setting.field)
    transcript.absorb(b"parameters", sizes.setting.encode())
    transcript.absorb(b"circuit", sizes.circuit.digest)
    transcript.absorb(b"fixed root", fixed_root)
    transcript.absorb(b"heights", b"".join(v.to_bytes(4, "little") for v in heights))
    transcript.absorb(b"claim", b"".join(v.to_bytes(4, "little") for v in claim))
    return transcript


def draw_zeta(transcript: Transcript, sizes: Sizes) -> Element:
    """The first drawn point that is not zero and outside of the trace domain and the extended domain."""
    f, n, size = sizes.setting.field, 1 << sizes.log_n, 1 << sizes.log_size
    while True:
        zeta = transcript.element(b"zeta")
        coset = f.lift(pow(sizes.setting.shift(sizes.log_n), size, f.p))
        if any(zeta) and f.power(zeta, n) != f.lift(1) and f.power(zeta, size) != coset:
            return zeta


LOG_TOP = 13
"""log2 of the nodes of the layer of the fixed tree that a verifier knows."""


class Tree:
    """A Merkle tree: `layers[0]` are the leaf hashes."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.layers = [[row_hash(leaf) for leaf in leaves]]
        while len(self.layers[-1]) > 1:
            below = self.layers[-1]
            self.layers.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below), 2)])

    @property
    def root(self) -> bytes:
        return self.layers[-1][0]

    def top(self, log_nodes: int) -> list[bytes]:
        return self.layers[max(0, len(self.layers) - 1 - log_nodes)]

    def siblings(self, positions: Sequence[int], log_top: int = 0) -> bytes:
        """What is missing to hash up to the layer of 2^log_top nodes."""
        here, out = sorted(set(positions)), b""
        for layer in self.layers[: max(0, len(self.layers) - 1 - log_top)]:
            out += b"".join(layer[i ^ 1] for i in here if i ^ 1 not in here)
            here = sorted({i >> 1 for i in here})
        return out


def stacked(setting: Setting, coefficients: Sequence[Sequence[int]], log_k: int, log_n: int) -> list[int]:
    """Values on the extended domain of height 2^log_n of F(X) = sum_i X^i f_i(X^K)."""
    k = 1 << log_k
    out = [0] * (k * max(map(len, coefficients)))
    for i, column in enumerate(coefficients):
        out[i : i + k * len(column) : k] = column
    return to_values(setting.field, out, log_n + setting.log_blowup, setting.shift(log_n))


def fixed_tree(sizes: Sizes) -> tuple[Tree, list[list[int]]] | None:
    """The tree of the fixed columns, and its stacked polynomials; None without fixed columns."""
    if not sizes.fixed:
        return None
    f, layout = sizes.setting.field, sizes.fixed[0]
    columns = [to_coefficients(f, list(map(int, c))) for t in sizes.circuit.tables for c in t.fixed]
    polynomials = [
        stacked(sizes.setting, [columns[k] for k in stack], each.log_k, layout.log_n) for each in layout.classes for stack in each.stacks
    ]
    return Tree([sizes.setting.words(row) for row in zip(*polynomials, strict=True)]), polynomials


def deep(
    sizes: Sizes, leaves: Sequence[Sequence[Sequence[int]]], opened: list[Element], gamma: Element, zeta: Element, xs: Sequence[int]
) -> list[Element]:
    """The DEEP polynomial at each x, from the leaves of every tree there: leaves[tree][position]."""
    f, n = sizes.setting.field, 1 << sizes.log_n
    powers, next_zeta = f.powers(gamma, sizes.hides + sizes.polynomials + 2)[sizes.hides :], f.scale(zeta, f.root(sizes.log_n))
    heights = sorted({each.h for layout in sizes.trees for each in layout.classes})
    ends = [f.power(zeta, n >> h) for h in heights] + [next_zeta]
    degrees = [n >> h for h in heights] + [1]
    over = f.invert_all([f.sub(f.lift(pow(x, k, f.p)), end) for x in xs for k, end in zip(degrees, ends, strict=True)])
    out: list[Element] = []
    for position, x in enumerate(xs):
        sums = [f.lift(0)] * len(ends)
        number = 0
        for layout, tree in zip(sizes.trees, leaves, strict=True):
            at, step = 0, pow(x, n >> layout.log_n, f.p)
            for each in layout.classes:
                for stack in each.stacks:
                    value = f.combine([f.lift(v) for v in tree[position][at : at + layout.unit]])
                    rest = f.lift(0)
                    for k in reversed(stack):
                        rest = f.add(f.scale(rest, step), opened[k])
                    which = heights.index(each.h)
                    sums[which] = f.add(sums[which], f.mul(powers[number], f.sub(value, rest)))
                    if sizes.acc in stack:
                        sums[-1] = f.mul(powers[sizes.polynomials], f.sub(value, opened[-1]))
                    at, number = at + layout.unit, number + 1
        at = 6 * sizes.parts
        total = f.combine([f.lift(v) for v in leaves[-1][position][at : at + 6]]) if sizes.hides else f.lift(0)
        for which, (k, value) in enumerate(zip(degrees, sums, strict=True)):
            factor = f.add(f.lift(1), f.scale(powers[sizes.polynomials + 1], pow(x, k, f.p)))
            total = f.add(total, f.mul(f.mul(value, factor), over[position * len(ends) + which]))
        out.append(total)
    return out


def row_hash(row: bytes) -> bytes:
    return blake3(row, key=LEAF_KEY.tobytes()).digest()


def node_hash(*parts: bytes) -> bytes:
    return blake3(b"".join(parts), key=NODE_KEY.tobytes()).digest()


def run(table: Table, row: Sequence[Element], f: Field) -> list[Element]:
    """Values of all nodes of a table's program on one row of extension elements."""
    values: list[Element] = []
    for op, a, b in table.nodes.tolist():
        if op == COLUMN:
            values.append(row[a])
        elif op == CONSTANT:
            values.append(f.lift(a))
        elif op == ADD:
            values.append(f.add(values[a], values[b]))
        else:
            values.append(f.sub(values[a], values[b]) if op == SUB else f.mul(values[a], values[b]))
    return values


@dataclass(frozen=True)
class LogUp:
    """alpha, powers of beta up to that of the bus number."""

    alpha: Element
    beta: list[Element]

    def denominator(self, message: Message, values: Sequence[Element], f: Field) -> Element:
        out = f.add(self.alpha, f.scale(self.beta[-1], message.bus + 1))
        for i, node in enumerate(message.args):
            out = f.sub(out, f.mul(self.beta[i], values[node]))
        return out


def table_constraints(table: Table, row: Sequence[Element], phis: Sequence[Element], logup: LogUp, f: Field) -> list[Element]:
    """The constraints of a table on one row, then the LogUp constraint of each batch."""
    values = run(table, row, f)
    out = [values[node] for node in table.constraints]
    for batch, phi in zip(table.batches, phis, strict=True):
        mult = [values[table.messages[k].multiplicity] for k in batch]
        d = [logup.denominator(table.messages[k], values, f) for k in batch]
        if len(batch) == 1:
            out.append(f.sub(f.mul(phi, d[0]), mult[0]))
        else:
            crossed = f.add(f.mul(mult[0], d[1]), f.mul(mult[1], d[0]))
            out.append(f.sub(f.mul(phi, f.mul(d[0], d[1])), crossed))
    return out


def claim_sum(circuit: Circuit, claim: Sequence[int], logup: LogUp, f: Field) -> Element:
    """The claim's fractions; rejects a claim whose constraints fail."""
    values = run(circuit.claim, [f.lift(v) for v in claim], f)
    require(all(not any(values[node]) for node in circuit.claim.constraints), "claim")
    out = f.lift(0)
    for message in circuit.claim.messages:
        d = logup.denominator(message, values, f)
        require(any(d), "denominator")
        out = f.add(out, f.mul(values[message.multiplicity], f.invert(d)))
    return out
