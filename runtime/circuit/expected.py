"""What the runtime takes for granted of a circuit, as data, so that a compiler can refuse a circuit that it could not run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from zkc.runtime.field.koalabear import P
from zkc.runtime.hash.poseidon2 import WIDTH
from zkc.runtime.memory.blinding import BLIND_WORDS
from zkc.runtime.memory.map import WORD_BYTES, Constants, MemoryMap
from zkc.runtime.receipts.claims import column_names

EXACT = {
    "digest_words": (8, "the rate and the capacity of the hash are 16 and 8 elements"),
    "journal_words": (17, "8 words of capacity, 8 of buffer, and how many bytes are in the buffer"),
}
"""Constants that can have one value only, and why."""
SYSTEM_WORDS = ("word_sink", "word_phase", "word_pointer", "word_remaining", "word_count")
"""Words of the system page that the executor knows besides those of the memory map."""
PHASES = ("phase_reading",)
"""What the word `word_phase` holds while an environment call is under way: those that the executor knows."""
TAGS = ("tag_data", "tag_table", "tag_root", "tag_journal")
"""What the hash begins with, for each kind of input."""
HASH_CONSTANTS = ("poseidon2_external", "poseidon2_internal", "poseidon2_diagonal")
NEEDED_NUMBERS = frozenset((*(f.name for f in fields(MemoryMap)), *EXACT, *SYSTEM_WORDS, *PHASES, "system_word"))
NEEDED_CONSTANTS = NEEDED_NUMBERS.union(HASH_CONSTANTS)
"""Constants that the runtime reads: the integers, and all."""
WORDS = range(8)
PAGE_ROW = ("page", "step", "old", "new", *(f"carried[{i}]" for i in WORDS))
PAGE_WORD = ("lo", "hi", "times", "marks")
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
    "data_page": frozenset((*PAGE_ROW, "clean", *(f"{name}[{i}]" for name in PAGE_WORD for i in WORDS))),
    "dirty_page": frozenset((*PAGE_ROW, *(f"{name}[{i}]" for name in PAGE_WORD for i in range(16)))),
    "table_page": frozenset((*PAGE_ROW, "clean", "touched", *(f"child_digest[{i}]" for i in WORDS))),
}
"""The tables whose rows the runtime gives, with the columns it fills."""
OPTIONAL_INPUTS: dict[str, frozenset[str]] = {
    "fetch": frozenset(("clk", "pc", "next", "gap_lo", "gap_hi", "word", "real")),
}
"""Tables that a circuit may do without: code that is written after it ran ends the segment then."""
CLAIM_COLUMNS = frozenset(column_names(EXACT["digest_words"][0]))


def constant_problems(constants: Constants) -> Iterator[tuple[str, str]]:
    """(constant, what is wrong with it) for every constant that the runtime needs and cannot use as it is."""
    numbers = {n: v for n, v in constants.items() if isinstance(v, int)}
    missing = sorted(name for name in NEEDED_NUMBERS if name not in numbers)
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
        return
    for name, value in ((name, getattr(memory_map, name)) for name in DERIVED):
        if numbers.get(name, value) != value:
            yield name, f"`{name}` is {value}: it follows from the memory map"
    if memory_map.page_bytes > MAX_PAGE_BYTES:
        yield "page_bytes", f"a segment has room for all pages that an instruction touches: they have {MAX_PAGE_BYTES} bytes at most"
    if memory_map.user_end % HALF:
        yield "user_end", f"an address is in user memory if its upper half is: `user_end` is a multiple of {HALF}"
    if numbers["system_base"] > MAX_ADDRESS:
        yield "system_base", f"the executor keeps memory up to the system page in one array: it begins at 0x{MAX_ADDRESS:x} at most"
    if numbers["system_word"] * WORD_BYTES != numbers["system_base"]:
        yield "system_word", "`system_word` is system_base / 4, where the registers are"
    capacity, words = numbers["word_journal_capacity"], numbers["digest_words"]
    if numbers["word_journal_buffer"] != capacity + words or numbers["word_journal_fill"] != capacity + 2 * words:
        yield "word_journal_capacity", "capacity, buffer and fill of the journal follow each other in the system page"
    used = {*range(numbers["registers"]), *(numbers[n] for n in ("word_pc", "word_brk", "word_heap_start"))}
    used |= set(range(capacity, capacity + 2 * words + 1))
    used |= set(range(numbers["word_blind"], numbers["word_blind"] + BLIND_WORDS))
    for name in SYSTEM_WORDS:
        if numbers[name] in used or not 0 <= numbers[name] < memory_map.page_words:
            yield name, f"`{name}` is a word of the system page that nothing else uses"
        used.add(numbers[name])
    for i, tag in enumerate(TAGS):
        if not 0 <= numbers[tag] < P:
            yield tag, f"`{tag}` is a field element"
        same = [other for other in TAGS[:i] if numbers[other] == numbers[tag]]
        if same:
            yield tag, f"`{tag}` is `{same[0]}`: two kinds of input with one hash would be taken for each other"


DERIVED = ("page_words", "arity", "system_page", "table_page", "root_page")
"""Constants that circuits have for themselves; the runtime computes them."""
HALF = 1 << 16
MAX_ADDRESS = 1 << 28
MAX_PAGE_BYTES = 1 << 16


def _hash_problems(constants: Constants) -> Iterator[tuple[str, str]]:
    shapes = (
        (f"an even number of rounds of {WIDTH} field elements", _is_external),
        ("one field element for each round", _is_list),
        (f"{WIDTH} fractions [numerator, denominator] in the field", _is_diagonal),
    )
    for name, (shape, fits) in zip(HASH_CONSTANTS, shapes, strict=True):
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
