"""The prover. Each phase is a method that turns the state of the last into one message; `Prover.run` is the protocol in order.

Traces are bit-reversed already: row b of a trace is the point w^rev(b), and no constraint sees a neighbouring row, so nothing is permuted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import Circuit, Table
from zkc.runtime.errors import InputError
from zkc.runtime.field.arrays import to_montgomery
from zkc.runtime.field.extension import DEGREE, Element
from zkc.runtime.field.koalabear import P, root_of_unity
from zkc.runtime.kernels import arena
from zkc.runtime.poly import ntt as transforms
from zkc.runtime.poly.ntt import Tail, interpolate
from zkc.runtime.stark import deep, fri, logup, quotient
from zkc.runtime.stark.challenges import Challenges
from zkc.runtime.stark.commitment import Commitment, fixed_commitment
from zkc.runtime.stark.constraints import Fingerprint, claim_sum, element_powers
from zkc.runtime.stark.evaluators import interpreter
from zkc.runtime.stark.fixed import fixed_words, repeated, second_fixed
from zkc.runtime.stark.grinding import grind
from zkc.runtime.stark.hiding import Salts, masks_of, random_elements, random_polynomial, rounded
from zkc.runtime.stark.identity import checked_claim, identity_holds
from zkc.runtime.stark.lifting import add_columns, lift_and_add
from zkc.runtime.stark.parameters import DEFAULT, Parameters, second_coset, shift
from zkc.runtime.stark.points import OpeningPoint
from zkc.runtime.stark.proof import Head, distinct, encode, layer_plans, tree_plans
from zkc.runtime.stark.security import require_secure
from zkc.runtime.stark.shape import Shape
from zkc.runtime.stark.stacks import NO_WORDS, Masked, Stack, first_rows

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
    progress: Progress | None = None,
    *,
    allow_insecure: bool = False,
) -> bytes:
    """A proof that `traces` satisfy `circuit` with public values `claim`.

    traces: by table name, canonical `uint32[columns][rows]`; a missing table has no rows.
    Raises InputError if the traces do not, if a height or a value is not allowed, or if the parameters are insecure and `allow_insecure` is
    off.
    """
    return Prover(circuit, traces, claim, parameters, progress, allow_insecure=allow_insecure).run()


class Prover:
    """One run of the protocol. After it, `timings` says where the time went."""

    def __init__(
        self,
        circuit: Circuit,
        traces: Mapping[str, npt.NDArray[np.uint32]],
        claim: Sequence[int],
        parameters: Parameters = DEFAULT,
        progress: Progress | None = None,
        *,
        allow_insecure: bool = False,
    ) -> None:
        self.circuit, self.claim = circuit, checked_claim(circuit, claim)
        self.shape = Shape(circuit, heights_of(circuit, traces, parameters), parameters)
        require_secure(self.shape, allow_insecure=allow_insecure)
        if 0 < parameters.masks < DEGREE + parameters.queries and not allow_insecure:
            raise InputError(f"{parameters.masks} coefficients of a mask hide nothing: {DEGREE + parameters.queries} are needed")
        if self.shape.hides and self.shape.log_height <= parameters.full_log_height:
            raise InputError(f"some table needs more than 2^{parameters.full_log_height} rows, or the mask of the accumulator does not fit")
        self.log_blowup = parameters.log_blowup
        self.progress = progress or no_progress
        self.evaluators = [interpreter(part.table) for part in self.shape.parts]
        self.traces = [traces[part.table.name][:, part.rows] for part in self.shape.parts]
        self.timings = Timings()

    def run(self) -> bytes:
        """The proof. Every message is absorbed before the challenge that follows it is drawn."""
        self.fixed = fixed_commitment(self.circuit, self.log_blowup)
        self.challenges = Challenges(self.shape, self.claim, self.fixed.root if self.fixed else b"")
        trace = self.commit_trace()
        alpha, beta = self.challenges.after_trace(trace.root)
        self.fingerprint = Fingerprint.of(alpha, beta, self.shape.bus_power, len(self.circuit.buses))
        logup = self.commit_logup()
        self.lam = self.challenges.after_logup(logup.root)
        quotient = self.commit_quotient()
        self.zeta = self.challenges.after_quotient(quotient.root)
        self.trees = [*([self.fixed] if self.fixed else []), trace, logup, quotient]
        openings = self.open_columns()
        self.check(openings)
        gamma = self.challenges.after_openings(openings)
        layers, final = self.fold(self.deep_polynomial(openings, gamma))
        self.challenges.after_final(final)
        nonce = self.grind()
        positions = distinct(self.challenges.after_nonce(nonce))
        opened = [tree.open(plan.leaves, plan.log_top) for tree, plan in zip(self.trees, tree_plans(self.shape, positions), strict=True)]
        opened += [layer.open(plan) for layer, plan in zip(layers, layer_plans(self.shape, positions), strict=True)]
        roots = (trace.root, logup.root, quotient.root)
        head = Head(roots, openings, tuple(layer.tree.root for layer in layers), final, nonce)
        self.lap("queries", "queries", 1.0)
        return encode(self.shape.heights, head, opened)

    def lap(self, name: str, phase: str, done: float) -> None:
        """Books time under `name` and reports progress of a phase."""
        self.timings.lap(name)
        self.progress(phase, done)

    # ***** trace *****

    def commit_trace(self) -> Commitment:
        """The committed columns over the trace domains, in `columns`, and over the extended domains, in `extended`."""
        stack = Stack(self.shape.trace)
        for part, trace, words in zip(self.shape.parts, self.traces, stack.views, strict=True):
            write_words(part.table, trace, words)
        del self.traces
        self.columns = stack.views
        self.lap("convert trace", "trace", 0.1)
        self.masked = self.extend(stack)
        self.lap("extend trace", "trace", 0.8)
        commitment = self.commit(self.masked.extended)
        self.lap("hash trace", "trace", 1.0)
        return commitment

    def extend(self, stack: Stack) -> Masked:
        """All columns of a tree over the extended domains, masked if the proof hides."""
        if not self.shape.hides:
            return Masked(stack.extended(self.log_blowup))
        return stack.masked(self.log_blowup, masks_of(stack.layout, self.shape.parameters.masks, self.shape.accumulator))

    def commit(self, extended: Stack, mask: Words | None = None) -> Commitment:
        """The tree over the stacks of these columns; mask: further words of a leaf."""
        return Commitment(extended, self.log_blowup, Salts.fresh() if self.shape.hides else None, mask)

    # ***** LogUp *****

    def commit_logup(self) -> Commitment:
        """The columns phi of all parts, then acc, extended in `phis_masked`: in place of their values over the trace domains."""
        self.claimed = claim_sum(self.circuit, self.claim, self.fingerprint)
        self.spread = logup.SpreadFingerprint.of(self.fingerprint)
        stack = Stack.in_room(self.shape.logup, self.log_blowup)
        self.phis = stack.views
        for number, (part, columns, evaluate) in enumerate(zip(self.shape.parts, self.columns, self.evaluators, strict=True)):
            every = [columns, repeated(fixed_words(part.table), columns.shape[1])]
            logup.fractions(part.table, every, evaluate, self.spread, self.phis[number])
            self.lap("logup fractions", "logup", (number + 1) / (2 * len(self.columns)))
        self.phis[-1][:] = self.accumulate()
        del self.columns, self.phis
        self.lap("logup accumulator", "logup", 0.5)
        self.phis_masked = self.extend(stack)
        del stack
        self.lap("extend logup", "logup", 0.9)
        commitment = self.commit(self.phis_masked.extended)
        self.lap("hash logup", "logup", 1.0)
        return commitment

    def accumulate(self) -> Words:
        """The accumulator over the trace domain, from the phi columns of the parts."""
        acc, total = logup.accumulator(self.shape.log_height, self.phis[:-1], self.claimed, [part.thin for part in self.shape.parts])
        self.balance(total)
        return acc

    def balance(self, total: Element) -> None:
        """Raises unless the sum of all fractions is zero."""
        if total != Element.base(0):
            raise InputError("the traces do not satisfy the circuit: the buses do not balance")

    # ***** quotient *****

    def commit_quotient(self) -> Commitment:
        """The parts of the quotient over the extended domain, and the mask of the DEEP polynomial beside them."""
        parts, above = quotient.split(self.quotient_coefficients(), self.shape.height, self.shape.quotients), NO_WORDS
        count = len(parts)
        if self.shape.hides:
            parts, above = self.blind_quotient(parts)
        extended = transforms.evaluate(parts, shift(self.shape.log_height), self.log_blowup, Tail(above, NO_WORDS, 0))
        del parts
        columns, masks = ({self.shape.log_height: each[:count]} for each in (extended, above))
        layout = self.shape.quotient
        self.quotient_masked = Masked(Stack(layout, columns), Stack(layout, masks) if self.shape.hides else None)
        self.lap("extend quotient", "quotient", 0.9)
        commitment = self.commit(self.quotient_masked.extended, extended[count:] if self.shape.hides else None)
        self.lap("hash quotient", "quotient", 1.0)
        return commitment

    def blind_quotient(self, parts: Words) -> tuple[Words, Words]:
        """The parts with random t_k between them, then the mask of the DEEP polynomial: coefficients below n and from n on.

        Part k loses t_(k-1) and gains X^n t_k: none tells more than their sum, which the constraints determine.
        """
        low, high = random_polynomial(self.shape)
        count, masks = len(parts), self.shape.parameters.masks
        tops = np.zeros((count + DEGREE, rounded(high.shape[1])), dtype=np.uint32)
        tops[count:, : high.shape[1]] = high
        between = random_elements(count - DEGREE, masks)
        tops[: count - DEGREE, :masks] = between
        parts[DEGREE:, :masks] = quotient.subtract(parts[DEGREE:, :masks], between)
        return arena.concatenate([parts, low]), tops

    def quotient_coefficients(self) -> Words:
        """`uint32[6][.]`: the sum of all constraints times powers of lambda, divided by X^n - 1."""
        height, log_height = self.shape.height, self.shape.log_height
        weights = element_powers(self.lam, self.shape.constraints)
        challenges = quotient.Weights(weights, self.spread)
        local = self.combine(self.masked.extended, self.phis_masked.extended, self.fixed_extended(), challenges)
        tall, rows = log_height in local, {part.log_height: part.log_rows for part in self.shape.parts}
        both = arena.concatenate([*([local.pop(log_height)] if tall else []), self.step(weights[:, -1])])
        both = quotient.local_quotient(log_height, log_height, both)
        lows = {h: quotient.local_quotient(h, rows[h], local.pop(h)) for h in list(local)} | ({log_height: both[:DEGREE]} if tall else {})
        second = self.combine(*self.second_cosets(), challenges) if self.shape.hides else {}
        excess = max((second_coset(h)[0] * (height >> h) for h in second), default=0)
        out = arena.zeros(DEGREE, 2 * height + excess)
        lows |= {h: quotient.whole_quotient(h, lows[h], values) for h, values in second.items()}
        for h in list(lows):
            quotient.add_lifted(lows.pop(h), height >> h, out)
        quotient.add_lifted(both[-DEGREE:], 1, out)
        return out

    def combine(self, columns: Stack, phis: Stack, fixed: dict[int, Words], challenges: quotient.Weights) -> dict[int, Words]:
        """By log2 of the height: the sum of the constraints of its parts times powers of lambda, `uint32[6][rows]` on a coset.

        rows: 2 m, of extended domains, or all that the arrays have; where they have none there is nothing to combine.
        """
        out: dict[int, Words] = {}
        every = zip(self.shape.parts, columns.views, phis.views, self.evaluators, strict=False)
        for number, (part, own, phi, evaluate) in enumerate(every):
            rows = min(2 * part.height, own.shape[1])
            if not rows:
                continue
            matrices = [first_rows(matrix, rows) for matrix in (own, *([fixed[part.index]] if part.index in fixed else []))]
            found = quotient.combination(part, matrices, first_rows(phi, rows), evaluate, challenges)
            out[part.log_height] = add_columns(found, out[part.log_height]) if part.log_height in out else found
            self.lap("constraints", "quotient", 0.8 * (number + 1) / len(self.shape.parts))
        return out

    def step(self, weight: Words) -> Words:
        """`uint32[6][2n]`: the accumulator's constraint times its weight over the extended domain."""
        height, phis = self.shape.height, self.phis_masked.extended.views
        sums = [arena.zeros(DEGREE, 2 * height)]
        for part, phi in zip(self.shape.parts, phis, strict=False):
            if len(phi):
                factor = Element.base(height >> part.log_rows).inverse()
                sums.append(logup.scaled_sum(first_rows(phi, 2 * part.height), factor))
                if part.thin:
                    quotient.select_rows(part.log_height, part.log_rows, sums[-1])
        total, acc = lift_and_add(sums, 2 * height), first_rows(phis[-1], 2 * height)
        return quotient.accumulator_combination(self.shape.log_height, acc, total, self.claimed, weight)

    def fixed_extended(self) -> dict[int, Words]:
        """By number of the table: its fixed columns over the extended domain of the table."""
        views = self.fixed.columns.views if self.fixed else []
        indices = [k for k, table in enumerate(self.circuit.tables) if len(table.fixed)]
        by_index = dict(zip(indices, views, strict=True))
        return {t.index: repeated(by_index[t.index], t.height << self.log_blowup) for t in self.shape.parts if t.index in by_index}

    def second_cosets(self) -> tuple[Stack, Stack, dict[int, Words]]:
        """Columns, phi and fixed columns on the second cosets."""
        fixed = {t.index: second_fixed(t.table, t.log_height) for t in self.shape.parts if len(t.table.fixed)}
        return self.masked.second, self.phis_masked.second, fixed

    # ***** openings *****

    def open_columns(self) -> Words:
        """`uint32[openings][6]`: all columns at zeta (a part of height n' at zeta^s), then acc at w zeta.

        Read from the first rows of the extensions, which are the values on a coset of the trace domain, and from the masks.
        """
        heights = {each.log_height for tree in self.trees for each in tree.layout.classes}
        at_height = {h: OpeningPoint.of(h, self.zeta ** (self.shape.height >> h)) for h in heights}
        fixed = [Masked(self.fixed.columns)] if self.fixed else []
        parts: list[Words] = []
        for tree in [*fixed, self.masked, self.phis_masked, self.quotient_masked]:
            layout = tree.extended.layout
            masks = tree.masks.views if tree.masks else [NO_WORDS] * len(layout.matrices)
            for matrix, columns, mask in zip(layout.matrices, tree.extended.views, masks, strict=True):
                if matrix.width:
                    parts.append(at_height[matrix.log_height].opened(columns, mask, layout.unit))
        log_height = self.shape.log_height
        there = OpeningPoint.of(log_height, self.zeta * Element.base(root_of_unity(log_height)))
        masks = self.phis_masked.masks
        parts.append(there.opened(self.phis_masked.extended.views[-1], masks.views[-1] if masks else NO_WORDS, DEGREE))
        self.lap("openings", "openings", 1.0)
        return np.concatenate(parts)

    def check(self, openings: Words) -> None:
        """Raises unless a verifier would find the constraints satisfied: with overwhelming probability the traces are then right."""
        opened = np.ascontiguousarray(openings.T)
        if not identity_holds(self.shape, opened, self.fingerprint, self.lam, self.zeta, self.claimed):
            raise InputError("the traces do not satisfy the circuit: a constraint is not zero on every row")

    # ***** FRI *****

    def deep_polynomial(self, openings: Words, gamma: Words) -> Words:
        """`uint32[6][N]`: the DEEP polynomial over the extended domain."""
        batch = deep.Batch(self.shape, np.ascontiguousarray(openings.T), gamma, self.zeta)
        values = deep.deep_polynomial(batch, [tree.columns for tree in self.trees], self.trees[-1].mask)
        self.lap("deep", "fri", 0.5)
        return values

    def fold(self, values: Words) -> tuple[list[fri.Layer], Words]:
        """The committed layers, and the final polynomial `uint32[final][6]`."""
        layers: list[fri.Layer] = []
        log_height = self.shape.log_height
        for fold in self.shape.folds:
            layers.append(fri.Layer(values, fold))
            beta = self.challenges.after_layer(layers[-1].tree.root)
            values = self.fold_layer(layers[-1].leaves, fold, log_height, beta)
            log_height -= fold
        coefficients = interpolate(values, shift(log_height))
        self.lap("fri", "fri", 1.0)
        return layers, np.ascontiguousarray(coefficients[:, : self.shape.final].T)

    def fold_layer(self, leaves: Words, fold: int, log_height: int, beta: Words) -> Words:
        """The next layer, from the leaves of one of degree bound 2^log_height."""
        return fri.fold_leaves(leaves, fri.inverse_starts(log_height, self.log_blowup, fold), beta)

    def grind(self) -> int:
        """The least nonce with enough zero bits."""
        nonce = grind(self.challenges.transcript, self.shape.parameters.grinding)
        self.lap("grinding", "queries", 0.5)
        return nonce


def no_progress(phase: str, done: float) -> None:
    """Tells nobody."""


def heights_of(circuit: Circuit, traces: Mapping[str, npt.NDArray[np.uint32]], parameters: Parameters) -> list[int]:
    """The height of each table, 0 of one without a trace. Raises InputError for traces of a wrong shape or unknown name."""
    unknown = set(traces) - {table.name for table in circuit.tables}
    if unknown:
        raise InputError(f"traces of unknown tables: {', '.join(sorted(unknown))}")
    return [parameters.height(rows_of(table, traces[table.name])) if table.name in traces else 0 for table in circuit.tables]


def rows_of(table: Table, trace: npt.NDArray[np.uint32]) -> int:
    """The rows of one trace."""
    if trace.ndim != 2 or trace.dtype != np.uint32 or trace.shape[0] != len(table.columns):
        raise InputError(f"table {table.name}: the trace must be uint32[{len(table.columns)}][rows]")
    return trace.shape[1]


def write_words(table: Table, trace: npt.NDArray[np.uint32], words: Words) -> None:
    """Writes a trace to `words`, Montgomery. Raises InputError for a value that is not canonical."""
    if int(trace.max()) >= P:
        raise InputError(f"table {table.name}: the trace holds a value that is not canonical")
    words[:] = trace
    to_montgomery(words)
