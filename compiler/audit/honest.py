"""A row of an honest run, with every value that it has, and the step that the executor makes of it: the reference interpreter with memory
around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from zkc.compiler.audit.table import Circuit
from zkc.compiler.dialects import bus, integer, row, step
from zkc.compiler.interpret import Interpreter, NoMeaning
from zkc.compiler.ir.operation import Operation, Region, Value
from zkc.runtime.execution import operations
from zkc.runtime.field.koalabear import P

WORD: Final = 1 << 32
HALF: Final = 1 << 16
SLOTS: Final = 4
CODE: Final = 8
"""One word of user memory in so many is code."""
CORNERS: Final = (0, 1, 2, 3, 4, 7, 31, 32, 0xFF, 0x7FFF, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)


class Stops(Exception):
    """The executor stops here: there is no such row."""


Token = tuple[int, int, int]
"""A word, the time of its last access, and its mark."""
Gaps = Sequence[tuple[range, int]]
"""Addresses of words, and the most that a step can look back at one of them."""


@dataclass
class Memory:
    """Words of memory, made up when they are first asked for. fixed: those that are what they are, by address. user_end: in bytes.
    before: what was there at first. wanted: the words that are made up first, last to first. gaps: how long before the clock words were
    accessed last at most."""

    random: Random
    clock: int
    user_end: int
    fixed: Mapping[int, int] = field(default_factory=lambda: dict[int, int]())
    tokens: dict[int, Token] = field(default_factory=lambda: dict[int, Token]())
    before: dict[int, Token] = field(default_factory=lambda: dict[int, Token]())
    wanted: list[int] = field(default_factory=lambda: list[int]())
    gaps: Gaps = ()

    def load(self, address: int) -> Token:
        """What is at an address."""
        if address not in self.tokens:
            then = max(0, self.clock - self._gap(max(1, min((most for where, most in self.gaps if address in where), default=1))))
            mark = int(4 * address < self.user_end and self.random.randrange(CODE) == 0)
            self.before[address] = self.tokens[address] = self._word(address), then, mark
        return self.tokens[address]

    def _gap(self, longest: int) -> int:
        """Any, the longest, or one that is about a multiple of a power of two."""
        r = self.random
        unit = 1 << r.randrange(longest.bit_length())
        near = unit * r.randint(0, longest // unit) + r.randint(-SLOTS, SLOTS)
        return r.choice((r.randint(1, longest), longest, min(max(near, 1), longest)))

    def _word(self, address: int) -> int:
        if address in self.fixed:
            return self.fixed[address]
        return self.wanted.pop() if self.wanted else self.word()

    def again(self) -> Memory:
        """As it was at first."""
        return replace(self, tokens=dict(self.before), before=dict(self.before))

    def word(self) -> int:
        """Nothing, a corner, a small number, any number, an address, one where its high half changes, or a word that is elsewhere, too."""
        r = self.random
        others = [word for word, _, _ in self.before.values()] or [0]
        return r.choice((
            0, r.choice(CORNERS), r.randrange(64), r.randrange(WORD), 4 * r.randrange(self.user_end // 4),
            (HALF * r.randrange(self.user_end // HALF) + 4 * r.randint(-SLOTS, SLOTS)) % WORD, r.choice(others),
        ))  # fmt: skip


class Host:
    """The host that comes with zkc, with some input left."""

    def __init__(self, text: bytes) -> None:
        self.input: npt.NDArray[np.uint8] = np.frombuffer(text, dtype=np.uint8)
        self.state = np.zeros(operations.HOST_WORDS, dtype=np.int64)
        self.state[operations.HOST_LENGTH], self.state[operations.HOST_PRESENT] = len(text), 1

    def answer(self, name: str, arguments: Sequence[int]) -> int:
        """What it answers."""
        function: Any = getattr(operations, f"host_{name}")
        return int(function.py_func(self.state, self.input, *arguments))


class HonestRow(Interpreter):
    """One row of an arm, or a body of the stage `step`. chosen: the conditions of `step.choice`, by name. broken: the equations, lookups
    and messages that do not hold. next: clock and pc of the next step. senders: who sent last, by address, and to the next step (None).
    messages: what was sent and received, with its times and fields. performed: what is done outside of the machine, with its arguments.
    """

    def __init__(
        self, circuit: Circuit, given: Mapping[str, int], memory: Memory, arm: str | None = None, host: Host | None = None
    ) -> None:  # fmt: skip
        super().__init__(circuit.functions, given)
        self.circuit = circuit
        self.memory = memory
        self.arm = arm
        self.host = host
        self.chosen: dict[str, int] = {}
        self.broken: list[Operation] = []
        self.next: list[int] = []
        self.senders: dict[int | None, Operation] = {}
        self.messages: list[tuple[Operation, int, list[int]]] = []
        self.performed: dict[str, list[int]] = {}
        self._does: dict[object, Callable[[Operation], None]] = {
            step.LOAD: self._load, step.HOST: self._ask, step.FAULT: self._fault, step.CHOICE: self._choice, row.ARMS: self._arms,
            row.ASSERT: self._assert, bus.LOOKUP: self._lookup, bus.RECV: self._recv, bus.SEND: self._send, step.STORE: self._store,
            step.NEXT: self._next, step.PERFORM: self._perform,
        }  # fmt: skip

    def run(self, region: Region) -> None:
        """Everything in order. Stops if the executor would; NoMeaning if the host would be asked."""
        for op in region:
            does = self._does.get(op.definition)
            if does is not None:
                does(op)
            elif op.results:
                self._values[op.result] = self._of(op)

    def _of(self, op: Operation) -> int:
        if op.definition in (row.IS, integer.IS):
            return int(op.text("arm") == self.arm)
        return self.of(op.operands[0]) if op.definition in (row.MERGE, row.RESULT) else super()._of(op)

    def _felt(self, value: Value) -> int:
        return self.of(value) % P

    def _load(self, op: Operation) -> None:
        self._values |= zip(op.results, self.memory.load(self.of(op.operands[0])), strict=True)

    def _ask(self, op: Operation) -> None:
        if self.host is None:
            raise NoMeaning
        self._values[op.result] = self.host.answer(op.text("name"), [self.of(v) for v in op.operands])

    def _fault(self, op: Operation) -> None:
        if self.of(op.operands[0]):
            raise Stops

    def _choice(self, op: Operation) -> None:
        self.chosen[op.text("name")] = self.of(op.operands[0])

    def _arms(self, op: Operation) -> None:
        (region,) = (r for name, r in zip(op.names("names"), op.regions, strict=True) if name == self.arm)
        self.run(region)
        self._values |= {result: self.of(v) for result, v in zip(op.results, region.terminator.operands, strict=True)}

    # what must hold

    def _assert(self, op: Operation) -> None:
        left, right, *times = map(self._felt, op.operands)
        if left != right and times != [0]:
            self.broken.append(op)

    def _lookup(self, op: Operation) -> None:
        times, *values = map(self._felt, op.operands)
        if times and not self.circuit.fixed.has(op.text("bus"), tuple(values)):
            self.broken.append(op)

    def _recv(self, op: Operation) -> None:
        times, *values = map(self._felt, op.operands)
        self.messages.append((op, times, values))
        if times and self._remembers(op) and "because" not in op.attributes:
            address, token = self._token(op, values)
            if token != self.memory.load(address):
                self.broken.append(op)

    def _send(self, op: Operation) -> None:
        times, *values = map(self._felt, op.operands)
        self.messages.append((op, times, values))
        if times and self._remembers(op):
            address, self.memory.tokens[address] = self._token(op, values)
            self.senders[address] = op
        elif times and op.text("bus") == self.circuit.facts.steps():
            self.next, self.senders[None] = values, op

    # what the executor does

    def _store(self, op: Operation) -> None:
        address, word, time, mark, times = map(self.of, op.operands)
        if times:
            if self.memory.load(address)[2] != mark and not self._puts_back(op):
                raise Stops  # code of this segment is not written
            self.memory.tokens[address], self.senders[address] = (word, time, mark), op

    def _puts_back(self, op: Operation) -> bool:
        """Whether a store leaves the word that was loaded from there."""
        load = op.operands[1].op
        return load is not None and load.definition is step.LOAD and self.of(load.operands[0]) == self.of(op.operands[0])

    def _perform(self, op: Operation) -> None:
        self.performed[op.text("name")] = [self.of(v) for v in op.operands]

    def _next(self, op: Operation) -> None:
        *values, times = map(self._felt, op.operands)
        if times:
            self.next, self.senders[None] = values, op

    def differs(self, other: HonestRow) -> Operation | None:
        """What sends something else than the other does, or what the other does alone; None if they agree."""
        tokens, others = self.memory.tokens, other.memory.tokens
        wrong: list[int | None] = [a for a in {**tokens, **others} if tokens.get(a) != others.get(a)]
        wrong += [None] if self.next != other.next else []
        return (self.senders.get(wrong[0]) or other.senders[wrong[0]]) if wrong else None

    def _remembers(self, op: Operation) -> bool:
        return self.circuit.program.buses[op.text("bus")].remembers is not None

    def _token(self, op: Operation, values: Sequence[int]) -> tuple[int, Token]:
        """The address, and what is remembered there: the word, the time and the mark."""
        name = op.text("bus")
        parts = {"word": 0}
        for (of, low), value in zip(self.circuit.facts.buses[name].fields, values, strict=True):
            key = of if of in (self.circuit.program.buses[name].remembers, "time", "mark") else "word"
            parts[key] = parts.get(key, 0) + (value << low)
        return parts[str(self.circuit.program.buses[name].remembers)], (parts["word"], parts["time"], parts["mark"])
