"""Where an error of inlined code is shown, and how one is passed over for others to be found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from zkc.compiler.ir.locations import Location
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError
from zkc.dsl.spans import Span

OF_ARGUMENTS = frozenset(("E0205", "E0208", "E0209", "E0304", "E0401", "E0402", "E0501", "E0502"))
"""Errors that depend on what a gadget is given: they are shown at the outermost call, then inside."""


def located(code: str, loc: Location) -> tuple[Span | None, tuple[tuple[Span, str], ...]]:
    """Where an error is shown, and the call chain as labels. The first place is what the author of the outermost call wrote if the error
    is one of the arguments, and the place inside of the gadget if not."""
    if loc.span is None or not loc.calls:
        return loc.span, ()
    places = [place for _, place in loc.calls] + [loc.span]
    labels = [
        (place, f"in `{name}`, called at {places[i]}") for i, ((name, _), place) in enumerate(zip(loc.calls, places[1:], strict=True))
    ]
    if code in OF_ARGUMENTS:
        return places[0], tuple(labels)
    return loc.span, ((loc.calls[0][1], f"`{loc.calls[-1][0]}` is inlined into this"),)


Made = TypeVar("Made")


def reporting(diagnostics: list[Diagnostic], make: Callable[[], Made]) -> Made | None:
    """What is made; None if something is wrong with it, which is reported, so that others can be looked at."""
    before = len(diagnostics)
    try:
        return make()
    except DiagnosticError:
        if len(diagnostics) == before:
            raise
        return None
