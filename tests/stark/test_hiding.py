"""Proofs that hide: they are accepted, are those of the reference, and tell nothing of the traces but their heights."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from tests.stark.attack import Seen, explains, rank, seen_in
from tests.stark.circuits import Example, TableBuilder, counter, digest, example, heights, squares, tall, two_fixed_tables
from tests.stark.reference.common import KOALABEAR, Reject
from tests.stark.reference.prover import Blinds
from tests.stark.reference.prover import prove as reference_prove
from tests.stark.reference.verifier import check_heights
from tests.stark.simulator import Simulator
from tests.stark.support import accepts, setting, unbalanced
from zkc.runtime.circuit.circuit import Bus, Circuit
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.field.arrays import from_montgomery
from zkc.runtime.field.extension import DEGREE
from zkc.runtime.field.koalabear import P
from zkc.runtime.poly.ntt import interpolate
from zkc.runtime.stark import hiding
from zkc.runtime.stark import prover as prover_module
from zkc.runtime.stark.parameters import HIDING, SALT_WORDS, SMALL_HIDING, Parameters, shift
from zkc.runtime.stark.prover import Prover, prove
from zkc.runtime.stark.shape import Layout, Shape
from zkc.runtime.stark.stacks import Stack
from zkc.runtime.stark.transcript import Transcript

FEW = Parameters(queries=3, grinding=0, log_fold=2, masks=DEGREE + 3)
"""A coefficient for each value that is opened of a column, at few queries and so at low heights."""
THIN = replace(FEW, queries=12, masks=DEGREE + 12)
"""Parts of height 2^7 are thin."""


def run(prover: Prover) -> tuple[bytes, Blinds]:
    """A proof, and the randomness that it used."""
    drawn: list[Stack] = []
    real = hiding.masks_of

    def masks_of(layout: Layout, masks: int, twice: int | None = None) -> dict[int, np.ndarray]:
        found = real(layout, masks, twice)
        drawn.append(Stack(layout, {height: words.copy() for height, words in found.items()}))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prover_module, "masks_of", masks_of)
        proof = prover.run()
    return proof, blinds_of(prover, drawn)


def blinds_of(prover: Prover, drawn: list[Stack]) -> Blinds:
    """The randomness that a run used; drawn: the masks of its trees."""

    def lists(words: np.ndarray) -> list[list[int]]:
        words = np.ascontiguousarray(words)
        from_montgomery(words)
        return words.tolist()

    shape, count = prover.shape, prover.shape.parameters.masks
    masks: list[list[list[int]]] = []
    for stack, twice in zip(drawn, (False, True), strict=True):
        found = [lists(view.copy()) for view in stack.views if len(view)]
        masks.append([c[: 2 * count if twice and m is found[-1] else count] for m in found for c in m])
    assert prover.quotient_masked.masks is not None
    between = lists(prover.quotient_masked.masks.views[0][: 2 * DEGREE, :count].copy())
    mask = prover.trees[-1].mask
    assert mask is not None
    coefficients = interpolate(mask.copy(), shift(shape.log_height))
    assert not coefficients[:, shape.degree_bound :].any()
    salts: list[list[list[int]]] = []
    for tree in prover.trees[-3:]:
        assert tree.salts is not None
        salts.append(lists(tree.salts.of(np.arange(1 << shape.log_extended))))
    return Blinds((masks[0], masks[1]), between, lists(coefficients[:, : shape.degree_bound]), (salts[0], salts[1], salts[2]))


@pytest.mark.parametrize(
    ("made", "parameters"),
    [
        (example(8, 7), FEW),
        (example(7, 9), replace(FEW, log_blowup=3)),
        (two_fixed_tables(8), FEW),
        (example(9, 8), replace(FEW, masks=18)),
        (counter(512 + 256, 256 + 512), FEW),
        (counter(512 + 64, 64), THIN),
        (counter(512, 256 + 64), replace(THIN, log_blowup=3)),
        (counter(1024 + 128 + 64, 64), replace(FEW, masks=30)),
    ],
)
def test_the_reference_writes_the_same_bytes(made: Example, parameters: Parameters) -> None:
    """The reference evaluates on four times the rows where the prover has a second coset."""
    made = tall(made, parameters)
    prover = Prover(made.circuit, made.traces, made.claim, parameters, allow_insecure=True)
    proof, blinds = run(prover)
    assert accepts(made.circuit, made.claim, proof, parameters) is None
    traces = {name: trace.tolist() for name, trace in made.traces.items()}
    assert proof == reference_prove(made.circuit, traces, made.claim, setting(parameters), blinds)


@pytest.mark.parametrize(
    ("parameters", "main", "copy"),
    [(HIDING, 1 << 13, 1 << 12), (SMALL_HIDING, 1 << 12, 1 << 11), (HIDING, (1 << 13) + 512, 512 + 1024), (SMALL_HIDING, 1 << 12, 256)],
)
def test_a_hiding_proof_at_full_security(parameters: Parameters, main: int, copy: int) -> None:
    made = tall(counter(main, copy), parameters)
    assert accepts(made.circuit, made.claim, prove(made.circuit, made.traces, made.claim, parameters), parameters) is None


def test_a_wrong_row_of_a_thin_part_is_refused() -> None:
    """By a constraint that it breaks, and by a message that nothing answers."""
    for row in (512, 512 + 9, 512 + 63):
        wrong = squares(512 + 64).altered("squares", 1, row, 5)
        with pytest.raises(InputError, match="a constraint is not zero"):
            prove(wrong.circuit, wrong.traces, wrong.claim, THIN, allow_insecure=True)
    for table, row in (("main", 512 + 9), ("copy", 9)):
        wrong = tall(counter(512 + 64, 64), THIN).altered(table, 0, row, 77)
        with pytest.raises(InputError, match="buses do not balance"):
            prove(wrong.circuit, wrong.traces, wrong.claim, THIN, allow_insecure=True)


# ***** a guess of the witness cannot be checked *****


def another_witness(made: Example) -> Example:
    """The same claim from other private values: those of two rows are exchanged, and their squares."""
    traces = {name: trace.copy() for name, trace in made.traces.items()}
    main = traces["main"]
    i, j = 3, int(np.flatnonzero((main[2] != main[2, 3]) & (main[5] == 1))[-1])
    main[2:4, [i, j]] = main[2:4, [j, i]]
    states = np.concatenate([[0], np.cumsum(main[3].astype(np.int64) * main[4])])
    main[1] = states[:-1]
    copy, used = traces["copy"], int(traces["copy"][3].sum())
    copy[:3, :used] = main[[0, 2, 3]][:, main[5] == 1][:, ::-1]
    return Example(made.circuit, traces, made.claim)


@pytest.mark.parametrize(
    ("masks", "told"),
    [(0, True), (1, True), (DEGREE + FEW.queries - 1, True), (DEGREE + FEW.queries, False)],
    ids=["none", "one", "one too few", "enough"],
)
def test_a_guess_of_the_witness_can_be_checked_only_without_masks(masks: int, told: bool) -> None:
    """Both witnesses are accepted; whoever knows them tells from the proof which one it was made with, unless it hides."""
    made = example(9, 8)
    other = another_witness(made)
    parameters = replace(FEW, masks=masks)
    for one, wrong in ((made, other), (other, made)):
        one = tall(one, parameters)
        seen = seen_at_different_points(one, parameters)
        assert explains(seen, one.traces, masks)
        assert explains(seen, tall(wrong, parameters).traces, masks) != told


@pytest.mark.parametrize(("masks", "told"), [(1, True), (8, True), (DEGREE + THIN.queries, False)])
def test_a_guess_of_the_rows_of_a_thin_part_cannot_be_checked(masks: int, told: bool) -> None:
    """As above, of the columns of thin parts alone: four in a stack, so that 36 equations see the masks of four. (With so few coefficients
    no part would be thin: the shape is that of 18.)
    """
    made, other = counter(512 + 64, 64), another_witness(counter(512 + 64, 64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prover_module, "masks_of", lambda layout, _, twice=None: hiding.masks_of(layout, masks, twice))
        for one, wrong in ((made, other), (other, made)):
            seen = seen_at_different_points(tall(one, THIN), THIN)
            assert explains(seen, tall(one, THIN).traces, masks, thin=True)
            assert explains(seen, tall(wrong, THIN).traces, masks, thin=True) != told


def seen_at_different_points(made: Example, parameters: Parameters) -> Seen:
    """What a proof opens whose queries differ: two that fall together, one proof in some hundreds, tell less."""
    while True:
        seen = seen_in(made, prove(made.circuit, made.traces, made.claim, parameters, allow_insecure=True), parameters)
        if len(seen.x) == parameters.queries:
            return seen


def test_masks_are_as_long_as_what_depends_on_a_column() -> None:
    """Rank, exactly, at the real parameters: the values of masks at all points that a proof shows are as free as those of any polynomial.

    A column counts at zeta and at every query; the accumulator at w times these too, for quotients are functions of both.
    """
    made = tall(example(13, 12), HIDING)
    prover = Prover(made.circuit, made.traces, made.claim, HIDING)
    seen = seen_in(made, prover.run(), HIDING)
    f, masks = KOALABEAR, HIDING.masks
    sizes = ((10, 9, False, masks), (11, 10, False, masks), (12, 12, False, masks), (13, 13, False, masks), (13, 13, True, 2 * masks))
    for log_height, log_rows, shifted, count in sizes:
        k, height = 1 << (13 - log_height), 1 << log_rows
        turns = [1, f.root(log_height)] if shifted else [1]
        ends = [f.power(f.scale(seen.zeta, turn), k) for turn in turns]
        points = [pow(x * turn, k, P) for turn in turns for x in seen.x]
        wanted = len(set(points)) + 6 * len(ends)
        rows = [[f.mul(f.sub(f.power(z, height), f.lift(1)), power) for power in f.powers(z, count)] for z in ends]
        matrix = [[power[c] for power in row] for row in rows for c in range(6)]
        matrix += [[(pow(y, height, P) - 1) * power % P for power in powers(y, count)] for y in sorted(set(points))]
        assert rank(np.array(matrix)) == wanted <= count
        assert rank(np.array(matrix)[:, : wanted - 1]) < wanted


def powers(x: int, count: int) -> list[int]:
    out = [1]
    while len(out) < count:
        out.append(out[-1] * x % P)
    return out


# ***** every source of randomness *****


def programmed(patch: pytest.MonkeyPatch) -> None:
    """Challenges that depend on nothing that was absorbed."""

    def element(self: Transcript, label: bytes) -> np.ndarray:
        return np.frombuffer(hashlib.sha256(label).digest()[:24], dtype=np.uint32) % np.uint32(P)

    def indices(self: Transcript, label: bytes, count: int, bits: int) -> np.ndarray:
        return np.arange(count, dtype=np.int64) * 37 % (1 << bits)

    patch.setattr(Transcript, "element", element)
    patch.setattr(Transcript, "indices", indices)


SOURCES = ("trace", "logup", "accumulator", "between", "mask", "salts")


def frozen(patch: pytest.MonkeyPatch, random: str) -> None:
    """Every source of randomness gives the same in each run, but the one that is named."""
    same, real_masks, real_elements = np.random.default_rng, hiding.masks_of, hiding.random_elements

    def masks_of(layout: Layout, masks: int, twice: int | None = None) -> dict[int, np.ndarray]:
        fresh, logup = real_masks(layout, masks, twice), layout.unit == DEGREE
        for log_height, words in fresh.items():
            fixed = np.where(words != 0, same(log_height).integers(0, P, words.shape, dtype=np.uint32), 0).astype(np.uint32)
            rows = slice(0, len(words))
            if logup and twice in next(each.columns for each in layout.classes if each.log_height == log_height):
                rows = slice(0, len(words) - DEGREE)
                if random != "accumulator":
                    words[-DEGREE:] = fixed[-DEGREE:]
            if random != ("logup" if logup else "trace"):
                words[rows] = fixed[rows]
        return fresh

    def elements(rows: int, columns: int) -> np.ndarray:
        return real_elements(rows, columns) if random == "between" else np.ones((rows, columns), dtype=np.uint32)

    def polynomial(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
        sizes = (shape.height, shape.degree_bound - shape.height)
        if random == "mask":
            return real_elements(DEGREE, sizes[0]), real_elements(DEGREE, sizes[1])
        return np.ones((DEGREE, sizes[0]), dtype=np.uint32), np.ones((DEGREE, sizes[1]), dtype=np.uint32)

    patch.setattr(prover_module, "masks_of", masks_of)
    patch.setattr(prover_module, "random_elements", elements)
    patch.setattr(prover_module, "random_polynomial", polynomial)
    if random != "salts":
        patch.setattr(hiding.Salts, "fresh", staticmethod(lambda: hiding.Salts(np.arange(8, dtype=np.uint32))))


CHANGED = {
    "trace": {"trace", "q0", "q1, q2"},
    "logup": {"logup", "q0", "q1, q2"},
    "accumulator": {"accumulator", "q0"},
    "between": {"q0", "q1, q2"},
    "mask": {"mask"},
    "salts": {"salts"},
}


@pytest.mark.parametrize("random", SOURCES)
def test_each_source_of_randomness_changes_every_word_that_it_hides(random: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same statement twice, with the same challenges: all words of a kind differ, and the words of other kinds are the same."""
    programmed(monkeypatch)
    frozen(monkeypatch, random)
    made = tall(example(9, 8), FEW)
    parts = [words_of(seen_in(made, prove(made.circuit, made.traces, made.claim, FEW, allow_insecure=True), FEW)) for _ in range(2)]
    for kind in parts[0]:
        one, two = np.array(parts[0][kind]).reshape(-1), np.array(parts[1][kind]).reshape(-1)
        assert one.size
        if kind in CHANGED[random]:
            assert (one != two).mean() > 0.999, kind
        else:
            assert (one == two).all(), kind


def words_of(seen: Seen) -> dict[str, list[object]]:
    """All opened words by what hides them."""
    shape = seen.batch.shape
    trace, logup, quotient = (np.array(leaves) for leaves in seen.leaves[-3:])
    acc = next(each for each in shape.logup.classes if each.log_height == shape.log_height)
    last = acc.word + acc.words - DEGREE
    phi = np.delete(logup[:, :-SALT_WORDS], np.s_[last : last + DEGREE], axis=1)
    opened = np.array(seen.opened)
    first = shape.trace.matrices[0].offset
    where = shape.accumulator
    return {
        "trace": [*trace[:, :-SALT_WORDS].reshape(-1), *opened[first : shape.trace.end].reshape(-1)],
        "logup": [*phi.reshape(-1), *opened[shape.trace.end : where].reshape(-1)],
        "accumulator": [*logup[:, last : last + DEGREE].reshape(-1), *opened[where], *opened[-1]],
        "q0": [*quotient[:, :DEGREE].reshape(-1), *opened[where + 1]],
        "q1, q2": [*quotient[:, DEGREE : shape.quotient.column_words].reshape(-1), *opened[where + 2 : -1].reshape(-1)],
        "mask": list(quotient[:, shape.quotient.column_words : -SALT_WORDS].reshape(-1)),
        "salts": [*trace[:, -SALT_WORDS:].reshape(-1), *logup[:, -SALT_WORDS:].reshape(-1), *quotient[:, -SALT_WORDS:].reshape(-1)],
    }


@pytest.mark.parametrize("off", ["masks_of", "random_elements", "random_polynomial", "fresh"])
def test_the_randomness_is_the_systems(off: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every source asks the operating system: without it, nothing is proven."""

    def none(count: int) -> bytes:
        raise OSError("no randomness")

    monkeypatch.setattr(hiding.os, "urandom", none)
    shape = Shape(example(9, 8).circuit, heights(9, 8, 7), FEW)
    calls = {
        "masks_of": lambda: hiding.masks_of(shape.trace, 9),
        "random_elements": lambda: hiding.random_elements(1, 1),
        "random_polynomial": lambda: hiding.random_polynomial(shape),
        "fresh": hiding.Salts.fresh,
    }
    with pytest.raises(OSError, match="no randomness"):
        calls[off]()


@pytest.mark.parametrize(
    "made",
    [example(9, 8), unbalanced(example(9, 8)), two_fixed_tables(9), unbalanced(counter(512 + 64, 64))],
    ids=["true", "false", "stacks", "thin"],
)
def test_accepted_proofs_can_be_made_without_a_witness(made: Example) -> None:
    """By whoever chooses the challenges, hence nobody learns from a proof what he could not have made up; also of false claims."""
    few = replace(FEW, queries=5, masks=DEGREE + 5)
    rows = [trace.shape[1] for trace in tall(made, few).traces.values()]
    simulator = Simulator(made.circuit, made.claim, [few.height(count) for count in rows], few)
    proof = simulator.prove()
    assert simulator.accepts(proof)
    bent = bytearray(proof)
    bent[-200] ^= 1
    with pytest.raises(VerificationError):
        simulator.accepts(bytes(bent))
    assert accepts(made.circuit, made.claim, proof, few) is not None


def test_the_length_of_a_proof_follows_from_its_shape_and_its_queries() -> None:
    """Not from the witness."""
    made = tall(example(9, 8), FEW)
    other = tall(another_witness(example(9, 8)), FEW)
    lengths: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        programmed(patch)
        lengths += [len(prove(one.circuit, one.traces, one.claim, FEW, allow_insecure=True)) for one in (made, other)]
    assert lengths[0] == lengths[1]


def test_rows_are_repeated_only_where_that_changes_nothing() -> None:
    """A table of 128 rows that hands each value out at most once had 2^12 rows with masks: 32 times each, all proven and verified."""
    main, once = TableBuilder("main"), TableBuilder("once")
    value, real = main.column("value"), main.column("real")
    main.zero(real * (real - 1))
    main.send(0, real, value)
    used, entry = once.column("used"), once.fixed_column("entry", range(128))
    once.zero(used * (used - 1))
    once.send(0, once.constant(0) - used, entry)
    circuit = Circuit(digest("once"), (Bus("once", 1),), (main.build(), once.build()), TableBuilder("claim").build())
    few = replace(FEW, masks=18)
    with pytest.raises(VerificationError, match="only if it is a lookup table"):
        Shape(circuit, heights(9, 8), few)
    with pytest.raises(Reject, match="lookup"):
        check_heights(circuit, heights(9, 8), setting(few))
    Shape(circuit, heights(9, 7), FEW)


def test_masks_that_are_too_short_are_not_proven_with() -> None:
    made = tall(example(13, 12), HIDING)
    with pytest.raises(InputError, match="291 coefficients of a mask hide nothing: 292 are needed"):
        prove(made.circuit, made.traces, made.claim, replace(HIDING, masks=291))


def test_the_mask_of_the_accumulator_needs_a_table_above_the_lowest_height() -> None:
    made = tall(example(9, 8), replace(FEW, masks=18))
    low = Example(made.circuit, {**made.traces, "main": made.traces["main"][:, :256]}, made.claim)
    with pytest.raises(InputError, match="some table needs more than 2\\^8 rows"):
        Prover(low.circuit, low.traces, low.claim, replace(FEW, masks=18), allow_insecure=True)
