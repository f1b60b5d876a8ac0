"""The paper's network on the folds of the study, fed as in the paper and with quantiles."""

import numpy as np
import pandas as pd
from sklearn.preprocessing import QuantileTransformer

from packetids.core import seeds, settings
from packetids.core.columns import NUMERIC
from packetids.fnn import network
from packetids.learn import balance, encode


def quantiles(table: pd.DataFrame, train: np.ndarray) -> pd.DataFrame:
    """Replace each number by its quantile among the training rows, 0 to 1.

    Between minimum and maximum, as the paper scales, one huge value leaves all others at one end.
    """
    fitted = QuantileTransformer(n_quantiles=min(1000, len(train)), subsample=None)
    columns = list(NUMERIC)
    fitted.fit(table.iloc[train][columns].to_numpy(np.float64))
    ranks = fitted.transform(table[columns].to_numpy(np.float64))
    return table.assign(**dict(zip(columns, ranks.T, strict=True)))


def predicted(
    table: pd.DataFrame,
    target: np.ndarray,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    n_classes: int,
    well_known_ports: list[int],
    p: settings.Fnn,
    seed: int,
) -> np.ndarray:
    """Train on the first of `rows`, stop early on the second, predict the third; int64 (n_test,).

    As `packetids.fnn.training` does; the seed moves first weights and the order of batches.
    """
    train, validation, test = rows
    encoder = encode.fit(table.iloc[train], well_known_ports)
    network.deterministic(seed, "study")
    model = network.build(len(encoder.names), n_classes, p)
    network.train(
        model,
        (encoder.code(table.iloc[train]), target[train]),
        (encoder.code(table.iloc[validation]), target[validation]),
        p,
        balance.class_weights(target[train], n_classes, p.class_weights),
        seeds.generator(seed, "fnn/study/order"),
    )
    chances = network.predict(model, encoder.code(table.iloc[test]))
    return np.asarray(chances.argmax(axis=1))
