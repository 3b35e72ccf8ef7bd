"""Shared by the tests of the second verifier (examples/verifier): circuit file, receipts, and both verifiers on the same bytes."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import zkc
from examples.verifier import circuit as circuits
from examples.verifier import transcript, trees
from examples.verifier.blake3 import blake3
from examples.verifier.circuit import Circuit, read_circuit
from examples.verifier.receipt import check_receipt, read_receipt
from examples.verifier.refused import Refused
from zkc import api
from zkc.runtime.errors import ZkcError
from zkc.runtime.memory.image import parse_image_id

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "fibonacci"
PROGRAM = EXAMPLE / "fibonacci.elf"
JOURNAL = (EXAMPLE / "expected.journal").read_bytes()

remembered = lru_cache(maxsize=1 << 18)(blake3)
"""A changed receipt has nearly all hashes of the honest one."""


def remember_hashes() -> None:
    """From now on the second verifier computes no hash twice in this process."""
    for module in (circuits, transcript, trees):
        setattr(module, "blake3", remembered)  # noqa: B010


@cache
def circuit_file() -> bytes:
    """What `zkc compile --emit json` writes."""
    return (api.emit(None, "json") + "\n").encode()


@cache
def circuit() -> Circuit:
    return read_circuit(circuit_file())


@cache
def receipt_of(segment_limit: int | None = None, *, small: bool = False, hide: bool = True) -> bytes:
    """The receipt of examples/fibonacci."""
    return zkc.prove(PROGRAM, (EXAMPLE / "input.bin").read_bytes(), segment_limit=segment_limit, small=small, hide=hide).receipt


@cache
def image_id() -> str:
    return zkc.image_id(PROGRAM)


def second_refuses(data: bytes, image: str, **expected: Any) -> str | None:
    """Why the second verifier says no; None if it says yes. It raises nothing else."""
    try:
        check_receipt(circuit(), read_receipt(data), image_id=parse_image_id(image), **expected)
    except Refused as refused:
        return str(refused)
    return None


def refused(data: bytes, image: str | None = None, **expected: Any) -> str | None:
    """Why the receipt is not accepted, in the words of the second verifier; both agree."""
    chosen = image or image_id()
    try:
        zkc.verify(data, image_id=chosen, **expected)
        first = None
    except ZkcError as error:
        assert error.status in (1, 2)
        first = error.message
    second = second_refuses(data, chosen, **expected)
    assert (first is None) == (second is None), f"the verifiers disagree: zkc says {first}, the second one {second}"
    return second
