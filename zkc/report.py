"""`zkc report`: one page about a run: its segments, the pages they touch, the heights of tables with padding, and where the time goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zkc.runtime.sizes import table_sizes

if TYPE_CHECKING:
    from zkc.runtime.executor import Execution
    from zkc.runtime.machine import Machine
    from zkc.runtime.memory_map import MemoryMap
    from zkc.runtime.segment import Segment

TEMPLATES: Final = Path(__file__).parent / "templates"
COLOURS: Final = {"clean": "#7aa6d6", "dirty": "#d9822b", "used": "#4c8c6b", "padding": "#c9cdd2"}
PHASES: Final = (
    *("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2"),
    *("#eeca3b", "#9d755d", "#ff9da6", "#79706e", "#8cd17d", "#499894"),
)
MOST_COLUMNS: Final = 700
"""Columns of the map of pages; more pages share columns."""


@dataclass(frozen=True)
class Proven:
    """What proving one segment took: seconds by phase, and the bytes of the proof."""

    seconds: dict[str, float]
    proof_bytes: int


@dataclass
class Picture:
    """Boxes and texts of an SVG."""

    width: int
    height: int
    boxes: list[dict[str, Any]] = field(default_factory=lambda: [])
    labels: list[dict[str, Any]] = field(default_factory=lambda: [])
    binned: int = 1

    def box(self, x: float, y: float, width: float, height: float, fill: str, title: str) -> None:
        self.boxes.append({"x": round(x, 2), "y": y, "width": round(width, 2), "height": height, "fill": fill, "title": title})

    def label(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        self.labels.append({"x": round(x, 1), "y": y, "text": text, "anchor": anchor})


def prove_for_times(machine: Machine, segment: Segment) -> Proven:
    """Proves a segment and keeps the time of each phase, not the proof."""
    from zkc.runtime.stark.prover import Prover
    from zkc.runtime.trace import trace

    start = time.perf_counter()
    traces, claim = trace(machine, segment)
    seconds = {"trace": time.perf_counter() - start}
    prover = Prover(machine.circuit, traces, claim, evaluators=machine.evaluators(list(traces)))
    proof = prover.run()
    return Proven(seconds | prover.timings.seconds, len(proof))


def render(
    machine: Machine, name: str, facts: Sequence[tuple[str, str]], execution: Execution, proven: Sequence[Proven], version: str
) -> str:
    """The page. `proven` is empty if only the run is of interest."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    segments = execution.segments
    phases = list(dict.fromkeys(phase for one in proven for phase in one.seconds))
    colours = {phase: PHASES[k % len(PHASES)] for k, phase in enumerate(phases)}
    template = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True).get_template("report.html.j2")
    return template.render(
        name=name,
        facts=facts,
        segment_heads=("segment", "instructions", "pages", "written", "code words", "cells", "padding", *_proof_heads(proven)),
        segment_rows=[_segment_row(machine, number, segment, proven) for number, segment in enumerate(segments)],
        colours=COLOURS,
        pages=page_map(segments, machine.memory_map),
        tables=table_bars(machine, segments),
        times=phase_bars(proven, colours) if proven else None,
        phases=list(colours.items()),
        version=version,
        digest=machine.digest.hex(),
    )


def _proof_heads(proven: Sequence[Proven]) -> tuple[str, ...]:
    return ("seconds", "proof") if proven else ()


def _segment_row(machine: Machine, number: int, segment: Segment, proven: Sequence[Proven]) -> list[str]:
    sizes = table_sizes(machine.circuit, segment.rows)
    cells = sum(size.cells for size in sizes)
    counts = (segment.retired, len(segment.pages), len(segment.dirty), len(segment.code), cells)
    padding = sum(size.padding for size in sizes)
    row = [str(number), *(f"{count:,}".replace(",", " ") for count in counts), f"{100 * padding / cells:.0f} %"]
    if proven:
        row += [f"{sum(proven[number].seconds.values()):.2f}", f"{proven[number].proof_bytes / 2**20:.2f} MiB"]
    return row


def page_map(segments: Sequence[Segment], memory: MemoryMap) -> Picture:
    """Touched pages by address, segments downwards."""
    pages = sorted({page for segment in segments for page in segment.pages})
    binned = -(-len(pages) // MOST_COLUMNS) or 1
    columns = -(-len(pages) // binned)
    step = max(1.0, min(14.0, 1000 / max(columns, 1)))
    line = 14
    picture = Picture(int(60 + columns * step + 20), 40 + line * len(segments), binned=binned)
    column = {page: k // binned for k, page in enumerate(pages)}
    _region_labels(picture, pages, column, step, memory)
    for number, segment in enumerate(segments):
        y = 30 + line * number
        picture.label(50, y + 10, str(number), "end")
        touched: dict[int, list[int]] = {}
        for page in segment.pages:
            touched.setdefault(column[page], []).append(page)
        for at, inside in sorted(touched.items()):
            dirty = any(page in segment.dirty for page in inside)
            title = f"segment {number}, pages from 0x{inside[0] * memory.page_bytes:08x}" + (", written" if dirty else ", read")
            picture.box(60 + at * step, y, max(step - 1, 0.8), line - 2, COLOURS["dirty" if dirty else "clean"], title)
    return picture


def _region_labels(picture: Picture, pages: Sequence[int], column: dict[int, int], step: float, memory: MemoryMap) -> None:
    """Addresses above the map: where a gap of more than a page ends, as far as there is room."""
    last, free = None, 0.0
    for page in pages:
        x = 60 + column[page] * step
        if (last is None or page != last + 1) and x >= free:
            text = "registers" if page == memory.system_page else f"0x{page * memory.page_bytes:x}"
            fits = x + 7.5 * len(text) < picture.width
            picture.label(x if fits else picture.width, 22, text, "start" if fits else "end")
            free = x + 7.5 * len(text)
        last = page


def table_bars(machine: Machine, segments: Sequence[Segment]) -> Picture:
    """Cells of each table, used and padding, the greatest first."""
    used: dict[str, int] = {}
    padded: dict[str, int] = {}
    for segment in segments:
        for size in table_sizes(machine.circuit, segment.rows):
            used[size.name] = used.get(size.name, 0) + size.used
            padded[size.name] = padded.get(size.name, 0) + size.cells
    names = sorted(padded, key=lambda name: -padded[name])
    picture = Picture(1000, 18 * len(names) + 10)
    scale = 640 / max(max(padded.values(), default=1), 1)
    for number, name in enumerate(names):
        y = 18 * number
        picture.label(170, y + 12, name, "end")
        picture.box(180, y, used[name] * scale, 14, COLOURS["used"], f"{name}: {used[name]:,} cells used")
        picture.box(180 + used[name] * scale, y, (padded[name] - used[name]) * scale, 14, COLOURS["padding"], f"{name}: padding")
        picture.label(186 + padded[name] * scale, y + 12, f"{padded[name]:,}".replace(",", " "))
    return picture


def phase_bars(proven: Sequence[Proven], colours: dict[str, str]) -> Picture:
    """Seconds of each phase, one bar for each segment."""
    picture = Picture(1000, 18 * len(proven) + 10)
    longest = max(sum(one.seconds.values()) for one in proven)
    for number, one in enumerate(proven):
        y, x = 18 * number, 60.0
        picture.label(50, y + 12, str(number), "end")
        for phase, seconds in one.seconds.items():
            width = seconds / longest * 840
            picture.box(x, y, width, 14, colours[phase], f"{phase}: {seconds:.3f} s")
            x += width
        picture.label(x + 6, y + 12, f"{sum(one.seconds.values()):.2f} s")
    return picture


def make_report(
    machine: Machine,
    name: str,
    facts: Sequence[tuple[str, str]],
    execution: Execution,
    *,
    proves: bool,
    version: str,
    progress: Callable[[str, int, int], None],
) -> str:
    """The page for a run, proven for its times if `proves`."""
    proven: list[Proven] = []
    for number, segment in enumerate(execution.segments if proves else ()):
        progress("prove", number, len(execution.segments))
        proven.append(prove_for_times(machine, segment))
    return render(machine, name, facts, execution, proven, version)
