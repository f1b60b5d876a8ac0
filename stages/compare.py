"""Put our numbers beside the paper's: results, reference/paper.csv -> results/compare.

One row a number: its table, row and column in the paper, ours, the paper's, the difference.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids.core import atomic, command, settings
from packetids.results import compare, left_out

RESULTS = Path("results")
COMPARISON = Path("results/compare/comparison.csv")
RUNTIMES = Path("results/compare/runtimes.csv")

log = logging.getLogger("compare")


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
            compare.table_6(compare.svc_runs([] if left_out.svc() else config.svc.sample_packets)),
        ]
    )
    beside = compare.beside_paper(ours, compare.read_paper())
    atomic.write_csv(COMPARISON, beside)
    atomic.write_csv(RUNTIMES, compare.runtimes(config.tasks))
    both = beside["difference"].notna().sum()
    log.info("%d numbers, %d of them also in the paper", len(ours), both)


if __name__ == "__main__":
    command.run(main, Config)
