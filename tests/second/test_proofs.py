"""Proofs of toy circuits: the second verifier accepts and refuses what zkc does, whatever circuit, heights, parameters and prover.

They reach what receipts do not: absent tables, no fixed tables, other folds or none, provers that follow the protocol in all but one step.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from examples.verifier import checks
from examples.verifier.checks import check_proof
from examples.verifier.circuit import LogUp, claim_sum
from examples.verifier.field import ZERO, powers, scale, sub
from examples.verifier.parameters import JOHNSON, Parameters, Shape
from examples.verifier.refused import Refused
from examples.verifier.security import check_security, covers_slots, johnson, rate, terms, unique_decoding
from tests.second.support import remember_hashes
from tests.second.toys import made_by, refused, second, translated
from tests.stark import bent
from tests.stark.bent import FAST, HIDDEN, BentProver
from tests.stark.circuits import Example, TableBuilder, digest, example, tall_example, two_fixed_tables
from tests.stark.golden import GOLDEN, fresh, kept, statement
from tests.stark.support import broken_square, unbalanced
from zkc.runtime.circuit import circuit as first
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.stark import parameters as first_parameters
from zkc.runtime.stark import security as first_security
from zkc.runtime.stark.challenges import Challenges
from zkc.runtime.stark.commitment import Commitment
from zkc.runtime.stark.shape import Shape as FirstShape

pytestmark = [pytest.mark.slow, pytest.mark.prove]
P = 2**31 - 2**24 + 1


@pytest.fixture(autouse=True)
def insecure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Toy proofs have few queries; of `check_security` are the tests at the end."""
    remember_hashes()
    monkeypatch.setattr(checks, "check_security", lambda shape: None)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_proofs(name: str) -> None:
    made, golden = statement(name), GOLDEN[name]
    assert refused(made.circuit, made.claim, kept(name) if golden.kept else fresh(name), golden.parameters) is None


@pytest.mark.parametrize(("log_main", "log_copy"), [(7, 7), (7, 8), (9, 11), (12, 7)])
def test_heights(log_main: int, log_copy: int) -> None:
    made = example(log_main, log_copy)
    assert made_by(BentProver, made) is None


def no_fixed_table() -> Example:
    """Two tables of different heights and no bus."""
    tall, low = TableBuilder("tall"), TableBuilder("low")
    x, y = tall.column("x"), low.column("y")
    tall.zero(x * (x - 1))
    low.zero(y * (y - 1) * (y - 2))
    circuit = first.Circuit(digest("no fixed table"), (), (tall.build(), low.build()), TableBuilder("claim").build())
    traces = example(8, 7).traces
    return Example(circuit, {"tall": traces["main"][4:5].copy(), "low": traces["copy"][3:4].copy()}, ())


def fixed_table_absent() -> Example:
    made = two_fixed_tables(9)
    main, pairs, triples = made.circuit.tables
    alone = replace(made.circuit, tables=(replace(main, messages=main.messages[:1], batches=((0,),)), pairs, triples))
    return Example(alone, {name: made.traces[name] for name in ("main", "pairs")}, ())


@pytest.mark.parametrize("make", [no_fixed_table, fixed_table_absent])
def test_tables_that_are_not_there(make: Callable[[], Example]) -> None:
    assert made_by(BentProver, make()) is None


def cheats(of: type[BentProver] = BentProver) -> Iterator[type[BentProver]]:
    for cheat in of.__subclasses__():
        yield cheat
        yield from cheats(cheat)


CHEATS = sorted({*cheats()} - {bent.BentStacks}, key=lambda cheat: cheat.__name__)


def free_columns() -> Example:
    """What RemainderRightAtZeta needs: two columns of one stack that nothing constrains."""
    tall, low = TableBuilder("tall"), TableBuilder("low")
    tall.column("x")
    low.column("y")
    low.column("z")
    circuit = first.Circuit(digest("free columns"), (), (tall.build(), low.build()), TableBuilder("claim").build())
    traces = example(9, 7).traces
    return Example(circuit, {"tall": traces["main"][:1].copy(), "low": traces["copy"][:2].copy()}, ())


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.__name__)
def test_cheating_provers(cheat: type[BentProver]) -> None:
    """Those of tests/stark/bent.py, on a true statement and on two that are false."""
    if cheat is bent.RemainderRightAtZeta:
        assert made_by(cheat, free_columns())
        return
    parameters = HIDDEN if cheat in (bent.HighDegreeMask, bent.ForgottenMask) else FAST
    made = tall_example(parameters)
    honest = cheat is bent.ConstantAccumulator
    assert (made_by(cheat, made, parameters) is None) == honest or cheat in (bent.LyingOpenings, bent.LyingAccumulatorStep)
    assert made_by(cheat, unbalanced(made), parameters) and made_by(cheat, broken_square(made), parameters)


def test_proofs_that_hide() -> None:
    """Fixed columns repeat here: the lowest height of a part that is all rows is above theirs."""
    made = tall_example(HIDDEN)
    assert made_by(BentProver, made, HIDDEN) is None
    assert "height" in (refused(made.circuit, made.claim, BentProver(made, HIDDEN).run(), replace(HIDDEN, masks=100)) or "")


def test_false_statements() -> None:
    made = example(9, 7)
    assert made_by(BentProver, unbalanced(made)) and made_by(BentProver, broken_square(made))


class OtherClaim(BentProver):
    """Proves one claim and absorbs another."""

    absorbed: tuple[int, ...] = ()

    def commit_trace(self) -> Commitment:
        self.challenges = Challenges(self.shape, self.absorbed, self.fixed.root if self.fixed else b"")
        return super().commit_trace()


@pytest.mark.parametrize("change", [lambda c: (*c, 0), lambda c: (c[0] + P, *c[1:]), lambda c: (*c[:4], P)])
def test_claims_that_are_none(change: Callable[[tuple[int, ...]], tuple[int, ...]]) -> None:
    """Too long, or not canonical. Nothing else is wrong with the proof."""
    made = statement("everything")
    prover = OtherClaim(made)
    prover.absorbed = change(made.claim)
    assert "claim" in (refused(made.circuit, prover.absorbed, prover.run()) or "")


def test_a_claim_that_breaks_its_constraint() -> None:
    """The value stands in no message: the proof is one for a circuit, of the same digest, without that constraint."""
    made = statement("everything")
    claim, without = (*made.claim[:4], 2), replace(made.circuit, claim=replace(made.circuit.claim, constraints=()))
    proof = BentProver(Example(without, made.traces, claim)).run()
    assert refused(without, claim, proof) is None and "claim" in (refused(made.circuit, claim, proof) or "")


def test_a_claim_with_denominator_zero() -> None:
    """No prover gets there: alpha would have to be what the claim says."""
    made = example(9, 7)
    read = second(made.circuit)
    logup = LogUp(ZERO, powers((2, 0, 0, 0, 0, 0), read.bus_power + 1))
    claim_sum(read, made.claim, logup)
    denominator = scale(logup.beta[-1], 1)  # of the claim's first message, state (0, 0)
    with pytest.raises(Refused, match="denominator"):
        claim_sum(read, made.claim, replace(logup, alpha=sub(ZERO, denominator)))


def test_bytes_behind_a_proof() -> None:
    made = example(9, 7)
    proof = BentProver(made).run()
    for more in (b"\0", bytes(4), bytes(32), proof):
        assert refused(made.circuit, made.claim, proof + more)


def test_other_claims() -> None:
    made = statement("everything")
    proof, parameters = kept("everything"), GOLDEN["everything"].parameters
    changed = [(*made.claim[:k], value, *made.claim[k + 1 :]) for k in range(5) for value in (2, P)]
    for claim in [(), made.claim[:-1], (*made.claim, 0), *changed]:
        assert refused(made.circuit, claim, proof, parameters)


def test_a_nonce_that_lacks_a_bit() -> None:
    made = example(9, 7)
    assert "nonce" in (made_by(bent.NoGrinding, made) or "")


@pytest.mark.parametrize("name", ["everything", "small", "counter, many folds", "counter, folds of sixteen"])
def test_any_bit(name: str) -> None:
    made, golden = statement(name), GOLDEN[name]
    proof, pick = kept(name) if golden.kept else fresh(name), random.Random(len(name))
    for _ in range(100):
        position = pick.randrange(len(proof))
        changed = bytearray(proof)
        changed[position] ^= 1 << pick.randrange(8)
        assert refused(made.circuit, made.claim, bytes(changed), golden.parameters), position
    for _ in range(12):
        position, count = pick.randrange(len(proof)), pick.choice((1, 4, 24, 32))
        for changed in (proof[:position], proof[:position] + bytes(count) + proof[position:], proof[:position] + proof[position + count :]):
            assert changed == proof or refused(made.circuit, made.claim, changed, golden.parameters), position


def test_another_layer_of_the_fixed_tree() -> None:
    """The layer that the circuit comes with is what fixed leaves lead to."""
    made, other = two_fixed_tables(9), two_fixed_tables(9).circuit
    proof = BentProver(made).run()
    honest = second(other)
    check_proof(honest, made.claim, proof, translated(FAST))
    for top in ([bytes(32), *honest.tops[1][1:]], honest.tops[1][::-1]):
        with pytest.raises(Refused):
            check_proof(replace(honest, tops={1: top}), made.claim, proof, translated(FAST))
    with pytest.raises(Refused, match="blow-up"):
        check_proof(replace(honest, tops={}), made.claim, proof, translated(FAST))


OTHER = first_parameters.Parameters(queries=262, grinding=19, log_fold=4, log_final=3)


@pytest.mark.parametrize("parameters", [*first_parameters.PARAMETER_SETS.values(), FAST, OTHER], ids=str)
def test_security(parameters: first_parameters.Parameters) -> None:
    """Term by term what `zkc security` has, in both regimes, and so the same proofs have 128 bits."""
    made = two_fixed_tables(9).circuit
    read = second(made)
    full, least = 1 << parameters.full_log_height, 1 << parameters.min_log_height
    fixed = [max(256, full), max(128, full)]
    parted = [[1 << 20 | full | least, 0, fixed[1]], [(1 << 21) - least, *fixed], [8 * least, fixed[0], 0], [1 << 14 | least, *fixed]]
    for heights in ([4 * full, *fixed], [full, 0, 0], [1 << 20, fixed[0], 0], [1 << 21, *fixed], [0, 0, fixed[1]], *parted):
        first_shape, shape = FirstShape(made, heights, parameters), Shape(read, heights, translated(parameters))
        instance = first_security.instance_of(first_shape)
        radii = [(first_security.unique_decoding(instance.rate, 0), unique_decoding(rate(shape)))]
        radii += [(first_security.johnson(instance.rate, m), johnson(rate(shape), m)) for m in (3, 4, 10, 77, 1000)]
        for radius, second_radius in radii:
            expected, found = first_security.terms(instance, radius), terms(shape, second_radius)
            assert found == pytest.approx(expected, abs=1e-6) and found.keys() == expected.keys()
        try:
            first_security.require_secure(first_shape, allow_insecure=False)
            check_security(shape)
        except InputError:
            with pytest.raises(Refused, match="128 bits"):
                check_security(shape)


def test_parameters_that_are_not_secure() -> None:
    heights = [512, 256, 128]
    shape = Shape(second(two_fixed_tables(9).circuit), heights, Parameters(log_blowup=1, queries=261))
    check_security(shape)
    check_security(Shape(shape.circuit, heights, Parameters(3, 73, regime=JOHNSON)))
    unique = (Parameters(1, 259), Parameters(1, 261, grinding=19), Parameters(3, 129), Parameters(1, 40), Parameters(3, 80))
    for weak in (*unique, Parameters(3, 72, regime=JOHNSON), Parameters(3, 73, grinding=18, regime=JOHNSON)):
        with pytest.raises(Refused, match="128 bits"):
            check_security(Shape(shape.circuit, heights, weak))


def test_too_many_slots() -> None:
    """2^15 slots above 2^7 rows are within the radius at any blow-up that is used; with a blow-up just above one they are not."""
    circuit = second(example(9, 7).circuit)
    shape = Shape(circuit, [1 << 22, 128, 128], Parameters(log_blowup=1, queries=261))
    check_security(shape)
    assert covers_slots(shape, unique_decoding(rate(shape)))
    shape.parameters, shape.log_size = replace(shape.parameters, log_blowup=0, queries=4096), shape.log_n
    assert not covers_slots(shape, unique_decoding(0.5))
    with pytest.raises(Refused, match="128 bits"):
        check_security(shape)


def many_messages(count: int) -> first.Circuit:
    """One table with so many messages a row."""
    many = TableBuilder("many")
    x = many.column("x")
    for _ in range(count):
        many.send(0, 1, x)
    return first.Circuit(digest("many"), (first.Bus("bus", 1),), (many.build(),), TableBuilder("claim").build())


def test_multiplicities_cannot_wrap() -> None:
    """L1: 512 messages a row are too many for 2^22 rows, and not for 2^21. In parts a table may have just p - 1 of them.

    A thin part counts with its height: 500 messages for each row of the other table that wraps would be fewer than p.
    """
    most, wrapping = (1 << 22) - (1 << 15), -(-P // 500 // 256) * 256
    counts = [(512, FAST, 1 << 21), (512, FAST, most), (500, HIDDEN, wrapping - 256)]
    assert 512 * most == P - 1 and wrapping % 1024 == 768 and 500 * (wrapping - 384) < P <= 500 * wrapping
    for messages, parameters, height in counts:
        made = many_messages(messages)
        assert FirstShape(made, [height], parameters).heights == (height,)
        assert Shape(second(made), [height], translated(parameters)).fractions == messages * height
    for messages, parameters, height in [(512, FAST, most + 128), (512, FAST, 1 << 22), (500, HIDDEN, wrapping)]:
        made = many_messages(messages)
        with pytest.raises(Refused, match="wrap"):
            Shape(second(made), [height], translated(parameters))
        with pytest.raises(VerificationError, match="wrap"):
            FirstShape(made, [height], parameters)


def test_rows_are_repeated_in_lookup_tables_only() -> None:
    """A table that hands each value out once would do so as often as its rows are repeated."""
    made = tall_example(HIDDEN).circuit
    read, heights = second(made), [1 << 13, 1 << 10, 1 << 10]
    assert Shape(read, heights, translated(HIDDEN)).log_n == 13
    main, copy, table = read.tables
    negated = table.messages[0].multiplicity
    for other in (
        replace(table, constraints=(negated,)),
        replace(table, columns=("multiplicity", "another")),
        replace(table, messages=(replace(table.messages[0], multiplicity=table.messages[0].args[0]),)),
    ):
        with pytest.raises(Refused, match="lookup"):
            Shape(replace(read, tables=(main, copy, other)), heights, translated(HIDDEN))
        assert Shape(replace(read, tables=(main, copy, other)), [1 << 13, 1 << 10, 1 << 7], translated(FAST)).log_n == 13
