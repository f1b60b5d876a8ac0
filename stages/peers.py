"""Fit simple models on the network's rows: data/split -> data/peers, results/peers.

Each file of conf/peer/ that params.yaml lists, on each task on the paper's folds, and on the
multi-class task under the strict protocol. ``python -m stages.peers``
"""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids.core import atomic, command, settings
from packetids.learn import task_rows
from packetids.peers import models
from packetids.protocol import folds
from packetids.score import predictions

RUNTIMES = Path("results/peers/runtimes.csv")

log = logging.getLogger("peers")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    seed: int
    tasks: list[str]
    protocols: list[str]
    peers: list[str]


def main(config: Config) -> None:
    """Fit and test every peer on every fold."""
    peers = {name: settings.peer(name) for name in config.peers}
    runtimes = []
    with predictions.writing(predictions.PEERS) as written:
        for name in config.tasks:
            task = task_rows.load_task(name)
            for fold in folds.load(task, config.protocols):
                dealt = folds.as_task(task, fold)
                for model, p in peers.items():
                    began = time.perf_counter()
                    said = models.predicted(p, dealt, config.seed)
                    took_s = time.perf_counter() - began
                    row = (name, fold.protocol, fold.name, model, round(took_s, 3), said.converged)
                    runtimes.append(row)
                    written.write(
                        dealt, fold.protocol, fold.name, model, config.seed, said.label, said.attack
                    )
                log.info("%s, %s %s: %d models", name, fold.protocol, fold.name, len(peers))
    columns = ["task", "protocol", "fold", "model", "fit_and_test_s", "converged"]
    atomic.write_csv(RUNTIMES, pd.DataFrame(runtimes, columns=columns))


if __name__ == "__main__":
    command.run(main, Config)
