"""Reads locations, and the names that other tools give them."""

from __future__ import annotations

import re
from typing import Final

from zkc.compiler.ir.locations import UNKNOWN, Location
from zkc.compiler.ir.scanner import STRING, Scanner, pattern
from zkc.dsl.spans import Span

MAX_CALLS: Final = 256
"""Calls in calls."""
_DEFINITION = re.compile(r"^[ \t]*(#[A-Za-z_][\w$.]*)[ \t]*=[ \t]*loc\(\s*", re.MULTILINE | re.ASCII)
_ALIAS = pattern(r"#[A-Za-z_][\w$.]*")
_LOC = pattern(r"loc\b\s*\(")
_LINE = pattern(r"loc\([^\n]*\)(?=[,)]|\s*(?:\n|$))")
_PLACE = pattern(rf"{STRING}\s*:\s*[0-9]{{1,18}}\s*:\s*[0-9]{{1,18}}")
_CALL = pattern(r"callsite\s*\(")
_NAME = pattern(STRING)
_AT = pattern(r"at\b")
Callee = tuple[str, Span]


class LocationReader:
    """Reads `loc(…)`. Names may stand before they are defined: all definitions are found first."""

    def __init__(self, scanner: Scanner) -> None:
        self.s = scanner
        self.depth = 0
        self._known: dict[str, Location] = {}
        self._definitions = {m[1]: m.end() for m in _DEFINITION.finditer(scanner.text)}

    def skip_definition(self) -> bool:
        """Reads `#loc3 = loc(…)` if that comes next."""
        if self.s.peek() != "#":
            return False
        self.s.need(_ALIAS, "the name of a location")
        self.s.need_literal("=", "`=` after the name of a location")
        self.s.need(_LOC, "`loc(`")
        self._callee_or_location()
        self.s.need_literal(")", "`)` after a location")
        return True

    def read(self, otherwise: int) -> Location:
        """`loc(…)`; without one, the position."""
        s = self.s
        if s.peek() != "l":
            return Location(s.span(otherwise))
        line = _LINE.match(s.text, s.position)
        found = None if line is None else self._known.get(line[1])
        if line is not None and found is not None:
            s.position = line.end()
            return found
        s.need(_LOC, "a location, as `loc(\"file\":1:1)`")
        found = self._location()
        s.need_literal(")", "`)` after a location")
        if line is not None and s.position == line.end():
            self._known[line[1]] = found
        return found

    def _location(self) -> Location:
        at = self.s.position
        found = self._callee_or_location()
        if not isinstance(found, Location):
            self.s.fail('a location is a place, as `"file":1:1`, or `callsite("gadget"(place) at location)`', at)
        return found

    def _callee(self) -> Callee:
        at = self.s.position
        found = self._callee_or_location()
        if isinstance(found, Location):
            self.s.fail('what is called has a name and a place, as `"gadget"("file":1:1)`', at)
        return found

    def _callee_or_location(self) -> Callee | Location:
        s = self.s
        self.depth += 1
        if self.depth > MAX_CALLS:
            s.fail(f"calls are nested deeper than {MAX_CALLS} levels, or a location is defined by itself")
        try:
            if s.eat_literal("unknown"):
                return UNKNOWN
            if s.eat(_CALL):
                return self._call()
            if s.peek() == "#":
                return self._alias()
            place = self._place()
            return self._named() if place is None else Location(place)
        finally:
            self.depth -= 1

    def _call(self) -> Location:
        s = self.s
        name, place = self._callee()
        s.need(_AT, "`at` and the location of the call")
        at = s.position
        caller = self._location()
        s.need_literal(")", "`)` after the location of a call")
        if caller.span is None:
            s.fail("a call has a place", at)
        return Location(place, (*caller.calls, (name, caller.span)))

    def _alias(self) -> Callee | Location:
        s = self.s
        at = s.position
        name = s.need(_ALIAS, "the name of a location")
        if name not in self._definitions:
            s.fail(f"there is no location `{name}`", at)
        after, s.position = s.position, self._definitions[name]
        found = self._callee_or_location()
        s.position = after
        return found

    def _place(self) -> Span | None:
        s, at = self.s, self.s.position
        text = s.eat(_PLACE)
        if text is None:
            return None
        name, line, column = (part.strip() for part in text.rsplit(":", 2))
        return Span(s.text_of(name, at), int(line), int(column), int(line), int(column) + 1)

    def _named(self) -> Callee:
        s = self.s
        at = s.position
        name = s.text_of(s.need(_NAME, 'a place, as `"file":1:1`'), at)
        s.need_literal("(", f"`(` and the place of {name}, or `:` and a line")
        inner = s.position
        found = self._location()
        s.need_literal(")", "`)` after a place")
        if found.span is None or found.calls:
            s.fail(f"the place of {name} is a file, a line and a column", inner)
        return name, found.span
