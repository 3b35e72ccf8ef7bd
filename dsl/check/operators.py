"""Operators: what they take in the two readings, and what comes out."""

from __future__ import annotations

from zkc.dsl import syntax as s
from zkc.dsl.check.context import MAX_ITEMS, Scope
from zkc.dsl.check.reporter import Reporter
from zkc.dsl.constants import INTEGER_OPERATIONS, ConstantError, integer_operation
from zkc.dsl.types import ANY, UNKNOWN, Array, Felt, Record, Struct, Type, arithmetic, constant, join, name_of

COMPARISONS_OF_WORDS = ("<s", ">=s")


class Operators(Reporter):
    """Checks one operator on operands whose types are known."""

    # field reading

    def field_operator(self, expr: s.Binary, left: Type, right: Type, scope: Scope) -> Type:
        """An operator of a `let`, an `assert` or a message."""
        if UNKNOWN in (left, right):
            return UNKNOWN
        if isinstance(left, Array) and isinstance(right, Array) and expr.op == "+":
            return self._joined(left, right, expr.span)
        impl = self.declared.impls.get((name_of(left), expr.op, name_of(right)))
        if impl is not None:
            return self._proven(impl, expr.span, scope)
        if not (isinstance(left, Felt) and isinstance(right, Felt)):
            a, b = name_of(left), name_of(right)
            self.error("E0209", f"no gadget proves `{a} {expr.op} {b}`", expr.span, self._other_operator(a, expr.op, b))
            return UNKNOWN
        return self.scalar_operator(expr.op, left, right, expr.span)

    def _proven(self, impl: s.Impl, span: s.Span, scope: Scope) -> Type:
        """The result of the gadget that an operator stands for."""
        gadget = self.declared.gadgets.get(impl.gadget)
        if gadget is None or len(gadget.outputs) != 1:
            return UNKNOWN
        self.called(gadget, span, scope)
        return self.type_of_ref(gadget.outputs[0].type)

    def _joined(self, left: Array, right: Array, span: s.Span) -> Type:
        length = None if left.length is None or right.length is None else left.length + right.length
        parts = [x.item for x in (left, right) if x.length != 0]
        return self.array(parts, length, span)

    def array(self, items: list[Type], length: int | None, span: s.Span) -> Type:
        """An array of values of one type."""
        if length is not None and length > MAX_ITEMS:
            self.wrong_value("E0215", f"this array has {length} elements; the most is {MAX_ITEMS}", span)
            length = None
        kinds = {name_of(item): None for item in items if item != UNKNOWN}
        if len(kinds) > 1 or "record" in kinds:
            self.error("E0205", f"an array has elements of one type, this has {', '.join(kinds)}", span)
            return Array(UNKNOWN, length)
        if not items:
            return Array(UNKNOWN, length)
        item = items[0]
        for other in items[1:]:
            item = join(item, other)
        return Array(item, length)

    def _other_operator(self, left: str, op: str, right: str) -> str:
        """What to write instead of an operator that these types do not have."""
        impls = self.declared.impls
        known = [o for a, o, b in impls if (a, b) == (left, right)]
        if known:
            return f"between {left} and {right} there are {' '.join(f'`{o}`' for o in known)}; declare others with `impl`"
        words = sorted({a for a, o, b in impls if o == op and a == b and "felt" in (left, right)})
        made = f"`{words[0]}(…)` makes a {words[0]} of field elements, or " if words else ""
        return f"{made}declare the operator with `impl {left} {op} {right} by …;`"

    def scalar_operator(self, op: str, left: Felt, right: Felt, span: s.Span) -> Type:
        """An operator between field elements."""
        if left.kind == right.kind == "constant":
            return self.folded(op, left, right, span)
        if "witness" in (left.kind, right.kind):
            return self._integers(op, left, right, span)
        self.field_constant(left, span)
        self.field_constant(right, span)
        maybe = "any" in (left.kind, right.kind)
        wrong = op not in INTEGER_OPERATIONS and op not in COMPARISONS_OF_WORDS if maybe else op not in ("+", "-", "*", "/")
        if op == "/":
            by_zero = right.value is not None and right.value % self.known.field == 0
            wrong = right.kind == "polynomial" or (by_zero and (not maybe or right.value == 0))
        if wrong:
            message = f"`{op}` is not a polynomial operation"
            self.error("E0209", message, span, "use it in a `hint` or `spec`, or write a gadget")
            return UNKNOWN
        return arithmetic(op, left, right)

    def folded(self, op: str, left: Felt, right: Felt, span: s.Span) -> Type:
        """An operator between constants."""
        if op not in INTEGER_OPERATIONS:
            self.error("E0204", f"`{op}` is not defined on integers", span)
            return UNKNOWN
        if left.value is None or right.value is None:
            if op in ("/", "%") and right.value == 0:
                self.wrong_value("E0204", "division by zero", span)
            return arithmetic(op, left, right)
        try:
            return constant(integer_operation(op, left.value, right.value, span))
        except ConstantError as error:
            if self.reached:
                self.diagnostics.append(error.diagnostic)
            return UNKNOWN

    # integer reading

    def integer_operator(self, op: str, left: Type, right: Type, span: s.Span) -> Type:
        """An operator of a `spec`, a `hint`, a `fault` or a guard. Its operands are integers, or unknown."""
        if not (isinstance(left, Felt) and isinstance(right, Felt)):
            return UNKNOWN
        if left.kind == right.kind == "constant" and op not in COMPARISONS_OF_WORDS:
            return self.folded(op, left, right, span)
        return self._integers(op, left, right, span)

    def _integers(self, op: str, left: Felt, right: Felt, span: s.Span) -> Type:
        """An operator between integers of which one is no constant. What depends on bounds is for later."""
        by = right.value if right.kind == "constant" else None
        of = left.value if left.kind == "constant" else None
        known = op in INTEGER_OPERATIONS or op in COMPARISONS_OF_WORDS
        if not known or (op in ("/", "%") and by is not None and by <= 0) or (op == "**" and of is not None and of != 2):
            message = f"`{op}` is not defined on these integers (divisors are positive constants)"
            self.wrong_value("E0504", message, span)
            return UNKNOWN
        return Felt("witness") if "witness" in (left.kind, right.kind) else ANY

    def integer_of(self, given: Type, span: s.Span) -> Type:
        """The integer that a value stands for (E0502 if it cannot be one)."""
        if isinstance(given, Array | Record):
            self.error("E0502", "this value has no integer meaning that a hint or spec could use", span)
            return UNKNOWN
        if isinstance(given, Struct):
            return ANY
        return given
