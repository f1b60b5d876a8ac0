"""What this run measured in the place of each of the paper's numbers, with an interval.

A place is a table, a row and a column of reference/paper.csv. Everything is read from result files,
each of which a value names.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from packetids.core import classes
from packetids.core.classes import MULTICLASS
from packetids.protocol.folds import PAPER, STRICT
from packetids.protocol.repeats import NETWORK
from packetids.results import compare

COMPARISON = Path("results/compare/comparison.csv")
SUMMARY, CLASSES = Path("results/score/summary.csv"), Path("results/score/classes.csv")
PAIRS = Path("results/score/pairs.csv")
DDOS_DOS, RECONNAISSANCE = (
    tuple(entry.key for entry in classes.SUBCATEGORIES if entry.group == group)
    for group in ("DDoS_DoS", "Reconnaissance")
)
RECALLS = {  # sentences on the multi-class task, and the cells of Table V that they speak of
    "normal_recall_percent": ("Normal", "Normal"),
    "ddos_dos_recall_percent_above": ("DDoS_DoS", "DDoS_DoS"),
    "reconnaissance_recall_percent_above": ("Reconnaissance", "Reconnaissance"),
    "theft_recall_percent": ("Theft", "Theft"),
    "theft_as_reconnaissance_percent": ("Theft", "Reconnaissance"),
}
BINARY = {  # metric: the counts of Table IV that are right, and those that are asked about
    "accuracy": (("tn", "tp"), ("tn", "fp", "fn", "tp")),
    "precision": (("tp",), ("tp", "fp")),
    "recall": (("tp",), ("tp", "fn")),
}
NAN = float("nan")
Place = tuple[str, str, str]


@dataclass(frozen=True)
class Value:
    """A number of this run with its 95 % interval; NaN where there is none."""

    ours: float
    source: str
    low: float = NAN
    high: float = NAN
    strict: float = NAN
    strict_low: float = NAN
    strict_high: float = NAN


def values() -> dict[Place, Value]:
    """Return what this run has in the places of the paper."""
    cells = pd.read_csv(COMPARISON, dtype={"table": str, "row": str}).set_index(compare.PLACE)
    ours = cells["ours"].dropna()
    found = {place: Value(float(value), str(COMPARISON)) for place, value in ours.items()}
    counts = {place: int(value) for place, value in ours.items() if place[0] == "4"}
    found |= dict(_binary(counts))
    found |= dict(_of_sample(found))
    found |= dict(_multiclass())
    found |= dict(_sentences(found, counts))
    return found


def percents(tn: float, fp: float, fn: float, tp: float) -> dict[str, tuple[float, float]]:
    """Return the percentages of which section IV-E speaks, each as a part and its whole."""
    return {
        "accuracy_percent": (tn + tp, tn + fp + fn + tp),
        "precision_percent": (tp, tp + fp),
        "missed_percent": (fn, fn + tp),
        "false_alarms_percent": (fp, fp + tn),
    }


def _share(part: float, whole: float, source: Path, scale: float = 1.0) -> Value:
    if not whole:
        return Value(NAN, str(source))
    low, high = proportion_confint(part, whole, method="wilson")
    return Value(scale * part / whole, str(source), scale * low, scale * high)


def _binary(counts: dict[Place, int]) -> Iterator[tuple[Place, Value]]:
    for task in sorted({row for _, row, _ in counts}):
        for metric, (right, asked) in BINARY.items():
            part, whole = (sum(counts["4", task, one] for one in ones) for ones in (right, asked))
            yield ("figure-3", task, metric), _share(part, whole, COMPARISON)


def _of_sample(found: dict[Place, Value]) -> Iterator[tuple[Place, Value]]:
    """Give Table VI's accuracies an interval: a fifth of each sample tests it."""
    for place, value in found.items():
        if place[0] == "6" and place[2] == "accuracy":
            train = sum(v.ours for p, v in found.items() if p[:2] == place[:2] and "n_" in p[2])
            tested = round(int(place[1]) - train)
            yield place, _share(round(value.ours * tested), tested, COMPARISON)


def _multiclass() -> Iterator[tuple[Place, Value]]:
    """Give the diagonal of Table V its interval, and its value under ``strict``."""
    table = pd.read_csv(CLASSES)
    table = table[(table["task"] == MULTICLASS) & (table["model"] == NETWORK)]
    paper, strict = (
        table[table["protocol"] == protocol].set_index("class") for protocol in (PAPER, STRICT)
    )
    columns = ["recall", "recall_low", "recall_high"]
    for name in paper.index:
        ours, low, high = (100 * paper.loc[name, columns]).astype(float)
        beside = (100 * strict.loc[name, columns]).astype(float) if name in strict.index else []
        yield ("5-percent", name, name), Value(ours, str(CLASSES), low, high, *beside)


def _metric(task: str, metric: str) -> Value:
    """Return a metric of the network under both protocols, its mean over seeds or rounds."""
    table = pd.read_csv(SUMMARY)
    chosen = (table["task"] == task) & (table["model"] == NETWORK) & (table["part"] == "all")
    rows = table[chosen].set_index("protocol")
    columns = [f"{metric}_mean", f"{metric}_low", f"{metric}_high"]
    read = [
        rows.loc[protocol, columns].astype(float).tolist() if protocol in rows.index else [NAN] * 3
        for protocol in (PAPER, STRICT)
    ]
    return Value(read[0][0], str(SUMMARY), *read[0][1:], *read[1])


def _sentences(
    found: dict[Place, Value], counts: dict[Place, int]
) -> Iterator[tuple[Place, Value]]:
    """Yield what the sentences of sections IV-E and VI speak of."""
    for row, tasks in (("binary_ddos_dos", DDOS_DOS), ("binary_reconnaissance", RECONNAISSANCE)):
        for metric in ("accuracy", "precision", "recall", "f1"):
            if value := _lowest(found, tasks, (metric,)):
                yield ("text", row, f"{metric}_above"), value
    if value := _lowest(found, RECONNAISSANCE, ("precision", "recall", "f1")):
        yield ("text", "binary_reconnaissance", "all_metrics_above"), value
    every = ("accuracy", "precision", "recall", "f1")
    if value := _lowest(found, classes.ATTACKS, every):
        yield ("text", "figure_3", "axis_lowest"), value
    if value := _lowest(found, (*DDOS_DOS, *RECONNAISSANCE), every):
        yield ("text", "conclusion", "binary_all_metrics"), value
    for task in sorted({row for _, row, _ in counts}):
        tn, fp, fn, tp = (counts["4", task, one] for one in ("tn", "fp", "fn", "tp"))
        for column, (part, whole) in percents(tn, fp, fn, tp).items():
            yield ("text", task, column), _share(part, whole, COMPARISON, 100.0)
        for column, n in {"missed": fn, "attacks": fn + tp, "false_alarms": fp,
                          "normals": fp + tn}.items():  # fmt: skip
            yield ("text", task, column), Value(n, str(COMPARISON))
    percent = {place[1:]: value for place, value in found.items() if place[0] == "5-percent"}
    if not percent:
        return
    for column, cell in RECALLS.items():
        if cell in percent:
            yield ("text", "multiclass", column), percent[cell]
    for column, name in (("ddos_dos_accuracy_above", "DDoS_DoS"),
                         ("normal_accuracy", classes.NORMAL)):  # fmt: skip
        if (name, name) in percent:
            yield ("text", "conclusion", column), _scaled(percent[name, name], 100)
    yield ("text", "multiclass", "accuracy"), _metric(MULTICLASS, "accuracy")
    missed = _metric(MULTICLASS, "attack_recall")
    yield ("text", "multiclass", "missed_percent"), Value(
        100 * (1 - missed.ours), missed.source, 100 * (1 - missed.high), 100 * (1 - missed.low),
        100 * (1 - missed.strict), 100 * (1 - missed.strict_high), 100 * (1 - missed.strict_low),
    )  # fmt: skip
    cells = {place[1:]: value.ours for place, value in found.items() if place[0] == "5"}
    yield (
        ("text", "multiclass", "missed"),
        Value(
            sum(n for (actual, said), n in cells.items() if said == classes.NORMAL != actual),
            str(COMPARISON),
        ),
    )
    yield (
        ("text", "multiclass", "ddos_dos_and_theft_confused"),
        Value(cells["DDoS_DoS", "Theft"] + cells["Theft", "DDoS_DoS"], str(COMPARISON)),
    )


def _lowest(
    found: dict[Place, Value], tasks: tuple[str, ...], metrics: tuple[str, ...]
) -> Value | None:
    """Return the lowest of some metrics over some tasks; None unless each task has them."""
    places = [("figure-3", task, metric) for task in tasks for metric in metrics]
    if not all(place in found for place in places):
        return None
    return min((found[place] for place in places), key=lambda value: value.ours)


def _scaled(value: Value, scale: float) -> Value:
    numbers = (value.ours, value.low, value.high, value.strict, value.strict_low, value.strict_high)
    ours, *others = (number / scale for number in numbers)
    return Value(ours, value.source, *others)


def trials() -> pd.DataFrame:
    """Return how each trial's accuracy differs from that of the chosen network, on the same rows.

    The interval is of rows and of seeds together: the paired differences of the rows, and the
    spread of the chosen network over its seeds, which both trainings have.

    Returns
    -------
    DataFrame
        A row a trial, by its name: difference, low, high, seed_std.
    """
    pairs = pd.read_csv(PAIRS)
    pairs = pairs[(pairs["task"] == MULTICLASS) & (pairs["protocol"] == PAPER)]
    summary = pd.read_csv(SUMMARY)
    chosen = summary[
        (summary["task"] == MULTICLASS) & (summary["protocol"] == PAPER)
        & (summary["model"] == NETWORK) & (summary["part"] == "all")
    ]  # fmt: skip
    if chosen.empty:
        return pd.DataFrame(columns=["difference", "low", "high", "seed_std"])
    n, std = int(chosen["rows"].iloc[0] / chosen["units"].iloc[0]), chosen["accuracy_std"].iloc[0]
    for_rows, against = pairs["only_model_right"], pairs["only_network_right"]
    difference = (for_rows - against) / n
    variance = (for_rows + against - (for_rows - against) ** 2 / n) / n**2
    half = 1.96 * np.sqrt(variance + 2 * std**2)
    return pd.DataFrame(
        {"difference": difference, "low": difference - half, "high": difference + half}
    ).assign(seed_std=std).set_index(pairs["model"])  # fmt: skip
