"""Assembles a program, runs it and prints the values of the circuit, as JSON: python assemble.py power.txt > stack.json

A line is `push 2`, `add`, `mul`, `dup`, `swap`, `jump NAME`, or `NAME:`, a place to jump to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

P = 2**31 - 2**24 + 1
SIZE = 32
OPS = {"push": 1, "add": 2, "mul": 3, "dup": 4, "swap": 5, "jump": 6}


def assemble(text: str) -> tuple[list[str], list[int]]:
    """Names of instructions and their arguments, line by line."""
    lines = [line.split("#")[0].split() for line in text.splitlines()]
    places: dict[str, int] = {}
    code: list[list[str]] = []
    for words in filter(None, lines):
        if words[0].endswith(":"):
            places[words[0][:-1]] = len(code)
        else:
            code.append(words)
    return [words[0] for words in code], [places[w[1]] if w[0] == "jump" else int(w[1]) % P if w[1:] else 0 for w in code]


def run(names: list[str], args: list[int]) -> dict[str, dict[str, Any]]:
    """The rows of all steps, and the claim."""
    stack: list[tuple[int, int]] = [(0, 0)]  # names of cells, and values; 0 is no cell
    columns = ("clk", "pc", "top", "op", "arg", "a", "under_a", "b", "under_b")
    rows: list[tuple[int, ...]] = []
    uses, clk, pc = [0] * SIZE, 1, 0
    while pc < len(names):
        name, arg = names[pc], args[pc]
        takes = {"push": 0, "dup": 1, "jump": 1}.get(name, 2)
        if len(stack) <= takes:
            raise SystemExit(f"line {pc} takes {takes} values, and there are {len(stack) - 1}")
        (top, a), (under_a, b), (under_b, _) = [(0, 0), (0, 0), *stack][:-4:-1]
        rows.append((clk, pc, top, OPS[name], arg, a, under_a, b, under_b))
        uses[pc] += 1
        made = {"push": [arg], "add": [a + b], "mul": [a * b], "dup": [a, a], "swap": [a, b], "jump": []}[name]
        stack = stack[: len(stack) - takes] + [(2 * clk + i, value % P) for i, value in enumerate(made)]
        pc = arg if name == "jump" and a else pc + 1
        clk += 1
    lines = {"real": [1] * SIZE, "pc": list(range(SIZE)), "op": [OPS[n] for n in names] + [0] * (SIZE - len(names))}
    program = {"ops": lines["op"], "args": args + [0] * (SIZE - len(args))}
    claim = {**program, "steps": clk - 1, "end": pc, "top": stack[-1][0], "result": stack[-1][1]}
    step = {name: [row[i] for row in rows] for i, name in enumerate(columns)}
    return {"line": {**lines, "arg": program["args"], "uses": uses}, "step": step, "claim": claim}


if __name__ == "__main__":
    print(json.dumps(run(*assemble(Path(sys.argv[1]).read_text()))))
