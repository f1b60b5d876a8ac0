"""What a newcomer sees first: the headline table and figure of README.md and docs/results.md.

`make docs` writes them from the results of the last run (`stages/docs.py`). They are committed, and
name the run that they show by the hashes of its results in dvc.lock, to which
tests/test_front.py holds them.
"""

import textwrap
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import yaml
from matplotlib.figure import Figure

from packetids import metrics
from packetids.core import classes
from packetids.results.figures import BLUE, GREY, ORANGE

LOCK = Path("dvc.lock")
# The stage outputs whose numbers are shown.
SHOWN = ("results/compare", "results/evaluate", "results/score", "results/audit", "results/claims")
BEGIN, END = "<!-- results: begin (make docs writes this) -->", "<!-- results: end -->"
SCORES = {"accuracy": "Accuracy", "f1": "F1"}


def headline(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy and F1 of each task, ours beside the paper's.

    Columns are task, accuracy_ours, accuracy_paper, f1_ours and f1_paper. F1 is that of attack
    packets in binary tasks and the mean over classes in the multi-class task, whose scores are
    computed from Table V's counts, ours and the paper's alike. A task without a number of ours is
    left out.
    """
    rows = []
    binary = comparison[comparison["table"] == "figure-3"].set_index(["row", "column"])
    counts = comparison[comparison["table"] == "5"].set_index(["row", "column"])
    if counts["ours"].notna().any():
        row: dict[str, Any] = {"task": "Multi-class"}
        for source in ("ours", "paper"):
            values = metrics.multiclass(_matrix(counts[source]), classes.GROUPS)
            row |= {f"accuracy_{source}": values["accuracy"], f"f1_{source}": values["f1_macro"]}
        rows.append(row)
    for key in classes.ATTACKS:
        if pd.isna(binary["ours"].get((key, "accuracy"))):
            continue
        row = {"task": classes.BY_KEY[key].title}
        for source in ("ours", "paper"):
            row |= {f"{score}_{source}": binary[source][key, score] for score in SCORES}
        rows.append(row)
    columns = ["task", *(f"{score}_{source}" for score in SCORES for source in ("ours", "paper"))]
    return pd.DataFrame(rows, columns=columns)


def matrices(comparison: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return Table V's counts by source, ours and the paper's; a row an actual class."""
    counts = comparison[comparison["table"] == "5"].set_index(["row", "column"])
    names = list(classes.GROUPS)
    return {
        source: pd.DataFrame(_matrix(counts[source]), index=names, columns=names)
        for source in ("ours", "paper")
        if counts[source].notna().any()
    }


def dumbbells(table: pd.DataFrame, dataset: str) -> Figure:
    """Draw `headline`'s scores: one line per task from the paper's number to ours."""
    figure, panels = plt.subplots(
        1, len(SCORES), figsize=(8, 0.3 * len(table) + 1.3), layout="constrained", sharey=True
    )
    places = list(range(len(table)))[::-1]
    for axes, (score, title) in zip(panels, SCORES.items(), strict=True):
        ours, paper = table[f"{score}_ours"], table[f"{score}_paper"]
        axes.hlines(places, paper, ours, color=GREY, linewidth=1.2, zorder=1)
        axes.scatter(
            paper, places, s=42, marker="D", facecolor="white", edgecolor=ORANGE, linewidth=1.6,
            label="the paper, on BoT-IoT", zorder=2,
        )  # fmt: skip
        axes.scatter(ours, places, s=42, color=BLUE, label=f"this run, on {dataset}", zorder=3)
        axes.set_title(title, fontsize=10, loc="left")
        axes.margins(x=0.06)
        axes.xaxis.grid(True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
    panels[0].set_yticks(places, table["task"])
    figure.legend(
        *panels[0].get_legend_handles_labels(), ncols=2, loc="outside lower center", frameon=False
    )
    return figure


def heat_maps(tables: dict[str, pd.DataFrame], dataset: str) -> Figure:
    """Draw Table V twice: each cell the share of its actual class, in percent."""
    titles = {"ours": f"This run, on {dataset}", "paper": "The paper, on BoT-IoT"}
    names = [classes.GROUP_TITLES[name].replace(" ", "\n", 1) for name in classes.GROUPS]
    figure, panels = plt.subplots(
        1, len(tables), figsize=(4.2 * len(tables), 3.9), layout="constrained", squeeze=False
    )
    for axes, (source, counts) in zip(panels.flat, tables.items(), strict=True):
        percent = 100 * counts.div(counts.sum(axis="columns"), axis="index")
        axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
        for (row, column), value in _cells(percent):
            colour = "white" if value > 55 else "black"
            axes.text(column, row, f"{value:.1f}", ha="center", va="center", color=colour)
        axes.set_xticks(range(len(names)), names, fontsize=8, rotation=20)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.set_xlabel("predicted")
        axes.set_ylabel("actual")
        axes.spines[:].set_visible(False)
        axes.set_title(titles[source], fontsize=10)
    return figure


def headline_table(table: pd.DataFrame, dataset: str) -> str:
    """Write `headline` as a Markdown table."""
    return _markdown(
        table.set_axis(
            [
                "task",
                f"accuracy, ours ({dataset})",
                "accuracy, paper (BoT-IoT)",
                f"F1, ours ({dataset})",
                "F1, paper (BoT-IoT)",
            ],
            axis="columns",
        )
    )


def readme_block(table: str, said: list[str]) -> str:
    """Write the part of README.md that shows results: lines of the report, a Markdown table."""
    return (
        f"{_listed(said)}\n"
        "![Accuracy and F1 of each task, this run beside the paper](docs/headline.svg)\n\n"
        f"{table}\n"
        "F1 is that of attack packets in the binary tasks and the mean over classes in the\n"
        "multi-class task. [docs/results.md](docs/results.md) has more of the same run.\n"
    )


def _listed(lines: list[str]) -> str:
    filled = (
        textwrap.fill(line, 98, initial_indent="- ", subsequent_indent="  ") for line in lines
    )
    return "".join(f"{line}\n" for line in filled)


def page(
    table: str, notice: str, seed: int, said: list[str], models: pd.DataFrame,
    sweep: pd.DataFrame | None, svc: pd.DataFrame | None,
) -> str:  # fmt: skip
    """Write docs/results.md; `sweep` and `svc` are None if the run left them out.

    `said` are the first lines of the report; `models` is the table of `protocols.models`.
    """
    parts = [
        "# Results of one run\n",
        "`make docs` wrote this page from the results of `make repro`; do not edit it.\n",
        f"{notice}\n",
        "## In short\n",
        _listed(said),
        "## Both protocols\n",
        "![Macro F1 of each model under both protocols](protocols.svg)\n",
        _markdown(models.rename(columns=lambda name: name.replace("_", " "))),
        "## Each task\n",
        "The paper's scores are computed from its printed counts. "
        f"This is one run with seed {seed} "
        "on one random split: by itself it ranks nothing.\n",
        "![Accuracy and F1 of each task, this run beside the paper](headline.svg)\n",
        table,
        "## Multi-class task\n",
        "Shares of each actual class, in percent.\n",
        "![Confusion matrices of the multi-class task](multiclass.svg)\n",
    ]
    if sweep is not None:
        parts += [
            "## Sweep\n",
            "One change to the paper's network at a time; accuracy of the multi-class task.\n",
            _markdown(sweep),
        ]
    if svc is not None:
        columns = ["sample_size", "accuracy_ours", "accuracy_paper"]
        parts += [
            "## Support vector baseline\n",
            "Accuracy by sample size (Table VI).\n",
            _markdown(svc[columns].rename(columns=lambda name: name.replace("_", " "))),
        ]
    parts += ["## The run that this page shows\n", "Hashes of its results in `dvc.lock`:\n"]
    parts += [f"- `{path}`: `{md5}`" for path, md5 in shown_hashes().items()]
    return "\n".join(parts) + "\n"


def between_marks(text: str, block: str) -> str:
    """Return `text` with `block` between `BEGIN` and `END`."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{block.strip()}\n{END}{after}"


def shown_hashes(lock: Path = LOCK) -> dict[str, str]:
    """Return the hashes that dvc.lock records for the results that the front page shows."""
    stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"].values()
    outs = {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}
    return {path: outs[path] for path in SHOWN}


def _markdown(table: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(table.columns) + " |", "|---|" + "--:|" * (len(table.columns) - 1)]
    for first, *values in table.itertuples(index=False):
        lines.append(f"| {_cell(first)} | " + " | ".join(map(_cell, values)) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if pd.isna(value):
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _matrix(counts: pd.Series) -> Any:
    wide = counts.unstack().reindex(index=classes.GROUPS, columns=classes.GROUPS)
    return wide.to_numpy(dtype=float)


def _cells(table: pd.DataFrame) -> Any:
    for row, values in enumerate(table.to_numpy()):
        for column, value in enumerate(values):
            yield (row, column), value
