"""Section 4: the bytes of a proof, in order."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from .circuit import Circuit, LogUp
from .field import FROM_MONTGOMERY, ONE, ZERO, Element, P, lift, power, powers, shift
from .parameters import Shape
from .refused import require
from .transcript import Transcript
from .trees import DIGEST, LOG_FIXED_TOP, distinct, siblings_needed


class Reader:
    """The bytes from the front."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        require(count <= self.left, "too short")
        self.at += count
        return self.data[self.at - count : self.at]

    def digests(self, count: int) -> list[bytes]:
        return [self.take(DIGEST) for _ in range(count)]


def words(data: bytes) -> list[int]:
    """Field elements from Montgomery words, each below p."""
    found = struct.unpack(f"<{len(data) // 4}I", data)
    require(max(found, default=0) < P, "a word is not below p")
    return [word * FROM_MONTGOMERY % P for word in found]


def elements(data: bytes) -> list[Element]:
    flat = words(data)
    return list(zip(*(flat[i::6] for i in range(6))))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Head:
    """What comes before the openings, as bytes."""

    roots: list[bytes]
    opened: bytes
    layer_roots: list[bytes]
    final: bytes
    nonce: bytes


@dataclass(frozen=True)
class Opening:
    """Of a tree of columns: the opened leaves. Of a FRI layer: the values, of 24 bytes, that do not follow. By position."""

    leaves: dict[int, bytes]
    siblings: list[bytes]


@dataclass(frozen=True)
class Challenges:
    logup: LogUp
    lam: Element
    zeta: Element
    gamma: Element
    folds: list[Element]
    positions: list[int]


def read_heights(reader: Reader, circuit: Circuit) -> list[int]:
    """Of each table, 0 of one that is absent."""
    count = len(circuit.tables)
    return list(struct.unpack(f"<{count}I", reader.take(4 * count)))


def read_head(reader: Reader, shape: Shape) -> Head:
    return Head(
        roots=reader.digests(3),
        opened=reader.take(24 * (shape.columns + 1)),
        layer_roots=reader.digests(shape.folds),
        final=reader.take(24 * shape.final),
        nonce=reader.take(8),
    )


def draw(shape: Shape, claim: Sequence[int], fixed_root: bytes, head: Head) -> Challenges:
    """All challenges, in the order of the table in section 4; refused if the nonce does not work (check 5)."""
    transcript, parameters = Transcript(), shape.parameters
    transcript.absorb(b"parameters", parameters.encoded())
    transcript.absorb(b"circuit", shape.circuit.digest)
    transcript.absorb(b"fixed root", fixed_root)
    transcript.absorb(b"heights", struct.pack(f"<{len(shape.heights)}I", *shape.heights))
    transcript.absorb(b"claim", struct.pack(f"<{len(claim)}I", *claim))
    transcript.absorb(b"trace root", head.roots[0])
    alpha, beta = transcript.element(b"alpha"), transcript.element(b"beta")
    transcript.absorb(b"logup root", head.roots[1])
    lam = transcript.element(b"lambda")
    transcript.absorb(b"quotient root", head.roots[2])
    zeta = _draw_zeta(transcript, shape)
    transcript.absorb(b"openings", head.opened)
    gamma = transcript.element(b"gamma")
    folds = list[Element]()
    for each in head.layer_roots:
        transcript.absorb(b"layer root", each)
        folds.append(transcript.element(b"fold"))
    transcript.absorb(b"final polynomial", head.final)
    work = transcript.work(int.from_bytes(head.nonce, "little"))
    require(work % (1 << parameters.grinding) == 0, "the nonce does not work")
    transcript.absorb(b"nonce", head.nonce)
    positions = distinct(transcript.positions(b"queries", parameters.queries, shape.log_size))
    return Challenges(LogUp(alpha, powers(beta, shape.circuit.bus_power + 1)), lam, zeta, gamma, folds, positions)


def _draw_zeta(transcript: Transcript, shape: Shape) -> Element:
    n, size = 1 << shape.log_n, 1 << shape.log_size
    coset = lift(pow(shift(shape.log_n), size, P))
    while True:
        zeta = transcript.element(b"zeta")
        if zeta != ZERO and power(zeta, n) != ONE and power(zeta, size) != coset:
            return zeta


def read_trees(reader: Reader, shape: Shape, positions: Sequence[int]) -> list[Opening]:
    """The openings of the trees of columns."""
    out = list[Opening]()
    for number, tree in enumerate(shape.trees):
        opened, depth = distinct(i >> shape.log_n - tree.log_height for i in positions), tree.log_height + shape.parameters.log_blowup
        known = min(LOG_FIXED_TOP, depth) if shape.has_fixed and number == 0 else 0
        leaves = {i: reader.take(4 * tree.leaf_words) for i in opened}
        out.append(Opening(leaves, reader.digests(siblings_needed(opened, depth - known))))
    return out


def read_layers(reader: Reader, shape: Shape, positions: Sequence[int]) -> list[Opening]:
    """The openings of the FRI layers, then the end."""
    out, fold, depth = list[Opening](), shape.parameters.log_fold, shape.log_size
    for _ in range(shape.folds):
        leaves, depth = distinct(i >> fold for i in positions), depth - fold
        known = set(positions)
        missing = [i for leaf in leaves for i in range(leaf << fold, leaf + 1 << fold) if i not in known]
        values = {i: reader.take(24) for i in missing}
        out.append(Opening(values, reader.digests(siblings_needed(leaves, depth))))
        positions = leaves
    require(reader.left == 0, "too long")
    return out
