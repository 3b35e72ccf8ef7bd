"""Assembles gcd.txt into input.bin: one instruction a line, `name: ` for a label, `#` for a comment."""

from __future__ import annotations

import sys
from pathlib import Path

OPS = ["halt", "push", "load", "store", "add", "sub", "mul", "rem", "less", "jump", "jump_if_zero", "print"]
HAS_OPERAND = {"push", "load", "store", "jump", "jump_if_zero"}


def assemble(text: str) -> bytes:
    labels: dict[str, int] = {}
    code: list[tuple[str, str]] = []
    place = 0
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].endswith(":"):
            labels[words[0][:-1]] = place
            continue
        code.append((words[0], words[1] if words[0] in HAS_OPERAND else ""))
        place += 5 if words[0] in HAS_OPERAND else 1
    out = bytearray()
    for name, operand in code:
        out.append(OPS.index(name))
        if name in HAS_OPERAND:
            out += (labels[operand] if operand in labels else int(operand)).to_bytes(4, "little")
    return bytes(out)


if __name__ == "__main__":
    folder = Path(__file__).parent
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "gcd.txt"
    (folder / "input.bin").write_bytes(assemble(source.read_text()))
