"""The folds of both protocols.

``paper``: the random rows that the stage `split` dealt. ``strict``: each round of recording is the
test fold once and the next one the validation fold, the same rounds for every class; no
conversation is in two folds, because no capture is.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from packetids.core import tasks
from packetids.study import rounds

PAPER, STRICT = "paper", "strict"


@dataclass(frozen=True)
class Fold:
    """Row numbers of one division into training, validation and test."""

    protocol: str
    name: str  # "random", or the round that is the test
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def paper(fold: np.ndarray) -> list[Fold]:
    """Return the one division of the paper; `fold` numbers `tasks.FOLDS`, shape (n,)."""
    train, validation, test = (np.flatnonzero(fold == i) for i in range(len(tasks.FOLDS)))
    return [Fold(PAPER, "random", train, validation, test)]


def strict(captures: pd.Series) -> list[Fold]:
    """Leave each round out once; `captures` names the capture of each row, shape (n,)."""
    code, names = pd.factorize(captures)
    of_row = rounds.of_captures([str(name) for name in names])[code]
    there = np.unique(of_row)
    made = []
    for place, test in enumerate(there):
        validation = there[(place + 1) % len(there)]
        made.append(
            Fold(
                STRICT,
                f"{test + 1}",
                np.flatnonzero((of_row != test) & (of_row != validation)),
                np.flatnonzero(of_row == validation),
                np.flatnonzero(of_row == test),
            )
        )
    return made
