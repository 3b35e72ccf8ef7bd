"""The environment calls once more, as terms of z3: what a step of each does to registers, to the words of the system page that say how far
a call is, and to memory. The pc stays, and so does every word that is not named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from z3 import UGE, UGT, ULE, ULT, And, BitVecVal, Concat, Extract, If, Or

REGISTERS: Final = {"a0": 10, "a1": 11, "a2": 12, "a7": 17}
WORDS: Final = ("phase", "pointer", "remaining", "count", "journal_fill", "brk", "heap_start")
"""Words of the system page, by the constants that say where they are."""
SPONGE: Final = ("journal_capacity", "journal_buffer")
"""The same of eight words each: `journal_buffer[0]`, …"""
ENOSYS: Final = -38
EBADF: Final = -9
PAGE: Final = 4096
READS, WRITES, IN_VECTOR, TO_CONSOLE, CLEARS = 1, 2, 3, 4, 5
"""What phases mean; in 0 there is no call under way."""


def number(value: int) -> Any:
    return BitVecVal(value, 32)


@dataclass(frozen=True)
class State:
    """before, after: words by name. memory: words of user memory (or of the journal's buffer) that are accessed: old and new value, in
    order. lane: the pointer modulo 4; fill: journal_fill, where it is a constant; place: the same modulo 8, and length: by how much the
    pointer goes on, where they are."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    memory: Sequence[tuple[Any, Any]]
    lane: int
    fill: int = 0
    place: int = 0
    length: int = 0

    def __getattr__(self, name: str) -> Any:
        return self.before[name]


@dataclass(frozen=True)
class Step:
    """words: those that change. to: the pc goes on by so much. at: addresses of the accesses to memory, each of a word; a number for
    that word of eight bytes of the journal's buffer. holds: what else is true. given: what earlier steps have made true."""

    words: Mapping[str, Any] = field(default_factory=lambda: {})
    to: int = 0
    at: Sequence[Any] = ()
    holds: Sequence[Any] = ()
    given: Sequence[Any] = ()


def _byte(word: Any, lane: int) -> Any:
    return Extract(8 * lane + 7, 8 * lane, word)


def _others_stay(old: Any, new: Any, lane: int) -> list[Any]:
    return [_byte(new, i) == _byte(old, i) for i in range(4) if i != lane]


def _read_start(s: State) -> Step:
    length = s.after["remaining"]
    words = {"phase": number(READS), "pointer": s.a1, "remaining": length, "count": length}
    return Step(words, holds=[s.phase == 0, s.a7 == 63, s.a0 == 0, ULE(length, s.a2)])


def _read_block(s: State) -> Step:
    words = {"pointer": s.pointer + 32, "remaining": s.remaining - 32}
    holds = [s.phase == READS, UGE(s.remaining, 32), Extract(1, 0, s.pointer) == 0]
    return Step(words, at=[s.pointer + 4 * i for i in range(8)], holds=holds)


def _read_word(s: State) -> Step:
    words = {"pointer": s.pointer + 4, "remaining": s.remaining - 4}
    return Step(words, at=[s.pointer], holds=[s.phase == READS, UGE(s.remaining, 4), Extract(1, 0, s.pointer) == 0])


def _read_byte(s: State) -> Step:
    ((old, new),) = s.memory
    words = {"pointer": s.pointer + 1, "remaining": s.remaining - 1}
    return Step(words, at=[s.pointer - s.lane], holds=[s.phase == READS, s.remaining != 0, *_others_stay(old, new, s.lane)])


def _journal_part(s: State) -> Step:
    """Of eight bytes of the buffer, those from `place` on become bytes of memory."""
    first, old, new, memory = s.memory[0][0], *zip(*s.memory[1:3], strict=True), [word for word, _ in s.memory[3:]]
    bytes_ = [_byte(word, i) for word in (first, *memory) for i in range(4)][s.lane :]
    words = {"journal_fill": s.journal_fill + s.length, "pointer": s.pointer + s.length, "remaining": s.remaining - s.length}
    end, before, after = s.place + s.length, *([_byte(word, i) for word in both for i in range(4)] for both in (old, new))
    placed = [after[i] == (bytes_[i - s.place] if s.place <= i < end else before[i]) for i in range(8)]
    more = (s.remaining - 1) & 31
    most = If(ULT(more, 8 - s.place), more + 1, number(8 - s.place)) == s.length
    holds = [s.phase == WRITES, s.remaining != 0, s.journal_fill & 7 == s.place, ULT(s.journal_fill, 32), most, *placed]
    last = (s.lane + s.length - 1) // 4
    at = [s.pointer - s.lane, 0, 1, s.pointer - s.lane + 4 * min(1, last), s.pointer - s.lane + 4 * last]
    holds += [same == word for word, same in (s.memory[0], *s.memory[3:])]
    return Step(words, at=at, holds=holds, given=[byte == 0 for byte in before[s.place :]])


def _journal_block(s: State) -> Step:
    """The buffer's bytes are those that it had and 32 of memory, but for the first 32 of these: they are in the sponge."""
    memory, old = [word for word, _ in s.memory], [s.before[f"journal_buffer[{i}]"] for i in range(8)]
    moved = [_byte(memory[i // 4], i % 4) for i in range(s.lane, s.lane + 32)]
    rest = [*moved[32 - s.fill :], *[BitVecVal(0, 8)] * (32 - s.fill)]
    words = {name: s.after[name] for name in sponge() if name.startswith("journal_capacity")}
    words |= {f"journal_buffer[{i}]": Concat(*reversed(rest[4 * i : 4 * i + 4])) for i in range(8)}
    words |= {"pointer": s.pointer + 32, "remaining": s.remaining - 32}
    start, last = s.pointer - s.lane, 32 if s.lane else 28  # an aligned block reads its last word again
    holds = [s.phase == WRITES, UGE(s.remaining, 32), s.journal_fill == s.fill, *(same == word for word, same in s.memory)]
    beyond = [_byte(old[i // 4], i % 4) == 0 for i in range(s.fill, 32)]
    return Step(words, at=[*(start + 4 * i for i in range(8)), start + last], holds=holds, given=beyond)


def _journal_compress(s: State) -> Step:
    words = {name: s.after[name] if name.startswith("journal_capacity") else number(0) for name in sponge()}
    return Step(words | {"journal_fill": number(0)}, holds=[s.phase == WRITES, s.remaining != 0, s.journal_fill == 32])


def sponge() -> list[str]:
    """Names of words."""
    return [f"{name}[{i}]" for name in SPONGE for i in range(8)]


def _writev_entry(s: State) -> Step:
    (base, same_base), (length, same_length) = s.memory
    empty = length == 0
    words = {
        "phase": If(empty, number(IN_VECTOR), If(s.a0 == 3, number(WRITES), number(TO_CONSOLE))),
        "pointer": If(empty, s.pointer + 8, base),
        "remaining": If(empty, s.remaining - 1, length),
        "count": length,
    }
    holds = [s.phase == IN_VECTOR, s.remaining != 0, same_base == base, same_length == length]
    return Step(words, at=[s.pointer, s.pointer + 4], holds=holds)


def _page_up(x: Any) -> Any:
    return (x + (PAGE - 1)) & number(2**32 - PAGE)


def _brk(end: int) -> Callable[[State], Step]:
    def step(s: State) -> Step:
        new = If(And(UGE(s.a0, s.heap_start), ULE(s.a0, end)), s.a0, s.brk)
        shrinks = ULT(_page_up(new), _page_up(s.brk))
        left = If(shrinks, _page_up(s.brk) - _page_up(new), number(0))
        words = {"brk": new, "phase": number(CLEARS), "pointer": _page_up(new), "remaining": left, "count": new}
        return Step(words, holds=[s.phase == 0, s.a7 == 214])

    return step


def _brk_clear(s: State) -> Step:
    words = {"pointer": s.pointer + 32, "remaining": s.remaining - 32}
    cleared = [new == 0 for _, new in s.memory]
    return Step(words, at=[s.pointer + 4 * i for i in range(8)], holds=[s.phase == CLEARS, s.remaining != 0, *cleared])


def _start(phase: int, call: int, count: Callable[[State], Any]) -> Callable[[State], Step]:
    def step(s: State) -> Step:
        words = {"phase": number(phase), "pointer": s.a1, "remaining": s.a2, "count": count(s)}
        return Step(words, holds=[s.phase == 0, s.a7 == call])

    return step


def _answer(value: Callable[[State], Any], *holds: Callable[[State], Any]) -> Callable[[State], Step]:
    return lambda s: Step({"a0": value(s)}, 4, holds=[s.phase == 0, *(h(s) for h in holds)])


def steps(brk_end: int) -> Mapping[str, Callable[[State], Step]]:
    """What each environment call does in one step. Of `journal_compress` this is all but what it puts into the capacity."""
    return {
        "exit": lambda s: Step(holds=[s.phase == 0, Or(s.a7 == 93, s.a7 == 94)]),
        "read_start": _read_start,
        "read_block": _read_block,
        "read_word": _read_word,
        "read_byte": _read_byte,
        "transfer_end": lambda s: Step({"a0": s.count, "phase": number(0)}, 4, holds=[s.phase != 0, s.remaining == 0]),
        "write_console": _answer(lambda s: s.a2, lambda s: s.a7 == 64, lambda s: Or(s.a0 == 1, s.a0 == 2)),
        "write_journal": _start(WRITES, 64, lambda s: s.a2),
        "journal_block": _journal_block,
        "journal_part": _journal_part,
        "journal_compress": _journal_compress,
        "writev_start": _start(IN_VECTOR, 66, lambda _: number(0)),
        "writev_entry": _writev_entry,
        "writev_console": lambda s: Step({"remaining": number(0)}, holds=[s.phase == TO_CONSOLE, s.remaining != 0]),
        "write_nowhere": _answer(lambda _: number(EBADF), lambda s: Or(s.a7 == 64, s.a7 == 66), lambda s: UGT(s.a0 - 1, 2)),
        "read_nowhere": _answer(lambda _: number(EBADF), lambda s: s.a7 == 63, lambda s: s.a0 != 0),
        "brk": _brk(brk_end),
        "brk_clear": _brk_clear,
        "no_such_call": _answer(lambda _: number(ENOSYS), lambda s: And(*(s.a7 != call for call in (63, 64, 66, 93, 94, 214)))),
    }
