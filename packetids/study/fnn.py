"""The paper's network on the folds of the study."""

import numpy as np
import pandas as pd

from packetids.core import seeds, settings
from packetids.fnn import network
from packetids.learn import balance, encode


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
