"""Every way in which the executor stops is refuted by the equations of the row that would go on.

The executor stops a run (`fault`, a state that no service handles, a fetch from where no code can be). If a row fitted such a step all the
same, a prover could go on from there, and the receipt would speak of a run that never was. So for each fault of each arm, z3 shows: no
columns satisfy the row when the fault's condition holds. The condition is an integer of what the executor saw (words it loaded, fields of
the instruction, the pc). It is tied to columns only where the row receives them: from a bus that remembers, at an address that is shown
to be the one that the executor loaded from; from other buses, by the name of the field. Hints are not believed, nor types: ranges come
from the lookups and equations that are there. A condition of the host's answers alone says nothing about the program, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from zkc.compiler.build import Compilation
from zkc.compiler.determinism import Finding, Query, Row, Solver, TableAudit
from zkc.compiler.program import Program
from zkc.compiler.table import Effect, Sent
from zkc.compiler.witness import W
from zkc.dsl.syntax import Span
from zkc.runtime.circuit import COLUMN, MUL
from zkc.runtime.field.koalabear import P

OVERLAPS: dict[frozenset[str], str] = {
    frozenset({"read_word", "read_byte"}): "four bytes may as well come one by one",
}
"""Services that may be used in the same state, and why."""

ROUNDS = 4
"""How many equations away from what the condition speaks of the proof may reach."""
STEPS = 20_000_000
"""What z3 may spend on one question, in its own units: the answer does not depend on how busy the machine is."""
LIMB_BITS = 16

Key = tuple[object, ...]
"""What a leaf of an integer is: ("word", bus, address), ("load", number), ("input", name), ("host", number)."""

_answers: dict[str, bool] = {}


class Step:
    """The row of one arm, what it receives and what the executor loads in it."""

    def __init__(self, audit: TableAudit, arm: str | None) -> None:
        builder = audit.builder
        values = {builder.poly.nodes[n][1]: int(a == arm) for a, n in builder.selectors.items()}
        self.audit = audit
        self.arm = arm
        self.row: Row = audit.row(values)
        self.nodes = self.row.import_nodes(builder.poly.nodes, values, {})
        self.effects: list[Effect] = builder.effects_of(arm)
        self.loads = {e.sequence: e for e in self.effects if e.kind == "load"}

    @cached_property
    def ranges(self) -> list[tuple[int, int]]:
        return Solver(self.row, 0, self.audit.user_ranges).ranges

    @cached_property
    def received(self) -> list[Sent]:
        """What the row receives exactly once."""
        here = (m for m in self.audit.builder.messages if m.sign < 0 and m.arm in (None, self.arm))
        return [m for m in here if self.row.value(self.nodes[m.times]) == 1]

    def key(self, leaf: W, loads: dict[int, Effect]) -> Key:
        """A word that is loaded from a constant address for the first time has one name in all steps."""
        if leaf.op != "latest":
            return (leaf.op, *leaf.args[:1]) if leaf.op == "input" else (leaf.op, leaf.args[1])
        part, sequence = str(leaf.args[0]), int(str(leaf.args[1]))
        load = loads[sequence]
        address = load.args[0]
        first = min(s for s, other in loads.items() if other.args[0] is address)
        if part == "value" and address.const is not None and first == sequence:
            return ("word", load.name, address.const)
        return (part, sequence)


class Question:
    """What z3 is asked about a step: its equations, what ties them to what the executor saw, and a claim to refute."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.query = Query(step.row)
        self.z3: Any = self.query.z3
        self.mask = 0  # the columns that the question speaks of
        self.keys: set[Key] = set()
        self._integers: dict[W, Any] = {}

    # integers

    def integer(self, node: W, loads: dict[int, Effect] | None = None) -> Any:
        """The integer in z3; what is not said in linear arithmetic is any integer within its bounds."""
        if node not in self._integers:
            self._integers[node] = self._integer(node, self.step.loads if loads is None else loads)
        return self._integers[node]

    def _integer(self, node: W, loads: dict[int, Effect]) -> Any:
        z3, op = self.z3, node.op
        if node.const is not None:
            return z3.IntVal(node.const)
        if op in ("input", "latest", "host"):
            return self._leaf(node, loads)
        if op == "is":
            return z3.IntVal(int(node.args[0] == self.step.arm))
        if op == "by_arm":
            return self.integer(_of_arm(node, self.step.arm), loads)
        args: list[Any] = [self.integer(a, loads) if isinstance(a, W) else a for a in node.args]
        consts = [a.const for a in node.args if isinstance(a, W)]
        if op == "mul" and any(c is not None for c in consts):
            return args[0] * args[1]
        if op in ("shr", "shl") and consts[1] is not None:
            return args[0] * (1 << consts[1]) if op == "shl" else args[0] / z3.IntVal(1 << consts[1])
        if op in ("add", "sub"):
            return args[0] + args[1] if op == "add" else args[0] - args[1]
        if op in ("mod", "floordiv") and isinstance(args[1], int) and args[1] > 0:
            return args[0] % args[1] if op == "mod" else args[0] / args[1]
        if op in ("eq", "ne", "lt", "ge"):
            a, b = args
            return z3.If({"eq": a == b, "ne": a != b, "lt": a < b, "ge": a >= b}[op], 1, 0)
        if op in ("and", "or") and all(a.high <= 1 for a in node.args if isinstance(a, W)):
            return z3.If((z3.And if op == "and" else z3.Or)(args[0] != 0, args[1] != 0), 1, 0)
        if op == "select":
            return z3.If(args[0] != 0, args[1], args[2])
        if op == "signed":
            return z3.If(args[0] >= 1 << 31, args[0] - (1 << 32), args[0])
        return self._fresh(("node", id(node)), node)

    def _fresh(self, key: Key, node: W) -> Any:
        v = self.z3.Int("_".join(str(part) for part in key))
        self.query.solver.add(v >= node.low, v <= node.high)
        return v

    def _leaf(self, node: W, loads: dict[int, Effect]) -> Any:
        key = self.step.key(node, loads)
        v = self._fresh(key, node)
        if key not in self.keys:
            self.keys.add(key)
            self._tie(key, v)
        return v

    # what the row receives

    def _tie(self, key: Key, value: Any) -> None:
        names = self.step.audit.names
        for m in self.step.received:
            remembers = self.step.audit.program.buses[m.bus].remembers
            if remembers is None:
                self._tie_fields(m, names[m.bus], key)
            elif (load := self._load_of(m, key)) is not None and self._same_address(m, names[m.bus].index(remembers), load):
                parts = [i for i, n in enumerate(names[m.bus]) if n.split(".")[0] == "value"]
                for place, i in enumerate(parts):
                    self._equal(m.args[i], value / (1 << (LIMB_BITS * place)) % (1 << LIMB_BITS))

    def _tie_fields(self, m: Sent, names: list[str], key: Key) -> None:
        """A field of an instruction, the clock or the pc: the row receives it under its own name."""
        for name, arg, wit in zip(names, m.args, m.args_wit, strict=True):
            leaf = None if wit is None else _limb_of(wit)
            if leaf is None or leaf.op != "input" or self.step.key(leaf, {}) != key:
                continue
            if name == leaf.args[0] or name.startswith("imm"):
                assert wit is not None
                self._equal(arg, self.integer(wit))

    def _load_of(self, m: Sent, key: Key) -> Effect | None:
        """The load whose word the message brings, if the key is of that word."""
        for wit in m.args_wit:
            leaf = None if wit is None else _limb_of(wit)
            if leaf is not None and leaf.op == "latest" and leaf.args[0] == "value" and self.step.key(leaf, self.step.loads) == key:
                load = self.step.loads[int(str(leaf.args[1]))]
                return load if load.name == m.bus else None
        return None

    def _same_address(self, m: Sent, at: int, load: Effect) -> bool:
        """The address in the message is the one that the executor loads from."""
        node, address = self.step.nodes[m.args[at]], load.args[0]
        if address.const is not None:
            return self.step.row.value(node) == address.const % P
        return refuted(self.step, lambda q: q.differs(node, q.integer(address)))

    def _equal(self, arg: int, integer: Any) -> None:
        self.query.solver.add(self.residue(self.step.nodes[arg]) == integer % P)

    def differs(self, node: int, integer: Any) -> Any:
        return self.residue(node) != integer % P

    def residue(self, node: int) -> Any:
        linear = self.step.row.linear(node)
        self.mask |= sum(1 << self.step.row.nodes[x][1] for x in linear if x >= 0 and self.step.row.nodes[x][0] == COLUMN)
        return self.query.residue(linear, "")

    # what the row says

    def add_equations(self, rounds: int) -> None:
        """Equations that share columns with the question, then those that share columns with them, and so on; then ranges."""
        row = self.step.row
        done: set[int] = set()
        for _ in range(rounds):
            near = [n for n in row.zero if n not in done and row.support[n] & self.mask]
            for n in near:
                self._add_equation(n)
            done.update(near)
        for n, high in self.step.ranges:
            if row.support[n] and not row.support[n] & ~self.mask and _columns_of(row, [row.linear(n)]) is not None:
                self.query.solver.add(self.query.residue(row.linear(n), "") < high)

    def _add_equation(self, node: int) -> None:
        row, q = self.step.row, self.query
        inverse = _inverses(row, node)
        if inverse is not None:
            forms, rest = inverse
            columns = _columns_of(row, [*forms, rest])
            if columns is not None:
                zeros = self.z3.And([q.residue(e, "") == 0 for e in forms])
                q.solver.add(self.z3.Implies(zeros, q.residue(rest, "") == 0))
                self.mask |= columns
            return
        linear = row.linear(node)
        atoms = list(linear)
        factors = row.factors(atoms[0]) if len(atoms) == 1 and atoms[0] >= 0 else [node]
        columns = _columns_of(row, [row.linear(f) for f in factors])
        if columns is not None:
            q.vanishes(node, "")
            self.mask |= columns

    def refutes(self, claim: Any) -> bool:
        self.query.solver.add(claim)
        key = self.query.solver.sexpr()
        if key not in _answers:
            self.query.solver.set("rlimit", STEPS)
            _answers[key] = self.query.solver.check() == self.z3.unsat
        return _answers[key]


def refuted(step: Step, claim: Any) -> bool:
    """Whether the row excludes the claim (a function of the question), from few equations first."""
    for rounds in range(ROUNDS + 1):
        question = Question(step)
        what = claim(question)
        question.add_equations(rounds)
        if question.refutes(what):
            return True
    return False


def _of_arm(node: W, arm: str | None) -> W:
    for name, value in zip(node.args[::2], node.args[1::2], strict=True):
        if name == arm:
            assert isinstance(value, W)
            return value
    raise KeyError(arm)


def _limb_of(node: W) -> W | None:
    """The input or load of which an integer is a piece of consecutive bits."""
    while node.op in ("mod", "shr"):
        inner = node.args[0]
        assert isinstance(inner, W)
        if node.op == "shr" and (not isinstance(node.args[1], W) or node.args[1].const is None):
            return None
        node = inner
    return node if node.op in ("input", "latest") else None


def leaves(node: W) -> Iterator[W]:
    """The inputs, loads and host's answers of an integer."""
    seen: set[W] = set()
    stack = [node]
    while stack:
        top = stack.pop()
        if top in seen:
            continue
        seen.add(top)
        if top.op in ("input", "latest", "host"):
            yield top
        else:
            stack += [a for a in top.args if isinstance(a, W)]


# Equations that z3 is given -------------------------------------------------------------------------------------------------------


def _columns_of(row: Row, forms: list[dict[int, int]]) -> int | None:
    """The columns of linear forms, None if one has a product in it."""
    if any(x >= 0 and row.nodes[x][0] != COLUMN for f in forms for x in f):
        return None
    return sum(1 << c for c in {row.nodes[x][1] for f in forms for x in f if x >= 0})


def _inverses(row: Row, node: int) -> tuple[list[dict[int, int]], dict[int, int]] | None:
    """e i + … + rest == 0 with hints i that stand nowhere else: the e, and the rest, which is 0 if they are."""
    linear = row.linear(node)
    products = [x for x in linear if x >= 0 and row.nodes[x][0] == MUL]
    if not products or len(products) == len(linear):
        return None
    forms: list[dict[int, int]] = []
    for x in products:
        free = [f for f in row.factors(x) if row.nodes[f][0] == COLUMN and _once(row, node, row.support[f])]
        others = [f for f in row.factors(x) if f not in free[:1]]
        if not free or len(others) != 1:
            return None
        forms.append(row.linear(others[0]))
    return forms, {x: c for x, c in linear.items() if x not in products}


def _once(row: Row, node: int, bit: int) -> bool:
    used = (*row.zero, *(a for _, args in row.lookups for a in args), *(a for _, _, args in row.messages for a in args))
    return not any(row.support[n] & bit for n in used if n != node)


# Rules ----------------------------------------------------------------------------------------------------------------------------


def check_faults(audit: TableAudit, arms: set[str | None] | None = None) -> list[Finding]:
    """Faults of a table that its rows do not exclude."""
    builder = audit.builder
    found: list[Finding] = []
    if not builder.arms:
        return [_finding(audit, "", f"nothing executes the fault {e.name!r}", e.span) for e in builder.effects[None] if e.kind == "fault"]
    for arm in builder.arms:
        if arms is not None and not arms & {None, arm}:
            continue
        step = Step(audit, arm)
        for e in step.effects:
            if e.kind != "fault" or (all(leaf.op == "host" for leaf in leaves(e.args[0])) and e.args[0].const is None):
                continue
            if not refuted(step, lambda q, e=e: q.integer(e.args[0]) != 0):
                found.append(_finding(audit, arm, f"no equation refuses what the executor refuses ({e.name})", e.span))
    return found


def check_services(compilation: Compilation, audits: list[TableAudit]) -> list[Finding]:
    """A service's row fits only a state in which the executor does that service."""
    table, conditions = compilation.guards
    loads = {e.sequence: e for e in table.effects_of("guards") if e.kind == "load"}
    services = compilation.program.services
    found: list[Finding] = []
    for audit in audits:
        name = audit.builder.name
        rivals = [n for n, x in services.items() if x.on == services[name].on]

        def elsewhere(q: Question, name: str = name, rivals: list[str] = rivals) -> Any:
            guards = [q.integer(conditions[n], loads) != 0 for n in rivals]
            done = [q.z3.And(g, *(q.z3.Not(b) for b in guards[:i])) for i, g in enumerate(guards)]
            return q.z3.And([q.z3.Not(d) for n, d in zip(rivals, done, strict=True) if n == name or frozenset({n, name}) in OVERLAPS])

        if not refuted(Step(audit, audit.builder.arms[0]), elsewhere):
            text = "a row fits a state in which the executor does something else, or stops"
            found.append(_finding(audit, name, text, services[name].span))
    return found


def check_fetch(program: Program, audits: list[TableAudit]) -> list[Finding]:
    """What is said about the instruction at a pc is said only of aligned pcs in user memory."""
    end = program.constants["user_end"]
    found: list[Finding] = []
    for audit in audits:
        step = Step(audit, None)
        for m in audit.builder.messages:
            if m.bus != "program" or m.sign < 0:
                continue
            at = step.nodes[m.args[audit.names["program"].index("pc")]]
            times = step.nodes[m.times]

            def outside(q: Question, at: int = at, times: int = times) -> Any:
                pc = q.residue(at)
                return q.z3.And(q.residue(times) != 0, q.z3.Or(pc % 4 != 0, pc >= end))

            if not refuted(step, outside):
                found.append(_finding(audit, "", "an instruction may be said to stand where no code can be", m.span))
    return found


def _finding(audit: TableAudit, arm: str, text: str, span: Span | None) -> Finding:
    return Finding(audit.builder.name, arm, text, (), span, None, (), "E0508")


def audit_stops(compilation: Compilation, audits: list[TableAudit]) -> list[Finding]:
    """All that a row allows where the executor stops."""
    services = [a for a in audits if a.builder.name in compilation.program.services]
    found = [f for a in audits for f in check_faults(a)]
    return found + check_services(compilation, services) + check_fetch(compilation.program, [a for a in audits if not a.builder.arms])
