"""Put our numbers beside the paper's: results, reference/paper.csv -> results/compare.

One row a number: its table, row and column in the paper, ours, the paper's, the difference.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids.core import atomic, command, settings
from packetids.results import compare, left_out
from packetids.runs import record

RESULTS = Path("results")
COMPARISON = Path("results/compare/comparison.csv")
RUNTIMES = Path("results/compare/runtimes.csv")

log = logging.getLogger("compare")

GROUP_COLUMNS = {
    "Normal": "n_normal",
    "DDoS_DoS": "n_ddos_dos",
    "Reconnaissance": "n_reconnaissance",
    "Theft": "n_theft",
}


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    svc: settings.Svc
    tasks: list[str]


def main(config: Config) -> None:
    """Compare every number that has a place in the paper."""
    confusion = pd.read_csv(RESULTS / "evaluate/confusion.csv")
    counted = compare.table_4(confusion)
    ours = pd.concat(
        [
            compare.table_1(pd.read_csv(RESULTS / "label/counts.csv")),
            compare.table_2(pd.read_csv(RESULTS / "preprocess/counts.csv")),
            counted,
            compare.figure_3(counted),
            compare.table_5(confusion),
            compare.table_6(svc_runs([] if left_out.svc() else config.svc.sample_packets)),
        ]
    )
    beside = compare.beside_paper(ours, compare.read_paper())
    atomic.write_csv(COMPARISON, beside)
    atomic.write_csv(RUNTIMES, runtimes(config.tasks))
    both = beside["difference"].notna().sum()
    log.info("%d numbers, %d of them also in the paper", len(ours), both)


def svc_runs(sample_packets: list[int]) -> pd.DataFrame:
    """Collect the support vector runs; a row a sample size."""
    rows = []
    for packets in sample_packets:
        folder = RESULTS / "svc" / record.svc_sample(packets)
        run = json.loads((folder / record.RUN).read_text(encoding="utf-8"))
        runtime = json.loads((folder / "runtime.json").read_text(encoding="utf-8"))
        sizes = {GROUP_COLUMNS[name]: n for name, n in run["params"]["class_size"].items()}
        rows.append(
            {"packets": packets}
            | sizes
            | {
                "accuracy": run["metrics"]["test_accuracy"],
                "runtime_min": runtime["runtime_s"] / 60,
            }
        )
    return pd.DataFrame(rows)


def runtimes(tasks: list[str]) -> pd.DataFrame:
    """Collect the minutes of training, validation and test of each task (section IV-E)."""
    tested = json.loads((RESULTS / "evaluate/runtime.json").read_text(encoding="utf-8"))
    rows = []
    for task in tasks:
        trained = json.loads((RESULTS / "train" / task / "runtime.json").read_text("utf-8"))
        minutes = (trained["train_s"] + tested[f"train/{task}"]) / 60
        rows.append((task, trained["epochs"], minutes))
    return pd.DataFrame(rows, columns=["task", "epochs", "runtime_min"])


if __name__ == "__main__":
    command.run(main, Config)
