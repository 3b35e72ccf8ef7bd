"""Walking what a value is made of, without recursion: bodies are thousands of operations deep."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import TypeVar

Key = TypeVar("Key")


def bottom_up(root: Key, known: Container[Key], needs: Callable[[Key], Sequence[Key]], visit: Callable[[Key], object]) -> None:
    """Visits what `root` is made of, then `root`: each once, after all that it needs, operands from left to right.

    known: what needs no visit; `visit` makes what it is given known.
    """
    stack = [root]
    while stack:
        top = stack[-1]
        if top in known:
            stack.pop()
            continue
        waiting = [x for x in needs(top) if x not in known]
        if waiting:
            stack += reversed(waiting)
        else:
            stack.pop()
            visit(top)
