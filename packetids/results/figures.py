"""The paper's Figures 1 to 3, and what it lacks: both protocols, training curves, the sweep.

Tables in, figures out: no number is typed here. Every figure says which dataset it is made from.
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from packetids.core import atomic, classes

plt.rcParams.update(
    {
        "svg.hashsalt": "packetids",  # the same figure has the same bytes
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.dpi": 150,
    }
)

# Okabe and Ito's colours, distinguishable with red-green colour blindness.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#666666"
METRIC_COLOURS = {"accuracy": BLUE, "precision": ORANGE, "recall": GREEN, "f1": PURPLE}
METRIC_TITLES = {"accuracy": "Accuracy", "precision": "Precision", "recall": "Recall", "f1": "F1"}

METADATA = {"svg": {"Date": None}, "png": {"Software": None}}  # the same figure, the same bytes

CHOSEN = "chosen"
PAPER_AXIS_LOW = 0.9  # "we use the range between 0.9 and 1.0 on the vertical axis"


@dataclass(frozen=True)
class Step:
    """One box of Figure 1: a phase of the paper, the stages that do it, and what came out."""

    phase: str
    stages: str
    outcome: str


def write(figure: Figure, path: Path) -> None:
    """Write a figure as SVG and PNG beside each other, without the time of writing."""
    for suffix, metadata in METADATA.items():
        with atomic.replacing(path.with_name(f"{path.name}.{suffix}")) as part:
            figure.savefig(part, format=suffix, metadata=metadata)
    plt.close(figure)


def write_svg(figure: Figure, path: Path) -> None:
    """Write a figure as SVG only."""
    with atomic.replacing(path) as part:
        figure.savefig(part, format="svg", metadata=METADATA["svg"])
    plt.close(figure)


def workflow(steps: list[Step], source: str) -> Figure:
    """Figure 1: the workflow, with what each step handled in this run."""
    figure, axes = plt.subplots(figsize=(9, 2.6), layout="constrained")
    width, gap = 1.0, 0.28
    for position, step in enumerate(steps):
        left = position * (width + gap)
        _box(axes, left, 0, width, 1, BLUE)
        middle = left + width / 2
        axes.text(middle, 0.82, step.phase, ha="center", va="center", weight="bold", fontsize=8.5)
        axes.text(middle, 0.55, step.stages, ha="center", va="center", color=BLUE, fontsize=7.5)
        axes.text(middle, 0.22, step.outcome, ha="center", va="center", fontsize=7.5)
        if position:
            _arrow(axes, left - gap, 0.5, left, 0.5)
    axes.set_xlim(-0.05, len(steps) * (width + gap) - gap + 0.05)
    axes.set_ylim(-0.05, 1.05)
    axes.axis("off")
    axes.set_title(f"Figure 1: workflow of the framework ({source})", fontsize=10)
    return figure


def network(layers: list[tuple[str, int]], loss: str, optimizer: str, source: str) -> Figure:
    """Figure 2: the network as it was trained; `layers` are (activation, units) from the input."""
    figure, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
    width, gap = 1.0, 0.45
    for position, (activation, units) in enumerate(layers):
        left = position * (width + gap)
        last = position == len(layers) - 1
        _box(axes, left, 0.35, width, 1, GREEN if position == 0 else ORANGE if last else BLUE)
        name = "inputs" if position == 0 else f"dense layer {position}"
        axes.text(left + width / 2, 1.12, name, ha="center", weight="bold", fontsize=8.5)
        axes.text(left + width / 2, 0.83, f"{units}", ha="center", fontsize=12)
        axes.text(left + width / 2, 0.55, activation, ha="center", fontsize=8)
        if position:
            _arrow(axes, left - gap, 0.85, left, 0.85)
    right = (len(layers) - 1) * (width + gap) + width / 2
    axes.text(right, 0.02, f"loss: {loss}", ha="center", fontsize=8)
    axes.text(right / 2, 0.02, f"weights updated by {optimizer}", ha="center", fontsize=8)
    _arrow(axes, right - 0.75, 0.05, right / 2 + 0.95, 0.05)
    axes.set_xlim(-0.05, right + width / 2 + 0.55)
    axes.set_ylim(-0.1, 1.45)
    axes.axis("off")
    axes.set_title(f"Figure 2: network with loss function and optimizer ({source})", fontsize=10)
    return figure


def binary_metrics(cells: pd.DataFrame, source: str) -> Figure:
    """Figure 3: the metrics of the binary tasks, ours above the paper's.

    `cells` has the columns row (attack), column (metric), ours and paper. The paper's axis starts
    at 0.9; ours starts lower where a bar would not be seen.
    """
    figure, panels = plt.subplots(2, 1, figsize=(9, 5.4), layout="constrained", sharex=True)
    for axes, column, title in zip(
        panels, ("ours", "paper"), (f"ours, on {source}", "the paper, on BoT-IoT"), strict=True
    ):
        values = cells.pivot(index="row", columns="column", values=column)
        values = values.reindex(list(classes.ATTACKS))
        width = 0.2
        for offset, (metric, colour) in enumerate(METRIC_COLOURS.items()):
            places = [place + (offset - 1.5) * width for place in range(len(values))]
            axes.bar(places, values[metric], width, color=colour, label=METRIC_TITLES[metric])
        lowest = values.min().min()
        low = PAPER_AXIS_LOW if lowest >= PAPER_AXIS_LOW else max(0.0, lowest - 0.05)
        axes.set_ylim(low, 1.0)
        axes.set_title(title, fontsize=9, loc="left")
        axes.set_ylabel(f"score, from {low:.2f}")
        axes.yaxis.grid(True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
    titles = [classes.BY_KEY[key].title.replace(" ", "\n", 1) for key in classes.ATTACKS]
    panels[1].set_xticks(range(len(titles)), titles, fontsize=8)
    figure.legend(
        *panels[0].get_legend_handles_labels(), ncols=4, loc="outside lower center", frameon=False
    )
    figure.suptitle("Figure 3: evaluation metrics of the binary classification", fontsize=10)
    return figure


def training_curves(histories: dict[str, pd.DataFrame], source: str) -> Figure:
    """Loss of each epoch of each task, training and validation."""
    columns = 4
    rows = -(-len(histories) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(9, 1.9 * rows), layout="constrained", squeeze=False
    )
    for axes, (name, history) in zip(grid.flat, histories.items(), strict=False):
        axes.plot(history["epoch"], history["loss"], color=BLUE, label="training (weighted)")
        axes.plot(history["epoch"], history["val_loss"], color=ORANGE, label="validation")
        best = history.loc[history["val_loss"].idxmin()]
        axes.plot(best["epoch"], best["val_loss"], "o", color=ORANGE, markersize=4)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_title(name, fontsize=8)
        axes.tick_params(labelsize=7)
    for axes in list(grid.flat)[len(histories) :]:
        axes.axis("off")
    for axes in grid[:, 0]:
        axes.set_ylabel("loss", fontsize=8)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(),
        ncols=2,
        loc="outside lower center",
        frameon=False,
        fontsize=8,
    )
    figure.suptitle(f"Loss by epoch; the dot is the epoch that was kept ({source})", fontsize=10)
    return figure


def sweep(accuracy: pd.DataFrame, source: str) -> Figure:
    """Accuracy of each trial; `accuracy` has the columns name, validation and test.

    The line marks the validation accuracy of the paper's network, named `CHOSEN`, if it is there.
    """
    figure, axes = plt.subplots(figsize=(9, 0.36 * len(accuracy) + 1.4), layout="constrained")
    places = range(len(accuracy))[::-1]
    axes.scatter(accuracy["validation"], places, color=BLUE, label="validation", zorder=3)
    axes.scatter(accuracy["test"], places, marker="D", s=18, color=ORANGE, label="test", zorder=3)
    for chosen in accuracy["validation"][accuracy["name"] == CHOSEN]:
        axes.axvline(chosen, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_yticks(list(places), accuracy["name"])
    axes.set_xlabel("multi-class accuracy")
    axes.xaxis.grid(True, color="#dddddd", linewidth=0.6)
    axes.legend(frameon=False, loc="best")
    axes.set_title(f"Sweep: one change to the paper's network at a time ({source})", fontsize=10)
    return figure


PROTOCOLS = {
    "paper": (BLUE, "o", "paper: random rows"),
    "strict": (ORANGE, "D", "strict: a round left out"),
}


def protocols(scores: pd.DataFrame, source: str) -> Figure:
    """Macro F1 of each model under each protocol, with its interval; `protocols.numbers`."""
    figure, axes = plt.subplots(figsize=(9, 0.4 * len(scores) + 1.5), layout="constrained")
    places = range(len(scores))
    for name, (colour, marker, label) in PROTOCOLS.items():
        if f"{name}_mean" not in scores:
            continue
        mean = scores[f"{name}_mean"]
        beyond = [mean - scores[f"{name}_low"], scores[f"{name}_high"] - mean]
        axes.errorbar(mean, places, xerr=beyond, fmt=marker, markersize=5, color=colour,
                      elinewidth=1.4, capsize=2.5, label=label)  # fmt: skip
    axes.set_yticks(list(places), scores["model"])
    axes.set_xlim(0, 1)
    axes.set_xlabel("macro F1, multi-class task; bars are 95 % intervals")
    axes.xaxis.grid(True, color="#dddddd", linewidth=0.6)
    axes.legend(frameon=False, loc="lower right")
    axes.set_title(f"The same models under two protocols ({source})", fontsize=10)
    return figure


def _box(axes: Axes, left: float, bottom: float, width: float, height: float, colour: str) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom), width, height, boxstyle="round,pad=0,rounding_size=0.06",
            linewidth=1.2, edgecolor=colour, facecolor=colour + "18",
        )
    )  # fmt: skip


def _arrow(axes: Axes, x: float, y: float, to_x: float, to_y: float) -> None:
    axes.annotate("", (to_x, to_y), (x, y), arrowprops={"arrowstyle": "->", "color": GREY})
