"""What generated executors and witness fillers call: division as RISC-V defines it, inverses, field functions, host input."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.koalabear import P

HOST_POSITION, HOST_LENGTH, HOST_PRESENT, HOST_HALTED, HOST_EXIT_CODE, HOST_CONSOLE, HOST_JOURNAL, HOST_CONSOLE_FD, HOST_REFUSED = range(9)
HOST_WORDS = 9


@kernel
def signed(a: int) -> int:
    """A word, 0 .. 2^32 - 1, as a signed integer."""
    return a - ((a >> 31) << 32)


@kernel
def divide_unsigned(a: int, b: int) -> int:
    return 0xFFFFFFFF if b == 0 else a // b


@kernel
def remainder_unsigned(a: int, b: int) -> int:
    return a if b == 0 else a % b


@kernel
def divide_signed(a: int, b: int) -> int:
    """Rounds to zero; x / 0 = -1; -2^31 / -1 = -2^31 (the RISC-V unprivileged manual, chapter M)."""
    if b == 0:
        return 0xFFFFFFFF
    x, y = signed(a), signed(b)
    q = abs(x) // abs(y)
    return (q if (x < 0) == (y < 0) else -q) & 0xFFFFFFFF


@kernel
def remainder_signed(a: int, b: int) -> int:
    if b == 0:
        return a
    x, y = signed(a), signed(b)
    r = abs(x) % abs(y)
    return (-r if x < 0 else r) & 0xFFFFFFFF


@kernel
def inverse(a: int) -> int:
    """1 / a mod p, and 0 for 0, by extended Euclid."""
    x = a % P
    if x == 0:
        return 0
    old_r, r, old_s, s = P, x, 0, 1
    while r != 0:
        q = old_r // r
        old_r, r = r, old_r - q * r
        old_s, s = s, old_s - q * s
    return old_s % P


@kernel
def run_field_function(
    nodes: npt.NDArray[np.int64], outputs: npt.NDArray[np.int64], inputs: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The outputs of a straight-line program over the field (canonical values); `nodes` as in circuit.Table."""
    values = np.empty(nodes.shape[0], dtype=np.int64)
    for i in range(nodes.shape[0]):
        op, a, b = nodes[i, 0], nodes[i, 1], nodes[i, 2]
        if op == 0:
            values[i] = inputs[a] % P
        elif op == 1:
            values[i] = a
        elif op == 2:
            values[i] = (values[a] + values[b]) % P
        elif op == 3:
            values[i] = (values[a] - values[b]) % P
        else:
            values[i] = values[a] * values[b] % P
    result = np.empty(outputs.shape[0], dtype=np.int64)
    for i in range(outputs.shape[0]):
        result[i] = values[outputs[i]]
    return result


@kernel
def field_function(
    number: int, functions: npt.NDArray[np.int64], nodes: npt.NDArray[np.int64], outputs: npt.NDArray[np.int64],
    scratch: npt.NDArray[np.int64],
) -> int:  # fmt: skip
    """Puts the results of a field function where its arguments stand; `functions`, `nodes`, `outputs` as in FillProgram."""
    node, output, node_end, output_end = functions[number, 0], functions[number, 1], functions[number, 2], functions[number, 3]
    results = run_field_function(nodes[node:node_end], outputs[output:output_end], scratch)
    for i in range(results.shape[0]):
        scratch[i] = results[i]
    return 0


# The host: private input, console, journal. `host` is int64[HOST_WORDS]; the answers are hostile as far as the proof is concerned. ------


@kernel
def host_input_missing(host: npt.NDArray[np.int64], stdin: npt.NDArray[np.uint8]) -> int:
    return 1 - host[HOST_PRESENT]


@kernel
def host_input_length(host: npt.NDArray[np.int64], stdin: npt.NDArray[np.uint8], limit: int) -> Any:
    return min(limit, host[HOST_LENGTH] - host[HOST_POSITION])


@kernel
def host_input_byte(host: npt.NDArray[np.int64], stdin: npt.NDArray[np.uint8]) -> Any:
    at = host[HOST_POSITION]
    return np.int64(stdin[at]) if at < host[HOST_LENGTH] else 0


@kernel
def host_input_word(host: npt.NDArray[np.int64], stdin: npt.NDArray[np.uint8], words: int) -> Any:
    """The word that comes after so many others."""
    at, value = host[HOST_POSITION] + 4 * words, 0
    for i in range(4):
        if at + i < host[HOST_LENGTH]:
            value |= np.int64(stdin[at + i]) << (8 * i)
    return value


@kernel
def perform_consume(host: npt.NDArray[np.int64], mem: npt.NDArray[np.uint32], out: npt.NDArray[np.uint8], count: int) -> int:
    host[HOST_POSITION] += count
    return 0


@kernel
def perform_halt(host: npt.NDArray[np.int64], mem: npt.NDArray[np.uint32], out: npt.NDArray[np.uint8], code: int) -> int:
    host[HOST_HALTED] = 1
    host[HOST_EXIT_CODE] = code
    return 1


JOURNAL_BLOCK = 32
"""Most bytes that a step appends to the journal."""


@kernel
def perform_journal(
    host: npt.NDArray[np.int64], mem: npt.NDArray[np.uint32], out: npt.NDArray[np.uint8], start: int, count: int
) -> Any:
    """Appends bytes of memory to the journal that the receipt will carry; leaves the loop when a block might not find room any more."""
    at = host[HOST_JOURNAL]
    for i in range(count):
        out[at + i] = mem[(start + i) >> 2] >> (8 * ((start + i) & 3)) & 0xFF
    host[HOST_JOURNAL] = at + count
    return np.int64(host[HOST_JOURNAL] + JOURNAL_BLOCK > out.shape[0])


@kernel
def perform_console(
    host: npt.NDArray[np.int64], mem: npt.NDArray[np.uint32], out: npt.NDArray[np.uint8], fd: int, start: int, count: int
) -> int:
    """Leaves the loop, so that the caller prints the bytes (its `fd`, place and length stay in `host`)."""
    host[HOST_CONSOLE_FD] = fd
    host[HOST_CONSOLE] = start << 32 | count
    return 2


@kernel
def perform_refuse(host: npt.NDArray[np.int64], mem: npt.NDArray[np.uint32], out: npt.NDArray[np.uint8], number: int) -> int:
    """Leaves the loop, so that the caller counts the call that does not exist (its number and 1 stay in `host`)."""
    host[HOST_REFUSED] = number + 1
    return 3
