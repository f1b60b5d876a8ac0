"""The claims as a page of Markdown: ``results/claims/claims.md``."""

from collections.abc import Sequence

import pandas as pd

HEADS = {"1": "Table I", "2": "Table II", "4": "Table IV", "5": "Table V, packets",
         "5-percent": "Table V, percent", "6": "Table VI", "svc-grid": "Grid search, section IV-F",
         "figure-3": "Figure 3", "text": "Sentences"}  # fmt: skip


def page(table: pd.DataFrame, notice: str) -> str:
    """Write the page: how many claims have which verdict, then each of them."""
    counts = pd.crosstab(table["table"], table["verdict"], margins=True, margins_name="all")
    parts = [
        "# The paper's claims, one by one",
        notice,
        "An interval is of 95 %: Wilson's for shares of rows; under strict of captures drawn again "
        "for a class, of rounds for all classes. A share holds if the interval of ours reaches the "
        "paper's. The rules stand in packetids/claims/judge.py; claims.csv has every digit and the "
        "file of each number.",
        _rows(["", *counts.columns], [
            [HEADS.get(str(name), str(name)), *row] for name, row in zip(
                counts.index, counts.to_numpy().tolist(), strict=True)
        ]),
    ]  # fmt: skip
    for name, rows in table.groupby("table", sort=False):
        head = ["claim", "paper", "from its counts", "ours", "strict", "verdict", "why"]
        parts += [f"## {HEADS.get(str(name), str(name))}", _rows(head, [
            [f"{row.row}, {row.column}", _number(row.paper), _number(row.from_counts),
             _between(row.ours, row.low, row.high),
             _between(row.strict, row.strict_low, row.strict_high), row.verdict, row.why]
            for row in rows.itertuples()
        ])]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _rows(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines: list[Sequence[object]] = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _number(value: float) -> str:
    if pd.isna(value):
        return ""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def _between(value: float, low: float, high: float) -> str:
    if pd.isna(low) or pd.isna(high):
        return _number(value)
    return f"{_number(value)} ({_number(low)} to {_number(high)})"
