"""Section 2: the circuit, as it is read from JSON, what is asked of it, and its constraints on one row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .blake3 import blake3
from .field import MAX_LOG_HEIGHT, MIN_LOG_HEIGHT, ZERO, Element, P, add, inverses, lift, mul, scale, sub
from .refused import require

COLUMN, CONSTANT, ADD, SUB, MUL = range(5)
MAX_DEGREE = 3
FORMAT = "zkc circuit 1"


@dataclass(frozen=True)
class Message:
    bus: int
    multiplicity: int
    args: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """nodes: (operation, a, b). fixed_columns: how many; log_height: of a table with fixed columns, else None."""

    name: str
    columns: tuple[str, ...]
    fixed_columns: int
    log_height: int | None
    nodes: tuple[tuple[int, int, int], ...]
    constraints: tuple[int, ...]
    messages: tuple[Message, ...]
    batches: tuple[tuple[int, ...], ...]

    @property
    def is_lookup(self) -> bool:
        """Whether its rows may be repeated: the one committed column is, or its negation, how often each message happens."""
        return len(self.columns) == 1 and not self.constraints and all(self._counts(message.multiplicity) for message in self.messages)

    def _counts(self, node: int) -> bool:
        operation, a, b = self.nodes[node]
        negated = operation == SUB and self.nodes[a][:2] == (CONSTANT, 0) and self.nodes[b][:2] == (COLUMN, 0)
        return (operation, a) == (COLUMN, 0) or negated


@dataclass(frozen=True, eq=False)
class Circuit:
    """widths: of the buses. tops: by log2 of the blow-up, the known layer of the fixed tree."""

    digest: bytes
    widths: tuple[int, ...]
    tables: tuple[Table, ...]
    claim: Table
    constants: dict[str, Any]
    tops: dict[int, list[bytes]]
    protocol: dict[str, Any]

    @property
    def bus_power(self) -> int:
        """W."""
        return 1 + max(self.widths, default=0)


def read_circuit(file: bytes) -> Circuit:
    """The circuit in a file that `zkc compile --emit json` wrote. ValueError if it is none, Refused if it is not well-formed."""
    try:
        plain, lines = json.loads(file), file.splitlines(keepends=True)
        require(plain["format"] == FORMAT, "another form of circuit file")
        circuit = parse_circuit(b"".join(lines[1:-1]), plain["protocol"])
        require(circuit.digest.hex() == plain["digest"], "the digest of the circuit file is not that of the circuit")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"this is not a circuit file: {error!r}") from error
    return circuit


def parse_circuit(text: bytes, protocol: dict[str, Any]) -> Circuit:
    """The circuit in the lines between the first and the last, and the digest that follows from them."""
    plain = json.loads(text)
    raw = {int(log_blowup): bytes.fromhex(top) for log_blowup, top in plain["fixed_tops"].items()}
    circuit = Circuit(
        digest=blake3(text),
        widths=tuple(bus["width"] for bus in plain["buses"]),
        tables=tuple(map(_table, plain["tables"])),
        claim=_table(plain["claim"]),
        constants=plain["constants"],
        tops={log_blowup: [top[i : i + 32] for i in range(0, len(top), 32)] for log_blowup, top in raw.items()},
        protocol=protocol,
    )
    check_circuit(circuit)
    return circuit


def _table(plain: Any) -> Table:
    fixed = plain["fixed"]
    height = 0 if fixed is None else int(fixed["height"])
    require(height & height - 1 == 0, "a fixed height is not a power of two")
    return Table(
        name=plain["name"],
        columns=tuple(plain["columns"]),
        fixed_columns=0 if fixed is None else len(fixed["columns"]),
        log_height=None if fixed is None else height.bit_length() - 1,
        nodes=tuple((op, a, b) for op, a, b in plain["nodes"]),
        constraints=tuple(plain["constraints"]),
        messages=tuple(Message(m["bus"], m["multiplicity"], tuple(m["args"])) for m in plain["messages"]),
        batches=tuple(tuple(batch) for batch in plain["batches"]),
    )


def check_circuit(circuit: Circuit) -> None:
    """What section 2 asks of a circuit."""
    require(len({table.name for table in circuit.tables}) == len(circuit.tables), "two tables of one name")
    for table in (*circuit.tables, circuit.claim):
        degrees = node_degrees(table)
        named = [*table.constraints, *(node for m in table.messages for node in (m.multiplicity, *m.args))]
        require(all(0 <= node < len(degrees) for node in named), f"{table.name}: no such node")
        for message in table.messages:
            fits = 0 <= message.bus < len(circuit.widths) and len(message.args) == circuit.widths[message.bus]
            require(fits, f"{table.name}: a message does not fit its bus")
        if table is not circuit.claim:
            _check_committed(table, degrees)
    require(circuit.claim.fixed_columns == 0, "the claim has fixed columns")


def node_degrees(table: Table) -> list[int]:
    degrees, width = list[int](), len(table.columns) + table.fixed_columns
    for op, a, b in table.nodes:
        if op == COLUMN:
            require(0 <= a < width, f"{table.name}: no such column")
            degrees.append(1)
        elif op == CONSTANT:
            require(0 <= a < P, f"{table.name}: a constant is not canonical")
            degrees.append(0)
        else:
            require(op in (ADD, SUB, MUL) and min(a, b) >= 0 and max(a, b) < len(degrees), f"{table.name}: an ill-formed node")
            degrees.append(degrees[a] + degrees[b] if op == MUL else max(degrees[a], degrees[b]))
    return degrees


def _check_committed(table: Table, degrees: list[int]) -> None:
    name = table.name
    require(len(table.columns) > 0, f"{name}: no committed column")
    require(table.log_height is None or MIN_LOG_HEIGHT <= table.log_height <= MAX_LOG_HEIGHT, f"{name}: fixed height")
    require(all(degrees[node] <= MAX_DEGREE for node in table.constraints), f"{name}: degree of a constraint")
    require(sorted(k for batch in table.batches for k in batch) == list(range(len(table.messages))), f"{name}: batches")
    for batch in table.batches:
        own = [max((degrees[node] for node in table.messages[k].args), default=0) for k in batch]
        crossed = [degrees[table.messages[k].multiplicity] + sum(own) - d for k, d in zip(batch, own)]
        require(len(batch) in (1, 2) and max(1 + sum(own), *crossed) <= MAX_DEGREE, f"{name}: degree or size of a batch")


def run(table: Table, row: Sequence[Element]) -> list[Element]:
    """The values of all nodes on a row: committed columns, then fixed ones."""
    values = list[Element]()
    for op, a, b in table.nodes:
        if op == COLUMN:
            values.append(row[a])
        elif op == CONSTANT:
            values.append(lift(a))
        else:
            values.append((add, sub, mul)[op - ADD](values[a], values[b]))
    return values


@dataclass(frozen=True)
class LogUp:
    """alpha, and the powers of beta from 0 to W."""

    alpha: Element
    beta: list[Element]

    def denominator(self, message: Message, values: Sequence[Element]) -> Element:
        out = add(self.alpha, scale(self.beta[-1], message.bus + 1))
        for beta, node in zip(self.beta, message.args):
            out = sub(out, mul(beta, values[node]))
        return out


def table_constraints(table: Table, row: Sequence[Element], phis: Sequence[Element], logup: LogUp) -> list[Element]:
    """The constraints in order, then one for each batch."""
    values = run(table, row)
    out = [values[node] for node in table.constraints]
    for batch, phi in zip(table.batches, phis):
        m = [values[table.messages[k].multiplicity] for k in batch]
        d = [logup.denominator(table.messages[k], values) for k in batch]
        if len(batch) == 1:
            out.append(sub(mul(phi, d[0]), m[0]))
        else:
            out.append(sub(mul(phi, mul(d[0], d[1])), add(mul(m[0], d[1]), mul(m[1], d[0]))))
    return out


def claim_sum(circuit: Circuit, claim: Sequence[int], logup: LogUp) -> Element:
    """S, of a claim whose constraints hold."""
    values = run(circuit.claim, [lift(value) for value in claim])
    require(all(values[node] == ZERO for node in circuit.claim.constraints), "a constraint of the claim does not hold")
    below = [logup.denominator(message, values) for message in circuit.claim.messages]
    require(ZERO not in below, "a message of the claim has denominator zero")
    out = ZERO
    for message, inverse in zip(circuit.claim.messages, inverses(below)):
        out = add(out, mul(values[message.multiplicity], inverse))
    return out
