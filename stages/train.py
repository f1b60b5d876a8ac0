"""Train the network on one task: data/split/<task>.parquet -> models/train/<task>, results/train.

Ge et al. 2019, section IV-D. ``python -m stages.train task=multiclass``
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from packetids.core import command, settings
from packetids.fnn import training
from packetids.learn import task_rows

MODELS = Path("models/train")
RESULTS = Path("results/train")

log = logging.getLogger("train")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    fnn: settings.Fnn
    track: settings.Track
    seed: int
    task: str


def main(config: Config) -> None:
    """Train one task."""
    task = task_rows.load_task(config.task)
    best = training.train_and_save(
        task,
        config.fnn,
        config.seed,
        stage="train",
        name=task.name,
        model_folder=MODELS / task.name,
        result_folder=RESULTS / task.name,
        live=config.track.live,
    )
    log.info("%s: validation accuracy %.5f after epoch %d", task.name, best.accuracy, best.epoch)


if __name__ == "__main__":
    command.run(main, Config)
