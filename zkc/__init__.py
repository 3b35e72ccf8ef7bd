"""zkc: compile the machine, run a program in it, prove the run, verify the proof.

    import zkc

    run = zkc.execute("fibonacci.elf", b"\\xe8\\x03\\x00\\x00")
    proof = zkc.prove("fibonacci.elf", b"\\xe8\\x03\\x00\\x00")
    zkc.verify(proof.receipt, image_id=zkc.image_id("fibonacci.elf"))

Errors that people can cause are `zkc.ZkcError`; a receipt that does not hold is `zkc.VerificationError`.

The packages `zkc.dsl`, `zkc.compiler`, `zkc.runtime`, `zkc.circuits` and `zkc.library` lie beside this one in the repository, where links
lead.
Importing any of them imports this module, too, so it looks names up when they are used: a verifier or a worker need not import everything.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zkc.api import Proof, Run, Verified, compile, execute, image_id, prove, verify
    from zkc.checking import check
    from zkc.circuit import Circuit
    from zkc.runtime.errors import GuestFault, InputError, VerificationError, ZkcError
    from zkc.toolchain import build

__all__ = [
    "Circuit",
    "GuestFault",
    "InputError",
    "Proof",
    "Run",
    "VerificationError",
    "Verified",
    "ZkcError",
    "build",
    "check",
    "compile",
    "execute",
    "image_id",
    "prove",
    "verify",
]

_ERRORS = ("GuestFault", "InputError", "VerificationError", "ZkcError")
_HOMES = {"build": "zkc.toolchain", "check": "zkc.checking", "Circuit": "zkc.circuit"} | dict.fromkeys(_ERRORS, "zkc.runtime.errors")


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'zkc' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "zkc.api")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
