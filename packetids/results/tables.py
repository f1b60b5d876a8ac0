"""The paper's Tables I to VI, ours beside the paper's, out of results/compare/comparison.csv."""

from collections.abc import Callable

import pandas as pd

from packetids import metrics
from packetids.core import classes

TITLES = {
    "1": "Table I: packets of each class",
    "2": "Table II: rows before and after dropping duplicates",
    "3": "Table III: definitions of metrics",
    "4": "Table IV: confusion matrices of the binary tasks",
    "5": "Table V: confusion matrix of the multi-class task",
    "6": "Table VI: accuracy and run time of the support vector baseline",
}


def build(comparison: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Build every table that `comparison` has a place of; keys are of `TITLES`, in order."""
    builders: dict[str, Callable[[], pd.DataFrame]] = {
        "1": lambda: _class_table(comparison, "1"),
        "2": lambda: _class_table(comparison, "2"),
        "3": _definitions,
        "4": lambda: _binary_table(comparison),
        "5": lambda: _multiclass_table(comparison),
        "6": lambda: _svc_table(comparison),
    }
    present = {*comparison["table"], "3"}
    return {number: builders[number]() for number in TITLES if number in present}


def _cells(comparison: pd.DataFrame, table: str) -> pd.DataFrame:
    return comparison[comparison["table"] == table].set_index(["row", "column"])


def _whole(values: pd.Series) -> pd.Series:
    return values.round().astype("Int64")


def _side_by_side(cells: pd.DataFrame, rows: list[str], columns: list[str]) -> pd.DataFrame:
    wide = {}
    for column in columns:
        for source in ("ours", "paper"):
            picked = cells[source].reindex([(row, column) for row in rows])
            wide[f"{column}_{source}"] = picked.to_numpy()
    return pd.DataFrame(wide)


def _class_table(comparison: pd.DataFrame, table: str) -> pd.DataFrame:
    cells = _cells(comparison, table)
    columns = ["packets"] if table == "1" else ["before", "after"]
    numbers = _side_by_side(cells, [*classes.KEYS, "Total"], columns).apply(_whole)
    entries = [(e.category, e.title) for e in classes.SUBCATEGORIES] + [("Total", "Total")]
    numbers.insert(0, "category", [category for category, _ in entries])
    numbers.insert(1, "subcategory", [title for _, title in entries])
    return numbers


def _definitions() -> pd.DataFrame:
    return pd.DataFrame(list(metrics.DEFINITIONS.items()), columns=["metric", "definition"])


def _binary_table(comparison: pd.DataFrame) -> pd.DataFrame:
    cells = _cells(comparison, "4")
    numbers = _side_by_side(cells, list(classes.ATTACKS), ["tn", "fp", "fn", "tp"]).apply(_whole)
    numbers.insert(0, "attack", [classes.BY_KEY[key].title for key in classes.ATTACKS])
    return numbers


def _multiclass_table(comparison: pd.DataFrame) -> pd.DataFrame:
    rows = []
    counts, percents = _cells(comparison, "5"), _cells(comparison, "5-percent")
    for actual in classes.GROUPS:
        for predicted in classes.GROUPS:
            place = (actual, predicted)
            paper_row = sum(counts["paper"].get((actual, name), 0) for name in classes.GROUPS)
            rows.append(
                {
                    "actual": classes.GROUP_TITLES[actual],
                    "predicted": classes.GROUP_TITLES[predicted],
                    "packets_ours": counts["ours"].get(place),
                    "packets_paper": counts["paper"].get(place),
                    "percent_ours": percents["ours"].get(place),
                    # The paper's printed percentages do not follow from its counts.
                    "percent_paper_printed": percents["paper"].get(place),
                    "percent_paper_from_counts": 100 * counts["paper"].get(place) / paper_row,
                }
            )
    table = pd.DataFrame(rows)
    for column in ("packets_ours", "packets_paper"):
        table[column] = _whole(table[column])
    for column in table.columns[table.columns.str.startswith("percent")]:
        table[column] = table[column].round(3)
    return table


def _svc_table(comparison: pd.DataFrame) -> pd.DataFrame:
    cells = _cells(comparison, "6")
    sizes = sorted({int(row) for row, _ in cells.index})
    columns = ["n_normal", "n_ddos_dos", "n_reconnaissance", "n_theft", "accuracy", "runtime_min"]
    numbers = _side_by_side(cells, [str(size) for size in sizes], columns)
    for column in numbers.columns:
        numbers[column] = (
            _whole(numbers[column]) if column.startswith("n_") else numbers[column].round(4)
        )
    numbers.insert(0, "sample_size", sizes)
    return numbers
