"""Put every table and figure on one page: results/tables, results/figures -> results/report."""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids import agreement, atomic, command, part, report, settings, tables

RESULTS = Path("results")
TABLES = Path("results/tables")
FIGURES = Path("results/figures")
PAGE = Path("results/report/index.html")

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


def main(config: Config) -> None:
    """Write the page."""
    built = {number: pd.read_csv(TABLES / f"table-{number}.csv") for number in tables.TITLES}
    scores = pd.read_csv(RESULTS / "evaluate/scores.csv")
    extra = {
        "The two label rules on the same packets": both_rules(),
        "Scores on the test folds": scores[scores["stage"] == "train"]
        .pivot(index="name", columns="metric", values="value")
        .reindex(scores[scores["stage"] == "train"]["name"].unique())
        .dropna(axis="columns")
        .reset_index(),
        "Run time: training, validation and test": pd.read_csv(RESULTS / "compare/runtimes.csv"),
        "Grid search of the support vector baseline": pd.read_csv(RESULTS / "svc/grid.csv"),
    }
    drawn = {
        title: FIGURES / f"{name}.svg"
        for name, title in FIGURE_TITLES.items()
        if (FIGURES / f"{name}.svg").exists()
    }
    choices = {"dataset": config.dataset.name, "seed": config.seed}
    atomic.write_text(PAGE, report.page(built, extra, drawn, part.notice(config.dataset), choices))
    log.info("open %s", PAGE)


def both_rules() -> pd.DataFrame:
    """Read the comparison of the label rules, all subcategories together."""
    table = pd.read_csv(RESULTS / "label/report.csv")
    return table[table["captures_of"] == agreement.TOTAL].drop(columns="captures_of")


if __name__ == "__main__":
    command.run(main, Config)
