"""A compiled machine: the circuit, the generated kernels and what the runtime must know about them."""

from __future__ import annotations

import linecache
import marshal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, Final

from zkc.runtime.circuit.spec import CircuitSpec
from zkc.runtime.guest.abi import register_name
from zkc.runtime.kernels import cache, sources
from zkc.runtime.memory.map import MemoryMap

OP_BITS: Final = 10
"""The lowest of a decoded instruction: its number."""
OP_MASK: Final = (1 << OP_BITS) - 1


@dataclass(frozen=True)
class StepTable:
    """A table of instructions, of environment calls, or (`ticking`) of steps that the clock asks for: a traced row has `record_words`
    32-bit words. numbers: of its arms, as executors know them. base: the table that can have all its rows, too; "" if there is none.
    """

    name: str
    record_words: int
    arms: tuple[str, ...]
    numbers: tuple[int, ...]
    base: str
    ticking: bool


@dataclass(frozen=True)
class InsnInfo:
    """What the disassembler needs of one instruction: word & mask == match; fields as (high, low) bits, those that are
    numbers of registers; `relative`: it adds imm to pc."""

    name: str
    op: int
    mask: int
    match: int
    fields: dict[str, tuple[int, int]]
    registers: tuple[str, ...]
    immediate: tuple[tuple[int, int, bool, bool], ...]
    assembly: str
    relative: bool


@dataclass(frozen=True)
class Ending:
    """The shortest run: the word of one instruction, and the words of memory, by word address, for which it ends a run; all else is 0."""

    word: int
    memory: dict[int, int]


NEVER: Final = 1 << 62


@dataclass(frozen=True)
class Clock:
    """The clock of each segment. first: of its first step; last: the last one at which a step can begin, for it would not reach back to
    a word that nobody accessed yet; slots: the most that a step adds; every: the most from one step that the clock asks for to the next,
    0 if there are none.
    """

    first: int
    last: int
    slots: int
    every: int

    def due(self, clk: int) -> int:
        """The first clock at which the next step is one that the clock asks for, where the last one was at `clk`: another step might go
        on by too much.
        """
        return clk + self.every - self.slots + 1 if self.every else NEVER


@dataclass(frozen=True)
class Stamps:
    """Time and mark, in one word as in `zkc.runtime.execution.stamps`, of words that no step gives: those of code, and those that the
    claim reads, when a segment begins and when it ends. A word of a page begins with 0.
    """

    code: int
    first: int
    last: int


Texts = dict[tuple[str, str], str]
"""Of generated modules, by kind and table."""
Told = Callable[[Texts], object]
"""Is given the executors of a machine before the rest of it is compiled."""


def told_nobody(texts: Texts) -> None:
    """Nobody waits for them."""


@dataclass(frozen=True)
class MachineSpec(CircuitSpec):
    """The artefact of a circuit with instructions. `modules` maps (kind, table) to the text of a generated module; kinds are fast and
    tracing. ending: the shortest run, if there is one.
    """

    step_tables: tuple[StepTable, ...]
    faults: tuple[str, ...]
    insns: tuple[InsnInfo, ...]
    modules: dict[tuple[str, str], str]
    ending: Ending | None
    clock: Clock
    stamps: Stamps


_importing = threading.Lock()
_COMPILED: Final = "zkc.runtime.execution.listed"
_PLAIN: Final = "zkc.runtime.execution.plain_listing"


class Machine:
    """Generated modules are imported when first used. Without `compiled` they stay Python: slow, but there is nothing to wait for."""

    def __init__(self, spec: MachineSpec, *, compiled: bool = True) -> None:
        self.spec = spec
        self.compiled = compiled
        self.circuit = spec.circuit
        self.digest = spec.circuit.digest
        self._modules: dict[tuple[str, str], ModuleType] = {}

    @cached_property
    def memory_map(self) -> MemoryMap:
        return MemoryMap.from_constants(self.circuit.constants)

    @cached_property
    def hasher(self) -> Any:
        """The page hash and the journal's sponge."""
        from zkc.runtime.hash.poseidon2 import Poseidon2, Poseidon2Parameters

        return Poseidon2(Poseidon2Parameters.from_constants(self.circuit.constants))

    def module(self, kind: str, table: str) -> ModuleType:
        """The generated module, executed at its first use; other threads see it when it is whole."""
        with _importing:
            if (kind, table) not in self._modules:
                text = self.spec.modules[(kind, table)]
                self._modules[(kind, table)] = module_of(text) if self.compiled else _execute_plainly(text)
            return self._modules[(kind, table)]

    def disassemble(self, word: int, pc: int) -> str:
        """The instruction as text, with jump targets as addresses; `.word` for what is no instruction."""
        for insn in self.spec.insns:
            if word & insn.mask == insn.match:
                return _assembly(insn, word, pc)
        return f".word 0x{word:08x}"


def module_of(text: str) -> ModuleType:
    """A generated module, executed once in a process."""
    name = f"zkc_generated_{sources.short_digest(text)}"
    sys.modules[name] = sys.modules.get(name) or _execute(name, text)
    return sys.modules[name]


def _execute(name: str, text: str) -> ModuleType:
    """The module of that text. Its byte code is kept: Python takes thirty times as long to compile it."""
    file = f"<{name}>"
    key = f"{name}-{sys.implementation.cache_tag}"
    kept = cache.load("code", key)
    if kept is None:
        code = compile(text, file, "exec")
        cache.save("code", key, marshal.dumps(code))
    else:
        code = marshal.loads(kept)
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file  # for tracebacks and Numba's messages
    module = ModuleType(name)
    module.__file__ = file
    sources.register(name, text)
    exec(code, module.__dict__)
    return module


def _execute_plainly(text: str) -> ModuleType:
    """The module of that text, with what runs listings as Python in place of what compiles them."""
    text = text.replace(f"from {_COMPILED} import", f"from {_PLAIN} import")
    module = ModuleType("zkc_plain")
    exec(compile(text, "<plain>", "exec"), module.__dict__)
    return module


def _assembly(insn: InsnInfo, word: int, pc: int) -> str:
    values: dict[str, str] = {"name": insn.name}
    for name, (high, low) in insn.fields.items():
        number = word >> low & ((1 << (high - low + 1)) - 1)
        values[name] = register_name(number) if name in insn.registers else str(number)
    if insn.immediate:
        values["imm"] = str(immediate_value(insn, word))
    text = insn.assembly.format(**values)
    if insn.relative:
        text += f"  # 0x{(pc + immediate_value(insn, word)) & 0xFFFFFFFF:x}"
    return text


def immediate_value(insn: InsnInfo, word: int) -> int:
    """The immediate of a word; signed if its format extends the sign."""
    value = width = 0
    signed = False
    for high, low, sext, literal in insn.immediate:
        count = high - low + 1
        value, width = value << count | (0 if literal else word >> low & ((1 << count) - 1)), width + count
        signed = signed or sext
    return value - (1 << width) if signed and value >> (width - 1) else value
