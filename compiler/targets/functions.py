"""Functions of field elements that integers are results of, as node lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zkc.compiler.ir.operation import Operation
from zkc.compiler.targets.table import Node, node_list
from zkc.runtime.circuit.fill_program import Ints


@dataclass
class FieldFunctions:
    """Field functions as node lists, numbered as they are called."""

    by_name: Mapping[str, Operation]
    called: list[str] = field(default_factory=lambda: list[str]())

    def number(self, name: str) -> int:
        """The number of a function that is called."""
        if name not in self.called:
            self.called.append(name)
        return self.called.index(name)

    def results(self, name: str) -> int:
        """How many results it has."""
        return len(self.by_name[name].regions[0].terminator.operands)

    @property
    def words(self) -> int:
        """How many arguments or results one has at most."""
        bodies = [self.by_name[name].regions[0] for name in self.called]
        return max((max(len(b.arguments), len(b.terminator.operands)) for b in bodies), default=0)

    def arrays(self) -> tuple[Ints, Ints, Ints]:
        """Where each begins and ends, nodes, outputs (FillProgram)."""
        places: list[tuple[int, int, int, int]] = []
        nodes: list[Node] = []
        outputs: list[int] = []
        for name in self.called:
            region = self.by_name[name].regions[0]
            own, number = node_list(region.terminator.operands, {v: i for i, v in enumerate(region.arguments)})
            places.append((len(nodes), len(outputs), len(nodes) + len(own), len(outputs) + len(region.terminator.operands)))
            outputs += [number[o] for o in region.terminator.operands]
            nodes += own
        return int64s(places, 4), int64s(nodes, 3), int64s(outputs)


def int64s(rows: Sequence[Any], width: int = 0) -> Ints:
    """`int64[rows][width]`, or without a width `int64[rows]`."""
    return np.array(rows, dtype=np.int64).reshape((-1, width) if width else -1)
