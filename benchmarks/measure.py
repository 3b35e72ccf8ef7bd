"""One workload in a process of its own, so that its memory peak is its own: `python -m benchmarks.measure NAME` prints JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from typing import Any

from benchmarks.workloads import Workload, workloads
from zkc.compiler.machines import load_machine
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.execution.executor import Execution, execute
from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.sizes import table_sizes
from zkc.runtime.execution.trace import Tracer, trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.stark.parameters import DEFAULT, PARAMETER_SETS, STANDARD_SET, Parameters
from zkc.runtime.stark.prover import Prover, Timings
from zkc.runtime.stark.verifier import verify


def best(times: int, run: Any) -> float:
    """Least seconds of several runs."""
    seconds: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(workload: Workload) -> dict[str, Any]:
    """All figures of one workload; kernels are warm."""
    machine = load_machine()
    program = load_elf(workload.elf, machine.memory_map)
    fast = best(3, lambda: execute(machine, program, workload.stdin))
    run = execute(machine, program, workload.stdin, snapshots=True)
    prove(machine, run.segments[0], DEFAULT)
    figures = proving(machine, run, PARAMETER_SETS[STANDARD_SET])
    opened = proving(machine, run, DEFAULT)
    hiding = {"no_hide_seconds": opened["prove_seconds"], "no_hide_bytes": opened["proof_bytes"]}
    hiding["hide_ratio"] = figures["prove_seconds"] / opened["prove_seconds"]
    return {"instructions": run.instructions, "segments": len(run.segments), "execute_seconds": fast, **figures, **hiding}


def prove(machine: Machine, segment: Segment, parameters: Parameters) -> tuple[Timings, tuple[int, ...], bytes, float, float]:
    """(seconds of its phases, claim, proof, seconds of the trace, seconds of the proof)."""
    start = time.perf_counter()
    traces, claim = trace(machine, segment, parameters=parameters)
    traced = time.perf_counter()
    prover = Prover(machine.circuit, traces, claim, parameters)
    del traces
    proof = prover.run()
    return prover.timings, claim, proof, traced - start, time.perf_counter() - traced


def proving(machine: Machine, run: Execution, parameters: Parameters) -> dict[str, Any]:
    """Figures of tracing, proving and verifying all segments, one after the other."""
    phases: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    seconds = verifying = 0.0
    tracing = min(best(1, Tracer(machine, run.segments[0]).run) for _ in range(2))
    for segment in run.segments:
        timings, claim, proof, traced, proved = prove(machine, segment, parameters)
        verifying = max(verifying, best(2, lambda c=claim, p=proof: verify(machine.circuit, c, p, parameters)))
        seconds += traced + proved
        phases.update({"trace": traced, **timings.seconds})
        sizes["proof_bytes"] += len(proof)
        sizes.update(cells(machine, segment, parameters))
    instructions = run.instructions
    return {
        "trace_rate": run.segments[0].retired / tracing,
        "prove_seconds": seconds,
        "prove_rate": instructions / seconds,
        "verify_seconds": verifying,
        "phases": dict(phases),
        **{k: v / instructions for k, v in sizes.items() if k in ("cells", "messages")},
        "padding": sizes["padding"] / sizes["cells"],
        "proof_bytes": sizes["proof_bytes"],
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def cells(machine: Machine, segment: Segment, parameters: Parameters) -> dict[str, int]:
    """Committed cells and those of padding among them, and messages of used rows."""
    messages = {table.name: len(table.messages) for table in machine.circuit.tables}
    found: Counter[str] = Counter()
    for size in table_sizes(machine.circuit, segment.rows, parameters):
        found["cells"] += size.cells
        found["padding"] += size.padding
        found["messages"] += 0 if size.fixed else size.rows * messages[size.name]
    return dict(found)


if __name__ == "__main__":
    chosen = next(w for w in workloads() if w.name == sys.argv[1])
    print(json.dumps(measure(chosen)))
