"""What the reference prover and verifier share: sizes, transcript, Merkle trees, constraints at a point.

It takes nothing from the runtime but the circuit's data classes and the two Merkle keys: see docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from tests.stark.reference.field import Element, Field
from zkc.runtime.circuit import ADD, COLUMN, CONSTANT, SUB, Circuit, Message, Table
from zkc.runtime.hash.merkle import LEAF_KEY, NODE_KEY

KOALABEAR = Field(2**31 - 2**24 + 1, 3)
PROTOCOL = b"zkc stark v1: KoalaBear^6 (x^6 + x^3 + 1), BLAKE3"
ABSENT = 0


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
    check_wrap: bool = True

    def encode(self) -> bytes:
        words = (self.field.p, 6, self.field.generator, 1, self.queries, self.grinding, self.log_fold, self.log_final)
        return b"".join(word.to_bytes(4, "little") for word in words)

    def words(self, values: Sequence[int]) -> bytes:
        """Field elements as they stand in a proof: little-endian Montgomery words."""
        return b"".join((v * 2**32 % self.field.p).to_bytes(4, "little") for v in values)


class Sizes:
    """Everything that follows from circuit and heights."""

    def __init__(self, circuit: Circuit, log_heights: Sequence[int], setting: Setting) -> None:
        self.circuit, self.setting = circuit, setting
        self.log_n = max(log_heights)
        self.tables = [(t, h) for t, h in zip(circuit.tables, log_heights, strict=True) if h != ABSENT]
        trace = [(h, len(t.columns)) for t, h in self.tables]
        logup = [*((h, 6 * len(t.batches)) for t, h in self.tables), (self.log_n, 6)]
        self.trees = [trace, logup, [(self.log_n, 12)]]
        self.columns = sum(width for tree in self.trees for _, width in tree)
        left = self.log_n - setting.log_final
        whole, rest = divmod(left, setting.log_fold)
        self.folds = [setting.log_fold] * whole + [rest] * bool(rest)
        self.bus_power = 1 + max((bus.width for bus in circuit.buses), default=0)

    def groups(self, tree: int) -> list[tuple[int, int]]:
        """(log height of the extension, width of a leaf), tallest first, of one of the three trees."""
        heights = sorted({h for h, width in self.trees[tree] if width}, reverse=True)
        return [(h + 1, sum(width for k, width in self.trees[tree] if k == h)) for h in heights]

    def layers(self) -> list[list[tuple[int, int]]]:
        """The same for each FRI layer, a tree of one group."""
        out, log_size = [], self.log_n + 1
        for fold in self.folds:
            log_size -= fold
            out.append([(log_size, 6 << fold)])
        return out


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


def start(sizes: Sizes, log_heights: Sequence[int], claim: Sequence[int]) -> Transcript:
    """A transcript that has absorbed the statement."""
    transcript = Transcript(sizes.setting.field)
    transcript.absorb(b"parameters", sizes.setting.encode())
    transcript.absorb(b"circuit", sizes.circuit.digest)
    transcript.absorb(b"heights", bytes(log_heights))
    transcript.absorb(b"claim", b"".join(v.to_bytes(4, "little") for v in claim))
    return transcript


def draw_zeta(transcript: Transcript, sizes: Sizes) -> Element:
    """The first drawn point outside of the trace domain and the extended domain."""
    f, n = sizes.setting.field, 1 << sizes.log_n
    while True:
        zeta = transcript.element(b"zeta")
        inside = f.power(zeta, n) == f.lift(1) or f.power(zeta, 2 * n) == f.lift(pow(f.generator, 2 * n, f.p))
        if not inside:
            return zeta


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
