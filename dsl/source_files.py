"""Source files as text."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from zkc.dsl.diagnostics import Diagnostic, DiagnosticError
from zkc.dsl.spans import Span

MAX_SOURCE = 1 << 20
"""Bytes of a file: a parse takes about 10 s for a megabyte."""


def shown_name(path: Path, root: Path) -> str:
    """The name of a file in messages: from its folder on. What is not printable in it is escaped."""
    name = str(path.relative_to(root.parent) if path.is_relative_to(root.parent) else Path(path.parent.name) / path.name)
    return name if name.isprintable() else ascii(name)[1:-1]


def read_source(path: Path, name: str) -> str:
    """The text of a file, which `name` calls in messages. Raises DiagnosticError (E0201) for what is no text that can be read."""
    return decode_source(read_bytes(path, name), name)


def read_bytes(path: Path, name: str) -> bytes:
    """The content of a file, one byte more than MAX_SOURCE at most; as `read_source`."""
    try:
        # A pipe would be waited for, and a device may have no end.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "it is no file")
            return file.read(MAX_SOURCE + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise DiagnosticError([Diagnostic("E0201", f"the file cannot be read: {reason}", Span(name, 1, 1, 1, 2))], {}) from None


def decode_source(data: bytes, name: str) -> str:
    """The bytes of a file as text: UTF-8, at most MAX_SOURCE of them; a mark at the beginning is dropped, lines may end in CR LF."""
    if len(data) > MAX_SOURCE:
        message = f"the file has more than {MAX_SOURCE} bytes: split it"
        raise DiagnosticError([Diagnostic("E0201", message, Span(name, 1, 1, 1, 2))], {})
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8: store the file in that encoding"
        place = Span(name, line, column, line, column + 1)
        raise DiagnosticError([Diagnostic("E0201", message, place)], {name: data.decode("utf-8-sig", "replace")}) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
