"""Try one change to the network on the multi-class task: -> models/sweep/<trial>, results/sweep.

Ge et al. 2019, section IV-D, "Regularization", "Parameter tuning", "Hyperparameter tuning". A
trial is a file of conf/trial/ that changes a few settings of ``fnn``:
``python -m stages.sweep trial=learning_rate_0.01``
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from packetids.core import classes, command, settings
from packetids.fnn import training
from packetids.learn import task_rows

MODELS = Path("models/sweep")
RESULTS = Path("results/sweep")

log = logging.getLogger("sweep")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    fnn: settings.Fnn
    track: settings.Track
    seed: int
    trial: str


def main(config: Config) -> None:
    """Train one trial."""
    best = training.train_and_save(
        task_rows.load_task(classes.MULTICLASS),
        config.fnn,
        config.seed,
        stage="sweep",
        name=config.trial,
        model_folder=MODELS / config.trial,
        result_folder=RESULTS / config.trial,
        live=config.track.live,
    )
    log.info("%s: validation accuracy %.5f after epoch %d", config.trial, best.accuracy, best.epoch)


if __name__ == "__main__":
    command.run(main, Config)
