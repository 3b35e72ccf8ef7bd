"""How much is kept in memory or in a file: every bound that readers and writers share. Bytes, unless the name says otherwise.

A bound that an option sets is a default here; messages name the option.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from zkc.runtime.errors import InputError

MIB: Final = 1 << 20

MAX_ELF_BYTES: Final = 1024 * MIB
"""Debug information of large programs fits."""
MAX_INPUT_BYTES: Final = 1024 * MIB
"""`--max-input`."""
MAX_CONSOLE_BYTES: Final = 64 * MIB
"""`--max-console`: console output costs the program next to nothing, and is not proven."""
MAX_JOURNAL_BYTES: Final = 256 * MIB
"""`--max-journal`, and the most that a receipt can hold."""

MAX_SEGMENTS: Final = 1 << 16
"""Segments in a receipt."""
MAX_CLAIM_VALUES: Final = 1 << 12
MAX_PROOF_BYTES: Final = 64 * MIB
"""Of one segment."""
MAX_RECEIPT_BYTES: Final = 8192 * MIB
MAX_STORED_BYTES: Final = MAX_PROOF_BYTES + MIB
"""A finished segment on disk."""


def check_receipt_fits(segments: int, journal: int, proofs: Callable[[], int]) -> None:
    """`InputError` unless a run of so many segments, journal bytes and bytes of proofs (at most) makes a receipt that can be read."""
    fewer = "let the program do less, or give a larger --segment-limit: each proof is then larger, but there are fewer"
    if segments > MAX_SEGMENTS:
        raise InputError(f"the run has {segments} segments, a receipt holds at most {MAX_SEGMENTS}: nothing is proven", hint=fewer)
    if journal > MAX_JOURNAL_BYTES:
        hint = "let the program write a digest of its output instead"
        raise InputError(f"the journal has {journal} bytes, a receipt holds at most {MAX_JOURNAL_BYTES}: nothing is proven", hint=hint)
    size_of_proofs = proofs()
    if size_of_proofs + journal + MIB > MAX_RECEIPT_BYTES:
        size = f"{size_of_proofs / (1 << 30):.1f} GiB in {segments} segments"
        most = MAX_RECEIPT_BYTES >> 30
        raise InputError(f"the proofs would be about {size}, a receipt has at most {most} GiB: nothing is proven", hint=fewer)
