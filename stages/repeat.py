"""Train the multi-class network again: -> models/repeat/<name>, results/repeat.

With further seeds on the paper's folds (``seed_1``), because one training ranks nothing; and under
the strict protocol with each round of recording left out (``round_1``), because what is learnt from
random rows may be the session; there the trial that stands beside the network is trained, too
(``quantile_round_1``). One that is trained already is not trained again; what params.yaml
does not list is removed. ``python -m stages.repeat``
"""

from dataclasses import dataclass

from packetids.core import classes, command, settings
from packetids.fnn import trainings
from packetids.protocol import repeats


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    fnn: settings.Fnn
    track: settings.Track
    seed: int
    tasks: list[str]
    trials: list[str]
    protocols: list[str]
    repeats: list[int]


def main(config: Config) -> None:
    """Train every repetition, if the multi-class task is among the tasks."""
    p = config
    listed = [
        trainings.Training(
            one.name,
            classes.MULTICLASS,
            settings.tried(p.fnn, one.trial) if one.trial else p.fnn,
            one.seed,
            one.fold,
        )
        for one in repeats.listed(p.seed, p.tasks, p.trials, p.protocols, p.repeats)
    ]
    trainings.train_all("repeat", listed, config.track.live)


if __name__ == "__main__":
    command.run(main, Config)
