"""What callers may pass: every argument that says what must hold or that bounds work is checked here for type and range, and only here.

A value is never reduced, rounded or guessed: what is not allowed is an `InputError` that names the argument, its value and what is allowed.
Integers may be of any type that Python takes as an index (NumPy's too), but not bool; bytes may be bytearray or memoryview as well.
"""

from __future__ import annotations

import operator
import os
import re
import reprlib
import sys
from collections.abc import Iterable
from typing import Final, SupportsIndex, TypeVar

from zkc.runtime.errors import InputError
from zkc.runtime.limits import MAX_JOURNAL_BYTES

T = TypeVar("T")
PathLike = str | os.PathLike[str]
BytesLike = bytes | bytearray | memoryview

MIN_LOG_ROWS: Final = 7
MAX_LOG_ROWS: Final = 21
"""log2 of the fewest and the most rows of a table that grows with execution."""
MAX_CYCLES: Final = 1 << 62
MAX_JOBS: Final = 4096
MAX_THREADS: Final = 1024
EXIT_CODES: Final = (-(1 << 31), (1 << 32) - 1)
"""An exit code has 32 bits; N below zero is the code that a program means by exit(N), that is N + 2^32."""

_MOST_SHOWN: Final = 80
_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = _MOST_SHOWN


def integer(name: str, value: object, least: int, most: int) -> int:
    """`value` as an int within least .. most."""
    found = _index(value)
    if found is None or not least <= found <= most:
        raise InputError(f"{name} is {_shown(value)}, not a whole number within {least} .. {most}")
    return found


def optional_integer(name: str, value: object, least: int, most: int) -> int | None:
    """The same, or None."""
    return None if value is None else integer(name, value, least, most)


def segment_limit(value: object) -> int | None:
    """log2 of the most rows of a table of one segment; None for the machine's own limit."""
    return optional_integer("segment_limit", value, MIN_LOG_ROWS, MAX_LOG_ROWS)


def max_cycles(value: object) -> int | None:
    """Instructions before giving up; None for no limit."""
    return optional_integer("max_cycles", value, 1, MAX_CYCLES)


def max_console(value: object) -> int:
    """Bytes that a program may write to its console."""
    return integer("max_console", value, 0, sys.maxsize)


def max_journal(value: object) -> int:
    """Bytes that a program may write to its journal, at most what a receipt holds."""
    return integer("max_journal", value, 0, MAX_JOURNAL_BYTES)


def max_input(value: object) -> int:
    """Bytes that are read as a program's input."""
    return integer("max_input", value, 0, sys.maxsize - 1)  # a reader asks for one more


def jobs(value: object) -> int:
    """Processes at a time."""
    return integer("jobs", value, 1, MAX_JOBS)


def size(name: str, text: str) -> int:
    """A number of bytes as people write it: digits, and K, M, G or T for KiB, MiB, GiB or TiB."""
    found = re.fullmatch(r"([0-9]{1,15})([KMGT]?)(i?B)?", text.strip(), re.IGNORECASE)
    if found is None:
        raise InputError(f"{name} is {_shown(text)}, not a number of bytes", hint="such as 1500M or 4G")
    return int(found[1]) << 10 * " KMGT".index(found[2].upper() or " ")


def memory(value: object) -> int | None:
    """Bytes; None for no limit."""
    return optional_integer("memory", value, 1, sys.maxsize)


def exit_code(value: object) -> int | None:
    """An exit code as its 32 bits, 0 .. 2^32 - 1; None for any. See EXIT_CODES for numbers below zero."""
    found = optional_integer("exit_code", value, *EXIT_CODES)
    return found if found is None or found >= 0 else found + (1 << 32)


def digest(name: str, value: object, words: int, most: int) -> tuple[int, ...]:
    """A digest of `words` numbers within 0 .. most."""
    numbers = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if len(numbers) != words:
        raise InputError(f"{name} is {_shown(value)}, not a digest of {words} numbers")
    return tuple(integer(f"a word of {name}", number, 0, most) for number in numbers)


def data(name: str, value: object) -> bytes:
    """The bytes of a bytes-like value."""
    if not isinstance(value, bytes | bytearray | memoryview):
        raise InputError(f"{name} is {_shown(value)}, of type {type(value).__name__}, not bytes", hint="for a file, give its content")
    return bytes(value)


def optional_data(name: str, value: object) -> bytes | None:
    """The same, or None."""
    return None if value is None else data(name, value)


def path(name: str, value: object) -> str:
    """A path as text; bytes are no path, for elsewhere they are content."""
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"{name} is {_shown(value)}, of type {type(value).__name__}, not a path", hint="give a str or a pathlib.Path")
    return os.fsdecode(value)


def optional_path(name: str, value: object) -> str | None:
    """The same, or None."""
    return None if value is None else path(name, value)


def paths(name: str, value: object) -> list[str]:
    """Paths in a list or another iterable; one path alone is none, for its characters would be taken for paths."""
    if isinstance(value, str | bytes | os.PathLike) or not isinstance(value, Iterable):
        raise InputError(f"{name} is {_shown(value)}, not a list of paths", hint="put a single path into a list")
    return [path(f"a path of {name}", one) for one in value]  # pyright: ignore[reportUnknownVariableType]


def texts(name: str, value: object) -> list[str]:
    """Texts in a list or another iterable."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise InputError(f"{name} is {_shown(value)}, not a list of texts", hint="put a single text into a list")
    return [text(f"an item of {name}", one) for one in value]  # pyright: ignore[reportUnknownVariableType]


def file_or_data(name: str, value: object) -> str | bytes:
    """A path as text, or content as bytes."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if not isinstance(value, str | os.PathLike):
        kind = type(value).__name__
        raise InputError(f"{name} is {_shown(value)}, of type {kind}, neither a path nor bytes", hint="give a path, or a file's content")
    return os.fsdecode(value)


def text(name: str, value: object) -> str:
    """A text."""
    return _of_type(name, value, str, "a text")


def switch(name: str, value: object) -> bool:
    """True or False, no other value that counts as one."""
    return _of_type(name, value, bool, "True or False")


def environment_integer(variable: str, least: int, most: int) -> int | None:
    """The number in an environment variable, None if that is empty or not set."""
    value = os.environ.get(variable)
    if not value:
        return None
    # No underscores, signs or digits of other scripts, which int() takes.
    if not (value.isascii() and value.isdigit() and len(value) <= _MOST_SHOWN):
        raise InputError(
            f"{variable} is {_shown(value)}, not a whole number within {least} .. {most}", hint="set it to a number, or unset it"
        )
    return integer(variable, int(value), least, most)


def _of_type(name: str, value: object, kind: type[T], what: str) -> T:
    if not isinstance(value, kind):
        raise InputError(f"{name} is {_shown(value)}, of type {type(value).__name__}, not {what}")
    return value


def _index(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:  # arrays and NumPy's bool have the method, but no such value
        return None


def _shown(value: object) -> str:
    """The value for a message, cut if it is long."""
    try:
        return _SHORT.repr(value[:_MOST_SHOWN] if isinstance(value, bytes | bytearray) else value)
    except ValueError:  # Python does not write integers of more than some thousand digits
        return "a very long number"
