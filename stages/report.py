"""Put every table and figure on one page: results/tables, results/figures -> results/report."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids import completeness
from packetids.core import atomic, classes, command, settings
from packetids.results import in_short, left_out, page, protocols, tables

RESULTS = Path("results")
TABLES = Path("results/tables")
FIGURES = Path("results/figures")
PAGE = Path("results/report/index.html")

EXTRA_TITLES = {
    "models": "All models on the multi-class task, under both protocols",
    "operating": "In operation: thresholds, false alarms, precision by prevalence, calibration",
    "fits": "Simple models: time, and on how many folds their solvers converged",
    "single": "One feature alone: a tree's macro F1",
    "ablations": "All features without some: a forest's macro F1",
    "claims": "Verdicts on the paper's numbers and sentences (results/claims/claims.md has each)",
    "label": "The two label rules on the same packets",
    "scores": "Scores on the test folds",
    "runtimes": "Run time: training, validation and test",
    "grid": "Grid search of the support vector baseline",
}
FIGURE_TITLES = {
    "protocols": "The same models under two protocols",
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
    peers: list[str]


def main(config: Config) -> None:
    """Write the page."""
    without = left_out.reasons(config.tasks, config.trials)
    built = {
        number: pd.read_csv(TABLES / f"table-{number}.csv")
        for number in tables.TITLES
        if f"table-{number}" not in without
    }
    titles = protocols.titles(config.peers)
    readers: dict[str, Callable[[], pd.DataFrame]] = {
        "models": lambda: protocols.models(pd.read_csv(in_short.SCORE / "summary.csv"), titles),
        "operating": lambda: operating(titles),
        "fits": lambda: fits(titles),
        "single": lambda: of_audit("single", strongest_first=True),
        "ablations": lambda: of_audit("ablations", strongest_first=False),
        "claims": lambda: verdicts(pd.read_csv(in_short.CLAIMS)),
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
    every = {f"table-{number}": title for number, title in tables.TITLES.items()}
    every |= FIGURE_TITLES | EXTRA_TITLES
    why = {title: without[name] for name, title in every.items() if name in without}
    choices = {"dataset": config.dataset.name, "seed": config.seed}
    notice = completeness.notice(config.dataset)
    said = in_short.of_run(titles, config.dataset.name)
    atomic.write_text(PAGE, page.page(built, extra, drawn, notice, choices, why, said))
    for title, reason in why.items():
        log.info("left out: %s. %s", title, reason)
    log.info("open %s", PAGE)


def scores() -> pd.DataFrame:
    """Read the scores that every task has, a row a task."""
    table = pd.read_csv(RESULTS / "evaluate/scores.csv")
    table = table[table["stage"] == "train"]
    wide = table.pivot(index="name", columns="metric", values="value")
    return wide.reindex(table["name"].unique()).dropna(axis="columns").reset_index()


def operating(titles: dict[str, str]) -> pd.DataFrame:
    """Read what the multi-class models are worth as detectors of any attack."""
    table = pd.read_csv(in_short.SCORE / "operating.csv")
    chosen = (table["task"] == classes.MULTICLASS) & table["model"].isin(list(titles))
    named = table[chosen].assign(model=table["model"].map(titles))
    return named.drop(columns="task").sort_values(["protocol", "pr_auc"], ascending=[True, False])


def of_audit(name: str, *, strongest_first: bool) -> pd.DataFrame:
    """Read a table of what the audit found on features."""
    table = pd.read_csv(in_short.AUDIT / f"{name}.csv")
    return protocols.by_protocol(table, strongest_first=strongest_first)


def fits(titles: dict[str, str]) -> pd.DataFrame:
    """Read how long the simple models take to fit and to test, the mean over folds."""
    table = pd.read_csv(RESULTS / "peers/runtimes.csv")
    grouped = table[table["task"] == classes.MULTICLASS].groupby("model", sort=False)
    found = grouped.agg(
        folds=("fold", "size"), seconds_a_fold=("fit_and_test_s", "mean"),
        converged=("converged", "sum"),
    ).reset_index()  # fmt: skip
    return found.assign(model=found["model"].map(titles))


def verdicts(claims: pd.DataFrame) -> pd.DataFrame:
    """Count the verdicts on each table of the paper."""
    return pd.crosstab(claims["table"], claims["verdict"]).reset_index()


def both_rules() -> pd.DataFrame:
    """Read the comparison of the label rules, all subcategories together."""
    table = pd.read_csv(RESULTS / "label/report.csv")
    return table[table["captures_of"] == classes.TOTAL].drop(columns="captures_of")


if __name__ == "__main__":
    command.run(main, Config)
