"""Which rows the support vector baseline draws (Ge et al. 2019, section IV-F).

Apart from `svc`, so that the split can tell before hours of training whether they can be drawn.
"""

import math

import numpy as np
from sklearn.model_selection import train_test_split

from packetids.core import classes, seeds, settings
from packetids.core.errors import PacketidsError


def draw(
    target: np.ndarray, packets: int, p: settings.Svc, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw `packets` rows at random and split them.

    Parameters
    ----------
    target : int8 array, shape (n,)
        The label of each row of the processed dataset in the multi-class task.

    Returns
    -------
    train, test : int64 arrays of row numbers

    Raises
    ------
    PacketidsError
        If there are fewer rows, or a class of the dataset has no training row.
    """
    if packets > len(target):
        raise PacketidsError(
            f"svc: a sample of {packets} packets needs as many rows, and the processed dataset "
            f"has {len(target)}. Lower grid_packets and sample_packets in conf/svc/, or keep more "
            "in conf/sample/."
        )
    labels = np.unique(target)
    train_rows = packets - math.ceil(p.test_share * packets)
    if train_rows < len(labels):
        raise PacketidsError(
            f"svc: a sample of {packets} packets has {max(train_rows, 0)} training rows, and the "
            f"dataset has {len(labels)} classes. Raise grid_packets and sample_packets in "
            "conf/svc/, or lower test_share."
        )
    rows = seeds.generator(seed, f"svc/{packets}").choice(len(target), packets, replace=False)
    train, test = train_test_split(
        rows, test_size=p.test_share, random_state=seeds.integer(seed, f"svc/{packets}/test")
    )
    if len(missing := np.setdiff1d(labels, target[train])):
        raise PacketidsError(
            f"svc: a sample of {packets} packets left no training row of "
            f"{classes.GROUPS[missing[0]]}, of which the dataset has "
            f"{int((target == missing[0]).sum())} rows. Raise grid_packets and sample_packets in "
            "conf/svc/, or keep more of that class in conf/sample/."
        )
    return train, test


def missing(target: np.ndarray) -> list[str]:
    """List the classes of the multi-class task that have no row."""
    counts = np.bincount(target, minlength=len(classes.GROUPS))
    return [name for name, count in zip(classes.GROUPS, counts, strict=True) if not count]


def check(target: np.ndarray, p: settings.Svc, seed: int) -> None:
    """Refuse settings of the baseline that do not fit the rows, as `draw` would later.

    Raises
    ------
    PacketidsError
        Also if no class has a training row for each fold of the cross-validation.
    """
    for packets in p.sample_packets:
        draw(target, packets, p, seed)
    train, _ = draw(target, p.grid_packets, p, seed)
    if (largest := int(np.bincount(target[train]).max())) < p.cv_folds:
        raise PacketidsError(
            f"svc.cv_folds: {p.cv_folds} folds need as many training rows of a class, and the "
            f"sample of grid_packets {p.grid_packets} has {largest} at most. Lower cv_folds or "
            "raise grid_packets in conf/svc/."
        )
