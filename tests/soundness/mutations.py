"""Single-point mutations of Python functions: what one careless edit could do to the verifier. Text in, text out; nothing is run here.

A mutant is named by function and text, not by line, so that code may move. What cannot change what holds is not mutated: annotations,
docstrings, decorators, messages of errors, `dtype=` and `strict=`.
"""

from __future__ import annotations

import ast
import copy
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[tuple[str, int | None], ...]
"""From a function to a node in it: (field, index, or None where the field is no list)."""
Change = tuple[str, ast.AST | None]
"""Kind, and what stands in the node's place; None deletes a statement."""

FIRST = "__first_part__"
"""Name of the builtin that mutants call for the first part of a sequence, array or element (mutants.first_part)."""
FIRST_ROW = "__first_row__"
"""The same for the first row of an array."""
MODULI = {"P", "MODULUS"}
SILENT_KEYWORDS = {"dtype", "strict", "hint", "where", "name", "default", "kind", "copy"}
ORDERED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
SWAPPED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr, ast.Pow: ast.Mult, ast.Mod: ast.FloorDiv,
}  # fmt: skip
TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
COMPARED_WHOLE = {"array_equal"}


@dataclass(frozen=True)
class Mutant:
    """One change of one function. before, after: the expression, or the head of the statement, around it; number: of several such."""

    module: str
    function: str
    kind: str
    before: str
    after: str
    number: int
    path: Path
    choice: int
    """Which of the changes that the node at `path` allows."""

    @property
    def name(self) -> str:
        """As it is written in docs/mutants.md."""
        twin = f" (no. {self.number})" if self.number > 1 else ""
        return f"{self.module}.{self.function}: {self.before} -> {self.after}{twin}"


def mutants_of(module: str, qualname: str, function: ast.FunctionDef, *, compiled: bool) -> list[Mutant]:
    """All mutants of one function, in the order of its text. compiled: by numba, which knows less of Python."""
    out: list[Mutant] = []
    seen: Counter[tuple[str, str]] = Counter()
    for path, node in sites(function):
        for choice, (kind, new) in enumerate(changes(function, path, node, compiled=compiled)):
            around = context(function, path)
            before, after = shown(function, around), "deleted" if new is None else shown_with(function, path, new, around)
            if before == after:
                continue
            seen[before, after] += 1
            out.append(Mutant(module, qualname, kind, before, after, seen[before, after], path, choice))
    return out


def mutated(function: ast.FunctionDef, mutant: Mutant, *, compiled: bool) -> ast.FunctionDef:
    """The function as the mutant has it."""
    node = at(function, mutant.path)
    return put(function, mutant.path, changes(function, mutant.path, node, compiled=compiled)[mutant.choice][1])


# ***** places *****


def sites(function: ast.FunctionDef) -> Iterator[tuple[Path, ast.AST]]:
    """The function itself, then every statement and expression that is run and is no message."""
    yield (), function
    for index, statement in enumerate(function.body):
        if index == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        yield from _inside((("body", index),), statement)


def _inside(path: Path, node: ast.AST) -> Iterator[tuple[Path, ast.AST]]:
    yield path, node
    if isinstance(node, ast.Raise | ast.JoinedStr):
        return
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "args" if isinstance(node, ast.Lambda | ast.FunctionDef) else "", "decorator_list", "ctx"):
            continue
        if isinstance(value, ast.AST):
            yield from _inside((*path, (field, None)), value)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.keyword) and item.arg in SILENT_KEYWORDS:
                    continue
                if isinstance(item, ast.AST):
                    yield from _inside((*path, (field, index)), item)


def at(function: ast.AST, path: Path) -> ast.AST:
    node = function
    for field, index in path:
        value = getattr(node, field)
        node = value if index is None else value[index]
    return node


def put(function: ast.FunctionDef, path: Path, new: ast.AST | None) -> ast.FunctionDef:
    """A copy of the function with another node at `path`."""
    if not path:
        assert isinstance(new, ast.FunctionDef)
        return new
    out = copy.deepcopy(function)
    parent = at(out, path[:-1])
    field, index = path[-1]
    node = at(out, path)
    place = ast.Pass() if new is None else copy.deepcopy(new)
    ast.copy_location(place, node)
    if index is None:
        setattr(parent, field, place)
    else:
        getattr(parent, field)[index] = place
    return ast.fix_missing_locations(out)


def context(function: ast.AST, path: Path) -> Path:
    """What to show of a change: the expression above the node if it is short, or the head of the statement."""
    node = at(function, path)
    if not path or isinstance(node, ast.stmt):
        return path
    above = at(function, path[:-1])
    if isinstance(node, ast.keyword):
        return path
    if not isinstance(above, ast.expr | ast.stmt | ast.keyword):  # a slice, a generator
        return context(function, path[:-1])
    if isinstance(node, ast.expr) and len(ast.unparse(node)) > 24 and not isinstance(above, ast.stmt):
        return path
    return path if isinstance(node, ast.expr) and len(head(above)) > 160 else path[:-1]


def shown_with(function: ast.FunctionDef, path: Path, new: ast.AST, around: Path) -> str:
    """What stands at `around` while `new` stands at `path`."""
    if not path:
        return head(new)
    parent, (field, index) = at(function, path[:-1]), path[-1]
    holder: Any = parent.__dict__ if index is None else getattr(parent, field)
    key: Any = field if index is None else index
    old, holder[key] = holder[key], ast.copy_location(new, at(function, path))
    try:
        return shown(function, around)
    finally:
        holder[key] = old


def shown(function: ast.AST, path: Path) -> str:
    node = at(function, path)
    return head(node) if isinstance(node, ast.stmt) else " ".join(ast.unparse(node).split())


def head(node: ast.AST) -> str:
    """A statement in one line, without the body of a compound one."""
    if isinstance(node, ast.FunctionDef):
        first = node.body[1 if len(node.body) > 1 and _is_text(node.body[0]) else 0]
        return f"def {node.name}: {head(first)}" if isinstance(first, ast.Return) else f"def {node.name}"
    if isinstance(node, ast.If | ast.While | ast.For | ast.With):
        bare = copy.copy(node)
        last = node.body[-1]
        stop = "; break" if isinstance(node, ast.For | ast.While) and isinstance(last, ast.Break) else ""
        bare.body = [ast.Expr(ast.Constant(...))]
        if isinstance(bare, ast.If | ast.For | ast.While):
            bare.orelse = []
        return " ".join(ast.unparse(ast.fix_missing_locations(bare)).replace("...", "").split()) + stop
    text = " ".join(ast.unparse(node).split())
    if isinstance(node, ast.Raise):
        text = text.split("(")[0] + "(…)"
    return text if len(text) <= 220 else text[:219] + "…"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


# ***** changes *****


def changes(function: ast.FunctionDef, path: Path, node: ast.AST, *, compiled: bool) -> list[Change]:
    """What may stand in the place of `node`."""
    out: list[Change] = []
    if isinstance(node, ast.FunctionDef):
        return _early(node) if not path else []
    if isinstance(node, ast.stmt):
        return _of_statement(function, path, node, compiled=compiled)
    if isinstance(node, ast.Compare):
        out += _of_comparison(node, looped=_is_test_of_loop(function, path), compiled=compiled)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        out.append(("and/or", ast.BoolOp(other, node.values)))
        for k in range(len(node.values)):
            rest = [*node.values[:k], *node.values[k + 1 :]]
            out.append(("operand dropped", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        if not isinstance(node.operand, ast.Constant) or isinstance(node.op, ast.Not):
            out.append(("sign dropped", node.operand))
    elif isinstance(node, ast.BinOp):
        out += _of_arithmetic(node)
    elif isinstance(node, ast.IfExp):
        out += [("one branch", node.body), ("one branch", node.orelse)]
    elif isinstance(node, ast.Constant) and not _is_unknown_length(function, path):
        out += _of_constant(node)
    elif isinstance(node, ast.Name) and node.id in MODULI:
        out.append(("2^31 for p", ast.Constant(1 << 31)))
    elif isinstance(node, ast.Slice):
        out += _of_slice(node, compiled=compiled)
    elif isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load) and not _is_index(function, path):
        out += [("element dropped", type(node)([*node.elts[:k], *node.elts[k + 1 :]], ast.Load())) for k in range(len(node.elts))]
    elif isinstance(node, ast.Dict):
        for k in range(len(node.keys)):
            out.append(("element dropped", ast.Dict([*node.keys[:k], *node.keys[k + 1 :]], [*node.values[:k], *node.values[k + 1 :]])))
    elif isinstance(node, ast.Call):
        out += _of_call(node, compiled=compiled)
    elif isinstance(node, ast.ListComp | ast.GeneratorExp) and not compiled:
        out += _of_comprehension(node)
    return out


def _early(node: ast.FunctionDef) -> list[Change]:
    """The function answers before it does anything."""
    result = node.returns
    wanted: list[ast.expr | None] = []
    if isinstance(result, ast.Constant) and result.value is None:
        wanted = [None]
    elif isinstance(result, ast.Name) and result.id == "bool":
        wanted = [ast.Constant(True), ast.Constant(False)]
    elif isinstance(result, ast.BinOp) and isinstance(result.right, ast.Constant) and result.right.value is None:
        wanted = [ast.Constant(None)]
    out: list[Change] = []
    for value in wanted:
        made = copy.deepcopy(node)
        docstring = made.body[:1] if _is_text(made.body[0]) else []
        made.body = [*docstring, ast.copy_location(ast.Return(value), made.body[0]), *made.body[len(docstring) :]]
        out.append(("early return", ast.fix_missing_locations(made)))
    return out


def _of_statement(function: ast.FunctionDef, path: Path, node: ast.stmt, *, compiled: bool) -> list[Change]:
    called = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    if called or isinstance(node, ast.Raise | ast.Assert | ast.AugAssign):
        return [("statement deleted", None)]
    if isinstance(node, ast.Assign) and _is_kept_elsewhere(function, path, node.targets):
        return [("statement deleted", None)]
    if isinstance(node, ast.If):
        simple = not isinstance(node.test, ast.Compare | ast.BoolOp)
        values: list[bool] = [True, False] if simple else []
        return [("test", _with(node, test=ast.Constant(value))) for value in values]
    if isinstance(node, ast.For | ast.While):
        out: list[Change] = [("loop once", _with(node, body=[*node.body, ast.Break()]))]
        if isinstance(node, ast.For) and not compiled:
            out.append(("loop without its first", _with(node, iter=_sliced(node.iter, ast.Slice(ast.Constant(1), None)))))
        return out
    if isinstance(node, ast.Continue):
        return [("statement deleted", None)]
    return []


def _is_kept_elsewhere(function: ast.FunctionDef, path: Path, targets: Sequence[ast.expr]) -> bool:
    """Whether what is assigned has a value before: without the assignment the function may still run."""
    names = [n for target in targets for n in ast.walk(target) if isinstance(n, ast.Name | ast.Attribute | ast.Subscript)]
    if any(not isinstance(n, ast.Name) for n in names):
        return any(isinstance(n, ast.Subscript) for n in names) or function.name != "__init__"
    own = {n.id for n in names if isinstance(n, ast.Name)}
    before = {a.arg for a in function.args.args + function.args.kwonlyargs}
    for other_path, node in sites(function):
        if other_path == path:
            break
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            before.add(node.id)
    return own <= before


def _with(node: ast.stmt, **fields: object) -> ast.stmt:
    out = copy.deepcopy(node)
    for field, value in fields.items():
        setattr(out, field, value)
    return out


def _of_comparison(node: ast.Compare, *, looped: bool, compiled: bool) -> list[Change]:
    out: list[Change] = []
    for k, op in enumerate(node.ops):
        for table in (ORDERED, NEGATED):
            if type(op) in table and not (looped and table is NEGATED):
                out.append(("comparison", ast.Compare(node.left, [*node.ops[:k], table[type(op)](), *node.ops[k + 1 :]], node.comparators)))
    if len(node.ops) > 1:
        out.append(("comparison dropped", ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:])))
        out.append(("comparison dropped", ast.Compare(node.left, node.ops[:-1], node.comparators[:-1])))
    out += [("comparison fixed", ast.Constant(value)) for value in ((False,) if looped else (True, False))]
    if len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.NotEq) and not compiled:
        sides = (node.left, node.comparators[0])
        if not any(isinstance(n, ast.Constant) for side in sides for n in (side,)):
            out.append(("first part only", ast.Compare(_first(sides[0]), node.ops, [_first(sides[1])])))
    return out


def _of_arithmetic(node: ast.BinOp) -> list[Change]:
    out: list[Change] = []
    if type(node.op) in SWAPPED:
        out.append(("arithmetic", ast.BinOp(node.left, SWAPPED[type(node.op)](), node.right)))
    if isinstance(node.op, ast.Add | ast.Mod | ast.BitAnd | ast.Mult):
        out.append(("operand dropped", node.left))
    if isinstance(node.op, ast.Add | ast.Mult):
        out.append(("operand dropped", node.right))
    return out


def _of_constant(node: ast.Constant) -> list[Change]:
    value = node.value
    if isinstance(value, bool):
        return [("constant", ast.Constant(not value))]
    if isinstance(value, int):
        return [("constant", ast.Constant(value + 1)), *([("constant", ast.Constant(value - 1))] if value > 0 else [])]
    if isinstance(value, float):
        return [("constant", ast.Constant(value + 1.0))]
    if isinstance(value, bytes) and value:
        return [("constant", ast.Constant(value[:-1] + bytes([value[-1] ^ 1])))]
    return []


def _of_slice(node: ast.Slice, *, compiled: bool) -> list[Change]:
    out: list[Change] = []
    if node.upper is not None:
        out.append(("slice", ast.Slice(node.lower, ast.BinOp(node.upper, ast.Sub(), ast.Constant(1)), node.step)))
    if node.lower is not None:
        out.append(("slice", ast.Slice(ast.BinOp(node.lower, ast.Add(), ast.Constant(1)), node.upper, node.step)))
    if (node.upper is not None or node.lower is not None) and node.step is None and not compiled:
        out.append(("slice", ast.Slice(None, None, None)))
    return out


def _of_call(node: ast.Call, *, compiled: bool) -> list[Change]:
    out: list[Change] = []
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if isinstance(node.func, ast.Name) and name in TWINS:
        out.append(("twin", ast.Call(ast.Name(TWINS[name], ast.Load()), node.args, node.keywords)))
    if isinstance(node.func, ast.Attribute) and name in TWINS and not node.args:
        twin = ast.Attribute(node.func.value, TWINS[name], ast.Load())
        out.append(("twin", ast.Call(twin, [], node.keywords)))
        if name in ("any", "all") and not compiled and not node.keywords:
            out.append(("first part only", ast.Call(ast.Attribute(_first(node.func.value), name, ast.Load()), [], [])))
    if name in COMPARED_WHOLE:
        out += [("first part only", ast.Call(node.func, [_first(arg, of) for arg in node.args], [])) for of in (FIRST, FIRST_ROW)]
    if name == "range" and len(node.args) == 1 and not isinstance(node.args[0], ast.Constant):
        out.append(("one less", ast.Call(node.func, [ast.BinOp(node.args[0], ast.Sub(), ast.Constant(1))], [])))
    if name in ("unique", "sorted") and node.args and not compiled:
        out.append(("call dropped", node.args[0]))
    for k, keyword in enumerate(node.keywords):
        if keyword.arg not in SILENT_KEYWORDS and keyword.arg is not None:
            out.append(("argument dropped", ast.Call(node.func, node.args, [*node.keywords[:k], *node.keywords[k + 1 :]])))
    return out


def _of_comprehension(node: ast.ListComp | ast.GeneratorExp) -> list[Change]:
    out: list[Change] = []
    for k, generator in enumerate(node.generators):
        for bounds in (ast.Slice(None, ast.Constant(1)), ast.Slice(ast.Constant(1), None)):
            made = copy.deepcopy(node)
            made.generators[k].iter = _sliced(generator.iter, bounds)
            out.append(("loop once" if bounds.upper else "loop without its first", made))
        if generator.ifs:
            made = copy.deepcopy(node)
            made.generators[k].ifs = []
            out.append(("condition dropped", made))
    return out


def _sliced(iterable: ast.expr, bounds: ast.Slice) -> ast.expr:
    return ast.Subscript(ast.Call(ast.Name("list", ast.Load()), [copy.deepcopy(iterable)], []), bounds, ast.Load())


def _first(node: ast.expr, of: str = FIRST) -> ast.expr:
    return ast.Call(ast.Name(of, ast.Load()), [node], [])


def _is_test_of_loop(function: ast.FunctionDef, path: Path) -> bool:
    return isinstance(at(function, path[:-1]), ast.While)


def _is_index(function: ast.FunctionDef, path: Path) -> bool:
    """A tuple that is no collection: an index, or several values that are assigned or returned at once."""
    above = at(function, path[:-1])
    if isinstance(above, ast.Assign):
        return isinstance(above.targets[0], ast.Tuple)
    return isinstance(above, ast.Subscript | ast.Return)


def _is_unknown_length(function: ast.FunctionDef, path: Path) -> bool:
    """The -1 of `reshape`: any number below zero says the same."""
    nodes = [at(function, path[:k]) for k in range(max(0, len(path) - 3), len(path))]
    calls = [n.func.attr for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    return isinstance(nodes[-1], ast.UnaryOp) and "reshape" in calls


# ***** functions of a module *****


def functions_of(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Functions and methods by qualified name."""
    out: dict[str, ast.FunctionDef] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            out[node.name] = node
        elif isinstance(node, ast.ClassDef):
            out |= {f"{node.name}.{each.name}": each for each in node.body if isinstance(each, ast.FunctionDef)}
    return out


def names_in(node: ast.AST) -> set[str]:
    """Every name and attribute that a piece of code mentions."""
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return found | {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}


def decorators(function: ast.FunctionDef) -> set[str]:
    return {name for each in function.decorator_list for name in names_in(each)}


def parse(path: str | os.PathLike[str]) -> ast.Module:
    with open(path, encoding="utf-8") as file:
        return ast.parse(file.read())
