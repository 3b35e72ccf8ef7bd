"""zkc: compile the machine, run a program in it, prove the run, verify the proof.

    import zkc

    run = zkc.execute("fibonacci.elf", b"\\xe8\\x03\\x00\\x00")
    proof = zkc.prove("fibonacci.elf", b"\\xe8\\x03\\x00\\x00")
    zkc.verify(proof.receipt, image_id=zkc.image_id("fibonacci.elf"))

Errors that people can cause are `zkc.ZkcError`; a receipt that does not hold is `zkc.VerificationError`.
"""

from runtime.errors import GuestFault, InputError, VerificationError, ZkcError
from zkc.api import Proof, Run, Verified, compile, execute, image_id, prove, verify
from zkc.toolchain import build

__all__ = [
    "GuestFault",
    "InputError",
    "Proof",
    "Run",
    "VerificationError",
    "Verified",
    "ZkcError",
    "build",
    "compile",
    "execute",
    "image_id",
    "prove",
    "verify",
]
