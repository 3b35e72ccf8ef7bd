"""The committed programs do, in the reference machine, what they say; and what they say is recomputed here in Python."""

from __future__ import annotations

import hashlib
import json
import math
import struct
import zlib
from collections.abc import Callable

import pytest

from tests.guests.catalogue import FAULTS, GUESTS, Program, examples, fault_input, guests
from tests.oracle.unicorn_machine import run_elf


@pytest.mark.parametrize("program", [*examples(), *guests()], ids=lambda program: program.name)
def test_programs_do_what_is_recorded(program: Program) -> None:
    outcome = run_elf(program.elf, program.stdin, exact=program.name != "marathon")
    assert outcome.fault is None
    assert outcome.exit_code == program.exit_code
    assert outcome.instructions == program.instructions
    if program.journal is not None:
        assert bytes(outcome.journal) == program.journal


@pytest.mark.parametrize("choice", range(FAULTS))
def test_every_fault_stops_the_program(choice: int) -> None:
    outcome = run_elf(GUESTS / "faults.elf", fault_input(choice))
    assert outcome.fault is not None
    assert not outcome.journal


def test_no_fault_is_chosen() -> None:
    outcome = run_elf(GUESTS / "faults.elf", fault_input(FAULTS))
    assert (outcome.exit_code, outcome.fault) == (7, None)


def _fibonacci(stdin: bytes) -> bytes:
    (n,) = struct.unpack("<I", stdin)
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return struct.pack("<II", n, a % 2**32)


def _interpreter(_: bytes) -> bytes:
    return struct.pack("<II", math.gcd(1071, 462), math.factorial(20) % 2**32)


def _json(stdin: bytes) -> bytes:
    return str(json.loads(stdin)["order"]["total"]).encode()


def _marathon(_: bytes) -> bytes:
    x, words = 2463534242, list[int]()
    for _ in range(12000):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        words.append(x)
    return struct.pack("<I", zlib.crc32(struct.pack("<12000I", *sorted(words))))


def _matrix(stdin: bytes) -> bytes:
    n = 12
    values = struct.unpack(f"<{2 * n * n}i", stdin)
    a, b = values[: n * n], values[n * n :]
    return struct.pack(f"<{n * n}i", *(sum(a[n * i + k] * b[n * k + j] for k in range(n)) for i in range(n) for j in range(n)))


def _quicksort(stdin: bytes) -> bytes:
    words = struct.unpack(f"<{len(stdin) // 4}I", stdin)
    return struct.pack(f"<{len(words)}I", *sorted(words))


def _selfmodify(_: bytes) -> bytes:
    return struct.pack("<III", 100 + 5, 100 * 100, 100 - 1)


def _sha256(stdin: bytes) -> bytes:
    return hashlib.sha256(stdin).digest()


def _sieve(_: bytes) -> bytes:
    primes = [n for n in range(2, 10000) if all(n % d for d in range(2, math.isqrt(n) + 1))]
    return struct.pack("<II", len(primes), primes[-1])


MEANINGS: dict[str, Callable[[bytes], bytes]] = {
    "fibonacci": _fibonacci,
    "interpreter": _interpreter,
    "json": _json,
    "marathon": _marathon,
    "matrix": _matrix,
    "quicksort": _quicksort,
    "selfmodify": _selfmodify,
    "sha256": _sha256,
    "sieve": _sieve,
}


@pytest.mark.parametrize("program", examples(), ids=lambda program: program.name)
def test_expected_journals_are_right(program: Program) -> None:
    meant = MEANINGS[program.name](program.stdin)
    assert program.journal is not None
    if program.name == "interpreter":  # the number of steps follows
        assert program.journal[:-4] == meant
    else:
        assert program.journal == meant
