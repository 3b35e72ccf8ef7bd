"""What the runtime takes for granted of a circuit, as data, so that a compiler can refuse a circuit that it could not run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from zkc.runtime.blinding import BLIND_WORDS
from zkc.runtime.claims import column_names
from zkc.runtime.field.koalabear import P
from zkc.runtime.hash.poseidon2 import WIDTH
from zkc.runtime.memory_map import REGISTERS, WORD_BYTES, Constants, MemoryMap

EXACT = {
    "page_bytes": (1024, "the executor numbers pages by the upper bits of an address, and page hashes take 32 rows of 8 words"),
    "digest_words": (8, "the rate and the capacity of the hash are 16 and 8 elements"),
    "journal_words": (17, "8 words of capacity, 8 of buffer, and how many bytes are in the buffer"),
}
"""Constants that can have one value only, and why."""
SYSTEM_WORDS = ("word_sink", "word_phase", "word_pointer", "word_remaining", "word_count")
"""Words of the system page that the executor knows besides those of the memory map."""
WORDS = range(8)
PAGE_ROW = ("page", "step", "clean", "old", "new", *(f"carried[{i}]" for i in WORDS))
TABLE_INPUTS: dict[str, frozenset[str]] = {
    "decode": frozenset(("uses", "pc", "word", "real")),
    "boundary": frozenset(
        (
            "real",
            "first_lo",
            "first_hi",
            "last_clk",
            "last_lo",
            "last_hi",
            *(f"{name}[{i}]" for name in ("before_lo", "before_hi", "after_lo", "after_hi", "after_time") for i in range(17)),
            *(f"{name}[{i}]" for name in ("blind_before_lo", "blind_before_hi", "blind_lo", "blind_hi") for i in range(BLIND_WORDS)),
        )
    ),
    "data_page": frozenset((*PAGE_ROW, *(f"{name}[{i}]" for name in ("lo", "hi", "times", "marks") for i in WORDS))),
    "table_page": frozenset((*PAGE_ROW, "touched", *(f"child_digest[{i}]" for i in WORDS))),
}
"""The tables whose rows the runtime gives, with the columns it fills."""
CLAIM_COLUMNS = frozenset(column_names(EXACT["digest_words"][0]))


def constant_problems(constants: Constants) -> Iterator[tuple[str, str]]:
    """(constant, what is wrong with it) for every constant that the runtime needs and cannot use as it is."""
    numbers = {n: v for n, v in constants.items() if isinstance(v, int)}
    needed = [*(f.name for f in fields(MemoryMap)), *EXACT, *SYSTEM_WORDS, "system_word"]
    missing = sorted({name for name in needed if name not in numbers})
    yield from ((name, f"the runtime needs an integer constant `{name}`") for name in missing)
    wrong = [name for name, (value, _) in EXACT.items() if name in numbers and numbers[name] != value]
    yield from ((name, f"`{name}` can only be {EXACT[name][0]}: {EXACT[name][1]}") for name in wrong)
    if not missing and not wrong:
        yield from _layout_problems(numbers)
    yield from _hash_problems(constants)


def _layout_problems(numbers: dict[str, int]) -> Iterator[tuple[str, str]]:
    memory_map = MemoryMap(**{f.name: numbers[f.name] for f in fields(MemoryMap)})
    problem = memory_map.problem()
    if problem:
        yield problem
    if numbers["system_base"] > MAX_ADDRESS:
        yield "system_base", f"the executor keeps memory up to the system page in one array: it begins at 0x{MAX_ADDRESS:x} at most"
    if numbers["system_word"] * WORD_BYTES != numbers["system_base"]:
        yield "system_word", "`system_word` is system_base / 4, where the registers are"
    capacity, words = numbers["word_journal_capacity"], numbers["digest_words"]
    if numbers["word_journal_buffer"] != capacity + words or numbers["word_journal_fill"] != capacity + 2 * words:
        yield "word_journal_capacity", "capacity, buffer and fill of the journal follow each other in the system page"
    used = {*range(REGISTERS), *(numbers[n] for n in ("word_pc", "word_brk", "word_heap_start"))}
    used |= set(range(capacity, capacity + 2 * words + 1))
    used |= set(range(numbers["word_blind"], numbers["word_blind"] + BLIND_WORDS))
    for name in SYSTEM_WORDS:
        if numbers[name] in used or not 0 <= numbers[name] < memory_map.page_words:
            yield name, f"`{name}` is a word of the system page that nothing else uses"
        used.add(numbers[name])
    if not REGISTERS <= numbers["word_sink"] < 2 * REGISTERS:
        yield "word_sink", f"`word_sink` is from {REGISTERS} to {2 * REGISTERS - 1}: the decoded instruction has six bits for a register"
    for tag in ("tag_data", "tag_table", "tag_root", "tag_journal"):
        if not 0 <= numbers[tag] < P:
            yield tag, f"`{tag}` is a field element"


MAX_ADDRESS = 1 << 28


def _hash_problems(constants: Constants) -> Iterator[tuple[str, str]]:
    shapes = {
        "poseidon2_external": (f"an even number of rounds of {WIDTH} field elements", _is_external),
        "poseidon2_internal": ("one field element for each round", _is_list),
        "poseidon2_diagonal": (f"{WIDTH} fractions [numerator, denominator] in the field", _is_diagonal),
    }
    for name, (shape, fits) in shapes.items():
        if not fits(constants.get(name)):
            yield name, f"`{name}` is {shape}: the runtime's hash of pages has width {WIDTH}"


def _is_list(value: Any, length: int | None = None) -> bool:
    return isinstance(value, list) and (length is None or len(value) == length) and all(isinstance(x, int) and 0 <= x < P for x in value)  # type: ignore[reportUnknownVariableType]


def _is_external(value: Any) -> bool:
    return isinstance(value, list) and len(value) % 2 == 0 and all(_is_list(x, WIDTH) for x in value)  # type: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _is_diagonal(value: Any) -> bool:
    return isinstance(value, list) and len(value) == WIDTH and all(_is_fraction(x) for x in value)  # type: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _is_fraction(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(x, int) and -P < x < P for x in value) and value[1] != 0  # type: ignore[reportUnknownVariableType, reportUnknownArgumentType]
