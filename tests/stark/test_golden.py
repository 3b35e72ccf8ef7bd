"""Proofs that are kept as bytes, at real parameters: what is accepted, what is written, and what is refused as soon as a part is changed.

Prover and verifier share transcript, sizes and folds. A step left out of both would convince them of each other; these bytes know it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.stark.bent import BentProver, WrongFinal, WrongFold
from tests.stark.circuits import Example, example, heights
from tests.stark.golden import GOLDEN, fresh, kept, known, replay, statement, whole
from tests.stark.reference import verifier as reference
from tests.stark.support import rejection, setting
from zkc.runtime.circuit.digest import circuit_digest
from zkc.runtime.errors import VerificationError
from zkc.runtime.field.extension import Element
from zkc.runtime.field.koalabear import P
from zkc.runtime.hash.blake3 import hash_bytes
from zkc.runtime.stark.challenges import Challenges
from zkc.runtime.stark.parameters import DEFAULT, JOHNSON, SMALL, UNIQUE_DECODING, Parameters
from zkc.runtime.stark.proof import Reader, layer_plans, read_heights, tree_plans
from zkc.runtime.stark.shape import Shape
from zkc.runtime.stark.verifier import verify

KEPT = [name for name, golden in GOLDEN.items() if golden.kept]
LEAF = "an opened leaf does not belong to its Merkle root"
LAYER = "the opened values are not those of polynomials of low degree: a FRI layer does not continue them"
WORK = "the proof of work does not fit: the proof is for another circuit, claim or parameters, or it was changed"
NO_ELEMENT = "the proof holds a word that is not a field element"

Part = tuple[str, int, int]


@cache
def parts(name: str) -> list[Part]:
    """(kind and number, start, stop) of every part of a kept proof."""
    made, proof, read = statement(name), kept(name), replay(name)
    shape = read.shape
    positions = np.unique(read.chain.after_nonce(read.head.nonce))
    sizes = [("heights", 4 * len(made.circuit.tables)), *((f"root {k}", 32) for k in range(3)), ("openings", 24 * shape.openings)]
    sizes += [*((f"layer root {k}", 32) for k in range(len(shape.folds))), ("final polynomial", 24 << shape.log_final), ("nonce", 8)]
    for kind, plans in (("tree", tree_plans(shape, positions)), ("layer", layer_plans(shape, positions))):
        for number, plan in enumerate(plans):
            sizes += [(f"rows of {kind} {number}", 4 * plan.width * plan.rows), (f"siblings of {kind} {number}", 32 * plan.siblings)]
    ends = np.cumsum([size for _, size in sizes]).tolist()
    assert ends[-1] == len(proof)
    return [(part, end - size, end) for (part, size), end in zip(sizes, ends, strict=True) if size]


def parts_called(name: str, *beginnings: str) -> Iterator[Part]:
    found = [part for part in parts(name) if part[0].startswith(beginnings)]
    assert found
    yield from found


def refused(name: str, proof: bytes) -> str:
    made = statement(name)
    return rejection(made.circuit, made.claim, proof, GOLDEN[name].parameters) or ""


def with_bit(proof: bytes, at: int, bit: int) -> bytes:
    changed = bytearray(proof)
    changed[at] ^= 1 << bit
    return bytes(changed)


def with_word(proof: bytes, at: int, word: int) -> bytes:
    return proof[:at] + word.to_bytes(4, "little") + proof[at + 4 :]


# ***** as they are *****


@pytest.mark.parametrize("name", KEPT)
def test_kept_proofs_are_accepted(name: str) -> None:
    made = statement(name)
    verify(made.circuit, made.claim, kept(name), GOLDEN[name].parameters)


@pytest.mark.parametrize("name", KEPT)
def test_the_plain_verifier_accepts_kept_proofs(name: str) -> None:
    made = statement(name)
    reference.verify(made.circuit, made.claim, kept(name), setting(GOLDEN[name].parameters))


@pytest.mark.parametrize("name", GOLDEN)
def test_the_prover_writes_what_it_wrote(name: str) -> None:
    """If the protocol was meant to change: `python -m tests.stark.golden`."""
    assert hash_bytes(fresh(name)).hex() == known()["proofs"][name]
    assert not GOLDEN[name].kept or fresh(name) == kept(name)


@pytest.mark.parametrize("name", GOLDEN)
def test_circuits_have_the_digests_they_had(name: str) -> None:
    """A proof is bound to a circuit by its digest alone: a digest that covers less, or something else, is noticed here."""
    assert circuit_digest(whole(name)).hex() == known()["circuits"][name]


def test_the_digest_of_a_circuit_covers_every_field() -> None:
    circuit = whole("everything")
    pairs, main, low, absent, triples = circuit.tables
    other = replace(pairs.messages[0], label="other")
    changed = [
        replace(circuit, buses=circuit.buses[:-1]),
        replace(circuit, buses=(replace(circuit.buses[0], width=3), *circuit.buses[1:])),
        replace(circuit, buses=(*circuit.buses[:-1], replace(circuit.buses[-1], name="other"))),
        replace(circuit, tables=circuit.tables[:-1]),
        replace(circuit, tables=(main, pairs, low, absent, triples)),
        replace(circuit, claim=replace(circuit.claim, constraints=circuit.claim.constraints[:-1])),
        replace(circuit, constants=circuit.constants | {"digest_words": 7}),
        replace(circuit, fixed_tops=circuit.fixed_tops | {3: bytes(32)}),
        replace(circuit, fixed_tops={}),
        *(replace(circuit, tables=(table, main, low, absent, triples)) for table in (
            replace(pairs, name="other"), replace(pairs, columns=("other",)), replace(pairs, fixed=pairs.fixed[::-1]),
            replace(pairs, fixed_names=("f0", "other")), replace(pairs, nodes=pairs.nodes[::-1]), replace(pairs, constraints=(0,)),
            replace(pairs, labels=("other",)), replace(pairs, batches=()), replace(pairs, messages=()), replace(pairs, messages=(other,)),
            *(replace(pairs, messages=(replace(other, **field),)) for field in ({"bus": 1}, {"args": (1, 0)}, {"multiplicity": 0})),
        )),
    ]  # fmt: skip
    digests = [circuit_digest(each) for each in (circuit, *changed)]
    assert len(set(digests)) == len(digests)
    assert circuit_digest(replace(circuit, digest=bytes(32))) == digests[0]


@pytest.mark.parametrize("name", GOLDEN)
def test_what_the_prover_writes_is_accepted(name: str) -> None:
    made = statement(name)
    verify(made.circuit, made.claim, fresh(name), GOLDEN[name].parameters, allow_insecure=True)


def test_kept_proofs_have_all_that_a_proof_can_have() -> None:
    """Every tree and layer has rows, and siblings except where all leaves are opened or known; so has each kind at real parameters."""
    found = {part.rstrip("0123456789 ") for name in KEPT for part, _, _ in parts(name)}
    assert found == {
        *("heights", "root", "openings", "layer root", "final polynomial", "nonce"),
        *("rows of tree", "siblings of tree", "rows of layer", "siblings of layer"),
    }
    shape = Shape(statement("everything").circuit, read_heights(Reader(kept("everything")), 5), DEFAULT)
    assert shape.heights == (256, 1024, 256, 0, 128) and shape.folds == (3,) and len(shape.trees) == 4


# ***** one word changed *****


@pytest.mark.parametrize("name", KEPT)
def test_a_bit_of_an_opened_leaf_or_sibling_is_refused_by_its_tree(name: str) -> None:
    """The first, the last and some words of the leaves and siblings of each tree: every one is bound by the tree itself."""
    rng, proof = random.Random(1), kept(name)
    for part, start, stop in parts_called(name, "rows of tree", "siblings of tree"):
        for word in {start, stop - 4, *(start + 4 * rng.randrange((stop - start) // 4) for _ in range(6))}:
            assert refused(name, with_bit(proof, word, 0)) == LEAF, (part, word - start)


@pytest.mark.parametrize("name", KEPT)
def test_a_tree_without_siblings_is_checked_too(name: str) -> None:
    """At 261 queries every leaf of a low tree is opened: nothing completes its paths, which then are no proof by themselves."""
    siblings = {part for part, _, _ in parts(name) if part.startswith("siblings")}
    bare = [part for part, _, _ in parts_called(name, "rows") if part.replace("rows", "siblings") not in siblings]
    assert bare or name != "everything"
    proof = kept(name)
    for part, start, stop in parts_called(name, "rows"):
        if part in bare:
            for word in range(start, stop, max(4, (stop - start) // 40 // 4 * 4)):
                assert refused(name, with_bit(proof, word, 0)) in (LEAF, LAYER), (part, word - start)


@pytest.mark.parametrize("layer", [1, 2])
def test_a_layer_without_siblings_is_checked_too(layer: int) -> None:
    """Of 128 and of 32 leaves all are opened, so nothing completes their paths; what is not the fold of the layer before is refused."""
    made, parameters = example(10, 7), Parameters(queries=4096, grinding=0, log_fold=2, log_final=3)
    shape = Shape(made.circuit, heights(10, 7, 7), parameters)
    cheat = WrongFold(made, parameters)
    cheat.layer = layer - 1
    drawn = np.unique(Challenges(shape, made.claim, bytes(32)).after_nonce(0))
    assert layer_plans(shape, drawn)[layer].siblings == 0
    assert rejection(made.circuit, made.claim, cheat.run(), parameters) == LAYER


def test_every_word_of_every_digest_is_compared() -> None:
    """A node is eight words: a change of any one of a sibling is noticed, and each word of the root."""
    name = "everything"
    proof = kept(name)
    for part, start, _ in parts_called(name, "siblings of tree", "siblings of layer"):
        for word in range(8):
            assert refused(name, with_bit(proof, start + 4 * word, 3)) == (LEAF if "tree" in part else LAYER)


def test_a_bit_of_a_fri_layer_is_refused_by_the_layer() -> None:
    rng, proof = random.Random(2), kept("everything")
    for part, start, stop in parts_called("everything", "rows of layer", "siblings of layer"):
        for word in {start, stop - 4, *(start + 4 * rng.randrange((stop - start) // 4) for _ in range(6))}:
            assert refused("everything", with_bit(proof, word, 0)) == LAYER, (part, word - start)


@pytest.mark.parametrize("name", KEPT)
def test_whatever_comes_before_the_queries_changes_the_work(name: str) -> None:
    """Each part is absorbed before the nonce is checked: one bit of it, and 2^-20 is left."""
    rng, proof = random.Random(3), kept(name)
    for part, start, stop in parts_called(name, "root", "openings", "layer root", "final polynomial", "nonce"):
        for at in {start, stop - 4, *(start + 4 * rng.randrange((stop - start) // 4) for _ in range(4))}:
            assert refused(name, with_bit(proof, at, 0)) == WORK, part


@pytest.mark.parametrize("name", KEPT)
def test_p_itself_is_no_word_of_a_proof(name: str) -> None:
    """p stands for the same element as 0, which would give two proofs for one; p - 1 is the greatest word."""
    proof = kept(name)
    for part, start, _ in parts_called(name, "openings", "final polynomial", "rows of tree", "rows of layer"):
        for word in (P, P + 1, 2**31, 2**32 - 1):
            assert refused(name, with_word(proof, start, word)) == NO_ELEMENT, part
        assert refused(name, with_word(proof, start, P - 1)) in (WORK, LEAF, LAYER), part


@pytest.mark.parametrize("name", KEPT)
def test_a_proof_is_neither_longer_nor_shorter(name: str) -> None:
    proof = kept(name)
    for other in (proof[:-1], proof[:-4], proof[:-32], proof + b"\0", proof + bytes(4), proof + bytes(32)):
        assert refused(name, other).startswith("the proof has ")
    for part, start, _ in parts(name):
        if not part.startswith(("rows", "siblings")):
            assert refused(name, proof[:start]) == "the proof is too short", part


# ***** work and queries *****


@pytest.mark.parametrize("name", KEPT)
def test_nineteen_bits_of_work_are_not_twenty(name: str) -> None:
    """The nonce ends in 19 zero bits and a one, all before it is as it should be."""
    nonce, work = known()["lazy nonces"][name], replay(name).chain.transcript.proof_of_work
    assert work(nonce) % (1 << 20) == 1 << 19 and GOLDEN[name].parameters.grinding == 20
    (_, start, stop), proof = next(parts_called(name, "nonce")), kept(name)
    assert refused(name, proof[:start] + nonce.to_bytes(8, "little") + proof[stop:]) == WORK


@pytest.mark.parametrize("parameters", [DEFAULT, SMALL])
def test_a_verifier_draws_as_many_queries_as_its_parameters_say(parameters: Parameters) -> None:
    """And each proof opens as many different ones as 261 (80) draws from the domain give, no fewer."""
    made = statement("everything")
    shape = Shape(made.circuit, heights(8, 10, 8, 0, 7), parameters)
    drawn = Challenges(shape, made.claim, bytes(32)).after_nonce(0)
    assert len(drawn) == parameters.queries == {1: 261, 3: 80}[parameters.log_blowup]
    assert drawn.min() >= 0 and (1 << shape.log_extended - 1) <= drawn.max() < 1 << shape.log_extended


def test_kept_proofs_are_refused_with_other_parameters() -> None:
    made, proof = statement("everything"), kept("everything")
    assert refused("small", kept("small")) == ""
    others = (SMALL, Parameters(queries=262), Parameters(grinding=21), Parameters(log_fold=2), Parameters(log_final=6))
    for other in (*others, Parameters(regime=JOHNSON)):
        assert rejection(made.circuit, made.claim, proof, other) is not None


def test_the_regime_of_a_proof_cannot_be_changed() -> None:
    """Nothing in a proof depends on the regime but the transcript, which absorbs it; so no proof is one in another regime."""
    for name, golden in GOLDEN.items():
        made, proof, other = statement(name), fresh(name), JOHNSON if golden.parameters.regime == UNIQUE_DECODING else UNIQUE_DECODING
        assert rejection(made.circuit, made.claim, proof, golden.parameters) is None
        assert rejection(made.circuit, made.claim, proof, replace(golden.parameters, regime=other)) is not None


# ***** the claim *****


OTHER_CLAIMS = (
    (4, 1027, 1, 1, 0), (3, 1028, 1, 1, 0), (3, 1027, 0, 1, 0), (3, 1027, 1, 0, 0), (3, 1027, 1, 1, 1),
    (3, 1027, 1, 1 + P, 0), (3, 1027, 1, 1, P), (3, 1027, 1, 1), (3, 1027, 1, 1, 0, 0),
)  # fmt: skip


@pytest.mark.parametrize("claim", OTHER_CLAIMS)
def test_another_claim_is_refused(claim: tuple[int, ...]) -> None:
    with pytest.raises(VerificationError):
        verify(statement("everything").circuit, claim, kept("everything"))


@pytest.mark.parametrize("claim", [(3, 1027, 1, 2, 0), (3, 1027, 1, 1, P - 1)])
def test_a_claim_that_breaks_its_own_constraint_is_refused(claim: tuple[int, ...]) -> None:
    """The values stand in no message, so all else holds: the proof is one for a circuit, of the same digest, without it."""
    made = statement("everything")
    circuit = replace(made.circuit, claim=replace(made.circuit.claim, constraints=()))
    proof = BentProver(Example(circuit, made.traces, claim), DEFAULT).run()
    verify(circuit, claim, proof)
    with pytest.raises(VerificationError, match="the claim breaks its constraint"):
        verify(made.circuit, claim, proof)


# ***** all six coefficients *****

FINAL = "the opened values are not those of polynomials of low degree: they do not end in the final polynomial"


@pytest.mark.parametrize("word", range(6))
@pytest.mark.parametrize("parameters", [DEFAULT, SMALL])
def test_the_final_polynomial_is_compared_in_every_coefficient_of_an_element(parameters: Parameters, word: int) -> None:
    made = statement("everything")
    for row in (0, 1, -1):
        cheat = WrongFinal(made, parameters)
        cheat.row, cheat.word = row, word
        assert rejection(made.circuit, made.claim, cheat.run(), parameters) == FINAL


@pytest.mark.parametrize("coefficient", range(6))
def test_the_identity_is_compared_in_every_coefficient_of_an_element(coefficient: int) -> None:
    """q0 is opened so that what is left of the identity is one coefficient, and the others vanish."""
    made = statement("everything")

    class OneCoefficient(BentProver):
        def open_columns(self) -> np.ndarray:
            openings = super().open_columns()
            unit = Element(tuple(int(k == coefficient) for k in range(6)))
            at = self.shape.quotient.matrices[0].offset
            share = unit * (self.zeta**self.shape.height - Element.base(1)).inverse()
            openings[at] = (Element.from_words(openings[at]) + share).words()
            return openings

    reason = rejection(made.circuit, made.claim, OneCoefficient(made, DEFAULT).run(), DEFAULT)
    assert reason == "the constraints do not hold at the random point"
