"""One page to look at: every table and figure, ours beside the paper's."""

import base64
import html
from pathlib import Path

import pandas as pd

from packetids.results import tables

OURS, PAPER = "_ours", "_paper"

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
.notice { border-left: 4px solid #E69F00; background: #fff8e8; padding: .6rem .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
thead th { border-bottom: 2px solid #888; vertical-align: bottom; }
thead th[colspan] { border-bottom: 1px solid #bbb; text-align: center; }
thead th.paper, td.paper { color: #666; padding-left: 0; }
img { max-width: 100%; height: auto; }
footer { margin-top: 3rem; color: #666; font-size: .85rem; }
"""


def page(
    built: dict[str, pd.DataFrame],
    extra: dict[str, pd.DataFrame],
    figures: dict[str, Path],
    notice: str,
    choices: dict[str, object],
    without: dict[str, str],
    in_short: list[str],
) -> str:
    """Write the page.

    `built` are the paper's tables (`tables.TITLES`), `extra` further tables by title, `figures`
    SVG files by title; they are put into the page, which needs no other file. `without` says by
    title why a table or figure is not there. `in_short` are its first lines.
    """
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'>",
        f"<title>packetids: results</title><style>{STYLE}</style></head><body>",
        "<h1>Packet-level intrusion detection on BoT-IoT: ours beside the paper's</h1>",
        f"<p class='notice'>{html.escape(notice)}</p>",
        *(["<h2>In short</h2>", "<ul>"] if in_short else []),
        *(f"<li>{html.escape(line)}</li>" for line in in_short),
        *(["</ul>"] if in_short else []),
        "<p>The paper is Ge et al. 2019, <cite>Deep Learning-based Intrusion Detection for IoT "
        "Networks</cite>; the grey columns, <i>paper</i>, are its printed numbers.</p>",
    ]
    for title, path in figures.items():
        parts += [f"<h2>{html.escape(title)}</h2>", _inline(path, title)]
    for number, table in built.items():
        parts += [f"<h2>{html.escape(tables.TITLES[number])}</h2>", _table(table)]
    for title, table in extra.items():
        parts += [f"<h2>{html.escape(title)}</h2>", _table(table)]
    if without:
        rows = [f"<li>{html.escape(f'{title}. {why}')}</li>" for title, why in without.items()]
        parts += ["<h2>Left out of this run</h2>", f"<ul>{''.join(rows)}</ul>"]
    chosen = ", ".join(f"{name}: {value}" for name, value in choices.items())
    parts += [f"<footer>Choices of params.yaml: {html.escape(chosen)}</footer></body></html>"]
    return "\n".join(parts) + "\n"


def _table(table: pd.DataFrame) -> str:
    """Write a table; columns ``x_ours`` and ``x_paper`` get one head, ``x``, over both."""
    stems = [_stem(name, list(table.columns)) for name in table.columns]
    above, below = "", ""
    for name, stem in zip(table.columns, stems, strict=True):
        if stem is None:
            above += f"<th rowspan='2'{_kind(table[name])}>{_words(name)}</th>"
        elif name.endswith(OURS):
            above += f"<th colspan='2'>{_words(stem)}</th>"
            below += "<th>ours</th>"
        else:
            below += "<th class='paper'>paper</th>"
    rows, before = [], None
    for row in table.itertuples(index=False):
        cells = ""
        for position, (name, value) in enumerate(zip(table.columns, row, strict=True)):
            repeats = position == 0 and value == before and isinstance(value, str)
            kind = " class='paper'" if stems[position] and name.endswith(PAPER) else ""
            text = "" if repeats else _text(value)
            cells += f"<td{kind or _kind(table[name])}>{text}</td>"
        rows.append(f"<tr>{cells}</tr>")
        before = row[0]
    head = f"<tr>{above}</tr>" + (f"<tr>{below}</tr>" if below else "")
    table_ = f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<div class='wide'>{table_}</div>"


def _stem(name: str, columns: list[str]) -> str | None:
    """Name the quantity of a column that has a partner, ours or the paper's."""
    stem = name.removesuffix(OURS).removesuffix(PAPER)
    return stem if stem + OURS in columns and stem + PAPER in columns else None


def _kind(column: pd.Series) -> str:
    return "" if pd.api.types.is_numeric_dtype(column) else " class='text'"


def _words(name: str) -> str:
    return html.escape(name.replace("_", " "))


def _text(value: object) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}" if not value.is_integer() else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return html.escape(str(value))


def _inline(path: Path, title: str) -> str:
    # As an image of its own: the identifiers inside two SVG files may be the same.
    data = base64.b64encode(path.read_bytes()).decode()
    return f"<img alt='{html.escape(title)}' src='data:image/svg+xml;base64,{data}'>"
