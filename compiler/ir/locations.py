"""Where an operation comes from: a place in a file and, if gadgets are inlined there, the calls that lead to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from zkc.dsl.spans import Span

Calls = tuple[tuple[str, Span], ...]
"""The gadgets being inlined and where each is called, the outermost first."""


@dataclass(frozen=True, slots=True)
class Location:
    """`span` is inside of the last gadget of `calls`. Text keeps where spans start, not where they end."""

    span: Span | None = None
    calls: Calls = ()

    def __str__(self) -> str:
        """As MLIR writes it, without `loc(…)`."""
        if self.span is None:
            return "unknown"
        places = [_place(span) for span in (*(span for _, span in self.calls), self.span)]
        text = places[0]
        for (name, _), place in zip(self.calls, places[1:], strict=True):
            text = f"callsite({quoted(name)}({place}) at {text})"
        return text


UNKNOWN = Location()


def _place(span: Span) -> str:
    return f"{quoted(span.file)}:{span.line}:{span.column}"


@lru_cache(maxsize=1 << 12)
def quoted(text: str) -> str:
    """A string literal of MLIR."""
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() and c.isascii() else _hex(c)) for c in text) + '"'


_ESCAPES = {"\\": "\\\\", '"': '\\"'}


def _hex(character: str) -> str:
    return "".join(f"\\{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
