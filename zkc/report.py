"""`zkc report`: one page about a run: what costs, by function and line, its segments, their pages, the tables with padding, and the time.

Pictures are SVG whose widths are shares of the page's, so that they and their texts fit a telephone and a wide screen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zkc.output import describe_count, describe_exit, describe_journal, describe_share
from zkc.runtime.execution.sizes import table_sizes

if TYPE_CHECKING:
    from zkc.profile import Profile, Weight
    from zkc.runtime.circuit.machine import Machine
    from zkc.runtime.execution.segment import Segment
    from zkc.runtime.memory.map import MemoryMap

TEMPLATES: Final = Path(__file__).parent / "templates"
COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442", "#999999")
"""Told apart with any kind of colour vision (Okabe and Ito, Color Universal Design, 2008); the first has white text, the others black."""
PATTERNS: Final = ("", "stripes", "dots")
"""Over a colour, when there are more kinds than colours."""
MOST_COLUMNS: Final = 700
"""Columns of the map of pages; more pages share columns."""
MOST_ROWS: Final = 15
"""Functions, lines and regions shown."""
LEAST_ROWS: Final = 5
"""Shown even if they cost next to nothing."""
MOST_BARS: Final = 40
"""Segments with a bar of their own."""
DEEPEST: Final = 30
"""Frames of the flame graph."""
NARROWEST: Final = 0.1
"""Per cent of the width, below which a box is left out."""


@dataclass(frozen=True)
class Proven:
    """What proving one segment took: seconds by phase, and the bytes of the proof."""

    seconds: dict[str, float]
    proof_bytes: int

    @property
    def total(self) -> float:
        """Seconds of all phases."""
        return sum(self.seconds.values())


@dataclass(frozen=True)
class Box:
    """A rectangle: `x` and `width` in per cent, `y` and `height` in pixels. `text` is cut where the box ends."""

    x: float
    y: float
    width: float
    height: float
    style: Mapping[str, str]
    title: str
    text: str = ""


@dataclass
class Picture:
    """Boxes of an SVG that is as wide as the page."""

    name: str
    height: float = 0.0
    boxes: list[Box] = field(default_factory=lambda: [])
    binned: int = 1

    def box(self, x: float, y: float, width: float, height: float, style: Mapping[str, str], title: str, text: str = "") -> None:
        """Adds a box, and makes the picture high enough for it."""
        self.boxes.append(Box(round(x, 3), round(y, 2), round(width, 3), round(height, 2), style, title, text))
        self.height = max(self.height, y + height + 1)


def style(number: int) -> dict[str, str]:
    """Colour, pattern and colour of text of kind `number`; 24 differ."""
    colour = COLOURS[number % len(COLOURS)]
    pattern = PATTERNS[number // len(COLOURS) % len(PATTERNS)]
    return {"fill": colour, "pattern": pattern, "ink": "#fff" if colour == COLOURS[0] else "#000"}


READ, WRITTEN, USED, PADDING, BESIDE = style(4), style(3), style(2), style(15), style(7)


def prove_all(machine: Machine, segments: Sequence[Segment], progress: Callable[[str, int, int], None]) -> list[Proven]:
    """Proves the segments for their times."""
    proven: list[Proven] = []
    for number, segment in enumerate(segments):
        progress("prove", number, len(segments))
        proven.append(prove_for_times(machine, segment))
    return proven


def prove_for_times(machine: Machine, segment: Segment) -> Proven:
    """Proves a segment and keeps the time of each phase, not the proof."""
    from zkc.runtime.execution.trace import trace
    from zkc.runtime.stark.prover import Prover

    start = time.perf_counter()
    traces, claim = trace(machine, segment)
    seconds = {"trace": time.perf_counter() - start}
    prover = Prover(machine.circuit, traces, claim)
    proof = prover.run()
    return Proven(seconds | prover.timings.seconds, len(proof))


def render(machine: Machine, name: str, found: Profile, segments: Sequence[Segment], proven: Sequence[Proven], version: str) -> str:
    """The page. `proven` is empty if only the run is of interest."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True, finalize=_clean)
    phases = {phase: style(number) for number, phase in enumerate(dict.fromkeys(phase for one in proven for phase in one.seconds))}
    return environment.get_template("report.html.j2").render(
        name=name,
        facts=_facts(found, proven),
        findings=found.findings,
        weights=[
            (title, _weight_rows(weights, found.run.cells), len(weights))
            for title, weights in (("function", found.functions), ("line", found.lines), ("instruction", found.mnemonics))
        ],
        overhead=[
            (kind, describe_count(cells), describe_share(cells, found.run.cells), 100 * cells / found.run.cells)
            for kind, cells in sorted(found.overhead.items(), key=lambda item: -item[1])
        ],
        flame=flame_graph(found),
        segment_heads=("segment", "instructions", "pages", "written", "code words", "cells", "padding", *_proof_heads(proven)),
        segment_rows=[_segment_row(machine, number, segment, proven) for number, segment in enumerate(segments)],
        colours={"read": READ, "written": WRITTEN, "used": USED, "padding": PADDING},
        pages=page_map(segments, machine.memory_map),
        regions=_regions(segments, machine.memory_map),
        tables=table_bars(machine, segments),
        phases=_phase_rows(proven, phases),
        times=phase_bars(proven, phases),
        version=version,
        digest=machine.digest.hex(),
    )


def _clean(value: Any) -> Any:
    """Text without characters that are none (control characters, halves of pairs): names come from files of any origin."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in value) if type(value) is str else value


def _facts(found: Profile, proven: Sequence[Proven]) -> list[tuple[str, str]]:
    run = found.run
    facts = [
        ("image ID", run.image_id),
        ("exit code", describe_exit(run.exit_code)),
        ("instructions", describe_count(run.instructions)),
        ("segments", describe_count(run.segments)),
        ("cells", describe_count(run.cells)),
        ("journal", describe_journal(run.journal)),
    ]
    if proven:
        facts.append(("proven in", f"{sum(one.total for one in proven):.2f} s"))
        facts.append(("proof", f"{describe_count(sum(one.proof_bytes for one in proven))} bytes"))
    return facts


def _weight_rows(weights: Mapping[str, Weight], cells: int) -> list[tuple[str, str, str, str, float]]:
    """Name, steps, cells, share as text and in per cent; the greatest first."""
    chosen = sorted(weights.items(), key=lambda item: -item[1].cells)[:MOST_ROWS]
    return [
        (name, describe_count(weight.steps), describe_count(weight.cells), describe_share(weight.cells, cells), 100 * weight.cells / cells)
        for number, (name, weight) in enumerate(chosen)
        if number < LEAST_ROWS or 100 * weight.cells > NARROWEST * cells
    ]


# the flame graph


@dataclass
class _Frame:
    name: str
    cells: int = 0
    steps: int = 0
    inner: dict[str, _Frame] = field(default_factory=lambda: {})

    def child(self, name: str) -> _Frame:
        return self.inner.setdefault(name, _Frame(name))


def flame_graph(found: Profile) -> Picture:
    """Callers above callees, as wide as their cells are many; beside them what belongs to no row of the program."""
    root = _Frame("all cells", found.run.cells)
    for stack, weight in found.stacks.items():
        frame = root
        for name in stack[:DEEPEST]:
            frame = frame.child(name)
            frame.cells, frame.steps = frame.cells + weight.cells, frame.steps + weight.steps
    picture = Picture("cells by call stack")
    picture.box(0, 0, 100, 19, {**BESIDE, "pattern": ""}, f"all: {describe_count(root.cells)} cells", "all cells")
    colours: dict[str, int] = {}
    x = _flames(picture, root, 0.0, 20.0, found.run.cells, colours)
    for kind, cells in sorted(found.overhead.items(), key=lambda item: -item[1]):
        width = 100 * cells / found.run.cells
        if width >= NARROWEST:
            title = f"{kind}: {describe_count(cells)} cells, {describe_share(cells, found.run.cells)}"
            picture.box(x, 20, width, 19, BESIDE, title, kind)
        x += width
    return picture


def _flames(picture: Picture, frame: _Frame, x: float, y: float, cells: int, colours: dict[str, int]) -> float:
    """Draws what `frame` calls from `x` on, the dearest first; where it ends. As deep as DEEPEST."""
    for inner in sorted(frame.inner.values(), key=lambda one: -one.cells):
        width = 100 * inner.cells / cells
        if width >= NARROWEST:
            colour = colours.setdefault(inner.name, len(colours) % (len(COLOURS) - 1))
            cost = f"{describe_count(inner.cells)} cells, {describe_share(inner.cells, cells)}, {describe_count(inner.steps)} steps"
            picture.box(x, y, width, 19, style(colour), f"{inner.name}: {cost}", inner.name)
            _flames(picture, inner, x, y + 20, cells, colours)
        x += width
    return x


# segments, pages and tables


def _proof_heads(proven: Sequence[Proven]) -> tuple[str, ...]:
    return ("seconds", "proof bytes") if proven else ()


def _segment_row(machine: Machine, number: int, segment: Segment, proven: Sequence[Proven]) -> list[str]:
    sizes = table_sizes(machine.circuit, segment.rows)
    cells = sum(size.cells for size in sizes)
    counts = (segment.retired, len(segment.pages), len(segment.dirty), len(segment.code), cells)
    row = [str(number), *map(describe_count, counts), describe_share(sum(size.padding for size in sizes), cells)]
    if proven:
        row += [f"{proven[number].total:.2f}", describe_count(proven[number].proof_bytes)]
    return row


def page_map(segments: Sequence[Segment], memory: MemoryMap) -> Picture:
    """Touched pages by address, segments downwards."""
    pages = sorted({page for segment in segments for page in segment.pages})
    binned = -(-len(pages) // MOST_COLUMNS) or 1
    columns = -(-len(pages) // binned)
    column = {page: place // binned for place, page in enumerate(pages)}
    line = max(3.0, min(14.0, 600 / max(len(segments), 1)))
    picture = Picture("pages by segment", binned=binned)
    for number, segment in enumerate(segments):
        bins: dict[int, list[int]] = {}
        for page in sorted(segment.pages):
            bins.setdefault(column[page], []).append(page)
        for at, inside in bins.items():
            dirty = any(page in segment.dirty for page in inside)
            title = f"segment {number}, from 0x{inside[0] * memory.page_bytes:08x}" + (", written" if dirty else ", read")
            gap = 0.15 if columns < 200 else 0.0
            picture.box(100 * at / columns, line * number, 100 / columns - gap, line - 1, WRITTEN if dirty else READ, title)
    return picture


def _regions(segments: Sequence[Segment], memory: MemoryMap) -> list[tuple[str, str, str]]:
    """Runs of pages that were touched: addresses, pages, and how many of them were written; the largest, in order."""
    touched = sorted({page for segment in segments for page in segment.pages})
    dirty = {page for segment in segments for page in segment.dirty}
    runs: list[list[int]] = []
    for page in touched:
        if runs and page == runs[-1][-1] + 1:
            runs[-1].append(page)
        else:
            runs.append([page])
    shown = sorted(sorted(runs, key=len, reverse=True)[:MOST_ROWS])

    def place(run: Sequence[int]) -> str:
        span = f"0x{run[0] * memory.page_bytes:08x} … 0x{(run[-1] + 1) * memory.page_bytes - 1:08x}"
        return "registers" if run[0] == memory.system_page else span

    return [(place(run), describe_count(len(run)), describe_count(sum(page in dirty for page in run))) for run in shown]


def table_bars(machine: Machine, segments: Sequence[Segment]) -> list[tuple[str, str, float, float, str]]:
    """For each table name, cells, used and padding in per cent of the greatest, and a title; the greatest first."""
    used: dict[str, int] = {}
    cells: dict[str, int] = {}
    for segment in segments:
        for size in table_sizes(machine.circuit, segment.rows):
            used[size.name] = used.get(size.name, 0) + size.used
            cells[size.name] = cells.get(size.name, 0) + size.cells
    greatest = max(cells.values())
    return [
        (
            name,
            describe_count(cells[name]),
            100 * used[name] / greatest,
            100 * (cells[name] - used[name]) / greatest,
            f"{name}: {describe_count(used[name])} cells used, {describe_count(cells[name] - used[name])} padding",
        )
        for name in sorted(cells, key=lambda name: -cells[name])
    ]


# times


def _phase_rows(proven: Sequence[Proven], phases: Mapping[str, dict[str, str]]) -> list[tuple[int, str, dict[str, str], str, str]]:
    """Number, phase, style, seconds and share of all segments together."""
    whole = sum(one.total for one in proven)
    rows: list[tuple[int, str, dict[str, str], str, str]] = []
    for number, (phase, look) in enumerate(phases.items()):
        seconds = sum(one.seconds.get(phase, 0.0) for one in proven)
        rows.append((number + 1, phase, look, f"{seconds:.2f}", f"{100 * seconds / whole:.1f} %"))
    return rows


def phase_bars(proven: Sequence[Proven], phases: Mapping[str, dict[str, str]]) -> list[tuple[str, Picture, str]]:
    """(segment, bar, seconds) for each of the first segments; boxes are numbered as the phases are."""
    numbers = {phase: number + 1 for number, phase in enumerate(phases)}
    longest = max((one.total for one in proven), default=1.0)
    bars: list[tuple[str, Picture, str]] = []
    for segment, one in enumerate(_first(proven)):
        picture, x = Picture(f"time of segment {segment}"), 0.0
        for phase, seconds in one.seconds.items():
            width = 100 * seconds / longest
            picture.box(x, 0, width, 19, phases[phase], f"{phase}: {seconds:.3f} s", str(numbers[phase]) if width > 3 else "")
            x += width
        bars.append((str(segment), picture, f"{one.total:.2f} s"))
    return bars


def _first(proven: Iterable[Proven]) -> list[Proven]:
    return list(proven)[:MOST_BARS]
