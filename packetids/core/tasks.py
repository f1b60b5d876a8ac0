"""The classification tasks, their labels, and the folds of their rows."""

import numpy as np
import pandas as pd

from packetids.core import classes
from packetids.core.classes import MULTICLASS
from packetids.core.errors import PacketidsError

FOLDS = ("train", "validation", "test")


def task_labels(table: pd.DataFrame, task: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Pick the rows of a task and their labels.

    Parameters
    ----------
    table : DataFrame
        With a column ``class`` of `classes.KEYS`.
    task : str
        ``multiclass`` (four classes, section IV-C) or an attack's key (normal 0, attack 1).

    Returns
    -------
    rows : int64 array, shape (n_task,)
    target : int8 array, shape (n_task,)
    names : the class names, in the order of their labels
    """
    key = key_numbers(table)
    if task == MULTICLASS:
        group = np.array([classes.GROUPS.index(e.group) for e in classes.SUBCATEGORIES], np.int8)
        return np.arange(len(key)), group[key], classes.GROUPS
    if task not in classes.ATTACKS:
        raise PacketidsError(f"tasks: {task} is no task; there is {', '.join(classes.TASKS)}.")
    attack, normal = classes.KEYS.index(task), classes.KEYS.index(classes.NORMAL)
    rows = np.flatnonzero((key == attack) | (key == normal))
    return rows, (key[rows] == attack).astype(np.int8), (classes.NORMAL, task)


def dealt(tasks: list[str], trials: list[str]) -> list[str]:
    """List the tasks to deal: `tasks`, and the multi-class task, of which `trials` are, last."""
    return [*tasks, MULTICLASS] if trials and MULTICLASS not in tasks else tasks


def numbered(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with its classes as categories in the order of `classes.KEYS`."""
    number = key_numbers(table)
    return table.assign(**{"class": pd.Categorical.from_codes(number, list(classes.KEYS))})


def key_numbers(table: pd.DataFrame) -> np.ndarray:
    """Return the number of each row's class in `classes.KEYS`; int8, shape (n,)."""
    kind = table["class"].dtype
    if isinstance(kind, pd.CategoricalDtype) and tuple(kind.categories) == classes.KEYS:
        return table["class"].cat.codes.to_numpy()
    number = pd.Categorical(table["class"], categories=list(classes.KEYS)).codes
    if (number < 0).any():
        row = int(np.argmin(number))
        raise PacketidsError(
            f"row {row}: class {table['class'].iloc[row]!r} is none of {', '.join(classes.KEYS)}. "
            "Delete data/preprocess and run dvc repro."
        )
    return number
