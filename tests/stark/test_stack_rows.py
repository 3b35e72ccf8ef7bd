"""Stacks: the kernel against its definition, and provers that commit to other stacks than they should, at test and at real parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.stark import bent
from tests.stark.bent import FAST, BentProver, BentStacks
from tests.stark.circuits import Example, TableBuilder, digest, example, tall_example, two_fixed_tables
from tests.stark.reference.common import Setting, stacked
from tests.stark.reference.field import to_coefficients, to_values
from tests.stark.support import accepts, rejection, setting
from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.circuit.digest import circuit_digest
from zkc.runtime.field.arrays import from_montgomery, to_montgomery
from zkc.runtime.field.koalabear import P
from zkc.runtime.stark.commitment import Commitment, compiled_fixed_top, fixed_tree
from zkc.runtime.stark.parameters import PARAMETER_SETS, Parameters
from zkc.runtime.stark.proof import word_bytes
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.shape import layout
from zkc.runtime.stark.stacks import Stack

CHEATS: list[type[BentStacks]] = [
    bent.UnusedSlot,
    bent.SwappedSlots,
    bent.WrongSlotCount,
    bent.SwappedClasses,
    bent.UnliftedColumn,
    bent.SwappedCoefficients,
    bent.SwappedHalvesOfTheQuotient,
]


@pytest.mark.parametrize("log_blowup", [1, 3])
@pytest.mark.parametrize(("log_column", "columns", "unit"), [(9, 2, 1), (8, 3, 1), (7, 5, 1), (7, 3, 6), (4, 70, 1)])
def test_stacks_are_what_they_are_defined_as(log_column: int, columns: int, unit: int, log_blowup: int) -> None:
    """The kernel, on hashed chunks and on opened rows, against the polynomial made of all coefficients."""
    log_tree = 9
    made = layout([(log_column, columns)], unit, log_tree, log_tree, 0, 0)
    given = np.random.default_rng(log_column).integers(0, P, (columns * unit, 1 << log_column), dtype=np.uint32)
    reference, coefficients = Setting(log_blowup=log_blowup), [to_coefficients(Setting().field, column) for column in given.tolist()]
    start = reference.shift(log_column)
    words = np.array([to_values(reference.field, c, log_column + log_blowup, start) for c in coefficients], dtype=np.uint32)
    to_montgomery(words)
    commitment = Commitment(Stack(made, {log_column: words}), log_blowup)
    values = bent.all_values(commitment)
    assert Commitment(Stack(made, {log_column: words}), log_blowup).root == bent.GivenValues(commitment, values).root
    from_montgomery(values)
    slots, each = 1 << (log_tree - log_column), made.classes[0]
    assert each.words == len(values) == unit * -(-columns // slots)
    for word in range(each.words):
        j, c = divmod(word, unit)
        own = coefficients[j * slots * unit + c : (j + 1) * slots * unit : unit]
        assert values[word].tolist() == stacked(reference, own, log_tree - log_column, log_tree)


def test_bent_prover_of_stacks_is_honest_if_nothing_is_bent() -> None:
    made = example(9, 7)
    assert BentStacks(made).run() == prove(made.circuit, made.traces, made.claim, FAST, allow_insecure=True)


@pytest.mark.parametrize("cheat", CHEATS)
def test_bent_stacks_are_rejected(cheat: type[BentStacks]) -> None:
    made = example(10, 7)
    assert "low degree" in (accepts(made.circuit, made.claim, cheat(made).run()) or "")


@pytest.mark.parametrize("parameters", PARAMETER_SETS.values(), ids=str)
@pytest.mark.parametrize("cheat", CHEATS)
def test_bent_stacks_are_rejected_at_real_parameters(cheat: type[BentStacks], parameters: Parameters) -> None:
    made = tall_example(parameters)
    assert "low degree" in (rejection(made.circuit, made.claim, cheat(made, parameters).run(), parameters) or "")


@pytest.mark.parametrize("parameters", [FAST, *PARAMETER_SETS.values()], ids=str)
def test_a_remainder_that_is_right_only_at_zeta_is_rejected(parameters: Parameters) -> None:
    """Dividing by X - zeta would accept it: no constraint sees these columns."""
    tall, low = TableBuilder("tall"), TableBuilder("low")
    tall.column("x")
    low.column("y")
    low.column("z")
    circuit = Circuit(digest("free columns"), (), (tall.build(), low.build()), TableBuilder("claim").build())
    rng = np.random.default_rng(2)
    least = 1 << parameters.full_log_height
    traces = {name: rng.integers(0, P, shape, dtype=np.uint32) for name, shape in (("tall", (1, 4 * least)), ("low", (2, least)))}
    made = Example(circuit, traces, ())
    assert rejection(circuit, (), BentProver(made, parameters).run(), parameters) is None
    assert "low degree" in (rejection(circuit, (), bent.RemainderRightAtZeta(made, parameters).run(), parameters) or "")


def test_the_tree_of_fixed_columns_is_part_of_the_circuit() -> None:
    """Another tree on board: what was proven with the right one is not accepted, and the circuit's digest is another one."""
    made, other = two_fixed_tables(9), example(9, 7).circuit
    proof = prove(made.circuit, made.traces, made.claim, FAST, allow_insecure=True)
    right = replace(made.circuit, fixed_tops={1: compiled_fixed_top(made.circuit, 1)})
    assert rejection(right, made.claim, proof) is None
    wrong = bytearray(compiled_fixed_top(made.circuit, 1))
    wrong[-1] ^= 1
    for top in (bytes(wrong), compiled_fixed_top(other, 1), wrong[32:] + wrong[:32]):
        replaced = replace(made.circuit, fixed_tops={1: bytes(top)})
        assert rejection(replaced, made.claim, proof) is not None
        assert circuit_digest(replaced) != circuit_digest(right)
    assert circuit_digest(right) != circuit_digest(replace(right, fixed_tops={}))


def test_the_tree_of_fixed_columns_follows_from_the_tables() -> None:
    """What the compiler puts into a circuit is what anyone computes from its tables, in plain Python too."""
    from tests.stark.reference.verifier import known_fixed_tree

    made = two_fixed_tables(8)
    for parameters in (FAST, replace(FAST, log_blowup=3)):
        plain = known_fixed_tree(made.circuit, setting(parameters))
        assert plain is not None and plain.root == fixed_tree(made.circuit, parameters.log_blowup).root


def test_fixed_columns_of_an_absent_table_are_opened_all_the_same() -> None:
    made = two_fixed_tables(9)
    main, pairs, triples = made.circuit.tables
    alone = replace(made.circuit, tables=(replace(main, messages=main.messages[:1], batches=((0,),)), pairs, triples))
    traces = {"main": made.traces["main"], "pairs": made.traces["pairs"]}
    proof = prove(alone, traces, (), FAST, allow_insecure=True)
    assert proof[:12] == word_bytes(np.array([512, 256, 0])) and accepts(alone, (), proof) is None
