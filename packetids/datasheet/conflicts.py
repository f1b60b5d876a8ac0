"""Packets that look alike and are of several classes: the ceiling of any classifier.

Whoever sees only the given columns cannot do better than to name, for each distinct row, the
class that most of its packets have.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from packetids.core import classes
from packetids.core.columns import FEATURES
from packetids.features import distinct

TIMES = ("stream", "tcp.time_delta", "tcp.analysis.initial_rtt")
VIEWS = {
    "all twelve": FEATURES,
    "without stream": tuple(name for name in FEATURES if name != "stream"),
    "without stream and times": tuple(name for name in FEATURES if name not in TIMES),
}
GROUP = {entry.key: entry.group for entry in classes.SUBCATEGORIES}
TARGETS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "11 classes": lambda packets: packets["class"],
    "4 groups": lambda packets: packets["class"].map(GROUP),
    "attack or normal": lambda packets: packets["class"] != classes.NORMAL,
}
COLUMNS = ["features", "distinct_share", "target", "conflicting_share", "ceiling"]


def table(packets: pd.DataFrame) -> pd.DataFrame:
    """Return, for each view of the features and each target, how many packets are contested.

    Returns
    -------
    DataFrame
        `COLUMNS`: distinct rows and contested packets as shares of all, and the accuracy that no
        classifier exceeds.
    """
    rows = []
    for view, names in VIEWS.items():
        first = distinct.first_equal(packets, names)
        for target, of in TARGETS.items():
            conflicting, ceiling = contested(first, pd.factorize(of(packets))[0])
            rows.append((view, len(np.unique(first)) / len(first), target, conflicting, ceiling))
    return pd.DataFrame(rows, columns=COLUMNS)


def contested(first: np.ndarray, code: np.ndarray) -> tuple[float, float]:
    """Return the share of packets whose row has several classes, and the accuracy's ceiling.

    `first` numbers the distinct rows, `code` the classes; shape (n_packets,) each.
    """
    counted = pd.DataFrame({"row": first, "code": code}).value_counts(sort=False)
    by_row = counted.groupby(level="row")
    several = by_row.size() > 1
    return (
        float(by_row.sum()[several].sum() / len(first)),
        float(by_row.max().sum() / len(first)),
    )


def repeated(packets: pd.DataFrame, names: Sequence[str] = FEATURES) -> pd.Series:
    """Return the share of each class's packets that an equal row of the class precedes."""
    repeats = ~distinct.is_first(packets, [*names, "class"])
    return pd.Series(repeats).groupby(packets["class"].to_numpy()).mean()
