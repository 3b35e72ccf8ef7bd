"""The examples of circuits: their values against other ways to compute them, and what must not be provable."""

from __future__ import annotations

import hashlib
import itertools
import runpy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

import zkc
from tests.given.support import EXAMPLES, Tables, circuit
from tests.kernels.reference_poseidon2 import permute
from zkc import cli
from zkc.runtime.field.koalabear import P
from zkc.runtime.given.check import Unsatisfied

FOLDERS = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))


@cache
def script(name: str, file: str = "values.py") -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / name / file))


def sudoku() -> Tables:
    made = script("sudoku")
    return made["values"](made["read"]((EXAMPLES / "sudoku" / "puzzle.txt").read_text()))


def stack(text: str | None = None) -> Tables:
    made = script("stack", "assemble.py")
    return made["run"](*made["assemble"](text or (EXAMPLES / "stack" / "power.txt").read_text()))


VALUES: dict[str, Callable[[], Tables]] = {
    "fibonacci": lambda: script("fibonacci")["values"](300),
    "sudoku": sudoku,
    "stack": stack,
    "keccak": lambda: script("keccak")["values"](b"thirty-two bytes, no more, no less"[:32]),
    "membership": lambda: script("membership")["values"](5, 11),
}


def split(name: str) -> tuple[Tables, dict[str, Any]]:
    values = dict(VALUES[name]())
    return values, values.pop("claim")


def test_every_example_is_tested() -> None:
    assert set(VALUES) == set(FOLDERS)


@pytest.mark.prove
@pytest.mark.parametrize("name", VALUES)
def test_it_is_proven(name: str) -> None:
    tables, claim = split(name)
    proof = circuit(name).prove(tables, claim)
    circuit(name).verify(proof.receipt, claim=claim)


@pytest.mark.slow
@pytest.mark.parametrize("name", VALUES)
def test_its_constraints_leave_no_choice(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", str(EXAMPLES / name)]) == 0, capfd.readouterr().err
    assert cli.main(["fmt", "--check", str(EXAMPLES / name)]) == 0


@pytest.mark.parametrize("name", VALUES)
def test_no_other_claim_holds(name: str) -> None:
    """Each public value by one more, with the rows of the true one."""
    tables, claim = split(name)
    circuit(name).check(tables, claim)
    for key, value in claim.items():
        changed = [*value[:-1], (value[-1] + 1) % P] if isinstance(value, list) else (value + 1) % P
        with pytest.raises(Unsatisfied):
            circuit(name).check(tables, {**claim, key: changed})


def test_a_sudoku_has_each_digit_once() -> None:
    tables, claim = split("sudoku")
    digits = tables["cell"]["digit"]
    groups = [[9 * r + c for c in range(9)] for r in range(9)] + [[9 * r + c for r in range(9)] for c in range(9)]
    groups += [[27 * (b // 3) + 3 * (b % 3) + 9 * (i // 3) + i % 3 for i in range(9)] for b in range(9)]
    assert all(sorted(digits[p] for p in group) == list(range(1, 10)) for group in groups)
    assert all(clue in (0, digit) for clue, digit in zip(claim["puzzle"], digits, strict=True))
    empty = [p for p in range(81) if not claim["puzzle"][p]]
    for a, b in itertools.pairwise(empty):
        swapped = list(digits)
        swapped[a], swapped[b] = digits[b], digits[a]
        if swapped != digits:
            with pytest.raises(Unsatisfied):
                circuit("sudoku").check({"cell": {**tables["cell"], "digit": swapped}}, claim)


PROGRAMS = {
    "power": (None, pow(3, 20, P)),
    "sum": ("push 2\npush 3\nadd", 5),
    "product below zero": ("push -2\npush 3\nmul", P - 6),
    "square": ("push 5\ndup\nmul", 25),
    "swap": ("push 2\npush 3\nswap\npush 0\nmul\nadd", 3),
    "not taken": ("push 7\npush 0\njump end\npush 1\nadd\nend:", 8),
    "taken": ("push 7\npush 9\njump end\npush 1\nadd\nend:", 7),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_stack_machine_computes(name: str) -> None:
    text, result = PROGRAMS[name]
    values = dict(stack(text))
    claim = values.pop("claim")
    assert claim["result"] == result
    circuit("stack").check(values, claim)


def test_no_step_of_the_stack_machine_can_be_another() -> None:
    """Each given value of each row by one more: nothing else is given, so the run is the only one of its claim."""
    values = dict(stack("push 7\npush 3\nswap\ndup\nmul\nadd\ndup\njump end\npush 1\nend:"))
    claim = values.pop("claim")
    circuit("stack").check(values, claim)
    for column, numbers in values["step"].items():
        for row in range(len(numbers)):
            changed = [*numbers[:row], numbers[row] + 1, *numbers[row + 1 :]]
            try:
                circuit("stack").check({**values, "step": {**values["step"], column: changed}}, claim)
            except Unsatisfied:
                continue
            op = values["step"]["op"][row]
            unused = {"b", "under_b"} if op in (4, 6) else {"a", "under_a", "b", "under_b"} if op == 1 else set[str]()
            assert column in unused, (column, row)


@pytest.mark.parametrize("message", [b"\0" * 32, b"\xff" * 32, bytes(range(32))], ids=["zeros", "ones", "bytes"])
def test_keccak_is_sha3(message: bytes) -> None:
    values = dict(script("keccak")["values"](message))
    claim = values.pop("claim")
    assert b"".join(limb.to_bytes(2, "little") for limb in claim["digest"]) == hashlib.sha3_256(message).digest()
    circuit("keccak").check(values, claim)


def test_no_bit_of_keccak_can_be_another() -> None:
    """Some bits of some rounds turned; a word of the message, and of what comes out, by one more."""
    tables, claim = split("keccak")
    rows = tables["round"]["a"]
    for number, bit in itertools.product((0, 11, 23), (0, 1, 63, 64, 319, 320, 1087, 1599)):
        changed = [list(row) for row in rows]
        changed[number][bit] ^= 1
        with pytest.raises(Unsatisfied):
            circuit("keccak").check({**tables, "round": {**tables["round"], "a": changed}}, claim)
    for name in ("message", "digest", "rest"):
        (words,) = tables["permutation"][name]
        given = {**tables["permutation"], name: [[words[0] + 1, *words[1:]]]}
        with pytest.raises(Unsatisfied):
            circuit("keccak").check({**tables, "permutation": given}, claim)


def test_membership_is_that_of_the_reference() -> None:
    values = script("membership")["values"](3, 5)

    def hashed(left: list[int], right: list[int], tag: int) -> list[int]:
        return permute([*left, *right, tag, *[0] * 7])[:8]

    none = [0] * 8
    nodes = [hashed([1000 + i, *none[1:]], none, 2) for i in range(8)]
    while len(nodes) > 1:
        nodes = [hashed(a, b, 1) for a, b in zip(nodes[::2], nodes[1::2], strict=True)]
    assert values["claim"]["root"] == nodes[0] and values["claim"]["nullifier"] == hashed([1005, *none[1:]], none, 3)


def test_who_is_no_member_proves_nothing() -> None:
    tables, claim = split("membership")
    (secret,) = tables["member"]["secret"]
    for wrong in ([secret[0] + 1, *secret[1:]], [*secret[:-1], 1]):
        with pytest.raises(zkc.InputError):
            circuit("membership").check({**tables, "member": {"real": 1, "secret": [wrong]}}, claim)
    node = {**tables["level"], "right": [1 - r for r in tables["level"]["right"]]}
    with pytest.raises(zkc.InputError):
        circuit("membership").check({**tables, "level": node}, claim)
