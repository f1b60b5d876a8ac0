"""Our numbers in the places of the paper's, and both side by side.

A number is known by its place in the paper: table, row and column, as in reference/paper.csv.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from packetids.core import classes
from packetids.runs import record

PLACE = ["table", "row", "column"]
Cells = dict[tuple[Any, str], Any]  # numbers by row and column
REFERENCE = Path("reference/paper.csv")
RESULTS = Path("results")
SVC_CLASS_COLUMNS = {
    "Normal": "n_normal",
    "DDoS_DoS": "n_ddos_dos",
    "Reconnaissance": "n_reconnaissance",
    "Theft": "n_theft",
}


def table_1(counts: pd.DataFrame) -> pd.DataFrame:
    """Table I: packets of each class, from the label stage's counts of each capture."""
    packets = counts.groupby("class")["packets"].sum().reindex(list(classes.KEYS), fill_value=0)
    return _places("1", {(key, "packets"): n for key, n in packets.items()}, total=["packets"])


def table_2(counts: pd.DataFrame) -> pd.DataFrame:
    """Table II: rows before and after dropping duplicates."""
    cells = {
        (row["class"], column): row[column]
        for row in counts.to_dict("records")
        for column in ("before", "after")
    }
    return _places("2", cells, total=["before", "after"])


def table_4(confusion: pd.DataFrame) -> pd.DataFrame:
    """Table IV: the confusion matrix of each binary task; attack is positive."""
    cells = {}
    for task, rows in confusion[confusion["stage"] == "train"].groupby("name", sort=False):
        if task == classes.MULTICLASS:
            continue
        for row in rows.itertuples():
            column = ("t" if row.actual == row.predicted else "f") + (
                "n" if row.predicted == classes.NORMAL else "p"
            )
            cells[task, column] = row.packets
    return _places("4", cells)


def table_5(confusion: pd.DataFrame) -> pd.DataFrame:
    """Table V: the confusion matrix of the multi-class task, in packets and percent of the row."""
    chosen = (confusion["stage"] == "train") & (confusion["name"] == classes.MULTICLASS)
    matrix = confusion[chosen]
    of_row = matrix.groupby("actual")["packets"].transform("sum")
    pairs = list(zip(matrix["actual"], matrix["predicted"], strict=True))
    counts = dict(zip(pairs, matrix["packets"], strict=True))
    percents = dict(zip(pairs, 100 * matrix["packets"] / of_row, strict=True))
    return pd.concat([_places("5", counts), _places("5-percent", percents)])


def figure_3(confusion: pd.DataFrame) -> pd.DataFrame:
    """Figure 3: Table III's metrics of each binary task, computed from Table IV's counts.

    `confusion` has the places of table 4 and a column ``value``; the paper prints no values in
    its figure, so its bars are computed from its counts too.
    """
    from packetids import metrics

    cells = {}
    matrices = confusion.pivot(index="row", columns="column", values="value")
    for task, row in matrices.iterrows():
        counts = (int(row[name]) for name in ("tn", "fp", "fn", "tp"))
        for metric, value in metrics.binary(*counts).items():
            cells[task, metric] = value
    return _places("figure-3", cells)


def table_6(runs: pd.DataFrame) -> pd.DataFrame:
    """Table VI: the support vector baseline; a row a sample size, in packets."""
    cells = {
        (str(row["packets"]), column): row[column]
        for row in runs.to_dict("records")
        for column in runs.columns
        if column != "packets"
    }
    return _places("6", cells)


def beside_paper(ours: pd.DataFrame, paper: pd.DataFrame) -> pd.DataFrame:
    """Join ours with the paper's by place: columns ours, paper, difference (ours - paper).

    A table without a number of ours is left out.
    """
    tables = set(ours["table"])
    joined = ours.rename(columns={"value": "ours"}).merge(
        paper[paper["table"].isin(tables)].rename(columns={"value": "paper"})[[*PLACE, "paper"]],
        on=PLACE,
        how="outer",
        sort=False,
    )
    return joined.assign(difference=joined["ours"] - joined["paper"])


def read_paper() -> pd.DataFrame:
    """Read the paper's numbers: columns table, row, column, value, note."""
    paper = pd.read_csv(REFERENCE, dtype={"table": str, "row": str, "column": str, "value": str})
    paper["value"] = pd.to_numeric(paper["value"], errors="coerce")
    counted = paper[paper["table"] == "4"]
    return pd.concat([paper, figure_3(counted)], ignore_index=True)


def _places(table: str, cells: Cells, total: list[str] | None = None) -> pd.DataFrame:
    rows = [(table, row, column, float(value)) for (row, column), value in cells.items()]
    for column in total or []:
        whole = sum(value for _, _, name, value in rows if name == column)
        rows.append((table, "Total", column, whole))
    return pd.DataFrame(rows, columns=[*PLACE, "value"]).astype({"value": float})


def svc_runs(sample_packets: list[int]) -> pd.DataFrame:
    """Collect the support vector runs; a row a sample size."""
    rows = []
    for packets in sample_packets:
        folder = RESULTS / "svc" / record.svc_sample(packets)
        run = json.loads((folder / record.RUN).read_text(encoding="utf-8"))
        runtime = json.loads((folder / "runtime.json").read_text(encoding="utf-8"))
        sizes = {SVC_CLASS_COLUMNS[name]: n for name, n in run["params"]["class_size"].items()}
        rows.append(
            {"packets": packets}
            | sizes
            | {
                "accuracy": run["metrics"]["test_accuracy"],
                "runtime_min": runtime["runtime_s"] / 60,
            }
        )
    return pd.DataFrame(rows)


def runtimes(tasks: list[str]) -> pd.DataFrame:
    """Collect the minutes of training, validation and test of each task (section IV-E)."""
    tested = json.loads((RESULTS / "evaluate/runtime.json").read_text(encoding="utf-8"))
    rows = []
    for task in tasks:
        trained = json.loads((RESULTS / "train" / task / "runtime.json").read_text("utf-8"))
        minutes = (trained["train_s"] + tested[f"train/{task}"]) / 60
        rows.append((task, trained["epochs"], minutes))
    return pd.DataFrame(rows, columns=["task", "epochs", "runtime_min"])
