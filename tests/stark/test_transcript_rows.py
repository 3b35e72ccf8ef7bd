"""Rows F1–F20 of soundness.md, section 2.5, and the cheating provers of its section 6, 9; see the table in docs/protocol.md."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from blake3 import blake3

from tests.stark import bent
from tests.stark.bent import FAST, HIDDEN, BentProver
from tests.stark.circuits import Example, TableBuilder, digest, example, heights, tall_example
from tests.stark.support import accepts, broken_square, flipped, rejection, unbalanced, with_table
from zkc.runtime.circuit.circuit import Bus, Circuit
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.field.extension import Element
from zkc.runtime.field.koalabear import P, root_of_unity
from zkc.runtime.stark import challenges
from zkc.runtime.stark.challenges import Challenges, in_domains
from zkc.runtime.stark.commitment import fixed_tree
from zkc.runtime.stark.grinding import grind
from zkc.runtime.stark.parameters import DEFAULT, Parameters, shift
from zkc.runtime.stark.proof import Reader, layer_plans, read_head, read_heights, read_openings, tree_plans, word_bytes
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.shape import Shape
from zkc.runtime.stark.transcript import Transcript
from zkc.runtime.stark.verifier import verify

WORK = "the proof of work does not fit: the proof is for another circuit, claim or parameters, or it was changed"


@cache
def honest() -> tuple[Example, bytes]:
    made = example(9, 7)
    return made, prove(made.circuit, made.traces, made.claim, FAST, allow_insecure=True)


@cache
def sections() -> list[tuple[str, int, int]]:
    """(name, start, stop) of every part of the honest proof; field parts and digest parts apart."""
    made, proof = honest()
    shape = Shape(made.circuit, read_heights(Reader(proof), 3), FAST)
    sizes = [("heights", 12), ("trace root", 32), ("logup root", 32), ("quotient root", 32), ("openings", 24 * shape.openings)]
    sizes += [(f"layer root {k}", 32) for k in range(len(shape.folds))]
    sizes += [("final polynomial", 24 << shape.log_final), ("nonce", 8)]
    positions = np.unique(replay(made, proof).indices)
    for number, plan in enumerate([*tree_plans(shape, positions), *layer_plans(shape, positions)]):
        sizes += [(f"rows of tree {number}", 4 * plan.width * plan.rows), (f"siblings of tree {number}", 32 * plan.siblings)]
    out, at = [], 0
    for name, size in sizes:
        out.append((name, at, at + size))
        at += size
    assert at == len(proof)
    return [part for part in out if part[2] > part[1]]


class Recorder(Transcript):
    """Remembers what is absorbed and drawn, in order."""

    log: list[tuple[str, bytes, bytes]]

    def __init__(self) -> None:
        super().__init__()
        self.log = []

    def absorb(self, label: bytes, data: bytes) -> None:
        self.log.append(("absorb", label, data))
        super().absorb(label, data)

    def ratchet(self, label: bytes) -> None:
        self.log.append(("draw", label, b""))
        super().ratchet(label)

    def proof_of_work(self, nonce: int) -> int:
        self.log.append(("work", b"", nonce.to_bytes(8, "little")))
        return super().proof_of_work(nonce)


class Replay:
    """The verifier's transcript of one proof."""

    def __init__(self, made: Example, proof: bytes) -> None:
        recorders: list[Recorder] = []
        original = challenges.Transcript
        challenges.Transcript = lambda: recorders.append(Recorder()) or recorders[-1]  # type: ignore[assignment,misc]
        drawn: list[np.ndarray] = []
        genuine = Challenges.after_nonce
        Challenges.after_nonce = lambda self, nonce: drawn.append(genuine(self, nonce)) or drawn[-1]  # type: ignore[method-assign]
        try:
            verify(made.circuit, made.claim, proof, FAST, allow_insecure=True)
        finally:
            challenges.Transcript = original
            Challenges.after_nonce = genuine  # type: ignore[method-assign]
        self.log, self.indices = recorders[0].log, drawn[0]


@cache
def replay(made: Example, proof: bytes) -> Replay:
    return Replay(made, proof)


# ***** F1 – F3, F19: the transcript *****


def test_F1_every_byte_before_the_queries_is_absorbed_in_order() -> None:
    made, proof = honest()
    statement = (b"parameters", b"circuit", b"fixed root", b"claim")
    absorbed = b"".join(data for kind, label, data in replay(made, proof).log if kind == "absorb" and label not in statement)
    head = next(start for name, start, _ in sections() if name.startswith("rows"))
    assert absorbed == proof[:head]


def test_F1_F2_order_of_the_transcript() -> None:
    made, proof = honest()
    order = [label or kind.encode() for kind, label, _ in replay(made, proof).log]
    folds = [b"layer root", b"fold"] * len(Shape(made.circuit, heights(9, 7, 7), FAST).folds)
    assert order == [
        *(b"parameters", b"circuit", b"fixed root", b"heights", b"claim"),
        *(b"trace root", b"alpha", b"beta", b"logup root", b"lambda", b"quotient root", b"zeta"),
        *(b"openings", b"gamma", *folds, b"final polynomial", b"work", b"nonce", b"queries"),
    ]


def test_F3_F19_statement_comes_first() -> None:
    made, proof = honest()
    first = [data for kind, _, data in replay(made, proof).log if kind == "absorb"][:5]
    claim = struct.pack("<2I", *made.claim)
    assert first == [FAST.encode(), made.circuit.digest, fixed_tree(made.circuit, 1).root, struct.pack("<3I", 512, 128, 128), claim]


def test_F1_every_part_of_the_proof_matters() -> None:
    made, proof = honest()
    rng = random.Random(3)
    for name, start, stop in sections():
        for at in {start, stop - 1, rng.randrange(start, stop)}:
            assert accepts(made.circuit, made.claim, flipped(proof, at, rng)) is not None, f"byte {at} of {name}"


def test_F1_random_bytes_raise_nothing_but_verification_errors() -> None:
    made, proof = honest()
    rng = random.Random(4)
    for _ in range(300):
        assert rejection(made.circuit, made.claim, flipped(proof, rng.randrange(len(proof)), rng)) is not None
    for _ in range(100):
        length = rng.choice([0, 1, 2, 3, 4, 99, 100, 5000, len(proof) - 1, len(proof) + 1, 2 * len(proof)])
        assert rejection(made.circuit, made.claim, rng.randbytes(length)) is not None
        assert rejection(made.circuit, made.claim, (proof[:12] + rng.randbytes(length))) is not None


def test_F1_truncation_extension_swap_and_duplication() -> None:
    made, proof = honest()
    cuts = {start for _, start, _ in sections()} | {stop - 1 for _, _, stop in sections()}
    for cut in sorted(cuts):
        assert accepts(made.circuit, made.claim, proof[:cut]) is not None
    assert accepts(made.circuit, made.claim, proof + b"\0") is not None
    assert accepts(made.circuit, made.claim, proof + proof) is not None
    for _, start, stop in sections():
        if proof[start : start + 32] != proof[start + 32 : start + 64] and stop - start >= 64:
            swapped = proof[:start] + proof[start + 32 : start + 64] + proof[start : start + 32] + proof[start + 64 :]
            assert rejection(made.circuit, made.claim, swapped) is not None


# ***** F4 – F6: circuit, heights, order *****


def test_F4_F18_foreign_circuit_digest_is_rejected() -> None:
    made, proof = honest()
    for at in range(0, 32, 5):
        foreign = replace(made.circuit, digest=flipped(made.circuit.digest, at, random.Random(at)))
        assert accepts(foreign, made.claim, proof) is not None


def test_F4_circuit_is_the_verifiers_even_under_the_same_digest() -> None:
    """A prover that drops a constraint convinces nobody who has it."""
    made = broken_square(example(9, 7))
    table = made.circuit.tables[0]
    without = with_table(made.circuit, 0, replace(table, constraints=table.constraints[:3]))
    proof = prove(without, made.traces, made.claim, FAST, allow_insecure=True)
    assert accepts(without, made.claim, proof) is None
    assert accepts(made.circuit, made.claim, proof) is not None


def test_F5_heights_in_the_proof_are_bound() -> None:
    made, proof = honest()
    close = ([8, 7, 7], [10, 7, 7], [9, 8, 7], [9, 0, 7], [9, 7, 0], [9, 7, 8], [7, 9, 7])
    far = ([0, 0, 0], [9, 6, 7], [9, 23, 7], [31] * 3, [9, 1, 7])
    parts = ([640, 128, 128], [512, 384, 128], [384, 128, 128], [512, 128, 129], [513, 128, 128], [2**32 - 1] * 3, [512, 128 + 2**31, 128])
    for changed in (*(heights(*logs) for logs in (*close, *far)), *parts):
        assert accepts(made.circuit, made.claim, word_bytes(np.array(changed)) + proof[12:]) is not None, changed


@pytest.mark.parametrize("logs", [[6, 7, 7], [23, 7, 7], [9, 7, 8], [24, 0, 0], [0, 0, 0], [9, 7]])
def test_F5_heights_that_are_not_allowed(logs: list[int]) -> None:
    with pytest.raises(VerificationError):
        Shape(example().circuit, heights(*logs), FAST)


def test_F5_proof_for_another_height_of_the_same_run() -> None:
    """The copy table at twice the height, padded: another valid proof, but its bytes do not pass for the shorter one."""
    made, proof = honest()
    taller = example(9, 8)
    other = prove(taller.circuit, taller.traces, taller.claim, FAST, allow_insecure=True)
    assert accepts(made.circuit, taller.claim, other) is None
    assert accepts(made.circuit, taller.claim, proof[:12] + other[12:]) is not None


def test_F6_table_order_is_the_circuits() -> None:
    made, proof = honest()
    main, copy, ranges = made.circuit.tables
    for tables in ((copy, main, ranges), (main, ranges, copy)):
        permuted = replace(made.circuit, tables=tables)
        assert accepts(permuted, made.claim, proof) is not None
        order = [4 * made.circuit.tables.index(table) for table in tables]
        assert accepts(permuted, made.claim, b"".join(proof[k : k + 4] for k in order) + proof[12:]) is not None


# ***** F7, F8, F15: FRI and the quotient *****

CHEATS: list[type[BentProver]] = [bent.HighDegreeColumn, bent.HalfWrongColumn, bent.WrongQuotient, bent.WrongFold, bent.WrongFinal]


@pytest.mark.parametrize("parameters", [FAST, HIDDEN], ids=["open", "hidden"])
@pytest.mark.parametrize("cheat", CHEATS)
def test_F7_cheating_prover_is_rejected(cheat: type[BentProver], parameters: Parameters) -> None:
    made = tall_example(parameters)
    assert accepts(made.circuit, made.claim, cheat(made, parameters).run(), parameters) is not None


@pytest.mark.parametrize("cheat", [bent.HighDegreeMask, bent.ForgottenMask])
def test_F7_a_mask_is_of_low_degree_and_in_the_sum(cheat: type[BentProver]) -> None:
    made = tall_example(HIDDEN)
    assert accepts(made.circuit, made.claim, BentProver(made, HIDDEN).run(), HIDDEN) is None
    assert "low degree" in (accepts(made.circuit, made.claim, cheat(made, HIDDEN).run(), HIDDEN) or "")


@pytest.mark.parametrize("layer", range(3))
def test_F7_wrong_fold_in_any_layer(layer: int) -> None:
    made = example(10, 7)
    cheat = bent.WrongFold(made)
    cheat.layer = layer
    assert cheat.shape.folds == (2, 2, 2)
    assert "low degree" in (accepts(made.circuit, made.claim, cheat.run()) or "")


@pytest.mark.parametrize("parameters", [FAST, HIDDEN], ids=["open", "hidden"])
@pytest.mark.parametrize("false", [broken_square, unbalanced])
@pytest.mark.parametrize("cheat", [BentProver, bent.LyingOpenings, bent.LyingAccumulatorStep, bent.WrongQuotient])
def test_F7_false_statement_is_rejected(false: Callable[[Example], Example], cheat: type[BentProver], parameters: Parameters) -> None:
    made = false(tall_example(parameters))
    reason = accepts(made.circuit, made.claim, cheat(made, parameters).run(), parameters)
    lies = cheat in (bent.LyingOpenings, bent.LyingAccumulatorStep)
    assert reason is not None and ("low degree" in reason) == lies


def test_F8_everything_is_derived_from_the_parameters() -> None:
    made, proof = honest()
    assert accepts(made.circuit, made.claim, proof) is None
    for change in ({"queries": 39}, {"log_fold": 3}, {"log_final": 4}, {"grinding": 3}, {"grinding": 5}, {"log_blowup": 2}):
        assert accepts(made.circuit, made.claim, proof, replace(FAST, **change)) is not None


def test_F15_degrees_are_checked() -> None:
    table = TableBuilder("table")
    x = table.column("x")
    table.zero(x * x * x * x)
    circuit = Circuit(digest("F15"), (), (table.build(),), TableBuilder("claim").build())
    with pytest.raises(InputError, match="degree"):
        Shape(circuit, heights(7), FAST)


@pytest.mark.parametrize("batches", [((0, 1, 2, 3),), ((0, 1), (1, 2), (3,)), ((0, 1),), ((0, 1), (2, 3), ())])
def test_F15_batches_are_checked(batches: tuple[tuple[int, ...], ...]) -> None:
    made = example()
    circuit = with_table(made.circuit, 0, replace(made.circuit.tables[0], batches=batches))
    with pytest.raises(InputError, match="batch"):
        Shape(circuit, heights(8, 7, 7), FAST)


def test_F15_degree_of_a_batch_is_checked() -> None:
    table = TableBuilder("table")
    x, y = table.column("x"), table.column("y")
    table.send(0, x, x * x)
    table.send(0, y, y * y)
    bus = (Bus("bus", 1),)
    with pytest.raises(InputError, match="degree"):
        Shape(Circuit(digest("F15b"), bus, (table.build(),), TableBuilder("claim").build()), heights(7), FAST)
    Shape(Circuit(digest("F15c"), bus, (table.build([(0,), (1,)]),), TableBuilder("claim").build()), heights(7), FAST)


# ***** F9, F10, F11: Merkle, queries, grinding *****


def test_F9_leaf_and_node_keys_differ() -> None:
    from zkc.runtime.hash.merkle import LEAF_KEY, NODE_KEY

    assert LEAF_KEY.tobytes() != NODE_KEY.tobytes()


def test_F9_opened_rows_have_the_expected_size_before_they_are_read() -> None:
    made, proof = honest()
    reader = Reader(proof)
    reader.bytes(12)
    shape = Shape(made.circuit, heights(9, 7, 7), FAST)
    read_head(reader, shape)
    positions = np.unique(replay(made, proof).indices)
    plan = [*tree_plans(shape, positions), *layer_plans(shape, positions)]
    at = reader.at
    for wrong in (proof[:-1], proof + b"\0"):
        short = Reader(wrong)
        short.at = at
        with pytest.raises(VerificationError, match="bytes"):
            read_openings(short, plan)


def test_F9_siblings_and_rows_are_bound_to_their_tree() -> None:
    made, proof = honest()
    rng = random.Random(9)
    for name, start, stop in sections():
        if name.startswith(("rows", "siblings")):
            for _ in range(6):
                assert rejection(made.circuit, made.claim, flipped(proof, rng.randrange(start, stop), rng)) is not None


def test_F10_indices_are_uniform_over_the_extended_domain() -> None:
    transcript = Transcript()
    drawn = transcript.indices(b"queries", 20_000, 4)
    counts = np.bincount(drawn, minlength=16)
    assert drawn.min() >= 0 and drawn.max() < 16
    assert abs(counts - 1250).max() < 200  # six standard deviations
    assert transcript.indices(b"queries", 1000, 24).max() >= 1 << 23
    made, proof = honest()
    indices = replay(made, proof).indices
    assert len(indices) == FAST.queries and indices.max() >= 512


def test_F11_skipped_grinding_is_rejected() -> None:
    made = example(9, 7)
    assert accepts(made.circuit, made.claim, bent.NoGrinding(made).run()) == WORK


def test_F11_nonce_is_found_checked_and_bound() -> None:
    transcript = Transcript()
    transcript.absorb(b"x", b"y")
    nonce = grind(transcript, 12)
    accepted = [k for k in range(nonce + 1) if transcript.proof_of_work(k) % (1 << 12) == 0]
    assert accepted == [nonce]
    assert DEFAULT.grinding == 20


# ***** F12, F13, F14 *****


def test_F12_messages_are_framed() -> None:
    def state(*messages: tuple[bytes, bytes]) -> bytes:
        transcript = Transcript()
        for label, data in messages:
            transcript.absorb(label, data)
        return transcript.state

    histories = [
        ((b"a", b"bc"),),
        ((b"ab", b"c"),),
        ((b"a", b"b"), (b"a", b"c")),
        ((b"a", b"c"), (b"a", b"b")),
        ((b"a", b""), (b"", b"bc")),
        ((b"a", b"bc\0"),),
        ((b"a", b"bc"), (b"", b"")),
        (),
    ]
    assert len({state(*history) for history in histories}) == len(histories)


def test_F12_draws_do_not_repeat_and_depend_on_their_label() -> None:
    transcript = Transcript()
    first, second = transcript.element(b"a").tolist(), transcript.element(b"a").tolist()
    assert first != second
    assert Transcript().element(b"b").tolist() != first == Transcript().element(b"a").tolist()
    assert transcript.state != blake3(b"").digest()


def test_F12_elements_are_below_p_and_cover_the_field() -> None:
    transcript = Transcript()
    words = np.array([transcript.element(b"a") for _ in range(500)])
    assert words.max() < P and words.max() > 0.99 * P and words.min() < 0.01 * P


def test_F13_words_that_are_not_canonical_are_rejected() -> None:
    made, proof = honest()
    rng = random.Random(13)
    for name, start, stop in sections():
        if not name.startswith(("openings", "final", "rows")):
            continue
        for at in rng.sample(range(start, stop, 4), min(5, (stop - start) // 4)):
            word = int.from_bytes(proof[at : at + 4], "little")
            changed = proof[:at] + (word + P).to_bytes(4, "little") + proof[at + 4 :]
            assert "field element" in (accepts(made.circuit, made.claim, changed) or ""), name


def test_F14_zeta_in_a_domain_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = honest()
    log_height = 9
    inside = [Element.base(x) for x in (root_of_unity(log_height), shift(log_height) * root_of_unity(log_height + 1), 1, 0)]
    outside = [Element.base(5), Element((0, 1, 0, 0, 0, 0))]
    assert all(in_domains(point, log_height, 1) for point in inside)
    assert not any(in_domains(point, log_height, 1) for point in outside)
    drawn = [point.words() for point in [*inside, outside[1]]]
    chain = Challenges(Shape(made.circuit, heights(9, 7, 7), FAST), made.claim, bytes(32))
    monkeypatch.setattr(chain.transcript, "element", lambda label: drawn.pop(0))
    assert chain.after_quotient(bytes(32)) == outside[1]


# ***** bounds on work *****


def test_hostile_heights_cost_nothing() -> None:
    """The greatest allowed heights, and too few bytes: refused before anything of that size is allocated."""
    made, _ = honest()
    proof = word_bytes(np.array(heights(22, 22, 7))) + bytes(500)
    reason = rejection(made.circuit, made.claim, proof, replace(FAST, queries=4096, grinding=0))
    assert reason == "the proof is too short"


def test_hostile_heights_with_a_full_head() -> None:
    made, _ = honest()
    shape = Shape(made.circuit, heights(22, 22, 7), replace(FAST, grinding=0))
    head = 12 + 96 + 24 * shape.openings + 32 * len(shape.folds) + (24 << shape.log_final) + 8
    proof = word_bytes(np.array(heights(22, 22, 7))) + bytes(head - 12)
    assert rejection(made.circuit, made.claim, proof, replace(FAST, grinding=0)) is not None
