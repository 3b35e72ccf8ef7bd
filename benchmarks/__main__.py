"""python -m benchmarks [--quick] [--save] [NAME …]: measures, prints a table beside the committed last run on such a processor, and with
--save replaces that.

Figures of two runs are comparable on machines that are otherwise idle only. `--against COMMIT` measures both in turns and prints ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.against import FIGURES, RATES, against
from benchmarks.workloads import ROOT, workloads
from zkc.runtime.kernels.target import host_class

LAST = Path(__file__).parent / "last"
"""The committed runs, one for each class of processors."""
COLUMNS = (
    ("instructions", "instructions", 1, "{:,.0f}"),
    ("segments", "segments", 1, "{:.0f}"),
    ("M instr/s execute", "execute_rate", 1e-6, "{:.1f}"),
    ("M/s tracing", "trace_rate", 1e-6, "{:.1f}"),
    ("k instr/s proven", "prove_rate", 1e-3, "{:.1f}"),
    ("prove s", "prove_seconds", 1, "{:.2f}"),
    ("verify ms", "verify_seconds", 1e3, "{:.0f}"),
    ("cells/instr", "cells", 1, "{:.1f}"),
    ("messages/instr", "messages", 1, "{:.1f}"),
    ("padding %", "padding", 100, "{:.0f}"),
    ("proof KiB", "proof_bytes", 1 / 1024, "{:,.0f}"),
    ("x no-hide", "hide_ratio", 1, "{:.2f}"),
    ("no-hide KiB", "no_hide_bytes", 1 / 1024, "{:,.0f}"),
    ("peak MiB", "peak_bytes", 1 / 2**20, "{:,.0f}"),
)


def child(module: str, *args: str, env: dict[str, str] | None = None) -> Any:
    """The JSON that a module prints in a process of its own."""
    command = [sys.executable, "-m", module, *args]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, **(env or {})})
    return json.loads(done.stdout.splitlines()[-1])


def compilation() -> dict[str, float]:
    """Seconds of `zkc compile`: nothing cached, one .circ file edited, nothing edited. The runtime's own kernels stay compiled."""
    with tempfile.TemporaryDirectory() as folder:
        circuits = Path(folder) / "circuits"
        shutil.copytree(ROOT / "circuits", circuits)
        env = {"ZKC_CACHE": str(Path(folder) / "cache")}

        def compiled() -> float:
            start = time.perf_counter()
            child("zkc", "compile", str(circuits), "--json", env=env)
            return time.perf_counter() - start

        cold = compiled()
        source = circuits / "rv32m.circ"
        source.write_text(source.read_text().replace("rd = rs1 * rs2;", "rd = rs2 * rs1;"))
        return {"cold": cold, "one file edited": compiled(), "nothing edited": compiled()}


def run(names: list[str], quick: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"machine": f"{host_class() or platform.machine()}, {os.cpu_count()} cores", "workloads": {}}
    child("zkc", "compile", "--json")
    for workload in workloads():
        if (not names or workload.name in names) and (workload.quick or not quick):
            print(f"{workload.name} …", file=sys.stderr)
            figures = child("benchmarks.measure", workload.name)
            figures["execute_rate"] = figures["instructions"] / figures["execute_seconds"]
            found["workloads"][workload.name] = figures
    if not names or "commands" in names:
        found["commands"] = child("benchmarks.commands")
    if not names:
        found["kernels"] = child("benchmarks.kernels")
        if not quick:
            found["compile"] = compilation()
    return found


def show(found: dict[str, Any], last: dict[str, Any]) -> None:
    console = Console(width=200 if not sys.stdout.isatty() else None)
    table = Table(title=found["machine"])
    table.add_column("workload")
    for title, *_ in COLUMNS:
        table.add_column(title, justify="right")
    for name, figures in found["workloads"].items():
        before = last.get("workloads", {}).get(name, {})
        table.add_row(name, *(_cell(figures[key], before.get(key), scale, form) for _, key, scale, form in COLUMNS))
    if found["workloads"]:
        console.print(table)
    for part in ("commands", "kernels", "compile"):
        for name, value in found.get(part, {}).items():
            console.print(f"{part}: {name}: {_cell(value, last.get(part, {}).get(name), 1, '{:.2f}')}")
    for name, figures in found["workloads"].items():
        total = sum(figures["phases"].values())
        parts = ", ".join(f"{k} {100 * v / total:.0f} %" for k, v in sorted(figures["phases"].items(), key=lambda x: -x[1])[:8])
        console.print(f"{name}: {parts}")


def show_ratios(found: dict[str, dict[str, float]]) -> None:
    """A table of ratios: below 1 is better than before."""
    table = Table(title="now / before; below 1 is better")
    table.add_column("workload")
    for name in (*FIGURES, *RATES):
        table.add_column(name.replace("_", " "), justify="right")
    for workload, ratios in found.items():
        table.add_row(workload, *(f"{ratios[name]:.3f}" if name in ratios else "" for name in (*FIGURES, *RATES)))
    Console(width=200 if not sys.stdout.isatty() else None).print(table)


def _cell(value: float, before: float | None, scale: float, form: str) -> str:
    text = form.format(value * scale)
    return f"{text} (x{value / before:.2f})" if before and abs(value / before - 1) > 0.05 else text


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="workloads, or `commands` (default: all)")
    parser.add_argument("--quick", action="store_true", help="only some small workloads")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--save", action="store_true", help="make this the committed last run")
    parser.add_argument("--against", metavar="COMMIT", help="another commit, or a folder with another checkout: prints ratios, now / then")
    parser.add_argument("--rounds", type=int, default=3, help="how often both are measured with --against (default: 3)")
    options = parser.parse_args()
    if options.against:
        chosen = [w.name for w in workloads() if w.name in options.names or (not options.names and (w.quick or not options.quick))]
        ratios = against(options.against, chosen, options.rounds)
        print(json.dumps(ratios)) if options.json else show_ratios(ratios)
        return
    last = LAST / f"{host_class() or platform.machine()}.json"
    found = run(options.names, options.quick)
    if options.json:
        print(json.dumps(found))
    else:
        show(found, json.loads(last.read_text()) if last.exists() else {})
    if options.save:
        last.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
