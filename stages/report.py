"""Put every table and figure on one page: results/tables, results/figures -> results/report."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids import completeness
from packetids.core import atomic, classes, command, settings
from packetids.results import left_out, page, tables

RESULTS = Path("results")
TABLES = Path("results/tables")
FIGURES = Path("results/figures")
PAGE = Path("results/report/index.html")

EXTRA_TITLES = {
    "label": "The two label rules on the same packets",
    "scores": "Scores on the test folds",
    "runtimes": "Run time: training, validation and test",
    "grid": "Grid search of the support vector baseline",
}
FIGURE_TITLES = {
    "figure-1": "Figure 1: workflow",
    "figure-2": "Figure 2: network",
    "figure-3": "Figure 3: binary classification",
    "training-curves": "Training curves",
    "sweep": "Sweep",
}

log = logging.getLogger("report")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    dataset: settings.Dataset
    seed: int
    tasks: list[str]
    trials: list[str]


def main(config: Config) -> None:
    """Write the page."""
    without = left_out.reasons(config.tasks, config.trials)
    built = {
        number: pd.read_csv(TABLES / f"table-{number}.csv")
        for number in tables.TITLES
        if f"table-{number}" not in without
    }
    readers: dict[str, Callable[[], pd.DataFrame]] = {
        "label": both_rules,
        "scores": scores,
        "runtimes": lambda: pd.read_csv(RESULTS / "compare/runtimes.csv"),
        "grid": lambda: pd.read_csv(RESULTS / "svc/grid.csv"),
    }
    extra = {EXTRA_TITLES[name]: read() for name, read in readers.items() if name not in without}
    drawn = {
        title: FIGURES / f"{name}.svg"
        for name, title in FIGURE_TITLES.items()
        if name not in without
    }
    titles = {f"table-{number}": title for number, title in tables.TITLES.items()}
    titles |= FIGURE_TITLES | EXTRA_TITLES
    why = {title: without[name] for name, title in titles.items() if name in without}
    choices = {"dataset": config.dataset.name, "seed": config.seed}
    notice = completeness.notice(config.dataset)
    atomic.write_text(PAGE, page.page(built, extra, drawn, notice, choices, why))
    for title, reason in why.items():
        log.info("left out: %s. %s", title, reason)
    log.info("open %s", PAGE)


def scores() -> pd.DataFrame:
    """Read the scores that every task has, a row a task."""
    table = pd.read_csv(RESULTS / "evaluate/scores.csv")
    table = table[table["stage"] == "train"]
    wide = table.pivot(index="name", columns="metric", values="value")
    return wide.reindex(table["name"].unique()).dropna(axis="columns").reset_index()


def both_rules() -> pd.DataFrame:
    """Read the comparison of the label rules, all subcategories together."""
    table = pd.read_csv(RESULTS / "label/report.csv")
    return table[table["captures_of"] == classes.TOTAL].drop(columns="captures_of")


if __name__ == "__main__":
    command.run(main, Config)
