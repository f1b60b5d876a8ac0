"""Which further trainings of the multi-class network there are, and what they are called."""

from dataclasses import dataclass

from packetids.core.classes import MULTICLASS
from packetids.protocol import folds

# What the paper's network is called, and trials that stand beside it, under strict too.
NETWORK, QUANTILE = "fnn", "quantile"
BESIDE = (QUANTILE,)


@dataclass(frozen=True)
class Repeat:
    """One further training of the network of section IV-D, or of a trial of it."""

    name: str  # of its run: "seed_1", "round_1", "quantile_round_1"
    trial: str  # empty: the network itself
    protocol: str
    fold: str
    seed: int


def listed(
    seed: int, tasks: list[str], trials: list[str], protocols: list[str], repeats: list[int]
) -> list[Repeat]:
    """List them: with each seed of `repeats` under ``paper``, for each round under ``strict``.

    Those of `trials` that are `BESIDE` the network are trained for each round, too. There is none
    at all if the multi-class task is not among `tasks`.
    """
    if MULTICLASS not in tasks:
        return []
    further = repeats if folds.PAPER in protocols else []
    rounds = folds.names(protocols)
    return [
        *(Repeat(f"seed_{one}", "", folds.PAPER, folds.RANDOM, one) for one in further),
        *(Repeat(f"round_{name}", "", folds.STRICT, name, seed) for name in rounds),
        *(Repeat(f"{trial}_round_{name}", trial, folds.STRICT, name, seed)
          for trial in BESIDE if trial in trials for name in rounds),
    ]  # fmt: skip
