"""Draw the paper's tables and figures: results/compare -> results/tables, results/figures.

Tables I to VI as table-1.csv … table-6.csv, ours beside the paper's; Figures 1 to 3, the training
curves and the sweep as SVG and PNG. Without a number of ours a table or figure is left out.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from packetids import completeness
from packetids.core import atomic, classes, command, settings
from packetids.results import figures, left_out, tables
from packetids.runs import record

RESULTS = Path("results")
MODELS = Path("models/train")
TABLES = Path("results/tables")
FIGURES = Path("results/figures")

log = logging.getLogger("plot")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    dataset: settings.Dataset
    tasks: list[str]
    trials: list[str]


def main(config: Config) -> None:
    """Draw everything."""
    comparison = pd.read_csv(RESULTS / "compare/comparison.csv", dtype={"table": str, "row": str})
    built = tables.build(comparison)
    for number, table in built.items():
        atomic.write_csv(TABLES / f"table-{number}.csv", table)
    atomic.write_text(TABLES / "notice.txt", completeness.notice(config.dataset) + "\n")
    source = completeness.source(config.dataset)
    without = left_out.reasons(config.tasks, config.trials)
    write(figures.workflow(steps(comparison, config), source), "figure-1")
    if "figure-2" not in without:
        write(figures.network(*architecture(config.tasks[0]), source), "figure-2")
    if "figure-3" not in without:
        cells = comparison[comparison["table"] == "figure-3"]
        write(figures.binary_metrics(cells, source), "figure-3")
    if "training-curves" not in without:
        write(figures.training_curves(histories(config.tasks), source), "training-curves")
    if "sweep" not in without:
        accuracy = sweep_accuracy(config)
        atomic.write_csv(TABLES / "sweep.csv", accuracy)
        write(figures.sweep(accuracy, source), "sweep")
    log.info("%d tables in %s, figures in %s", len(built), TABLES, FIGURES)


def steps(comparison: pd.DataFrame, config: Config) -> list[figures.Step]:
    """Say what each phase of the framework handled (section III)."""
    total = comparison[comparison["row"] == "Total"].set_index(["table", "column"])["ours"]
    trained = tested = "no task in\nparams.yaml"
    if config.tasks:
        name = config.tasks[0]
        sizes = pd.read_csv(RESULTS / "split/counts.csv").groupby(["task", "fold"])["rows"].sum()
        first = sizes[name]
        trained = f"{name}:\n{first['train']:,} + {first['validation']:,} rows"
        accuracy = test_accuracy()["train", name]
        tested = f"{first['test']:,} test rows,\naccuracy {accuracy:.4f}"
    return [
        figures.Step("Raw traffic", "capture", f"{total['1', 'packets']:,.0f}\npackets"),
        figures.Step(
            "Feature extraction",
            "extract, label,\nunify, sample",
            f"25 fields of\n{total['2', 'before']:,.0f} packets",
        ),
        figures.Step(
            "Preprocessing",
            "preprocess, split",
            f"12 features,\n{total['2', 'after']:,.0f} distinct rows",
        ),
        figures.Step("Training", "train, sweep, svc", trained),
        figures.Step("Classification", "evaluate", tested),
    ]


def architecture(task: str) -> tuple[list[tuple[str, int]], str, str]:
    """Read the trained network's layers, loss and optimizer."""
    run = json.loads((RESULTS / "train" / task / record.RUN).read_text(encoding="utf-8"))
    model = json.loads((MODELS / task / "architecture.json").read_text(encoding="utf-8"))
    dense = [
        layer["config"] for layer in model["config"]["layers"] if layer["class_name"] == "Dense"
    ]
    layers = [("scaled to (-1, 1)", run["params"]["inputs"])]
    layers += [(layer["activation"], layer["units"]) for layer in dense]
    compiled = model["compile_config"]
    rate = compiled["optimizer"]["config"]["learning_rate"]
    optimizer = f"{compiled['optimizer']['class_name']}, learning rate {rate:.4g}"
    return layers, compiled["loss"].replace("_", " "), optimizer


def histories(tasks: list[str]) -> dict[str, pd.DataFrame]:
    """Read the training history of each task."""
    return {task: pd.read_csv(RESULTS / "train" / task / "history.csv") for task in tasks}


def test_accuracy() -> pd.Series:
    """Read the accuracy of each network on the test fold, by stage and name."""
    scores = pd.read_csv(RESULTS / "evaluate/scores.csv")
    return scores[scores["metric"] == "accuracy"].set_index(["stage", "name"])["value"]


def sweep_accuracy(config: Config) -> pd.DataFrame:
    """Collect the accuracy of the chosen network, if it was trained, and of each trial."""
    test = test_accuracy()
    runs = [("train", task) for task in config.tasks if task == classes.MULTICLASS]
    runs += [("sweep", trial) for trial in config.trials]
    rows = []
    for stage, name in runs:
        run = json.loads((RESULTS / stage / name / record.RUN).read_text(encoding="utf-8"))
        title = figures.CHOSEN if stage == "train" else name
        rows.append((title, run["metrics"]["best_val_accuracy"], test[stage, name]))
    return pd.DataFrame(rows, columns=["name", "validation", "test"])


def write(figure: Figure, name: str) -> None:
    """Write a figure as SVG and PNG, without the time of writing."""
    for suffix, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
        with atomic.replacing(FIGURES / f"{name}.{suffix}") as part:
            figure.savefig(part, format=suffix, metadata=metadata)
    plt.close(figure)


if __name__ == "__main__":
    command.run(main, Config)
