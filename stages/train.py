"""Train the network on each task: data/split/<task>.parquet -> models/train/<task>, results/train.

Ge et al. 2019, section IV-D. A task that is trained already, with the same settings, rows and code,
is not trained again; what params.yaml does not list is removed. ``python -m stages.train``
"""

from dataclasses import dataclass

from packetids.core import command, settings
from packetids.fnn import trainings


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    fnn: settings.Fnn
    track: settings.Track
    seed: int
    tasks: list[str]


def main(config: Config) -> None:
    """Train every task."""
    listed = [trainings.Training(task, task, config.fnn, config.seed) for task in config.tasks]
    trainings.train_all("train", listed, config.track.live)


if __name__ == "__main__":
    command.run(main, Config)
