"""Draw the paper's tables and figures: results/compare -> results/tables, results/figures.

Tables I to VI as table-1.csv … table-6.csv, ours beside the paper's; Figures 1 to 3, the training
curves and the sweep as SVG and PNG.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from packetids import atomic, command, experiment, figures, part, settings, split, tables

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
    for number, table in tables.build(comparison).items():
        atomic.write_csv(TABLES / f"table-{number}.csv", table)
    atomic.write_text(TABLES / "notice.txt", part.notice(config.dataset) + "\n")
    source = part.source(config.dataset)
    write(figures.workflow(steps(comparison, config), source), "figure-1")
    write(figures.network(*architecture(config.tasks[0]), source), "figure-2")
    cells = comparison[comparison["table"] == "figure-3"]
    write(figures.binary_metrics(cells, source), "figure-3")
    write(figures.training_curves(histories(config.tasks), source), "training-curves")
    if split.MULTICLASS in config.tasks:
        accuracy = sweep_accuracy(config.trials)
        atomic.write_csv(TABLES / "sweep.csv", accuracy)
        write(figures.sweep(accuracy, source), "sweep")
    log.info("6 tables in %s, figures in %s", TABLES, FIGURES)


def steps(comparison: pd.DataFrame, config: Config) -> list[figures.Step]:
    """Say what each phase of the framework handled (section III)."""
    total = comparison[comparison["row"] == "Total"].set_index(["table", "column"])["ours"]
    sizes = pd.read_csv(RESULTS / "split/counts.csv").groupby(["task", "fold"])["rows"].sum()
    first = sizes[config.tasks[0]]
    scores = pd.read_csv(RESULTS / "evaluate/scores.csv")
    scores = scores[(scores["stage"] == "train") & (scores["name"] == config.tasks[0])]
    accuracy = scores[scores["metric"] == "accuracy"]["value"].iloc[0]
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
        figures.Step(
            "Training",
            "train, sweep, svc",
            f"{config.tasks[0]}:\n{first['train']:,} + {first['validation']:,} rows",
        ),
        figures.Step(
            "Classification",
            "evaluate",
            f"{first['test']:,} test rows,\naccuracy {accuracy:.4f}",
        ),
    ]


def architecture(task: str) -> tuple[list[tuple[str, int]], str, str]:
    """Read the trained network's layers, loss and optimizer."""
    run = json.loads((RESULTS / "train" / task / experiment.RUN).read_text(encoding="utf-8"))
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


def sweep_accuracy(trials: list[str]) -> pd.DataFrame:
    """Collect the accuracy of the chosen network and of each trial."""
    scores = pd.read_csv(RESULTS / "evaluate/scores.csv")
    test = scores[scores["metric"] == "accuracy"].set_index(["stage", "name"])["value"]
    rows = []
    for stage, name in [("train", split.MULTICLASS), *(("sweep", trial) for trial in trials)]:
        run = json.loads((RESULTS / stage / name / experiment.RUN).read_text(encoding="utf-8"))
        title = "chosen" if stage == "train" else name
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
