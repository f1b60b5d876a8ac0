"""Whether two models differ on the same test rows: McNemar's test, with Holm's correction."""

import numpy as np
import pandas as pd
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

COLUMNS = ["model", "only_network_right", "only_model_right", "difference", "p", "p_holm"]


def against(network: np.ndarray, others: dict[str, np.ndarray]) -> pd.DataFrame:
    """Compare each model with the network.

    Parameters
    ----------
    network : bool array, shape (n,)
        Which rows the network has right.
    others : dict of such arrays
        By the model's name.

    Returns
    -------
    DataFrame
        `COLUMNS`: the rows that one alone has right; the model's accuracy less the network's; the
        p value alone, and corrected for all models of the table.
    """
    rows = []
    for name, right in others.items():
        first, second = int((network & ~right).sum()), int((right & ~network).sum())
        both = [[int((network & right).sum()), first], [second, int((~network & ~right).sum())]]
        p = float(mcnemar(both, exact=first + second < 50, correction=True).pvalue)
        rows.append((name, first, second, (second - first) / max(len(network), 1), p))
    found = pd.DataFrame(rows, columns=COLUMNS[:-1])
    found["p_holm"] = multipletests(found["p"], method="holm")[1] if len(found) else []
    return found
