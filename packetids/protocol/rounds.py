"""The round of recording to which a capture belongs, so that whole rounds can be left out.

The embedded captures lie in a numbered folder for each round. BoT-IoT's do so only in part: there
the captures of a subcategory, in the order of their names and so of their times, are cut into as
many blocks of neighbours.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from packetids.core import classes

BLOCKS = 8


def of_captures(captures: Sequence[str]) -> np.ndarray:
    """Return the round of each capture, from 0; int64, shape (n_captures,).

    `captures` are the distinct names, such as ``DDoS/DDoS_TCP/3/IoT_Dataset_TCP_DDoS__00001_…``.
    """
    folders = [PurePosixPath(name).parts[-2:-1] for name in captures]
    if all(folder and folder[0].isdecimal() for folder in folders):
        numbers = np.array([int(folder[0]) for folder in folders])
        return np.unique(numbers, return_inverse=True)[1]
    rounds = np.empty(len(captures), np.int64)
    subcategory = np.array([classes.of_capture(PurePosixPath(name)).key for name in captures])
    for key in np.unique(subcategory):
        places = np.flatnonzero(subcategory == key)
        order = places[np.argsort(np.array(captures)[places], kind="stable")]
        rounds[order] = np.arange(len(order)) * BLOCKS // max(len(order), BLOCKS)
    return rounds


def of_rows(captures: pd.Series) -> np.ndarray:
    """Return the round of each row, from 1; int64, shape (n,). `captures` names its capture."""
    code, names = pd.factorize(captures)
    return of_captures([str(name) for name in names])[code] + 1
