"""Integer expressions to Python source for Numba: one variable per node, in signed or unsigned 64 bits as the bounds ask."""

from __future__ import annotations

from collections.abc import Callable

from zkc.compiler.witness import INT64_MAX, INT64_MIN, UINT64_MAX, W

_BINARY = {"add": "+", "sub": "-", "mul": "*", "and": "&", "or": "|", "xor": "^", "shl": "<<", "shr": ">>"}
_COMPARE = {"eq": "==", "ne": "!=", "lt": "<", "ge": ">="}
_CALLS = ("divide_unsigned", "remainder_unsigned", "divide_signed", "remainder_signed", "inverse", "signed")


class NotComputable(Exception):
    """An integer expression that the generated code cannot compute."""


def fits(node: W) -> bool:
    """Whether machine integers hold the operands and the value: all signed, or all unsigned 64 bits."""
    values = [node, *(a for a in node.args if isinstance(a, W))]
    if node.op in ("shl", "shr"):
        amount = values[2]
        if amount.low < 0 or amount.high > 63:
            return False
    if any(v.high > INT64_MAX for v in values):
        operands_fit = all(v.low >= 0 and v.high <= UINT64_MAX for v in values[1:])
        return operands_fit and node.low >= INT64_MIN and node.high <= UINT64_MAX and not (node.op == "sub" and node.low < 0)
    return all(v.low >= INT64_MIN for v in values)


class Integers:
    """Emits what nodes need, once each, into `lines`. `leaf` gives the source of inputs, loads and host answers; `arm` settles `is` and
    `by_arm`."""

    def __init__(self, lines: list[str], indent: str, arm: str | None, leaf: Callable[[W], str], arrays: dict[str, str]) -> None:
        self.lines = lines
        self.indent = indent
        self.arm = arm
        self.leaf = leaf
        self.arrays = arrays
        self._names: dict[W, str] = {}
        self._calls: dict[tuple[object, ...], str] = {}

    def emit(self, node: W) -> str:
        """The source of the node's value (a name or a literal)."""
        stack = [node]
        while stack:
            top = stack[-1]
            if top in self._names:
                stack.pop()
                continue
            waiting = [a for a in self._needs(top) if a not in self._names]
            if waiting:
                stack += reversed(waiting)
                continue
            stack.pop()
            self._define(top)
        return self._names[node]

    def _needs(self, node: W) -> list[W]:
        if node.op == "by_arm":
            return [self._of_arm(node)]
        return [a for a in node.args if isinstance(a, W)]

    def _of_arm(self, node: W) -> W:
        for name, value in zip(node.args[::2], node.args[1::2], strict=True):
            if name == self.arm:
                assert isinstance(value, W)
                return value
        raise NotComputable("this value is not the same for all instructions of the table")

    def _define(self, node: W) -> None:
        if node.op == "const":
            self._names[node] = str(node.low)
        elif node.op == "is":
            self._names[node] = "1" if node.args[0] == self.arm else "0"
        elif node.op == "by_arm":
            self._names[node] = self._names[self._of_arm(node)]
        else:
            name = f"{'u' if node.high > INT64_MAX else 'v'}{len(self._names)}"
            self.lines.append(f"{self.indent}{name} = {self._source(node)}")
            self._names[node] = name

    def _source(self, node: W) -> str:
        if node.op in ("input", "latest", "host"):
            return self.leaf(node)
        if not fits(node):
            operands = [f"{a.low} to {a.high}" for a in node.args if isinstance(a, W)]
            text = f"`{node.op}` of integers that are {' and '.join(operands)} fits no machine integer of 64 bits"
            raise NotComputable(text if len(text) < 400 else f"`{node.op}` of such large integers fits no machine integer of 64 bits")
        if node.op == "field_call":
            return self._field_call(node)
        args = [self._names[a] if isinstance(a, W) else str(a) for a in node.args]
        if node.op in _CALLS:
            return f"{node.op}({', '.join(args)})"
        if node.op == "select" and node.high > INT64_MAX:  # one type: Numba would unify signed and unsigned to a float
            return f"(np.uint64({args[1]}) if {args[0]} else np.uint64({args[2]}))"
        if node.op == "select":
            return f"({args[1]} if {args[0]} else {args[2]})"
        operands = [a for a in node.args if isinstance(a, W)]
        unsigned = any(a.high > INT64_MAX for a in (*operands, node))
        if unsigned:
            args = [f"np.uint64({a})" for a in args]
        text = self._operation(node, args)
        return f"np.int64({text})" if unsigned and node.high <= INT64_MAX else text

    def _operation(self, node: W, args: list[str]) -> str:
        if node.op in _BINARY:
            return f"{args[0]} {_BINARY[node.op]} {args[1]}"
        if node.op in _COMPARE:
            return f"np.int64({args[0]} {_COMPARE[node.op]} {args[1]})"
        divisor = node.args[1]
        assert isinstance(divisor, int)
        if node.op == "mod":
            if divisor & (divisor - 1) == 0:
                mask = f"np.uint64({divisor - 1})" if "uint64" in args[0] else str(divisor - 1)
                return f"{args[0]} & {mask}"
            return f"{args[0]} % {args[1]}"
        if node.op == "floordiv":
            return f"{args[0]} // {args[1]}"
        raise AssertionError(node.op)

    def _field_call(self, node: W) -> str:
        gadget, index, *args = node.args
        key = (gadget, *args)
        if key not in self._calls:
            name = self._calls[key] = f"field{len(self._calls)}"
            values = ", ".join(self._names[a] for a in args if isinstance(a, W))
            table = self.arrays[str(gadget)]
            self.lines.append(f"{self.indent}{name} = run_field_function({table}_NODES, {table}_OUTPUTS, ({values},))")
        return f"{self._calls[key]}[{index}]"
