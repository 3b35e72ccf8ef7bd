"""Rows L1–L16 of soundness.md, section 2.2, as far as they concern the proof system; see the table in docs/protocol.md for the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.stark import bent
from tests.stark.bent import FAST, BentProver
from tests.stark.circuits import COPY, RANGE, STATE, Example, TableBuilder, digest, example, heights
from tests.stark.reference import prover as reference_prover
from tests.stark.reference import verifier as reference_verifier
from tests.stark.reference.common import Reject, Setting
from tests.stark.reference.field import Field
from tests.stark.support import accepts, rejection, unbalanced, with_table
from zkc.runtime.circuit.circuit import Bus, Circuit, Message
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.field.extension import Element
from zkc.runtime.stark.challenges import Challenges
from zkc.runtime.stark.constraints import Fingerprint, claim_sum, stack
from zkc.runtime.stark.evaluators import interpreter
from zkc.runtime.stark.logup import SpreadFingerprint, fractions
from zkc.runtime.stark.proof import word_bytes
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.security import security
from zkc.runtime.stark.shape import Shape

NO_FIXED = np.empty((0, 0), dtype=np.uint32)


def lonely(bus_of_receiver: int = 0, receiver_width: int = 1) -> Example:
    """One table sends its column on bus 0, another receives the same values on a bus, which may be another."""
    buses = (Bus("a", 1), Bus("b", 1), Bus("wide", 2))
    sender, receiver = TableBuilder("sender"), TableBuilder("receiver")
    value = sender.column("value")
    sender.send(0, 1, value)
    other = receiver.column("value")
    receiver.send(bus_of_receiver, -1, *([other, 0][:receiver_width]))
    circuit = Circuit(digest("lonely", bus_of_receiver), buses, (sender.build(), receiver.build()), TableBuilder("claim").build())
    values = np.arange(128, dtype=np.uint32)[None, :]
    return Example(circuit, {"sender": values, "receiver": values[:, ::-1].copy()}, ())


# ***** L1 *****


def toy_field() -> Field:
    """The least prime p = 256 k + 1 above 1024 that is 2 or 5 mod 9, with a generator."""
    for p in range(1025, 1 << 14, 256):
        factors = [q for q in range(2, p) if (p - 1) % q == 0 and all(q % r for r in range(2, q))]
        if all(p % q for q in range(2, int(p**0.5) + 1)) and p % 9 in (2, 5):
            return Field(p, next(g for g in range(2, p) if all(pow(g, (p - 1) // q, p) != 1 for q in factors)))
    raise AssertionError


def wrapping_example(p: int, messages: int) -> Example:
    """p lookups of a value that the lookup table does not have: p copies of one fraction vanish modulo p.

    Row r of the sender looks up `bad` with 0/1 flags so that p flags are set in all; no row of the lookup table provides it.
    """
    sender = TableBuilder("sender", p)
    flags = [sender.column(f"flag{i}") for i in range(messages)]
    for flag in flags:
        sender.zero(flag * (flag - 1))
        sender.send(0, flag, sender.constant(200))
    table = TableBuilder("table", p)
    multiplicity = table.column("multiplicity")
    entry = table.fixed_column("entry", range(128))
    table.send(0, table.constant(0) - multiplicity, entry)
    circuit = Circuit(digest("wrap", p), (Bus("range", 1),), (sender.build(), table.build()), TableBuilder("claim", p).build())
    set_flags = np.arange(messages * 128).reshape(messages, 128) < p
    assert set_flags.sum() == p
    return Example(circuit, {"sender": set_flags.astype(np.uint32), "table": np.zeros((1, 128), dtype=np.uint32)}, ())


def test_L1_multiplicities_wrap_over_a_toy_prime_and_the_bound_refuses_it() -> None:
    field = toy_field()
    messages = field.p // 128 + 1
    made = wrapping_example(field.p, messages)
    setting = Setting(field, queries=30, grinding=2, check_wrap=False)
    proof = reference_prover.prove(made.circuit, {k: v.tolist() for k, v in made.traces.items()}, (), setting)
    reference_verifier.verify(made.circuit, (), proof, setting)  # the attack works where nothing bounds the sum
    with pytest.raises(Reject, match="wrap"):
        reference_verifier.verify(made.circuit, (), proof, replace(setting, check_wrap=True))


def test_L1_verifier_bounds_the_sum_over_integers() -> None:
    table = example().circuit.tables[0]
    many = replace(table, messages=table.messages * 140, batches=tuple((i,) for i in range(560)), fixed=NO_FIXED)
    circuit = with_table(example().circuit, 0, many)
    assert 560 << 21 < 2**31 - 2**24 + 1 < 560 << 22
    Shape(circuit, heights(21, 0, 0), FAST)
    with pytest.raises(VerificationError, match="wrap"):
        Shape(circuit, heights(22, 0, 0), FAST)
    assert "wrap" in (rejection(circuit, (1, 1), word_bytes(np.array(heights(22, 0, 0))) + bytes(10_000)) or "")


# ***** L3 – L7 *****


def test_L3_zero_denominator_is_noticed_by_the_prover() -> None:
    made = example(7, 7)
    table, columns = made.circuit.tables[1], made.traces["copy"].copy()
    columns[:] = 0
    fingerprint = Fingerprint.of(np.zeros(6, dtype=np.uint32), np.zeros(6, dtype=np.uint32), 4, 3)
    with pytest.raises(InputError, match="denominator"):
        fractions(table, [columns], interpreter(table), SpreadFingerprint.of(fingerprint), np.empty((6, 128), dtype=np.uint32))


def test_L3_zero_denominator_in_the_claim_is_rejected() -> None:
    made = example()
    fingerprint = Fingerprint.of(np.zeros(6, dtype=np.uint32), np.zeros(6, dtype=np.uint32), 4, 3)
    with pytest.raises(VerificationError, match="denominator"):
        claim_sum(made.circuit, made.claim, fingerprint)


def given_fingerprint(offset: int) -> Fingerprint:
    """Every denominator is `offset` less the message's first argument: challenges that a proof never has, base elements."""
    beta = stack([Element.base(1), Element.base(0), Element.base(0), Element.base(0), Element.base(0)])
    return Fingerprint(beta, stack([Element.base(offset)] * 3))


def test_L3_zero_denominator_of_any_message_of_the_claim_is_rejected() -> None:
    """The claim sends (0, 0) and receives (steps, final): of each alone, the first or the last, the denominator is zero."""
    made = example()
    steps = made.claim[0]
    for offset in (0, steps):
        with pytest.raises(VerificationError, match="denominator"):
            claim_sum(made.circuit, made.claim, given_fingerprint(offset))
    expected = Element.base(steps + 1).inverse() - Element.base(1)  # coefficients of these denominators are zero, they are not
    assert claim_sum(made.circuit, made.claim, given_fingerprint(steps + 1)) == expected


def test_L3_error_of_denominators_is_in_the_report() -> None:
    made = example()
    report = security(made.circuit, {"main": 256, "copy": 128, "range": 128})
    assert report.regimes[0].terms["LogUp"] > 128


def test_L4_offset_accumulator_is_rejected() -> None:
    assert accepts(example().circuit, example().claim, bent.OffsetAccumulator(example()).run()) is not None


def test_L5_claim_and_traces_are_bound_before_alpha() -> None:
    made = example()
    shape = Shape(made.circuit, heights(8, 7, 7), FAST)

    def alpha(claim: tuple[int, ...], root: bytes) -> list[int]:
        return Challenges(shape, claim, bytes(32)).after_trace(root)[0].tolist()

    first = alpha(made.claim, bytes(32))
    assert first != alpha((made.claim[0] + 1, made.claim[1]), bytes(32))
    assert first != alpha(made.claim, bytes(31) + b"\1")
    proof = prove(made.circuit, made.traces, made.claim, FAST, allow_insecure=True)
    assert accepts(made.circuit, (made.claim[0] + 1, made.claim[1]), proof) is not None


def test_L6_claim_that_no_table_answers_is_rejected() -> None:
    table = TableBuilder("table")
    table.zero(table.column("nothing") * 1)
    claim = TableBuilder("claim")
    claim.send(0, claim.column("amount"), 5)
    circuit = Circuit(digest("L6"), (Bus("bus", 1),), (table.build(),), claim.build())
    traces = {"table": np.zeros((1, 128), dtype=np.uint32)}
    honest = Example(circuit, traces, (0,))
    assert accepts(circuit, (0,), BentProver(honest).run()) is None
    assert accepts(circuit, (3,), BentProver(Example(circuit, traces, (3,))).run()) is not None


@pytest.mark.parametrize("cheat", [bent.ForgetfulAccumulator, bent.NoFractions])
def test_L7_every_table_enters_the_one_sum(cheat: type[BentProver]) -> None:
    assert accepts(example().circuit, example().claim, cheat(example()).run()) is not None


@pytest.mark.parametrize("cheat", [BentProver, bent.LyingOpenings, bent.LyingAccumulatorStep, bent.NoFractions, bent.OffsetAccumulator])
def test_L7_unbalanced_claim_is_rejected(cheat: type[BentProver]) -> None:
    false = unbalanced(example())
    assert accepts(false.circuit, false.claim, cheat(false).run()) is not None


# ***** L8 – L16 *****


def test_L8_messages_on_different_buses_do_not_cancel() -> None:
    same, other = lonely(0), lonely(1)
    assert accepts(same.circuit, (), BentProver(same).run()) is None
    assert accepts(other.circuit, (), BentProver(other).run()) is not None


def test_L9_tuples_of_different_length_do_not_cancel() -> None:
    wide = lonely(2, 2)
    assert accepts(wide.circuit, (), BentProver(wide).run()) is not None


def test_L9_every_message_has_the_width_of_its_bus() -> None:
    with pytest.raises(InputError, match="width"):
        Shape(lonely(0, 2).circuit, heights(7, 7), FAST)


def test_L10_claim_must_be_canonical() -> None:
    made = example()
    proof = prove(made.circuit, made.traces, made.claim, FAST, allow_insecure=True)
    p = 2**31 - 2**24 + 1
    for claim in ((made.claim[0] + p, made.claim[1]), (made.claim[0] - p, made.claim[1]), made.claim[:1], (*made.claim, 0)):
        assert rejection(made.circuit, claim, proof) is not None


@pytest.mark.parametrize("row", [0, 255])
@pytest.mark.parametrize("column", range(6))
def test_L11_L12_every_cell_matters_on_real_and_padding_rows(column: int, row: int) -> None:
    """Cell mutation (section 6, 3). Only what the circuit leaves free may change: step, state and square of rows that send nothing."""
    made = example(8, 7)
    changed = made.altered("main", column, row, (int(made.traces["main"][column, row]) + 5) % (2**31 - 2**24 + 1))
    reason = accepts(made.circuit, made.claim, BentProver(changed).run())
    free = row == 255 and column < 4
    assert (reason is None) == free


@pytest.mark.parametrize("value", [2, 2**31 - 2**24, 2**30])
def test_L12_flags_are_boolean(value: int) -> None:
    made = example(8, 7)
    for column in (4, 5):
        changed = made.altered("main", column, 9, value)
        assert accepts(made.circuit, made.claim, BentProver(changed).run()) is not None


def test_L13_all_tables_are_committed_before_the_challenges() -> None:
    """There is one trace root, over all tables, and one pair of challenges after it."""
    shape = Shape(example().circuit, heights(8, 7, 7), FAST)
    assert [matrix.width for matrix in shape.trace.matrices] == [6, 4, 1]


@pytest.mark.parametrize("name", ["after_trace", "after_logup", "after_quotient", "after_openings", "after_layer", "after_nonce"])
def test_L14_every_challenge_is_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verifier with one other challenge, and the rest of the transcript unchanged, rejects."""
    made = example(10, 7)
    proof = prove(made.circuit, made.traces, made.claim, FAST, allow_insecure=True)
    genuine = getattr(Challenges, name)
    for part in range(2 if name == "after_trace" else 1):
        monkeypatch.setattr(Challenges, name, lambda self, message, part=part: other(genuine(self, message), part))
        assert rejection(made.circuit, made.claim, proof) is not None
    monkeypatch.setattr(Challenges, name, genuine)
    assert rejection(made.circuit, made.claim, proof) is None


def other(challenge: object, part: int) -> object:
    """A challenge, or one of two, changed a little."""
    if isinstance(challenge, tuple):
        return tuple(other(value, 0) if k == part else value for k, value in enumerate(challenge))
    if isinstance(challenge, Element):
        return challenge + Element.base(1)
    assert isinstance(challenge, np.ndarray)
    return (challenge + 1) % np.array(1 << 10 if challenge.dtype == np.int64 else 2**31 - 2**24 + 1, dtype=challenge.dtype)


def test_L15_fixed_columns_are_the_verifiers() -> None:
    """The prover looks 130 up in a table of its own, which has 130 in place of 127."""
    made = example(8, 7)
    table = made.circuit.tables[2]
    own = with_table(made.circuit, 2, replace(table, fixed=np.array([[*range(127), 130]], dtype=np.uint32)))
    main, ranges = made.traces["main"].copy(), made.traces["range"].copy()
    row = int(np.flatnonzero(main[4])[-1])
    ranges[0, main[2, row]] -= 1
    ranges[0, 127] += 1
    main[2, row], main[3, row] = 130, 130 * 130
    final = int(main[1, row]) + 130 * 130
    traces = {"main": main, "copy": made.traces["copy"], "range": ranges}
    proof = BentProver(Example(own, traces, (made.claim[0], final))).run()
    assert rejection(made.circuit, (made.claim[0], final), proof) is not None
    assert rejection(own, (made.claim[0], final), proof) is None


def test_bus_numbers_of_the_example_are_in_its_messages() -> None:
    messages: list[Message] = [m for table in example().circuit.tables for m in table.messages]
    assert {m.bus for m in messages} == {STATE, RANGE, COPY}
