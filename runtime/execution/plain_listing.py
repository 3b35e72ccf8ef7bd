"""Listings without machine code: what runtime/execution/listing.py compiles is done line by line, in Python.

It is what a circuit that was edited a moment ago runs on (`zkc check`), and the plain reference of the compiled one. A line takes about a
microsecond, an instruction a few hundred of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any, Final

from zkc.runtime.errors import InternalError
from zkc.runtime.execution import driver, fuel, operations
from zkc.runtime.execution.pager import Book
from zkc.runtime.kernels.kernel import Kernel

MASK: Final = (1 << 64) - 1
SIGN: Final = 1 << 63


def loop(text: str, kinds: Mapping[str, str], level: int = 2) -> Callable[..., int]:
    """A listing again and again, until the event that is returned. level: nothing is compiled here."""
    lines = _Lines(text)

    def run(*arrays: Any) -> int:
        return _Run(lines, dict(zip(kinds, arrays, strict=True))).loop()

    return run


def function(text: str, *names: str) -> Callable[..., int]:
    """What a listing returns."""
    lines = _Lines(text)

    def call(*values: int) -> int:
        run = _Run(lines, {})
        run.values |= dict(zip(names, map(int, values), strict=True))
        return run.result()

    return call


def run(steps: Callable[..., int], slots: int, *arrays: Any) -> int:
    """Runs an executor until an event."""
    return _DRIVER["run"](arrays[0], steps, arrays, slots)


def execute(book: Book, steps: Callable[..., int], slots: int, decode: Callable[..., int], *arrays: Any) -> int:
    """Runs the fast executor until an event that the pager cannot settle."""
    return _DRIVER["execute"](book, steps, arrays, slots, decode)


def uncompiled(module: ModuleType, **others: Any) -> dict[str, Any]:
    """The names of a module, and `others` in their place; kernels defined there are the Python functions that they were made of, and call
    each other.
    """
    names = {**vars(module), **others}
    for name, value in vars(module).items():
        if isinstance(value, Kernel) and value.__module__ == module.__name__:
            code, defaults = value.py_func.__code__, value.py_func.__defaults__
            names[name] = FunctionType(code, names, name, defaults)
    return names


_OPERATIONS: Final = uncompiled(operations)
_DRIVER: Final = uncompiled(driver, enter=lambda entry, words: entry(*words))  # pyright: ignore[reportUnknownLambdaType]


class _Lines:
    """A listing: its lines as words, where each `when` ends, where cases and labels stand."""

    def __init__(self, text: str) -> None:
        words = (line.partition("#")[0].split() for line in text.splitlines())
        self.lines = [line for line in words if line]
        self.ends: dict[int, int] = {}
        self.cases: dict[int, int] = {}
        self.labels = {"step": 0}
        open_: list[int] = []
        for at, line in enumerate(self.lines):
            if line[0] == "when":
                open_.append(at)
            elif line[0] == "end":
                self.ends[open_.pop()] = at
            elif line[0] == "case":
                self.cases |= {int(number): at for number in line[1:]}
            elif line[0] == "label":
                self.labels[line[1]] = at


class _Run:
    """A listing on its way: values by name, what the next step begins with, and the line that comes next."""

    def __init__(self, lines: _Lines, arrays: Mapping[str, Any]) -> None:
        self.lines = lines
        self.arrays = arrays
        self.values: dict[str, int] = {}
        self.kept: dict[str, int] = {}
        self.at = 0
        self.returned: int | None = None
        self.effects: dict[str, Callable[..., object]] = {
            "put": self._put, "call": self._call, "when": self._when, "end": _nothing, "choose": self._choose, "case": _nothing,
            "never": _never, "return": self._return, "set": self._set, "again": self._again, "label": self._label, "leave": self._leave,
        }  # fmt: skip

    def loop(self) -> int:
        """Until an event; state goes back to where it came from."""
        state = self.arrays["state"]
        self.kept = {name: int(state[i]) for i, name in enumerate(fuel.KEPT)}
        self.values |= self.kept
        event = self.result()
        for i, name in enumerate(fuel.KEPT):
            state[i] = self.kept[name]
        return event

    def result(self) -> int:
        """What is returned."""
        lines = self.lines.lines
        while self.returned is None:
            words = lines[self.at]
            self.at += 1
            if words[1:2] == ["="]:
                self.values[words[0]] = self._value(words[2], words[3:])
            elif words[-2:-1] != ["if"]:
                self.effects[words[0]](*words[1:])
            elif self._operand(words[-1]):
                self.effects[words[0]](*words[1:-2])
        return self.returned

    def _value(self, kind: str, operands: Sequence[str]) -> int:
        if kind == "get":
            return self._get(*operands)
        if kind in ("field", "signed_field"):
            array, index, low, bits = operands
            return _field(self._get(array, index), int(low), int(bits), signed=kind == "signed_field")
        if kind == "call":
            return self._call(*operands)
        if kind in _VALUES:
            return _word(_VALUES[kind](*map(self._operand, operands)))
        return self._call(kind, *operands)

    def _operand(self, word: str) -> int:
        value = self.values.get(word)
        return int(word) if value is None else value

    def _index(self, index: str) -> int:
        base, _, more = index.partition("+")
        return self._operand(base) + (int(more) if more else 0)

    def _get(self, array: str, index: str) -> int:
        return int(self.arrays[array][self._index(index)])

    def _put(self, array: str, index: str, value: str) -> None:
        words = self.arrays[array]
        bits = 8 * words.dtype.itemsize
        word = self._operand(value) & (1 << bits) - 1
        words[self._index(index)] = word - (word >> bits - 1 << bits) if words.dtype.kind == "i" else word

    def _call(self, name: str, *operands: str) -> int:
        arguments = [self.arrays[word] if word in self.arrays else self._operand(word) for word in operands]
        return _word(int(_OPERATIONS[name](*arguments)))

    def _when(self, condition: str) -> None:
        if not self._operand(condition):
            self.at = self.lines.ends[self.at - 1]

    def _choose(self, value: str) -> None:
        self.at = self.lines.cases.get(self._operand(value), self.at)

    def _set(self, name: str, value: str) -> None:
        self.kept[name] = self._operand(value)

    def _again(self, label: str = "step") -> None:
        self.at = self.lines.labels[label]
        self.values |= self.kept

    def _label(self, _name: str) -> None:
        self.values |= self.kept

    def _leave(self, event: str, argument: str) -> None:
        self._put("state", str(fuel.EVENT), event)
        self._put("state", str(fuel.ARG), argument)
        self._return(event)

    def _return(self, value: str) -> None:
        self.returned = self._operand(value)


def _never() -> None:
    """What machine code takes for granted is said here."""
    raise InternalError("the executor has come to where nothing comes", hint="please report this")


def _nothing(*_words: str) -> None:
    """What only says where something is."""


def _word(value: int) -> int:
    """The signed word of 64 bits."""
    value = int(value) & MASK
    return value - (value & SIGN) * 2


def _field(word: int, low: int, bits: int, *, signed: bool) -> int:
    value = word >> low & (1 << bits) - 1
    return value - (value >> bits - 1 << bits) if signed else value


def _signed(x: int) -> int:
    return _field(x, 0, 32, signed=True)


_VALUES: Final[dict[str, Callable[..., int]]] = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "and": lambda x, y: x & y, "or": lambda x, y: x | y,
    "xor": lambda x, y: x ^ y, "shl": lambda x, y: x << y, "shr": lambda x, y: x >> y, "shr_unsigned": lambda x, y: (x & MASK) >> y,
    "shr_exact": lambda x, y: (x & MASK) >> y, "eq": lambda x, y: int(x == y), "lt": lambda x, y: int(x < y),
    "lt_unsigned": lambda x, y: int(x & MASK < y & MASK), "select": lambda c, x, y: x if c else y,
    "floordiv": lambda x, y: x // y, "mod": lambda x, y: x % y, "floordiv_unsigned": lambda x, y: (x & MASK) // (y & MASK),
    "mod_unsigned": lambda x, y: (x & MASK) % (y & MASK), "signed": _signed,
}  # fmt: skip
"""Other instructions are functions of runtime/execution/operations.py."""
