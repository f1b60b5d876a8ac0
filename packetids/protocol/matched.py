"""Which test rows the training rows hold already."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from packetids.core.columns import FEATURES
from packetids.features import distinct


def matched(
    table: pd.DataFrame, train: np.ndarray, test: np.ndarray, columns: Sequence[str] = FEATURES
) -> np.ndarray:
    """Mark the test rows of which a training row exists that is equal in `columns`.

    Returns
    -------
    bool array, shape (n_test,)
    """
    both = pd.concat([table.iloc[train], table.iloc[test]], ignore_index=True)
    first = distinct.first_equal(both, columns)
    return first[len(train) :] < len(train)
