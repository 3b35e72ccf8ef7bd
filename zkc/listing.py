"""`zkc disasm`: a program's code, with its functions and source lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from zkc.runtime.guest.elf import Program


def listing(program: Program, disassemble: Callable[[int, int], str]) -> Iterator[str]:
    """Lines `address: word  instruction`, under a line for each function and each source line."""
    symbols = program.symbols
    for segment in program.segments:
        if not segment.executable:
            continue
        data = bytes(segment.data)
        seen = None
        for offset in range(0, len(data) - 3, 4):
            pc = segment.address + offset
            function = symbols.function(pc)
            if function is not None and str(function) == function.name:
                yield ""
                yield f"{function.name}:"
            place = symbols.line(pc)
            if place is not None and place != seen:
                yield f"  ; {place}"
                seen = place
            word = int.from_bytes(data[offset : offset + 4], "little")
            yield f"{pc:08x}: {word:08x}  {disassemble(word, pc)}"
