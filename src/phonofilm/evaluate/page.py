"""One self-contained page out of measured sections: no script, nothing loaded, light and dark, fit to print.

The plots are bars drawn as inline SVG; every number that is drawn also stands in a table or beside its bar.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

ROW_HEIGHT = 22
LABEL_WIDTH, BAR_WIDTH, VALUE_WIDTH = 190, 400, 110

STYLE = """
:root{color-scheme:light dark;--back:#fbfaf8;--card:#fff;--ink:#1d1d1b;--soft:#6a6862;--line:#e4e1da;--bar:#2f6f8f;
--mark:#c2571a}
@media(prefers-color-scheme:dark){:root{--back:#161615;--card:#1f1f1d;--ink:#ecebe6;--soft:#a19e95;--line:#383733;
--bar:#6db1cf;--mark:#f0965a}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:52rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .5rem}h2{font-size:1.2rem;margin:0 0 .25rem}
p{margin:.25rem 0 .75rem}.soft{color:var(--soft);font-size:.9rem}
nav{margin:1rem 0 1.5rem;font-size:.9rem}nav a{margin-right:1rem;white-space:nowrap;color:var(--bar)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1.25rem;margin:0 0 1.25rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.75rem;margin:.75rem 0}
.tile{border-left:3px solid var(--bar);padding:.1rem 0 .1rem .75rem}
.tile b{display:block;font-size:1.35rem;line-height:1.2;font-variant-numeric:tabular-nums}
.tile span{display:block;font-size:.85rem}.tile small{color:var(--soft)}
figure{margin:1rem 0}figcaption{font-size:.9rem;color:var(--soft);margin-bottom:.35rem}
svg{display:block;width:100%;max-width:44rem;height:auto;font-size:12px;font-family:inherit}
svg text{fill:var(--ink)}svg .bar{fill:var(--bar)}svg .mark{stroke:var(--mark);stroke-width:2}
svg .axis{stroke:var(--line)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.2rem .9rem .2rem 0;border-bottom:1px solid var(--line);white-space:nowrap}
summary{cursor:pointer;font-size:.9rem;color:var(--soft)}details{margin:.5rem 0}
@media print{body{background:#fff}section{break-inside:avoid}nav{display:none}}
"""


@dataclass(frozen=True)
class Tile:
    """One figure in large type: what it is, its value as text, and what to read it against."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Bars:
    """A bar a row: (label, value, reference or None). The reference is drawn as a mark across the bar.

    digits: after the point. reference: what the mark stands for.
    """

    caption: str
    rows: Sequence[tuple[str, float, float | None]]
    reference: str = ""
    digits: int = 2


@dataclass(frozen=True)
class Table:
    """Rows that are folded away behind their caption."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """One measure: what it says, what it does not see, and its figures as plain values for the JSON."""

    name: str
    title: str
    says: str
    unseen: str
    figures: dict[str, Any]
    tiles: Sequence[Tile] = ()
    bars: Sequence[Bars] = ()
    tables: Sequence[Table] = field(default=())


def page(title: str, facts: Sequence[tuple[str, str]], sections: Sequence[Section], closing: str) -> str:
    """The HTML text. facts: what was measured, under the title; closing: a last remark."""
    about = " · ".join(f"{escape(name)} {escape(value)}" for name, value in facts)
    links = "".join(f'<a href="#{escape(s.name)}">{escape(s.title)}</a>' for s in sections)
    body = "\n".join(_section(section) for section in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><main>\n"
        f'<h1>{escape(title)}</h1><p class="soft">{about}</p><nav>{links}</nav>\n{body}\n'
        f'<p class="soft">{escape(closing)}</p>\n</main></body></html>\n'
    )


def _section(section: Section) -> str:
    tiles = "".join(
        f'<div class="tile"><b>{escape(t.value)}</b><span>{escape(t.label)}</span><small>{escape(t.note)}</small></div>'
        for t in section.tiles
    )
    parts = [
        f'<section id="{escape(section.name)}"><h2>{escape(section.title)}</h2><p>{escape(section.says)}</p>',
        f'<div class="tiles">{tiles}</div>' if tiles else "",
        *(_figure(bars) for bars in section.bars),
        *(_table(table) for table in section.tables),
        f'<p class="soft">Does not see: {escape(section.unseen)}</p></section>' if section.unseen else "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _figure(bars: Bars) -> str:
    mark = f' <span style="color:var(--mark)">▏</span>{escape(bars.reference)}' if bars.reference else ""
    return f"<figure><figcaption>{escape(bars.caption)}{mark}</figcaption>{_svg(bars)}</figure>"


def _svg(bars: Bars) -> str:
    known = [v for row in bars.rows for v in row[1:] if isinstance(v, float) and math.isfinite(v)]
    scale = BAR_WIDTH / max([*(abs(v) for v in known), 1e-9])
    height = ROW_HEIGHT * len(bars.rows) + 4
    width = LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH
    lines = [
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(bars.caption, quote=True)}">',
        f'<line class="axis" x1="{LABEL_WIDTH}" y1="0" x2="{LABEL_WIDTH}" y2="{height}"/>',
    ]
    for index, (label, value, reference) in enumerate(bars.rows):
        top = 2 + ROW_HEIGHT * index
        middle = top + 14
        lines.append(f'<text x="{LABEL_WIDTH - 8}" y="{middle}" text-anchor="end">{escape(label)}</text>')
        length = max(0.0, value * scale) if math.isfinite(value) else 0.0
        lines.append(f'<rect class="bar" x="{LABEL_WIDTH}" y="{top + 3}" width="{length:.1f}" height="14" rx="2"/>')
        end = length
        if reference is not None and math.isfinite(reference):
            at = LABEL_WIDTH + max(0.0, reference * scale)
            end = max(length, at - LABEL_WIDTH)
            lines.append(f'<line class="mark" x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{top + 20}"/>')
        lines.append(f'<text x="{LABEL_WIDTH + end + 8:.1f}" y="{middle}">{number(value, bars.digits)}</text>')
    return "".join([*lines, "</svg>"])


def _table(table: Table) -> str:
    heads = "".join(f"<th>{escape(head)}</th>" for head in table.heads)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return (
        f'<details><summary>{escape(table.caption)}</summary><div class="scroll"><table>'
        f"<tr>{heads}</tr>{rows}</table></div></details>"
    )


def number(value: float, digits: int = 2) -> str:
    """A figure as text; a dash where there is none."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def share(value: float) -> str:
    """A share as per cent."""
    return f"{100 * value:.0f} %" if math.isfinite(value) else "-"
