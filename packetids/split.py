"""Deal rows into training, validation and test.

Ge et al. 2019, section IV-D: 64 %, 16 % and 20 %. Every binary task has all normal packets and
those of one attack; the sizes in Table IV are those of scikit-learn's `train_test_split` with
``test_size=0.2``, not stratified.
"""

import math
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.model_selection import ShuffleSplit

from packetids.core import classes, seeds
from packetids.core.columns import FEATURES
from packetids.core.errors import PacketidsError
from packetids.core.tasks import FOLDS, key_numbers
from packetids.features import distinct


def deal(
    table: pd.DataFrame,
    rows: np.ndarray,
    task: str,
    by: Literal["packet", "capture"],
    test_share: float,
    validation_share: float,
    seed: int,
) -> np.ndarray:
    """Deal `rows` of `table` into `FOLDS`.

    Returns
    -------
    int8 array, shape (n_task,)
        0 train, 1 validation, 2 test, for each of `rows`.

    Raises
    ------
    PacketidsError
        If a class would be missing from a fold, or the shares leave a fold empty.
    """
    if by == "packet":
        fold = _by_packet(len(rows), task, test_share, validation_share, seed)
    else:
        captures = table["capture"].iloc[rows]
        fold = _by_capture(captures, task, test_share, validation_share, seed)
    key = key_numbers(table)[rows]
    counts = np.bincount(key, minlength=len(classes.KEYS))
    for number, name in enumerate(FOLDS):
        dealt = np.bincount(key[fold == number], minlength=len(classes.KEYS))
        if missing := sorted(classes.KEYS[i] for i in np.flatnonzero((counts > 0) & (dealt == 0))):
            raise PacketidsError(
                f"task {task}: no packet of {missing[0]} came into the {name} fold; "
                f"{counts[classes.KEYS.index(missing[0])]} packets of it exist in all. Keep "
                "more of it in conf/sample/, or change the shares in conf/split/."
            )
    return fold


def is_first(table: pd.DataFrame, target: np.ndarray) -> np.ndarray:
    """Mark the first of the rows that are equal in features and in the label of the task.

    `preprocess` drops rows that are equal in features and subcategory. A task that merges
    subcategories, such as the multi-class one, meets some of them again.

    Parameters
    ----------
    table : DataFrame, n_task rows
        At least `columns.FEATURES`.
    target : int8 array, shape (n_task,)

    Returns
    -------
    bool array, shape (n_task,)
    """
    return distinct.is_first(table.assign(target=target), (*FEATURES, "target"))


def _by_packet(
    count: int, task: str, test_share: float, validation_share: float, seed: int
) -> np.ndarray:
    left = count - math.ceil(test_share * count)
    if left - math.ceil(validation_share * left) < 1:
        raise PacketidsError(
            f"task {task}: of {count} rows, split.test_share {test_share} and "
            f"split.validation_share {validation_share} leave none to train on. Lower them in "
            "conf/split/, or keep more packets in conf/sample/."
        )
    rest, test = _shuffled(count, test_share, seeds.integer(seed, f"split/{task}/test"))
    _, validation = _shuffled(
        len(rest), validation_share, seeds.integer(seed, f"split/{task}/validation")
    )
    fold = np.zeros(count, np.int8)
    fold[rest[validation]], fold[test] = 1, 2
    return fold


def _shuffled(count: int, test_share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide row numbers as `train_test_split` does, which would copy them once more."""
    drawn = ShuffleSplit(1, test_size=test_share, random_state=seed)
    return next(drawn.split(np.empty(count, np.int8)))


def _by_capture(
    captures: pd.Series, task: str, test_share: float, validation_share: float, seed: int
) -> np.ndarray:
    """Deal whole captures, subcategory by subcategory, so that each attack is in each fold.

    The same captures go to the same fold in every task: the seed's name is the subcategory's.
    """
    of_row, capture = pd.factorize(captures)
    capture = np.asarray(capture.astype(str))
    attack = np.array([classes.of_capture(PurePosixPath(name)).key for name in capture])
    fold = np.zeros(len(capture), np.int8)  # of each capture
    for key in sorted(set(attack)):
        names = sorted(set(capture[attack == key]))
        if len(names) < len(FOLDS):
            raise PacketidsError(
                f"task {task}: split.by=capture needs at least {len(FOLDS)} captures of {key}, "
                f"found {len(names)}. Record more, or set split: paper in params.yaml."
            )
        drawn = seeds.generator(seed, f"split/capture/{key}").permutation(names)
        n_test = max(1, round(test_share * len(names)))
        n_validation = max(1, round(validation_share * (len(names) - n_test)))
        fold[np.isin(capture, drawn[:n_test])] = 2
        fold[np.isin(capture, drawn[n_test : n_test + n_validation])] = 1
    return fold[of_row]
