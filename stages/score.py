"""Score every model under both protocols: data/evaluate, data/peers -> results/score.

With intervals: of rows under ``paper``, of whole rounds under ``strict``, whose packets are alike.
``python -m stages.score``
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids.core import atomic, command
from packetids.score import predictions, tables

RESULTS = Path("results/score")
HEADLINE = RESULTS / "headline.json"  # what `dvc metrics show` shows
TABLES = {
    "scores": tables.SCORES,
    "summary": tables.SUMMARY,
    "classes": tables.CLASSES,
    "pairs": tables.PAIRS,
    "operating": tables.OPERATING,
}

log = logging.getLogger("score")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    seed: int
    tasks: list[str]
    protocols: list[str]
    peers: list[str]


def main(config: Config) -> None:
    """Write all tables."""
    found = predictions.read()
    made: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for task, rows in found.groupby("task", observed=True, sort=False):
        place = tables.place(str(task), config.protocols)
        scores = tables.scores(rows, place)
        made["scores"].append(scores)
        made["summary"].append(tables.summary(scores, tables.intervals(rows, place, config.seed)))
        made["classes"].append(tables.classes(rows, place, config.seed))
        made["pairs"].append(tables.pairs(rows))
        made["operating"].append(tables.operating(rows))
    summaries = made["summary"] or [pd.DataFrame(columns=tables.SUMMARY)]
    atomic.write_json(HEADLINE, tables.headline(pd.concat(summaries), config.peers))
    for name, parts in made.items():
        # Nine digits, beyond which sums differ between machines.
        whole = pd.concat(parts) if parts else pd.DataFrame(columns=TABLES[name])
        atomic.write_csv(RESULTS / f"{name}.csv", whole.round(9))
    log.info("%d tasks scored", len(made["scores"]))


if __name__ == "__main__":
    command.run(main, Config)
