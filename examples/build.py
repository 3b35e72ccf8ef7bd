"""Rebuilds the committed ELF files of the examples (or of those named): python examples/build.py [NAME ...]."""

from __future__ import annotations

import sys
from pathlib import Path

from zkc.toolchain import build

FOLDER = Path(__file__).parent


def main(names: list[str]) -> None:
    for source in sorted(FOLDER.glob("*/*.c")):
        name = source.parent.name
        if not names or name in names:
            print(build([source], source.with_suffix(".elf")).relative_to(FOLDER))


if __name__ == "__main__":
    main(sys.argv[1:])
