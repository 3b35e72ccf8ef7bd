"""Proofs that are kept as they are: prover and verifier share code, so that only bytes from before can show that both have changed.

`python -m tests.stark.golden` makes them again. That is right after a change of the protocol that is meant, and never otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.stark.circuits import Example, TableBuilder, digest, example, pair_columns, triple_columns, two_fixed_tables
from zkc.runtime.circuit.circuit import Bus, Circuit
from zkc.runtime.circuit.digest import circuit_digest
from zkc.runtime.hash.blake3 import hash_bytes
from zkc.runtime.stark.challenges import Challenges
from zkc.runtime.stark.commitment import compiled_fixed_top, fixed_tree
from zkc.runtime.stark.parameters import DEFAULT, SMALL, Parameters
from zkc.runtime.stark.proof import Head, Reader, read_head, read_heights
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.shape import Shape

FOLDER = Path(__file__).parent / "golden"
KNOWN = FOLDER / "known.json"


@dataclass(frozen=True)
class Golden:
    """A statement and the parameters it is proven with; `kept` if the proof is a file, or else only its digest is known."""

    make: Callable[[], Example]
    parameters: Parameters
    kept: bool = False


def everything() -> Example:
    """All that a circuit may have: fixed tables of two heights, an absent table, batches of one and two, a claim with constraints.

    `main` counts from one end of the claim to the other and looks pairs up, `low` looks triples up, and no row of `absent` is there.
    """
    buses = (Bus("pairs", 2), Bus("triples", 3), Bus("state", 2))
    main, low, absent, pairs, triples = (TableBuilder(name) for name in ("main", "low", "absent", "pairs", "triples"))
    x, square, step = (main.column(name) for name in ("x", "square", "step"))
    main.zero(x * x - square)
    main.zero(x * (square - x * x) * 5)
    main.send(0, 1, x, square)
    main.send(2, -1, step, 7)
    main.send(2, 1, step + 1, 7)
    y, z, w = (low.column(name) for name in ("y", "z", "w"))
    low.zero(w - y * z)
    low.send(1, 1, y, z, w)
    nothing = absent.column("nothing")
    absent.zero(nothing)
    absent.send(2, nothing, nothing, 7)
    for table, bus, columns in ((pairs, 0, pair_columns()), (triples, 1, triple_columns())):
        multiplicity = table.column("multiplicity")
        table.send(bus, table.constant(0) - multiplicity, *(table.fixed_column(f"f{k}", c) for k, c in enumerate(columns)))
    claim = TableBuilder("claim")
    first, last, bit, one, other = (claim.column(name) for name in ("first", "last", "bit", "one", "other"))
    for flag in (one, bit, other):
        claim.zero(flag * (flag - 1))
    claim.zero((last - first) * bit - bit * 1024)
    claim.send(2, bit, first, 7)
    claim.send(2, claim.constant(0) - bit, last, 7)
    tables = (pairs.build(), main.build([(1,), (2, 0)]), low.build(), absent.build(), triples.build())
    circuit = Circuit(digest("everything"), buses, tables, claim.build(), {"digest_words": 8})
    rows, few = np.arange(1024), np.arange(256) % 128
    values = rows * 37 % 256
    traces = {
        "main": np.array([values, values * values, rows + 3]),
        "low": np.array([few, few * 3 % 7, few * (few * 3 % 7)]),
        "pairs": np.bincount(values, minlength=256)[None, :],
        "triples": np.bincount(few, minlength=128)[None, :],
    }
    return Example(circuit, {name: np.ascontiguousarray(trace, dtype=np.uint32) for name, trace in traces.items()}, (3, 1027, 1, 1, 0))


def tall() -> Example:
    """Lookups in a fixed table of 2^14 rows, whose tree is higher than the layer that a verifier knows of it."""
    main, squares = TableBuilder("main"), TableBuilder("squares")
    main.send(0, 1, main.column("x"), main.column("y"))
    multiplicity = squares.column("multiplicity")
    values = np.arange(1 << 14)
    table = [squares.fixed_column(name, column.tolist()) for name, column in (("x", values), ("y", values * values))]
    squares.send(0, squares.constant(0) - multiplicity, *table)
    circuit = Circuit(digest("tall"), (Bus("squares", 2),), (main.build(), squares.build()), TableBuilder("claim").build())
    x = np.arange(128) * 127
    traces = {"main": np.array([x, x * x]), "squares": np.bincount(x, minlength=1 << 14)[None, :]}
    return Example(circuit, {name: np.ascontiguousarray(trace, dtype=np.uint32) for name, trace in traces.items()}, ())


FAST_FOLDS = Parameters(queries=20, grinding=3, log_fold=2, log_final=3)
GOLDEN: dict[str, Golden] = {
    "everything": Golden(everything, DEFAULT, kept=True),
    "small": Golden(lambda: two_fixed_tables(7), SMALL, kept=True),
    "everything, small": Golden(everything, SMALL),
    "counter": Golden(lambda: example(10, 8), DEFAULT),
    "counter, small": Golden(lambda: example(8, 7), SMALL),
    "counter, many folds": Golden(lambda: example(11, 7), FAST_FOLDS),
    "counter, folds of two": Golden(lambda: example(8, 9), replace(FAST_FOLDS, log_fold=1, log_final=4)),
    "counter, folds of sixteen": Golden(lambda: example(12, 7), replace(FAST_FOLDS, log_fold=4, log_blowup=2)),
    "counter, one query": Golden(lambda: example(9, 7), replace(FAST_FOLDS, queries=1, grinding=0)),
    "counter, two queries": Golden(lambda: example(8, 8), replace(FAST_FOLDS, queries=2, log_fold=3)),
    "tall fixed table": Golden(tall, FAST_FOLDS),
    "fixed columns below": Golden(lambda: two_fixed_tables(11), replace(FAST_FOLDS, log_blowup=3)),
}


@cache
def statement(name: str) -> Example:
    return GOLDEN[name].make()


@cache
def fresh(name: str) -> bytes:
    """The proof as it is made now."""
    made = statement(name)
    return prove(made.circuit, made.traces, made.claim, GOLDEN[name].parameters, allow_insecure=True)


@dataclass(frozen=True)
class Replay:
    """A kept proof read up to its queries, and a transcript that has absorbed all that comes before the nonce."""

    shape: Shape
    head: Head
    chain: Challenges


def replay(name: str) -> Replay:
    made, reader, parameters = statement(name), Reader(kept(name)), GOLDEN[name].parameters
    shape = Shape(made.circuit, read_heights(reader, len(made.circuit.tables)), parameters)
    head = read_head(reader, shape)
    chain = Challenges(shape, made.claim, fixed_tree(made.circuit, parameters.log_blowup).root)
    chain.after_trace(head.roots[0])
    chain.after_logup(head.roots[1])
    chain.after_quotient(head.roots[2])
    chain.after_openings(head.openings)
    for root in head.layer_roots:
        chain.after_layer(root)
    chain.after_final(head.final)
    return Replay(shape, head, chain)


def lazy_nonce(name: str) -> int:
    """A nonce for a kept proof that lacks a single zero bit."""
    chain, bits = replay(name).chain, GOLDEN[name].parameters.grinding
    return next(nonce for nonce in range(1 << 32) if chain.transcript.proof_of_work(nonce) % (1 << bits) == 1 << bits - 1)


def kept(name: str) -> bytes:
    """The proof as it was."""
    return (FOLDER / f"{name}.proof").read_bytes()


def whole(name: str) -> Circuit:
    """The circuit of a statement with constants and trees of fixed columns, neither in their order."""
    circuit = statement(name).circuit
    tops = {log_blowup: compiled_fixed_top(circuit, log_blowup) for log_blowup in (3, 1)}
    return replace(circuit, constants={"words": [3, 1, 2], "digest_words": 8}, fixed_tops=tops)


def known() -> dict[str, Any]:
    """Digests of all proofs and of their circuits, and lazy nonces."""
    return json.loads(KNOWN.read_text(encoding="utf-8"))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, golden in GOLDEN.items():
        if golden.kept:
            (FOLDER / f"{name}.proof").write_bytes(fresh(name))
    proofs = {name: hash_bytes(fresh(name)).hex() for name in GOLDEN}
    nonces = {name: lazy_nonce(name) for name, golden in GOLDEN.items() if golden.kept}
    circuits = {name: circuit_digest(whole(name)).hex() for name in GOLDEN}
    text = json.dumps({"proofs": proofs, "circuits": circuits, "lazy nonces": nonces}, indent=2)
    KNOWN.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
