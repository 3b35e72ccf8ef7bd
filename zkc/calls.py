"""Call stacks of a traced run, by the calling convention: a jump that links its return address calls, `jalr` to such an address returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.guest.abi import LINKS

Numbers = npt.NDArray[np.int64]

STAYS, CALLS, RETURNS = range(3)
MOST_FRAMES: Final = 64
"""Frames of a call stack that are looked at."""


def transfer(word: int) -> int:
    """Whether an instruction calls or returns."""
    opcode, rd, rs1 = word & 0x7F, word >> 7 & 31, word >> 15 & 31
    if opcode in (0x6F, 0x67) and rd in LINKS:
        return CALLS
    return RETURNS if opcode == 0x67 and rd == 0 and rs1 in LINKS else STAYS


def transfers(pc: Numbers, code: Mapping[int, int]) -> Numbers:
    """The kind of each step; `code` maps word addresses to instructions."""
    places, where = np.unique(pc, return_inverse=True)
    return np.array([transfer(code.get(at // 4, 0)) for at in places.tolist()])[where]


@dataclass
class Call:
    """Steps `first` to `last` (exclusive) with `count` of the steps asked for; `frames` of the first of those, innermost first."""

    pc: int
    first: int
    last: int = 0
    count: int = 0
    frames: tuple[int, ...] = ()


def calls_around(pc: Numbers, code: Mapping[int, int], wanted: Numbers, is_own: Callable[[int], bool]) -> Iterator[Call]:
    """The calls, out of a program's own code, within which the steps numbered in `wanted` happened.

    pc: of all steps, in order; code: instructions by word address; is_own: of the pc of a call. A step that own code makes itself is a call
    by itself, as long as it stays at its pc. What was called before the first step is not known.
    """
    kinds = transfers(pc, code)
    asked = np.zeros(len(pc), dtype=bool)
    asked[wanted] = True
    moves = np.append(np.flatnonzero(pc[1:] != pc[:-1]) + 1, len(pc))
    stack: list[Call] = []
    for step in np.flatnonzero(asked | (kinds != STAYS)).tolist():
        at = int(pc[step])
        if asked[step]:
            outer = None if is_own(at) else next((call for call in reversed(stack) if is_own(call.pc)), stack[-1] if stack else None)
            frames = (at, *(call.pc for call in stack[: -MOST_FRAMES - 1 : -1]))
            if outer is None:
                yield Call(at, step, int(moves[np.searchsorted(moves, step, side="right")]), 1, frames)
            else:
                outer.count, outer.frames = outer.count + 1, outer.frames or frames
        elif kinds[step] == CALLS:
            stack.append(Call(at, step))
        elif stack:
            done = stack.pop()
            done.last = step + 1
            if done.count:
                yield done
    for call in stack:
        call.last = len(pc)
        if call.count:
            yield call
