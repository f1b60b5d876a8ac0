"""Try changes to the network on the multi-class task: -> models/sweep/<trial>, results/sweep.

Ge et al. 2019, section IV-D, "Regularization", "Parameter tuning", "Hyperparameter tuning". A
trial is a file of conf/trial/ that changes a few settings of ``fnn``. One that is trained already
is not trained again; what params.yaml does not list is removed. ``python -m stages.sweep``
"""

from dataclasses import dataclass

from packetids.core import classes, command, settings
from packetids.fnn import trainings


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    fnn: settings.Fnn
    track: settings.Track
    seed: int
    trials: list[str]


def main(config: Config) -> None:
    """Train every trial."""
    listed = [
        trainings.Training(
            trial, classes.MULTICLASS, settings.tried(config.fnn, trial), config.seed
        )
        for trial in config.trials
    ]
    trainings.train_all("sweep", listed, config.track.live)


if __name__ == "__main__":
    command.run(main, Config)
