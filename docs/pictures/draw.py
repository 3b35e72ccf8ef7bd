"""Draws the pictures of docs/continuations.md: python docs/pictures/draw.py. They are plain SVG that follows the reader's colours."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
BLUE, ORANGE, GREEN, GREY = "#4c78a8", "#d9822b", "#4c8c6b", "#8a8f98"
STYLE: Final = """<style>
  svg { background: #fff; color: #1c1e21; }
  text { font: 13px system-ui, sans-serif; fill: currentColor; }
  .small { font-size: 11px; } .mono { font-family: ui-monospace, monospace; font-size: 12px; }
  .line { stroke: currentColor; fill: none; stroke-width: 1.3; }
  @media (prefers-color-scheme: dark) { svg { background: #16181b; color: #e6e6e6; } }
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
  <path d="M0 0 L8 4 L0 8 z" fill="currentColor"/></marker></defs>"""


class Drawing:
    """Shapes, in order."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.size = width, height
        self.title = title
        self.parts: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, colour: str, *, filled: bool = False) -> None:
        fill = f'fill="{colour}" fill-opacity="0.85"' if filled else f'fill="{colour}" fill-opacity="0.13"'
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" {fill} stroke="{colour}"/>')

    def text(self, x: float, y: float, text: str, *, anchor: str = "middle", kind: str = "") -> None:
        escaped = text.replace("&", "&amp;").replace("<", "&lt;")
        given = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{given}>{escaped}</text>')

    def arrow(self, *points: tuple[float, float], both: bool = False) -> None:
        path = " ".join(f"{'L' if k else 'M'}{x:g} {y:g}" for k, (x, y) in enumerate(points))
        start = ' marker-start="url(#tip)"' if both else ""
        self.parts.append(f'<path class="line" d="{path}" marker-end="url(#tip)"{start}/>')

    def line(self, *points: tuple[float, float]) -> None:
        path = " ".join(f"{'L' if k else 'M'}{x:g} {y:g}" for k, (x, y) in enumerate(points))
        self.parts.append(f'<path class="line" d="{path}"/>')

    def svg(self) -> str:
        width, height = self.size
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
        return "\n".join([head, f"<title>{self.title}</title>", STYLE, *self.parts, "</svg>", ""])


def chain() -> Drawing:
    """Segments in a row, what each claims, and what ties neighbours together."""
    d = Drawing(900, 270, "A run as a chain of segments")
    d.text(450, 22, "one run of the program, one receipt")
    for k in range(3):
        x = 110 + 250 * k
        d.box(x, 45, 190, 100, BLUE)
        d.text(x + 95, 68, f"segment {k}")
        end = ", first" if k == 0 else ", last" if k == 2 else ""
        for row, text in enumerate((f"index {k}{end}", "instructions", "its own proof")):
            d.text(x + 95, 92 + 18 * row, text, kind="small")
    for k in range(4):
        x = (55, 330, 580, 845)[k]
        d.box(x - 30, 75, 60, 40, ORANGE)
        d.text(x, 92, ("image ID", "ID", "ID", "last ID")[k], kind="small")
        d.text(x, 107, ("of the ELF", "after 0", "after 1", "")[k], kind="small")
    for left, right in ((85, 110), (300, 300), (550, 550), (800, 815)):
        if left != right:
            d.arrow((left, 95), (right, 95))
    d.text(330, 165, "post of 0 = pre of 1", kind="small")
    d.text(580, 165, "post of 1 = pre of 2", kind="small")
    d.box(110, 190, 690, 40, GREEN)
    journal = "journal state: empty before segment 0, handed from claim to claim, digest of the journal after the last"
    d.text(455, 208, journal, kind="small")
    d.text(455, 223, "exit code: only in the claim of the last segment", kind="small")
    d.text(455, 256, "the verifier checks the equalities, then each proof", kind="small")
    return d


def tree() -> Drawing:
    """Pages, the table of their digests, and the root, by address."""
    d = Drawing(900, 330, "The page table is memory, and hashes itself")
    levels = (
        (270, "user pages, and one for registers, pc, journal", "0x0000_0000 … 0x0c00_03ff", BLUE, 16),
        (205, "digests of data pages: 32 in a page", "from 0x0d00_0000", ORANGE, 8),
        (140, "digests of those pages", "further up in the same table", ORANGE, 4),
        (75, "digests of those", "", ORANGE, 2),
    )
    for y, text, address, colour, count in levels:
        for k in range(count):
            d.box(330 + (16 - count) * 13.5 + 27 * k, y, 23, 26, colour, filled=k == count // 2)
        d.text(315, y + 13, text, anchor="end")
        d.text(315, y + 28, address, anchor="end", kind="small")
    d.box(330 + 16 * 13.5 - 40, 18, 80, 30, GREEN)
    d.text(330 + 16 * 13.5, 38, "root page")
    for y in (270, 205, 140):
        centre = 330 + 16 * 13.5
        d.arrow((centre + 11, y), (centre + 11, y - 39))
    d.arrow((330 + 16 * 13.5 + 11, 75), (330 + 16 * 13.5 + 11, 50))
    d.arrow((330 + 16 * 13.5 + 45, 33), (640, 33))
    d.text(650, 30, "its hash is the image ID", anchor="start")
    d.text(650, 46, "its own slot stays zero", anchor="start", kind="small")
    d.text(790, 218, "touching the filled data page", kind="small")
    d.text(790, 233, "opens the filled pages above it,", kind="small")
    d.text(790, 248, "as far as they are not in yet", kind="small")
    return d


def life() -> Drawing:
    """What happens to one page in one segment, in messages."""
    d = Drawing(900, 300, "One page in one segment")
    d.box(40, 60, 180, 170, ORANGE)
    d.text(130, 85, "page in")
    into = ("rows: the words as they were", "hashed, digest compared with", "the slot of the page above", "every word goes out as a token")
    for k, text in enumerate(into):
        d.text(130, 110 + 20 * k, text, kind="small")
    d.box(330, 60, 240, 170, BLUE)
    d.text(450, 85, "instructions")
    for k, text in enumerate(("each access takes a token", "and gives it back, later:")):
        d.text(450, 110 + 20 * k, text, kind="small")
    for k, text in enumerate(("(address, 7, time 0)", "(address, 7, time 44)   load", "(address, 9, time 103)  store")):
        d.text(450, 158 + 20 * k, text, kind="mono")
    d.box(680, 60, 180, 170, ORANGE)
    d.text(770, 85, "page out")
    out = ("rows: the words as they are", "every token comes back", "hashed, the new digest goes", "to the slot of the page above")
    for k, text in enumerate(out):
        d.text(770, 110 + 20 * k, text, kind="small")
    d.arrow((220, 140), (330, 140))
    d.text(275, 130, "tokens", kind="small")
    d.arrow((570, 140), (680, 140))
    d.text(625, 130, "tokens", kind="small")
    d.text(450, 262, "A page that is only read has one set of rows for both: its digest does not change.")
    d.text(450, 282, "Words that no instruction touches go from page in to page out by themselves.", kind="small")
    return d


PICTURES: Final = {"chain.svg": chain, "tree.svg": tree, "life.svg": life}


def main() -> None:
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw().svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
