"""Solves a puzzle and prints the values of the circuit, as JSON: python values.py puzzle.txt > sudoku.json"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def solve(cells: list[int]) -> list[int] | None:
    """The first solution, by trying; None if there is none. 0 is an empty place."""
    if 0 not in cells:
        return cells
    place = cells.index(0)
    row, column = divmod(place, 9)
    near = [p for p in range(81) if p // 9 == row or p % 9 == column or (p // 27 == place // 27 and p % 9 // 3 == column // 3)]
    for digit in set(range(1, 10)) - {cells[p] for p in near}:
        found = solve([*cells[:place], digit, *cells[place + 1 :]])
        if found is not None:
            return found
    return None


def values(puzzle: list[int]) -> dict[str, dict[str, Any]]:
    """The rows and the claim."""
    solution = solve(puzzle)
    if solution is None:
        raise SystemExit("the puzzle has no solution")
    return {"cell": {"real": 1, "place": list(range(81)), "clue": puzzle, "digit": solution}, "claim": {"puzzle": puzzle}}


def read(text: str) -> list[int]:
    """A puzzle from nine lines of nine digits, `.` for an empty place."""
    return [0 if c == "." else int(c) for c in text if c in ".0123456789"]


if __name__ == "__main__":
    print(json.dumps(values(read(Path(sys.argv[1]).read_text()))))
