"""What the figures show: numbers read from the results of earlier stages."""

import json
from pathlib import Path

import pandas as pd

from packetids.core import classes
from packetids.results import figures
from packetids.runs import record

RESULTS = Path("results")
MODELS = Path("models/train")


def steps(comparison: pd.DataFrame, tasks: list[str]) -> list[figures.Step]:
    """Describe what each phase of the framework handled (section III)."""
    total = comparison[comparison["row"] == "Total"].set_index(["table", "column"])["ours"]
    trained = tested = "no task in\nparams.yaml"
    if tasks:
        name = tasks[0]
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
            # Of several classes, equal rows stay: subcategories are compared, too.
            f"12 features, {total['2', 'after']:,.0f}\nrows, once in each class",
        ),
        figures.Step("Training", "train, sweep, repeat,\nsvc, peers", trained),
        figures.Step("Classification", "evaluate, score", tested),
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


def sweep_accuracy(tasks: list[str], trials: list[str]) -> pd.DataFrame:
    """Collect the accuracy of the chosen network, if it was trained, and of each trial."""
    test = test_accuracy()
    runs = [("train", task) for task in tasks if task == classes.MULTICLASS]
    runs += [("sweep", trial) for trial in trials]
    rows = []
    for stage, name in runs:
        run = json.loads((RESULTS / stage / name / record.RUN).read_text(encoding="utf-8"))
        title = figures.CHOSEN if stage == "train" else name
        rows.append((title, run["metrics"]["best_val_accuracy"], test[stage, name]))
    return pd.DataFrame(rows, columns=["name", "validation", "test"])
