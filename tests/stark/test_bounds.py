"""Every bound of parameters, heights and circuits, at the last value that is allowed and at the first that is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.stark.bent import FAST
from tests.stark.circuits import TableBuilder, digest, example, heights, two_fixed_tables
from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, MUL, SUB, Bus, Circuit, Message, Table
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.field.koalabear import P
from zkc.runtime.hash.merkle import tree_over
from zkc.runtime.stark.identity import checked_claim
from zkc.runtime.stark.parameters import (
    DEFAULT,
    HIDING,
    MAX_MASKS,
    PARAMETER_SETS,
    SMALL,
    SMALL_HIDING,
    Parameters,
    shift,
)
from zkc.runtime.stark.proof import Reader, TreePlan
from zkc.runtime.stark.shape import Shape, batch_degree, check_circuit, is_lookup, node_degrees
from zkc.runtime.stark.transcript import Transcript, WordStream

X, C = (COLUMN, 0, 0), (CONSTANT, 5, 0)
RANGES = {"queries": (1, 4096), "grinding": (0, 32), "log_fold": (1, 4), "log_final": (3, 7), "log_blowup": (1, 4), "regime": (0, 1)}


@pytest.mark.parametrize("name", RANGES)
def test_parameters_are_within_their_ranges(name: str) -> None:
    least, most = RANGES[name]
    for value in (least, most):
        assert getattr(replace(DEFAULT, **{name: value}), name) == value
    for value in (least - 1, most + 1):
        with pytest.raises(InputError, match="out of range"):
            replace(DEFAULT, **{name: value})


def test_masks_are_within_their_range_and_leave_the_final_polynomial_long() -> None:
    """No mask, or one of up to MAX_MASKS coefficients; with masks the final polynomial may not be shorter than the least table."""
    for masks in (0, 1, MAX_MASKS):
        assert replace(DEFAULT, masks=masks).masks == masks
    for masks, log_final in ((-1, 7), (MAX_MASKS + 1, 7), (1, 6), (MAX_MASKS, 3), (-1, 3)):
        with pytest.raises(InputError, match="coefficients of a mask"):
            Parameters(masks=masks, log_final=log_final)
    assert Parameters(masks=0, log_final=3).log_final == 3


def test_the_parameters_of_receipts_are_what_the_documents_say() -> None:
    assert {number: vars(p) for number, p in PARAMETER_SETS.items()} == {
        0: {"queries": 261, "grinding": 20, "log_fold": 3, "log_final": 7, "log_blowup": 1, "masks": 0, "regime": 0},
        1: {"queries": 80, "grinding": 20, "log_fold": 3, "log_final": 7, "log_blowup": 3, "masks": 0, "regime": 1},
        2: {"queries": 286, "grinding": 20, "log_fold": 3, "log_final": 7, "log_blowup": 1, "masks": 292, "regime": 0},
        3: {"queries": 82, "grinding": 20, "log_fold": 3, "log_final": 7, "log_blowup": 3, "masks": 88, "regime": 1},
    }
    assert PARAMETER_SETS == {0: DEFAULT, 1: SMALL, 2: HIDING, 3: SMALL_HIDING}


def test_parameters_are_absorbed_whole() -> None:
    parameters = Parameters(queries=5, grinding=6, log_fold=2, log_final=7, log_blowup=3, masks=9, regime=1)
    assert np.frombuffer(parameters.encode(), "<u4").tolist() == [2130706433, 6, 3, 3, 5, 6, 2, 7, 9, 1]
    assert np.frombuffer(replace(parameters, regime=0).encode(), "<u4").tolist() == [2130706433, 6, 3, 3, 5, 6, 2, 7, 9, 0]


def test_extended_domains_lie_over_each_other() -> None:
    """c_22 = 3, and the square of each is the next one down; none is a root of unity of its domain."""
    assert shift(22) == 3 and shift(7) == pow(3, 1 << 15, P)
    for log_height in range(8, 23):
        assert pow(shift(log_height), 2, P) == shift(log_height - 1)
        assert pow(shift(log_height), 1 << log_height, P) not in (1, P - 1)


# ***** heights *****


def plain(messages: int = 0, claim_messages: int = 0, name: str = "plain") -> Circuit:
    """One column, and so many messages, two to a batch: neither columns nor batches are what is counted."""
    table, claim = TableBuilder(name), TableBuilder("claim")
    x = table.column("x")
    for _ in range(messages):
        table.send(0, x, x)
    for _ in range(claim_messages):
        claim.send(0, claim.column("c"), 1)
    return Circuit(digest(name), (Bus("bus", 1),), (table.build(),), claim.build())


@pytest.mark.parametrize(("log_blowup", "most"), [(1, 22), (2, 22), (3, 21), (4, 20)])
def test_heights_are_within_their_range(log_blowup: int, most: int) -> None:
    parameters = Parameters(log_blowup=log_blowup)
    assert parameters.max_log_height == most
    for allowed in (7, most):
        shape = Shape(plain(), heights(allowed), parameters)
        assert (shape.log_height, shape.log_extended) == (allowed, allowed + log_blowup)
    assert Shape(plain(), [(2 << most) - 128], parameters).log_height == most
    wrong = (129, 128 + 64, (1 << most) + 1, 2 << most, (2 << most) + 128, 2**32 - 1, 2**32 - 128, -128)
    for refused in (*heights(1, 6, most + 1, 24, 31), *wrong):
        with pytest.raises(VerificationError, match=rf"height {refused} is not allowed"):
            Shape(plain(), [refused], parameters)


def test_parts_are_the_binary_digits_of_a_height() -> None:
    """Each with rows, columns, LogUp columns and powers of lambda of its own, the tallest first."""
    circuit = replace(plain(2), tables=(plain(2).tables[0], plain(3, name="other").tables[0]))
    shape = Shape(circuit, [1024 + 256 + 128, 512 + 256], FAST)
    parts = [(p.index, p.first, p.log_rows, p.log_height, p.constraint) for p in shape.parts]
    assert parts == [(0, 0, 10, 10, 0), (0, 1024, 8, 8, 1), (0, 1280, 7, 7, 2), (1, 0, 9, 9, 3), (1, 512, 8, 8, 5)]
    assert shape.constraints == 8 and shape.log_height == 10
    assert [(m.log_height, m.width) for m in shape.trace.matrices] == [(10, 1), (8, 1), (7, 1), (9, 1), (8, 1)]
    assert [(m.log_height, m.width) for m in shape.logup.matrices] == [(10, 1), (8, 1), (7, 1), (9, 2), (8, 2), (10, 1)]


@pytest.mark.parametrize(
    ("masks", "least", "full"),
    [(0, 7, 7), (1, 7, 7), (9, 7, 7), (10, 7, 8), (18, 7, 8), (42, 7, 10), (43, 8, 10), (85, 8, 11), (88, 9, 11), (292, 10, 12)],
)
def test_parts_below_fourteen_masks_are_half_rows(masks: int, least: int, full: int) -> None:
    parameters = Parameters(masks=masks)
    assert (parameters.min_log_height, parameters.full_log_height) == (least, full)
    assert 1 << least >= 3 * masks and 1 << full >= 14 * masks and parameters.excess <= 10
    every = (2 << full) - (1 << least)
    shape = Shape(plain(), [every], parameters)
    assert [(p.log_rows, p.thin) for p in shape.parts] == [(full, False), *((h - 1, True) for h in range(full - 1, least - 1, -1))]
    rows = sum(1 << p.log_rows for p in shape.parts)
    assert shape.parts[-1].rows.stop == rows and parameters.height(rows) == every
    with pytest.raises(VerificationError, match="is not allowed"):
        Shape(plain(), [every - (1 << least - 1)], parameters)


def test_some_table_is_there_and_each_has_a_height() -> None:
    for logs in ([0], [], [7, 7], [7, 0]):
        with pytest.raises(VerificationError, match="wrong number of tables, or no table"):
            Shape(plain(), heights(*logs), FAST)


def test_any_table_may_be_absent_the_first_too() -> None:
    circuit = replace(plain(), tables=(plain().tables[0], plain(name="other").tables[0]))
    for logs, present in (((0, 7), 1), ((7, 0), 0)):
        assert [part.index for part in Shape(circuit, heights(*logs), FAST).parts] == [present]


def test_a_fixed_table_has_its_height_or_is_absent() -> None:
    circuit = two_fixed_tables(7).circuit
    Shape(circuit, heights(9, 0, 0), FAST)
    parts = ([128, 256 + 128, 128], [128, 512 + 256, 128])
    for refused in (*(heights(*logs) for logs in ([7, 7, 7], [7, 9, 7], [7, 8, 8], [7, 0, 8])), *parts):
        with pytest.raises(VerificationError, match="is not allowed"):
            Shape(circuit, refused, FAST)


@pytest.mark.parametrize(
    ("nodes", "multiplicities", "columns", "constraints", "expected"),
    [
        ([X], (0, 0), 1, (), True),
        ([X, (CONSTANT, 0, 0), (SUB, 1, 0)], (2, 0), 1, (), True),
        ([X, (CONSTANT, 0, 0), (SUB, 1, 0)], (2, 1), 1, (), False),  # never, which is no count
        ([X, (CONSTANT, 1, 0), (SUB, 1, 0)], (2,), 1, (), False),  # one less: a free row would send
        ([X, (ADD, 0, 0), (SUB, 0, 0)], (2,), 1, (), False),
        ([X, (CONSTANT, 0, 0), (ADD, 1, 0)], (2,), 1, (), False),
        ([X, (CONSTANT, 0, 0), (MUL, 0, 0), (SUB, 1, 2)], (3,), 1, (), False),  # the square of a free value is none
        ([X, (CONSTANT, 0, 0), (SUB, 0, 1)], (2,), 1, (), False),
        ([(COLUMN, 1, 0), X], (0,), 1, (), False),
        ([X, (COLUMN, 1, 0), (SUB, 1, 0)], (2,), 1, (), False),
        ([X, (CONSTANT, 5, 0)], (0, 1), 1, (), False),
        ([X], (0,), 2, (), False),
        ([X], (0,), 1, (0,), False),
        ([X], (), 1, (), True),
    ],
)
def test_what_a_lookup_table_is(
    nodes: list[tuple[int, int, int]], multiplicities: tuple[int, ...], columns: int, constraints: tuple[int, ...], expected: bool
) -> None:
    """Its one column counts each message or its negation, and nothing else is said of it."""
    messages = tuple(Message(0, m, (0,)) for m in multiplicities)
    assert is_lookup(replace(with_nodes(*nodes, columns=columns), messages=messages, constraints=constraints)) == expected


def test_the_height_of_a_proof_is_the_greatest_of_its_tables_and_of_all_fixed_ones() -> None:
    circuit = two_fixed_tables(7).circuit
    every = ([7, 8, 7], [7, 0, 7], [7, 0, 0], [9, 8, 7])
    assert [Shape(circuit, heights(*logs), FAST).log_height for logs in every] == [8, 8, 8, 9]
    assert Shape(circuit, [1024 + 512 + 128, 256, 128], FAST).log_height == 10


@pytest.mark.parametrize(
    ("messages", "claim", "log_height", "allowed"),
    [
        (508, 0, 22, True),  # 508 * 2^22 = p - 1
        (508, 1, 22, False),  # p
        (508, 2, 22, False),
        (509, 0, 22, False),  # between p and 2^31
        (511, 0, 22, False),
        (512, 0, 22, False),  # 2^31
        (1024, 0, 22, False),  # 2^32 would be 0 in a word
        (509, 1, 21, True),
    ],
)
def test_fewer_messages_than_p(messages: int, claim: int, log_height: int, allowed: bool) -> None:
    """Counted over the integers, on every row of every table, those of the claim too. At p copies a lookup of anything vanishes."""
    total = (messages << log_height) + claim
    assert (total < P) == allowed
    circuit = plain(messages, claim)
    if allowed:
        Shape(circuit, heights(log_height), DEFAULT)
    else:
        with pytest.raises(VerificationError, match=f"^{total} bus messages: their multiplicities could wrap"):
            Shape(circuit, heights(log_height), DEFAULT)


def test_messages_of_all_tables_are_counted_each_with_its_own_height() -> None:
    one, two = plain(254).tables[0], plain(507, name="two").tables[0]
    circuit = replace(plain(), tables=(one, two))
    Shape(circuit, heights(22, 21), DEFAULT)  # 254 2^22 + 507 2^21 = p - 1 - 2^21
    Shape(circuit, heights(22, 0), DEFAULT)
    for refused in (heights(22, 22), heights(21, 22), [1 << 22, (1 << 22) + 128]):
        with pytest.raises(VerificationError, match="could wrap"):
            Shape(circuit, refused, DEFAULT)
    Shape(circuit, [1 << 22, (1 << 21) + (1 << 12)], DEFAULT)  # 507 2^12 more
    with pytest.raises(VerificationError, match="could wrap"):
        Shape(circuit, [1 << 22, (1 << 21) + (1 << 13)], DEFAULT)


# ***** circuits *****

NO_FIXED = np.empty((0, 0), dtype=np.uint32)


def with_nodes(*nodes: tuple[int, int, int], columns: int = 2) -> Table:
    array = np.array(nodes, dtype=np.int64).reshape(-1, 3)
    return Table("t", tuple(f"c{k}" for k in range(columns)), NO_FIXED, (), array, (), (), (), ())


@pytest.mark.parametrize(
    "nodes",
    [
        ((COLUMN, 2, 0),), ((COLUMN, -1, 0),), ((CONSTANT, P, 0),), ((CONSTANT, -1, 0),), (X, (ADD, 0, 1)), (X, (ADD, 1, 0)),
        (X, (SUB, -1, 0)), (X, (SUB, 0, -1)), (X, (MUL, 0, 1)), (X, (MUL + 1, 0, 0)), (X, (-1, 0, 0)), ((MUL, 0, 0),), (X, (ADD, 0, 2), C),
        (X, (MUL, 0, 99)), (X, (SUB, 99, 0)),
    ],
)  # fmt: skip
def test_nodes_that_are_ill_formed(nodes: tuple[tuple[int, int, int], ...]) -> None:
    with pytest.raises(InputError, match="is ill-formed"):
        node_degrees(with_nodes(*nodes))


def test_degrees_of_nodes() -> None:
    """Columns count as one, fixed ones too; a sum has the greater degree, a product the sum."""
    nodes = [X, (COLUMN, 1, 0), (CONSTANT, P - 1, 0), (CONSTANT, 0, 0), (ADD, 0, 2), (SUB, 2, 3), (MUL, 0, 1), (ADD, 6, 0), (SUB, 0, 6)]
    nodes.append((MUL, 6, 4))
    assert node_degrees(with_nodes(*nodes)).tolist() == [1, 1, 0, 0, 1, 0, 2, 2, 2, 3]
    table = replace(with_nodes((COLUMN, 3, 0), columns=2), fixed=np.zeros((2, 128), dtype=np.uint32))
    assert node_degrees(table).tolist() == [1]
    with pytest.raises(InputError, match="ill-formed"):
        node_degrees(replace(table, fixed=table.fixed[:1]))


def changed(**fields: Any) -> Circuit:
    """The example with other fields in its first table."""
    circuit = example().circuit
    return replace(circuit, tables=(replace(circuit.tables[0], **fields), *circuit.tables[1:]))


CIRCUIT = example().circuit
MAIN = CIRCUIT.tables[0]
MESSAGE = MAIN.messages[0]
NONE = len(MAIN.nodes)
"""The number after that of the last node."""


def first_message(**fields: Any) -> Circuit:
    return changed(messages=(replace(MESSAGE, **fields), *MAIN.messages[1:]))


def last_message(**fields: Any) -> Circuit:
    return changed(messages=(*MAIN.messages[:-1], replace(MAIN.messages[-1], **fields)))


def fixed(*columns: list[int]) -> Circuit:
    return changed(fixed=np.array(columns, dtype=np.uint32))


def high(log_height: int) -> Circuit:
    """A fixed column of zeros that takes no memory."""
    return changed(fixed=np.lib.stride_tricks.as_strided(np.zeros(1, np.uint32), (1, 1 << log_height), (0, 0)))


def claim_with(**fields: Any) -> Circuit:
    return replace(CIRCUIT, claim=replace(CIRCUIT.claim, **fields))


ILL: dict[str, tuple[str, Callable[[], Circuit]]] = {
    "constraint without a node": ("node that does not exist", lambda: changed(constraints=(*MAIN.constraints, NONE))),
    "constraint below": ("node that does not exist", lambda: changed(constraints=(-1, *MAIN.constraints))),
    "multiplicity without a node": ("node that does not exist", lambda: last_message(multiplicity=NONE)),
    "argument without a node": ("node that does not exist", lambda: last_message(args=(0, 1, NONE))),
    "argument below": ("node that does not exist", lambda: first_message(args=(-1, 0))),
    "no such bus": ("width of its bus", lambda: last_message(bus=3)),
    "bus below": ("width of its bus", lambda: first_message(bus=-3)),
    "too many arguments": ("width of its bus", lambda: last_message(args=(0, 0, 0, 0))),
    "too few arguments": ("width of its bus", lambda: first_message(args=MESSAGE.args[:1])),
    "too few in the last place": ("width of its bus", lambda: last_message(args=(0, 0))),
    "no column": ("no committed column", lambda: changed(columns=(), nodes=MAIN.nodes[:0], constraints=(), messages=(), batches=())),
    "fixed height": ("fixed height 192 is not allowed", lambda: fixed([0] * 192)),
    "fixed height 2^6": ("fixed height 64 is not allowed", lambda: fixed([0] * 64)),
    "fixed height 2^23": ("is not allowed", lambda: high(23)),
    "fixed columns without rows": ("fixed height 0 is not allowed", lambda: changed(fixed=np.zeros((1, 0), dtype=np.uint32))),
    "fixed p": ("fixed value is not canonical", lambda: fixed([*range(127), P])),
    "fixed p in the second column": ("fixed value is not canonical", lambda: fixed([0] * 128, [P, *range(127)])),
    "digest of 31 bytes": ("digest of 32 bytes", lambda: replace(CIRCUIT, digest=bytes(31))),
    "digest of 33 bytes": ("digest of 32 bytes", lambda: replace(CIRCUIT, digest=bytes(33))),
    "two tables of one name": ("distinct table names", lambda: replace(CIRCUIT, tables=(MAIN, MAIN))),
    "claim with fixed columns": ("claim has no fixed", lambda: claim_with(fixed=np.zeros((1, 128), np.uint32))),
    "claim with fixed columns without rows": ("claim has no fixed", lambda: claim_with(fixed=np.zeros((1, 0), np.uint32))),
    "claim with a bad node": ("claim: node", lambda: claim_with(nodes=np.array([[COLUMN, 2, 0]]))),
}


@pytest.mark.parametrize("name", ILL)
def test_circuits_that_are_ill_formed(name: str) -> None:
    message, make = ILL[name]
    with pytest.raises(InputError, match=message):
        check_circuit(make())


def test_circuits_at_their_bounds() -> None:
    check_circuit(fixed([P - 1] * 128))
    check_circuit(high(22))
    check_circuit(changed(constraints=(*MAIN.constraints, 0, NONE - 1)))


@pytest.mark.parametrize("number", [0, 1])
def test_a_constraint_of_degree_four_is_refused_wherever_it_stands(number: int) -> None:
    table = TableBuilder("table")
    x = table.column("x")
    powers = [x * x * x, x * x * x * x]
    for power in powers if number else powers[::-1]:
        table.zero(power)
    with pytest.raises(InputError, match="degree above 3"):
        check_circuit(Circuit(digest("degree"), (), (table.build(),), TableBuilder("claim").build()))


@pytest.mark.parametrize(
    ("multiplicity", "arguments", "degree"),
    [
        ((1,), (1,), 2), ((3,), (1,), 3), ((0,), (2,), 3), ((1, 1), (1, 1), 3), ((2, 0), (1, 1), 3), ((3, 0), (0, 1), 4),
        ((0, 3), (1, 0), 4), ((0, 0), (2, 1), 4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("turned", [False, True])
def test_degrees_of_batches(multiplicity: tuple[int, ...], arguments: tuple[int, ...], degree: int, turned: bool) -> None:
    """phi d_a d_b = mult_a d_b + mult_b d_a: the degree of each of the three products, wherever the argument stands."""
    table = TableBuilder("table")
    x = table.column("x")
    powers = [x * 0 + 1, x, x * x, x * x * x]
    zero = table.constant(7)
    for m, a in zip(multiplicity, arguments, strict=True):
        table.send(0, powers[m] if m else zero, powers[a] if a else zero, zero)
        table.messages[-1] = replace(table.messages[-1], args=table.messages[-1].args[:: 1 if turned else -1])
    made = table.build([tuple(range(len(multiplicity)))])
    assert batch_degree(made, made.batches[0], node_degrees(made)) == degree


# ***** claims, bytes, words *****


def test_a_claim_has_one_canonical_value_for_each_column() -> None:
    circuit = example().circuit
    assert checked_claim(circuit, np.array([0, P - 1], dtype=np.int64)) == (0, P - 1)
    assert all(type(value) is int for value in checked_claim(circuit, np.array([1, 2], dtype=np.uint32)))  # type: ignore[arg-type]
    for claim in ((P, 0), (0, P), (-1, 0), (0, -1), (2**31, 0), (0, 2**32 + 1), (0,), (), (0, 0, 0)):
        with pytest.raises(VerificationError, match="the claim needs 2 values below"):
            checked_claim(circuit, claim)


def test_a_claim_is_for_a_circuit_that_is_well_formed() -> None:
    with pytest.raises(InputError, match="digest"):
        checked_claim(replace(example().circuit, digest=b""), (1, 1))


def test_reading_ends_with_the_bytes() -> None:
    reader = Reader(bytes(range(12)))
    assert reader.bytes(0) == b"" and reader.bytes(4) == bytes(range(4)) and reader.words(1, 2).tolist() == [[0x07060504, 0x0B0A0908]]
    reader.finish()
    assert reader.elements(0, 6).shape == (0, 6)  # of a layer whose every value is known
    with pytest.raises(VerificationError, match="too short"):
        reader.bytes(1)
    for at in (0, 8, 11):
        reader.at = at
        with pytest.raises(VerificationError, match="too long"):
            reader.finish()
    for word, allowed in ((P - 1, True), (P, False), (2**31, False)):
        for place in range(3):
            words = [0, 0, 0]
            words[place] = word
            reader = Reader(np.array(words, dtype="<u4").tobytes())
            if allowed:
                assert reader.elements(3, 1).reshape(-1).tolist() == words
            else:
                with pytest.raises(VerificationError, match="not a field element"):
                    reader.elements(3, 1)


def test_words_of_a_transcript_that_are_p_or_more_are_drawn_again() -> None:
    """Each word is taken modulo 2^31 and skipped unless it is below p: p itself would be 0 a second time."""
    stream = [P, P - 1, P + 1, 2**31 - 1, 2**31, 2**31 + 5, 2**32 - 1, P + 2**31, 7, 2**31 + P - 1, 1, 2]

    def fake(data: bytes) -> bytes:
        if data.startswith(b"zkc.sqez"):
            counter = int.from_bytes(data[-8:], "little")
            return b"".join(word.to_bytes(4, "little") for word in (stream[8 * counter :] + [9] * 8)[:8])
        return bytes(32)

    assert Transcript(hash_=fake).element(b"x").tolist() == [P - 1, 0, 5, 7, P - 1, 1]
    assert [WordStream(Transcript(hash_=fake), b"x").next() for _ in range(2)] == [P, P]
    words = WordStream(Transcript(hash_=fake), b"x")
    assert [words.next() for _ in range(12)] == stream
    assert Transcript(hash_=fake).indices(b"x", 5, 32).tolist() == stream[:5]
    assert Transcript(hash_=fake).indices(b"x", 3, 4).tolist() == [1, 0, 2]


@pytest.mark.parametrize("log_top", [0, 1, 3, 6])
def test_a_plan_counts_the_siblings_that_a_tree_gives(log_top: int) -> None:
    """Of one leaf, of two, of half, of all."""
    tree = tree_over(np.arange(64 * 8, dtype=np.uint32).reshape(64, 8))
    rng = np.random.default_rng(1)
    for leaves in ([0], [63], [0, 1], [31, 32], [0, 63], sorted(rng.choice(64, 30, replace=False)), range(64)):
        positions = np.array(leaves, dtype=np.int64)
        plan = TreePlan(6, log_top, positions, len(positions), 5)
        siblings = len(tree.siblings(positions, log_top))
        assert plan.siblings == siblings and plan.bytes == 4 * 5 * len(positions) + 32 * siblings


def test_work_is_the_first_word_of_a_hash_of_state_and_nonce() -> None:
    seen: list[bytes] = []
    transcript = Transcript(hash_=lambda data: seen.append(data) or bytes(range(1, 33)))
    assert transcript.proof_of_work(2**64 - 2) == 0x04030201
    assert seen[-1] == b"zkc.pow." + bytes(range(1, 33)) + b"\xfe" + b"\xff" * 7
