"""Which further trainings of the multi-class network there are, and what they are called."""

from dataclasses import dataclass

from packetids.core.classes import MULTICLASS
from packetids.protocol import folds


@dataclass(frozen=True)
class Repeat:
    """One further training of the network of section IV-D."""

    name: str  # of its run: "seed_1", "round_1"
    protocol: str
    fold: str
    seed: int


def listed(seed: int, tasks: list[str], protocols: list[str], repeats: list[int]) -> list[Repeat]:
    """List them: with each seed of `repeats` under ``paper``, for each round under ``strict``.

    There is none if the multi-class task is not among `tasks`.
    """
    if MULTICLASS not in tasks:
        return []
    further = repeats if folds.PAPER in protocols else []
    return [
        *(Repeat(f"seed_{one}", folds.PAPER, folds.RANDOM, one) for one in further),
        *(Repeat(f"round_{name}", folds.STRICT, name, seed) for name in folds.names(protocols)),
    ]
