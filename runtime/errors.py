"""Errors that people can cause. Each says what happened, where, and what to do; the command line prints them without a traceback."""

from __future__ import annotations

from zkc.runtime.text import printable


class ZkcError(Exception):
    """An error for people.

    `where` names file, line, pc or symbol; `hint` says what to do; `status` is the exit status of the command line.
    """

    status = 2

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        # Only a message may have lines, those of a compiler; a name inside of `where` must not look like a line of ours.
        lines = [printable(self.message, keep="\n\t")]
        if self.where:
            lines.append(f"  at: {printable(self.where)}")
        if self.hint:
            lines.append(f"  help: {printable(self.hint)}")
        return "\n".join(lines)


class InputError(ZkcError):
    """A file or an option that cannot be used: ELF, receipt, input, output path."""


class GuestFault(ZkcError):
    """The guest did something the machine does not allow; nothing is proven. `pc` is the byte address of the instruction."""

    def __init__(self, message: str, *, pc: int, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, where=where or f"pc 0x{pc:08x}", hint=hint)
        self.pc = pc


class OutputError(InputError):
    """An answer that could not be written, to stdout or to a file: what was asked may be done, or true, all the same."""

    status = 74


class VerificationError(ZkcError):
    """A receipt or proof that is well-formed enough to read but does not prove what it claims."""

    status = 1


class InternalError(ZkcError):
    """A fault of zkc, or of what it runs on, that a person should hear of: please report it."""

    status = 70
