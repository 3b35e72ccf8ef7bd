"""Rebuilds the committed ELF files of the test guests (or of those named): python tests/guests/build.py [NAME ...]."""

from __future__ import annotations

import sys
from pathlib import Path

from zkc.toolchain import build

FOLDER = Path(__file__).parent


def main(names: list[str]) -> None:
    for source in sorted([*FOLDER.glob("*.c"), *FOLDER.glob("*.S")]):
        if not names or source.stem in names:
            print(build([source], source.with_suffix(".elf")).name)


if __name__ == "__main__":
    main(sys.argv[1:])
