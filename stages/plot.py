"""Draw the paper's tables and figures: results/compare -> results/tables, results/figures.

Tables I to VI as table-1.csv … table-6.csv, ours beside the paper's; Figures 1 to 3, the training
curves and the sweep as SVG and PNG. Without a number of ours a table or figure is left out.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids import completeness
from packetids.core import atomic, command, settings
from packetids.results import figures, left_out, protocols, shown, tables

RESULTS = Path("results")
TABLES = Path("results/tables")
FIGURES = Path("results/figures")

log = logging.getLogger("plot")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    dataset: settings.Dataset
    tasks: list[str]
    trials: list[str]
    peers: list[str]


def main(config: Config) -> None:
    """Draw everything."""
    comparison = pd.read_csv(RESULTS / "compare/comparison.csv", dtype={"table": str, "row": str})
    built = tables.build(comparison)
    for number, table in built.items():
        atomic.write_csv(TABLES / f"table-{number}.csv", table)
    atomic.write_text(TABLES / "notice.txt", completeness.notice(config.dataset) + "\n")
    source = completeness.source(config.dataset)
    without = left_out.reasons(config.tasks, config.trials)
    figures.write(
        figures.workflow(shown.steps(comparison, config.tasks), source), FIGURES / "figure-1"
    )
    if "protocols" not in without:
        scores = pd.read_csv(RESULTS / "score/summary.csv")
        shown_scores = protocols.numbers(scores, protocols.titles(config.peers))
        figures.write(figures.protocols(shown_scores, source), FIGURES / "protocols")
    if "figure-2" not in without:
        figures.write(
            figures.network(*shown.architecture(config.tasks[0]), source), FIGURES / "figure-2"
        )
    if "figure-3" not in without:
        cells = comparison[comparison["table"] == "figure-3"]
        figures.write(figures.binary_metrics(cells, source), FIGURES / "figure-3")
    if "training-curves" not in without:
        figures.write(
            figures.training_curves(shown.histories(config.tasks), source),
            FIGURES / "training-curves",
        )
    if "sweep" not in without:
        accuracy = shown.sweep_accuracy(config.tasks, config.trials)
        atomic.write_csv(TABLES / "sweep.csv", accuracy)
        figures.write(figures.sweep(accuracy, source), FIGURES / "sweep")
    log.info("%d tables in %s, figures in %s", len(built), TABLES, FIGURES)


if __name__ == "__main__":
    command.run(main, Config)
