"""How a check says no."""

from __future__ import annotations


class Refused(Exception):
    """A receipt, proof or circuit that is not accepted, and why."""


def require(holds: bool, reason: str) -> None:
    if not holds:
        raise Refused(reason)
