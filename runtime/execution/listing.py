"""Listings: what a generated function does, an instruction a line. LLVM code is made of them at once, past Numba's front end.

Values are words of 64 bits, `a` and `b` below are names of values or numbers, and a name is given a value once:

    v = add a b            an instruction of runtime/circuit/fill_program.py (Op), on values
    v = shr_exact a b      `shr_unsigned` where the bits that fall out are 0
    v = get mem a          an element of an array
    v = field mem a 8 16   of an element, 16 bits from the eighth on; `signed_field`: the uppermost is a sign
    put mem a b            writes one; `a+4` is the element four further on
    v = call perform_halt host mem journal a      a function of runtime/execution/operations.py, of arrays and values; `v =` may be missing
    when a … end           what is done if a is not 0; it ends with one of the three below
    choose a               goes on with the case of that number, or with the next line if there is none
    case 3 4               a case, until the next one
    never                  where nothing comes
    set pc a               what the next step begins with
    again                  begins the next step
    label next             where steps may also begin, one of them
    again next if a        begins the next step there if a is not 0
    leave 8 a              ends the loop with this event (runtime/execution/events.py) and argument
    return a               ends a function that is no loop

`put`, `set` and `leave` may end with `if a`: they do nothing then if a is 0. What follows a `#` is for people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from llvmlite import ir

from zkc.runtime.execution import fuel
from zkc.runtime.execution.listed import INT, STATE
from zkc.runtime.field import emit
from zkc.runtime.kernels.entry import ENTRY, array_data
from zkc.runtime.kernels.kernel import inlined_symbol
from zkc.runtime.kernels.native import DONE

Call = tuple[str, tuple[str, ...]]
"""A function of runtime/execution/operations.py, and the kinds of its arguments."""


def module_of(text: str, kinds: Mapping[str, str], symbol: str) -> tuple[ir.Module, list[Call]]:
    """The LLVM code of a listing, with one entry, and what it calls. kinds: see `listed`."""
    module = ir.Module(symbol)
    entry = ir.Function(module, ENTRY, symbol)
    b = ir.IRBuilder(entry.append_basic_block("entry"))
    words = {name: b.load(b.gep(entry.args[0], [emit.I64(i)])) for i, name in enumerate(kinds)}
    body = (_Loop if STATE in kinds else _Body)(b, kinds, words)
    b.store(body.emit(text), entry.args[1])
    b.ret(emit.I32(DONE))
    return module, body.calls


class _Body:
    """Emits a listing where the builder stands. words: the arguments, of arrays the addresses of their objects."""

    def __init__(self, b: emit.Builder, kinds: Mapping[str, str], words: Mapping[str, emit.Value]) -> None:
        self.b = b
        self.kinds = kinds
        self.words = words
        self.data = {name: array_data(b, words[name], _element(kind)) for name, kind in kinds.items() if kind != INT}
        self.values: dict[str, emit.Value] = {name: word for name, word in words.items() if name not in self.data}
        self.calls: list[Call] = []
        self.result = b.alloca(emit.I64)
        self.done = b.append_basic_block("done")
        self.ends: list[Any] = []
        self.switch: Any = None
        self.effects: dict[str, Callable[..., None]] = {
            "put": self._put, "call": self._call, "when": self._when, "end": self._end, "choose": self._choose, "case": self._case,
            "never": self.b.unreachable, "return": self._return,
        }  # fmt: skip

    def emit(self, text: str) -> emit.Value:
        """The value that is returned."""
        for line in text.splitlines():
            words = line.partition("#")[0].split()
            if words:
                self._line(words)
        self.b.position_at_end(self.done)
        return self.b.load(self.result)

    def _line(self, words: Sequence[str]) -> None:
        if words[1:2] == ["="]:
            self.values[words[0]] = self._value(words[2], words[3:])
        elif words[-2:-1] == ["if"]:
            with self.b.if_then(self._holds(words[-1]), likely=words[0] == "again"):
                self.effects[words[0]](*words[1:-2])
        else:
            self.effects[words[0]](*words[1:])

    def _value(self, kind: str, operands: Sequence[str]) -> emit.Value:
        if kind == "get":
            word = self.b.load(self._element(*operands))
            return word if word.type == emit.I64 else self.b.zext(word, emit.I64)
        if kind in ("field", "signed_field"):
            array, index, low, bits = operands
            return self._field(array, index, int(low), int(bits), signed=kind == "signed_field")
        if kind == "call":
            return self._call(*operands)
        if kind in _EMIT:
            return _EMIT[kind](self.b, *map(self._operand, operands))
        return self._call(kind, *operands)

    def _operand(self, word: str) -> emit.Value:
        return self.values[word] if word in self.values else emit.constant(emit.I64, int(word))

    def _holds(self, word: str) -> emit.Value:
        return _is_set(self.b, self._operand(word))

    def _element(self, array: str, index: str) -> emit.Value:
        """Where an element is."""
        base, _, more = index.partition("+")
        at = self._operand(base)
        return self.b.gep(self.data[array], [self.b.add(at, emit.constant(emit.I64, int(more))) if more else at], inbounds=True)

    def _field(self, array: str, index: str, low: int, bits: int, *, signed: bool) -> emit.Value:
        """Loads no more than the bits, where these are a word that can be loaded."""
        extend = self.b.sext if signed else self.b.zext
        if low % 8 == 0 and bits in (8, 16, 32):
            kind, bytes_ = ir.IntType(bits), self.b.bitcast(self.data[array], ir.IntType(8).as_pointer())
            first = self.b.shl(self._operand(index), emit.constant(emit.I64, 3))
            place = self.b.gep(bytes_, [self.b.add(first, emit.constant(emit.I64, low // 8))], inbounds=True)
            return extend(self.b.load(self.b.bitcast(place, kind.as_pointer()), align=1), emit.I64)
        above = self.b.shl(self.b.load(self._element(array, index)), emit.constant(emit.I64, 64 - low - bits))
        shift = self.b.ashr if signed else self.b.lshr
        return shift(above, emit.constant(emit.I64, 64 - bits))

    def _put(self, array: str, index: str, value: str) -> None:
        place, word = self._element(array, index), self._operand(value)
        kind = place.type.pointee
        self.b.store(word if kind == emit.I64 else self.b.trunc(word, kind), place)

    def _call(self, name: str, *operands: str) -> emit.Value:
        kinds = tuple(self.kinds[word] if word in self.data else INT for word in operands)
        symbol = inlined_symbol(name, kinds)
        if (name, kinds) not in self.calls:
            self.calls.append((name, kinds))
            ir.Function(self.b.module, ir.FunctionType(emit.I64, [emit.I64] * len(kinds)), symbol)
        values = [self.words[word] if word in self.data else self._operand(word) for word in operands]
        return self.b.call(self.b.module.get_global(symbol), values)

    def _when(self, condition: str) -> None:
        body, end = (self.b.append_basic_block(name) for name in ("when", "end"))
        self.b.cbranch(self._holds(condition), body, end)
        self.ends.append(end)
        self.b.position_at_end(body)

    def _end(self) -> None:
        self.b.position_at_end(self.ends.pop())

    def _choose(self, value: str) -> None:
        default = self.b.append_basic_block("default")
        self.switch = self.b.switch(self._operand(value), default)
        self.b.position_at_end(default)

    def _case(self, *numbers: str) -> None:
        block = self.b.append_basic_block("case")
        for number in numbers:
            self.switch.add_case(emit.constant(emit.I64, int(number)), block)
        self.b.position_at_end(block)

    def _return(self, value: str) -> None:
        self.b.store(self._operand(value), self.result)
        self.b.branch(self.done)


class _Loop(_Body):
    """The same again and again; what is set is seen by the next step."""

    def __init__(self, b: emit.Builder, kinds: Mapping[str, str], words: Mapping[str, emit.Value]) -> None:
        super().__init__(b, kinds, words)
        self.effects |= {"set": self._set, "again": self._again, "label": self._label, "leave": self._leave}
        self.kept = {name: b.alloca(emit.I64) for name in fuel.KEPT}
        for i, place in enumerate(self.kept.values()):
            b.store(b.load(self._element(STATE, str(i))), place)
        self.starts: dict[str, Any] = {}
        self._label("step")

    def emit(self, text: str) -> emit.Value:
        event = super().emit(text)
        for i, place in enumerate(self.kept.values()):
            self.b.store(self.b.load(place), self._element(STATE, str(i)))
        return event

    def _set(self, name: str, value: str) -> None:
        self.b.store(self._operand(value), self.kept[name])

    def _again(self, label: str = "step") -> None:
        self.b.branch(self._start(label))

    def _start(self, label: str) -> Any:
        if label not in self.starts:
            self.starts[label] = self.b.append_basic_block(label)
        return self.starts[label]

    def _label(self, name: str) -> None:
        start = self._start(name)
        self.b.branch(start)
        self.b.position_at_end(start)
        self.values |= {name: self.b.load(place) for name, place in self.kept.items()}

    def _leave(self, event: str, argument: str) -> None:
        self._put(STATE, str(fuel.EVENT), event)
        self._put(STATE, str(fuel.ARG), argument)
        self._return(event)


def _element(kind: str) -> ir.Type:
    """Of an array."""
    return ir.IntType(int("".join(letter for letter in kind.partition("[")[0] if letter.isdigit())))


def _is_set(b: emit.Builder, value: emit.Value) -> emit.Value:
    return b.icmp_unsigned("!=", value, emit.constant(value.type, 0))


def _compare(comparison: str, *, signed: bool) -> Callable[..., emit.Value]:
    def emitter(b: emit.Builder, x: emit.Value, y: emit.Value) -> emit.Value:
        return b.zext((b.icmp_signed if signed else b.icmp_unsigned)(comparison, x, y), emit.I64)

    return emitter


def _floordiv(b: emit.Builder, x: emit.Value, y: emit.Value) -> emit.Value:
    """Rounds down, for y above 0."""
    below = b.icmp_signed("<", b.srem(x, y), emit.constant(emit.I64, 0))
    return b.sub(b.sdiv(x, y), b.zext(below, emit.I64))


def _mod(b: emit.Builder, x: emit.Value, y: emit.Value) -> emit.Value:
    """From 0 up, for y above 0."""
    rest = b.srem(x, y)
    return b.select(b.icmp_signed("<", rest, emit.constant(emit.I64, 0)), b.add(rest, y), rest)


def _signed(b: emit.Builder, x: emit.Value) -> emit.Value:
    return b.sext(b.trunc(x, emit.I32), emit.I64)


def _shr_exact(b: Any, x: emit.Value, y: emit.Value) -> emit.Value:
    return b.lshr(x, y, flags=("exact",))


def _select(b: emit.Builder, condition: emit.Value, x: emit.Value, y: emit.Value) -> emit.Value:
    return b.select(_is_set(b, condition), x, y)


_EMIT: Final[dict[str, Callable[..., emit.Value]]] = {
    "add": ir.IRBuilder.add, "sub": ir.IRBuilder.sub, "mul": ir.IRBuilder.mul, "and": ir.IRBuilder.and_, "or": ir.IRBuilder.or_,
    "xor": ir.IRBuilder.xor, "shl": ir.IRBuilder.shl, "shr": ir.IRBuilder.ashr, "shr_unsigned": ir.IRBuilder.lshr, "shr_exact": _shr_exact,
    "eq": _compare("==", signed=False), "lt": _compare("<", signed=True), "lt_unsigned": _compare("<", signed=False), "select": _select,
    "floordiv": _floordiv, "mod": _mod, "floordiv_unsigned": ir.IRBuilder.udiv, "mod_unsigned": ir.IRBuilder.urem, "signed": _signed,
}  # fmt: skip
"""Other instructions are functions of runtime/execution/operations.py."""
