"""The library that comes with zkc: what its gadgets compute, and that they leave no choice."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

import zkc
from tests.kernels.reference_poseidon2 import permute
from zkc import cli
from zkc.runtime.given.check import Unsatisfied

HERE = Path(__file__).parent / "library"
WORDS = (0, 1, 0xFFFF, 0x10000, 0x10001, 0x7FFFFFFF, 0xFFFFFFFF)


def values(a: int, b: int, c: int, d: int) -> dict[str, Any]:
    x, y, z, w = a % 2**16, a >> 16, b % 2**16, b >> 16
    flags = [c ^ d, c | d, x if c else w, int(x == 0), int(x == z), int(x < z), int(a == b)]
    digest = permute([x, y, z, w, c, d, *[0] * 10, 1, *[0] * 7])[:8]
    given = {"a": a, "b": b, "c": c, "d": d}
    return {**given, "sum": (a + b) % 2**32, "difference": (a - b) % 2**32, "flags": flags, "digest": digest}


def test_what_gadgets_compute() -> None:
    circuit = zkc.Circuit(HERE)
    for n, (a, b) in enumerate(itertools.product(WORDS, repeat=2)):
        claim = values(a, b, n % 2, n // 2 % 2)
        row = {"real": 1, **{name: claim[name] for name in "abcd"}}
        circuit.check({"row": row}, claim)
        wrong = {**claim, "flags": [*claim["flags"][: n % 7], claim["flags"][n % 7] + 1, *claim["flags"][n % 7 + 1 :]]}
        with pytest.raises(Unsatisfied):
            circuit.check({"row": row}, wrong)


@pytest.mark.slow
def test_gadgets_leave_no_choice(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", str(HERE)]) == 0, capfd.readouterr().err
    assert cli.main(["fmt", "--check", str(HERE)]) == 0
