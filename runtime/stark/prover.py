"""The prover. Each phase is a method that turns the state of the last into one message; `Prover.run` is the protocol in order.

Traces are bit-reversed already: row b of a trace is the point w^rev(b), and no constraint sees a neighbouring row, so nothing is permuted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit import Circuit, Table
from zkc.runtime.errors import InputError
from zkc.runtime.field.arrays import to_montgomery
from zkc.runtime.field.extension import DEGREE, Element
from zkc.runtime.field.koalabear import GENERATOR, P, root_of_unity
from zkc.runtime.hash.merkle import Tree, commit, group_rows, open_many
from zkc.runtime.poly.ntt import interpolate
from zkc.runtime.stark import deep, fri, logup, quotient
from zkc.runtime.stark.challenges import Challenges
from zkc.runtime.stark.constraints import Fingerprint, claim_sum, dot, element_powers
from zkc.runtime.stark.evaluators import Evaluate, interpreter
from zkc.runtime.stark.fixed import fixed_extension, fixed_words
from zkc.runtime.stark.grinding import grind
from zkc.runtime.stark.identity import checked_claim, identity_holds
from zkc.runtime.stark.lifting import lift_and_add
from zkc.runtime.stark.parameters import DEFAULT, LOG_BLOWUP, Parameters
from zkc.runtime.stark.points import PointWeights
from zkc.runtime.stark.proof import Head, encode, plans
from zkc.runtime.stark.security import require_secure
from zkc.runtime.stark.shape import ABSENT, Matrix, Shape
from zkc.runtime.stark.stacks import Stack
from zkc.runtime.stark.sums import add_weighted_columns

Words = npt.NDArray[np.uint32]
Progress = Callable[[str, float], None]
PHASES = ("trace", "logup", "quotient", "openings", "fri", "queries")


@dataclass
class Timings:
    """Seconds spent in each part of a proof."""

    seconds: dict[str, float] = field(default_factory=lambda: {})
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """Books the time since the last lap under `name`."""
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now


def prove(
    circuit: Circuit,
    traces: Mapping[str, npt.NDArray[np.uint32]],
    claim: Sequence[int],
    parameters: Parameters = DEFAULT,
    evaluators: Mapping[str, Evaluate] | None = None,
    progress: Progress | None = None,
    *,
    allow_insecure: bool = False,
) -> bytes:
    """A proof that `traces` satisfy `circuit` with public values `claim`.

    traces: by table name, canonical `uint32[columns][rows]`; a missing table has no rows. evaluators: by table name, see evaluators.py.
    Raises InputError if the traces do not, if a height or a value is not allowed, or if the parameters are insecure and `allow_insecure` is
    off.
    """
    return Prover(circuit, traces, claim, parameters, evaluators, progress, allow_insecure=allow_insecure).run()


class Prover:
    """One run of the protocol. After it, `timings` says where the time went."""

    def __init__(
        self,
        circuit: Circuit,
        traces: Mapping[str, npt.NDArray[np.uint32]],
        claim: Sequence[int],
        parameters: Parameters = DEFAULT,
        evaluators: Mapping[str, Evaluate] | None = None,
        progress: Progress | None = None,
        *,
        allow_insecure: bool = False,
    ) -> None:
        self.circuit, self.claim = circuit, checked_claim(circuit, claim)
        self.shape = Shape(circuit, log_heights(circuit, traces), parameters)
        require_secure(self.shape, allow_insecure=allow_insecure)
        self.progress = progress or no_progress
        given = evaluators or {}
        self.evaluators = [given.get(t.table.name) or interpreter(t.table) for t in self.shape.tables]
        self.traces = [traces[t.table.name] for t in self.shape.tables]
        self.timings = Timings()

    def run(self) -> bytes:
        """The proof. Every message is absorbed before the challenge that follows it is drawn."""
        self.challenges = Challenges(self.shape, self.claim)
        trace_tree = self.commit_trace()
        alpha, beta = self.challenges.after_trace(trace_tree.root)
        self.fingerprint = Fingerprint.of(alpha, beta, self.shape.bus_power, len(self.circuit.buses))
        logup_tree = self.commit_logup()
        self.lam = self.challenges.after_logup(logup_tree.root)
        quotient_tree = self.commit_quotient()
        self.zeta = self.challenges.after_quotient(quotient_tree.root)
        openings = self.open_columns()
        self.check(openings)
        gamma = self.challenges.after_openings(openings)
        layers, final = self.fold(self.deep_polynomial(openings, gamma))
        self.challenges.after_final(final)
        nonce = self.grind()
        indices = self.challenges.after_nonce(nonce)
        trees = [trace_tree, logup_tree, quotient_tree, *layers]
        opened = [open_many(tree, plan.positions[0]) for tree, plan in zip(trees, plans(self.shape, indices), strict=True)]
        roots = (trace_tree.root, logup_tree.root, quotient_tree.root)
        head = Head(roots, openings, tuple(tree.root for tree in layers), final, nonce)
        self.lap("queries", "queries", 1.0)
        return encode(self.shape.log_heights, head, opened)

    def lap(self, name: str, phase: str, done: float) -> None:
        """Books time under `name` and reports progress of a phase."""
        self.timings.lap(name)
        self.progress(phase, done)

    # ***** trace *****

    def commit_trace(self) -> Tree:
        """The committed columns over the trace domains, in `columns`, and over the extended domains, in `extended`."""
        stack = Stack(self.shape.trace)
        for table, trace, words in zip(self.shape.tables, self.traces, stack.views, strict=True):
            write_words(table.table, trace, words)
        del self.traces
        self.columns = stack.views
        self.lap("convert trace", "trace", 0.1)
        extended = self.extend(stack)
        self.extended = extended.views
        self.lap("extend trace", "trace", 0.8)
        tree = commit(list(extended.arrays.values()))
        self.lap("hash trace", "trace", 1.0)
        return tree

    def extend(self, stack: Stack) -> Stack:
        """All columns of a tree over the extended domains."""
        return stack.extended(self.shift)

    def shift(self, log_height: int) -> int:
        """g^s, s = n / n': the shift of the extended domain of a table of height n'."""
        return pow(GENERATOR, self.shape.height >> log_height, P)

    # ***** LogUp *****

    def commit_logup(self) -> Tree:
        """The columns phi of all tables, then acc, extended in `phis_extended`; the values over the trace domains are let go."""
        self.claimed = claim_sum(self.circuit, self.claim, self.fingerprint)
        self.spread = logup.SpreadFingerprint.of(self.fingerprint)
        stack = Stack(self.shape.logup)
        self.phis = stack.views
        for number, (table, columns, evaluate) in enumerate(zip(self.shape.tables, self.columns, self.evaluators, strict=True)):
            parts = [columns, fixed_words(table.table)]
            logup.fractions(table.table, parts, evaluate, self.spread, self.phis[number])
            self.lap("logup fractions", "logup", (number + 1) / (2 * len(self.columns)))
        self.phis[-1][:] = self.accumulate()
        del self.columns, self.phis
        self.lap("logup accumulator", "logup", 0.5)
        extended = self.extend(stack)
        del stack
        self.phis_extended = extended.views
        self.lap("extend logup", "logup", 0.9)
        tree = commit(list(extended.arrays.values()))
        self.lap("hash logup", "logup", 1.0)
        return tree

    def accumulate(self) -> Words:
        """The accumulator over the trace domain, from the phi columns of the tables."""
        acc, total = logup.accumulator(self.shape.log_height, self.phis[:-1], self.claimed)
        self.balance(total)
        return acc

    def balance(self, total: Element) -> None:
        """Raises unless the sum of all fractions is zero."""
        if total != Element.base(0):
            raise InputError("the traces do not satisfy the circuit: the buses do not balance")

    # ***** quotient *****

    def commit_quotient(self) -> Tree:
        """q0 and q1 over the extended domain, in `quotient_extended`."""
        self.quotient_extended = quotient.extend_quotient(quotient.quotient_coefficients(self.combine()))
        self.lap("extend quotient", "quotient", 0.9)
        tree = commit([self.quotient_extended])
        self.lap("hash quotient", "quotient", 1.0)
        return tree

    def combine(self) -> Words:
        """`uint32[6][2n]`: the sum of all constraints times powers of lambda, over the extended domain."""
        weights = element_powers(self.lam, self.shape.constraints)
        log_height = self.shape.log_height
        parts = [quotient.accumulator_combination(log_height, self.phis_extended[-1], self.claimed, weights[:, -1])]
        challenges = quotient.Weights(weights, self.spread)
        every = zip(self.shape.tables, self.extended, self.phis_extended, self.evaluators, strict=False)
        for number, (table, columns, phi, evaluate) in enumerate(every):
            lift = self.shape.height >> table.log_height
            every_column = [columns, fixed_extension(table.table, lift)]
            parts.append(quotient.table_combination(table, every_column, phi, evaluate, challenges, lift))
            self.lap("constraints", "quotient", 0.8 * (number + 1) / len(self.extended))
        return lift_and_add(parts, 2 * self.shape.height)

    # ***** openings *****

    def open_columns(self) -> Words:
        """`uint32[openings][6]`: all columns at zeta (a table of height n' at zeta^s), then acc at w zeta.

        Read from the first half of the extensions, which are the values on the coset g^s <w_n'>.
        """
        at_height = {h: self.point_weights(h, self.zeta) for h in {matrix.log_height for matrix in self.matrices}}
        parts = [
            at_height[matrix.log_height].evaluate(columns[:, : 1 << matrix.log_height])
            for matrix, columns in zip(self.matrices, self.committed, strict=True)
            if matrix.width
        ]
        acc = self.phis_extended[-1][:, : self.shape.height]
        parts.append(self.point_weights(self.shape.log_height, self.next_zeta).evaluate(acc))
        self.lap("openings", "openings", 1.0)
        return np.concatenate(parts)

    @property
    def matrices(self) -> list[Matrix]:
        """The matrices of all three trees, in the order of openings."""
        return [matrix for tree in self.shape.trees for matrix in tree]

    @property
    def committed(self) -> list[Words]:
        """Their columns over the extended domains."""
        return [*self.extended, *self.phis_extended, self.quotient_extended]

    def point_weights(self, log_height: int, point: Element) -> PointWeights:
        """What point^s asks of values on g^s <w_n'>."""
        return PointWeights.of(log_height, point ** (self.shape.height >> log_height), self.shift(log_height))

    @property
    def next_zeta(self) -> Element:
        """w zeta."""
        return self.zeta * Element.base(root_of_unity(self.shape.log_height))

    def check(self, openings: Words) -> None:
        """Raises unless a verifier would find the constraints satisfied: with overwhelming probability the traces are then right."""
        opened = np.ascontiguousarray(openings.T)
        if not identity_holds(self.shape, opened, self.fingerprint, self.lam, self.zeta, self.claimed):
            raise InputError("the traces do not satisfy the circuit: a constraint is not zero on every row")

    # ***** FRI *****

    def deep_polynomial(self, openings: Words, gamma: Words) -> Words:
        """`uint32[6][2n]`: the DEEP polynomial over the extended domain."""
        weights = element_powers(gamma, self.shape.openings)
        sums: dict[int, Words] = {}
        for matrix, columns in zip(self.matrices, self.committed, strict=True):
            out = sums.setdefault(matrix.log_height, np.zeros((DEGREE, 2 << matrix.log_height), dtype=np.uint32))
            own = np.ascontiguousarray(weights[:, matrix.offset : matrix.offset + matrix.width])
            add_weighted_columns(columns, own, out)
        there = np.zeros((DEGREE, 2 << self.shape.log_height), dtype=np.uint32)
        last = np.ascontiguousarray(weights[:, self.shape.columns :])
        add_weighted_columns(self.phis_extended[-1], last, there)
        opened = np.ascontiguousarray(openings.T)
        claimed = Element.from_words(dot(weights[:, : self.shape.columns], opened[:, : self.shape.columns]))
        claimed_next = Element.from_words(dot(last, opened[:, self.shape.columns :]))
        here = lift_and_add(sums.values(), 2 * self.shape.height)
        values = deep.divide(here, claimed, there, claimed_next, self.zeta, self.next_zeta)
        self.lap("deep", "fri", 0.5)
        return values

    def fold(self, values: Words) -> tuple[list[Tree], Words]:
        """The committed layers, and the final polynomial `uint32[2^log_final][6]`."""
        trees: list[Tree] = []
        log_size, log_folded = self.shape.log_extended, 0
        for fold in self.shape.folds:
            trees.append(commit([group_rows(values, 1 << fold)]))
            beta = self.challenges.after_layer(trees[-1].root)
            values = self.fold_layer(trees[-1].groups[0][0], fold, log_size, log_folded, beta)
            log_size, log_folded = log_size - fold, log_folded + fold
        coefficients = interpolate(values, fri.layer_shift(log_folded))
        self.lap("fri", "fri", 1.0)
        return trees, np.ascontiguousarray(coefficients[:, : values.shape[1] >> LOG_BLOWUP].T)

    def fold_layer(self, leaves: Words, fold: int, log_size: int, log_folded: int, beta: Words) -> Words:
        """The next layer `uint32[6][2^(log_size - fold)]`."""
        return fri.fold_leaves(leaves, fri.inverse_starts(log_size, fold, log_folded), beta)

    def grind(self) -> int:
        """The least nonce with enough zero bits."""
        nonce = grind(self.challenges.transcript, self.shape.parameters.grinding)
        self.lap("grinding", "queries", 0.5)
        return nonce


def no_progress(phase: str, done: float) -> None:
    """Tells nobody."""


def log_heights(circuit: Circuit, traces: Mapping[str, npt.NDArray[np.uint32]]) -> list[int]:
    """log2 of each table's rows, ABSENT for one without a trace. Raises InputError for traces of a wrong shape or unknown name."""
    unknown = set(traces) - {table.name for table in circuit.tables}
    if unknown:
        raise InputError(f"traces of unknown tables: {', '.join(sorted(unknown))}")
    return [log_height_of(table, traces[table.name]) if table.name in traces else ABSENT for table in circuit.tables]


def log_height_of(table: Table, trace: npt.NDArray[np.uint32]) -> int:
    """log2 of the rows of one trace."""
    if trace.ndim != 2 or trace.dtype != np.uint32 or trace.shape[0] != len(table.columns) or trace.shape[1].bit_count() != 1:
        raise InputError(f"table {table.name}: the trace must be uint32[{len(table.columns)}][a power of two]")
    return trace.shape[1].bit_length() - 1


def write_words(table: Table, trace: npt.NDArray[np.uint32], words: Words) -> None:
    """Writes a trace to `words`, Montgomery. Raises InputError for a value that is not canonical."""
    if int(trace.max()) >= P:
        raise InputError(f"table {table.name}: the trace holds a value that is not canonical")
    words[:] = trace
    to_montgomery(words)
