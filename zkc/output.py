"""What commands print: lines for people, one JSON object for programs. All text leaves the process here, fit for a terminal."""

from __future__ import annotations

import codecs
import json
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from zkc.runtime.text import printable

KEYS: Final = (
    "image_id",
    "exit_code",
    "instructions",
    "segments",
    "seconds",
    "console",
    "journal",
    "proof_bytes",
    "peak_rss_bytes",
    "verified",
    "security_bits",
)
"""In every JSON object, null where a command does not know."""

MOST_JOURNAL_BYTES: Final = 64
"""Shown to people; --json has all."""


def say(text: str = "") -> None:
    """Lines on stdout, part of the answer."""
    print(printable(text, keep="\n\t"))


def note(text: str) -> None:
    """Lines on stderr, beside the answer."""
    if sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison]  # closed, in a program that uses us
        print(printable(text, keep="\n\t"), file=sys.stderr)


class RawOutput:
    """Bytes of a program: unchanged into files and pipes; on a terminal, which would obey them, escaped but for line ends and tabs."""

    def __init__(self) -> None:
        # A character may come in parts.
        self._decoders = {file: codecs.getincrementaldecoder("utf-8")("surrogateescape") for file in (1, 2)}

    def write(self, stream: TextIO, file: int, data: bytes) -> None:
        """Writes `data`, of the program's file 1 or 2, to `stream`."""
        stream.flush()
        if stream.isatty():
            stream.write(printable(self._decoders[file].decode(data), keep="\n\t"))
        else:
            stream.buffer.write(data)
        stream.flush()


@dataclass
class Report:
    """One command's result: facts for people in order, values for programs."""

    as_json: bool
    started: float = field(default_factory=time.perf_counter)

    def seconds(self) -> float:
        """Since the command began."""
        return time.perf_counter() - self.started

    def show(self, facts: Mapping[str, str], **values: Any) -> None:
        """Prints either the facts or the values."""
        if self.as_json:
            print_json(seconds=round(self.seconds(), 6), **values)
            return
        width = max(len(name) for name in facts)
        for name, text in facts.items():
            say(f"{name:<{width}}  {printable(text)}")


def print_json(**values: Any) -> None:
    """One object on one line, with every key that programs may rely on."""
    say(json.dumps({**dict.fromkeys(KEYS), "peak_rss_bytes": peak_rss_bytes(), **values}))
    sys.stdout.flush()


def peak_rss_bytes() -> int:
    """The most memory that this process or one of its children held."""
    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    try:
        # getrusage counts what the process was before exec, too
        with open("/proc/self/status", encoding="ascii") as status:
            own = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return max(own, children)


def describe_journal(journal: bytes) -> str:
    """Length, hexadecimal digits, and the text if it is one."""
    if not journal:
        return "empty"
    if len(journal) > MOST_JOURNAL_BYTES:
        return f"{len(journal)} bytes: {journal[:MOST_JOURNAL_BYTES].hex()}…"
    text = journal.decode("ascii", "replace")
    shown = f'  "{text}"' if text.isascii() and text.isprintable() else ""
    return f"{len(journal)} bytes: {journal.hex()}{shown}"


def describe_count(count: int) -> str:
    """A number with blanks between thousands."""
    return f"{count:,}".replace(",", " ")


def describe_share(part: int, whole: int) -> str:
    """A part in per cent."""
    return f"{100 * part / max(whole, 1):.1f} %"


def describe_rate(count: int, seconds: float) -> str:
    """How long it took, and how many instructions that is a second."""
    rate = count / max(seconds, 1e-9)
    shown = f"{rate / 1e6:.1f} million" if rate >= 1e6 else f"{rate / 1e3:.1f} thousand"
    return f"{seconds:.2f} s, {shown} a second"


def describe_exit(code: int) -> str:
    """The exit code as the program meant it; codes are 32 bits."""
    return f"{code}" if code < 2**31 else f"{code} ({code - 2**32})"
