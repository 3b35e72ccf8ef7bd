"""Listings (see `listing`) as machine code, which is linked, loaded or compiled when they are first called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np

from zkc.runtime.execution import driver, operations
from zkc.runtime.execution.pager import Book
from zkc.runtime.kernels import cache, sources
from zkc.runtime.kernels.kernel import kept_or_made
from zkc.runtime.kernels.native import Linked, Native
from zkc.runtime.kernels.target import targets

Kind = str
"""Of an argument: "int", or an array as "uint8[:]" or "int64[:, :]"."""
INT: Final = "int"
STATE: Final = "state"
"""The array that a loop keeps its state in; see `fuel`."""


class Listed:
    """A listing that is called with values of these kinds: a loop if one of them is the state. level: see `object_code`.

    An entry of the cache is named by all that machine code is made of: the text but for what is for people, the kinds, what emits it, and
    what it calls.
    """

    def __init__(self, text: str, kinds: Mapping[str, Kind], level: int = 2) -> None:
        lines = (line.partition("#")[0].strip() for line in text.splitlines())
        self.text = "\n".join(line for line in lines if line)
        self.kinds, self.level = dict(kinds), level
        self._arrays = [(place, *_described(kind)) for place, kind in enumerate(kinds.values()) if kind != INT]

    def __call__(self, *values: Any) -> int:
        """The event of a loop, or what a function returns."""
        self._check(values)
        return self._linked(values)

    @property
    def entry(self) -> int:
        """The address of its machine code in this process."""
        return self._place[0]

    def words(self, values: Sequence[Any]) -> driver.Words:
        """Arrays as machine code is given them; they are not held."""
        self._check(values)
        return np.array(list(map(id, values)), dtype=np.int64)

    def is_kept(self) -> bool:
        """Whether its machine code is in the cache."""
        return not cache.names("kernels").isdisjoint(self._names)

    def _check(self, values: Sequence[Any]) -> None:
        """Machine code does not look at what arrays it is given."""
        for place, dtype, dimensions in self._arrays:
            array = values[place]
            if array.dtype.str != dtype or array.ndim != dimensions or not array.flags.c_contiguous:
                raise TypeError(f"the machine code of a listing is for another kind of the array {list(self.kinds)[place]}")

    @property
    def _names(self) -> list[str]:
        """Of the entries of the cache, the best first."""
        made_of = sources.digest_of(__name__), self.text, self.kinds, self.level
        return [f"listing-{sources.short_digest(repr((made_of, target)))}" for target in targets()]

    @cached_property
    def _native(self) -> Native:
        names, words = self._names, "".join("q" if kind == INT else "a" for kind in self.kinds.values())
        return Native(names[0], words, "int", kept_or_made(names, self._compile))

    @cached_property
    def _place(self) -> tuple[int, int]:
        return self._native.place()

    @cached_property
    def _linked(self) -> Linked:
        return self._native.linked(*self._place)

    def _compile(self, name: str) -> bytes:
        from zkc.runtime.execution.listing import module_of
        from zkc.runtime.kernels.llvm import object_code

        module, calls = module_of(self.text, self.kinds, name)
        return object_code(str(module), [getattr(operations, called).inlined(kinds) for called, kinds in calls], name, self.level)


def _described(kind: Kind) -> tuple[str, int]:
    """The type of the elements of an array, and its number of dimensions."""
    element, _, dimensions = kind.partition("[")
    return np.dtype(element).str, dimensions.count(":")


def loop(text: str, kinds: Mapping[str, Kind], level: int = 2) -> Listed:
    """A listing again and again, until the event that is returned; one of its arguments is the state."""
    assert STATE in kinds
    return Listed(text, kinds, level)


def function(text: str, *names: str) -> Listed:
    """What a listing returns, of integers with these names."""
    return Listed(text, dict.fromkeys(names, INT))


def run(steps: Listed, slots: int, *arrays: Any) -> int:
    """Runs an executor until an event. arrays: those of the loop; the first is its state, that of runtime/execution/fuel.py."""
    return driver.run(arrays[0], steps.entry, steps.words(arrays), slots)


def execute(book: Book, steps: Listed, slots: int, decode: Listed, *arrays: Any) -> int:
    """Runs the fast executor until an event that the pager (runtime/execution/pager.py) cannot settle."""
    return driver.execute(book, steps.entry, steps.words(arrays), slots, decode.entry)
