"""A saved model in use: feature rows in, names of classes out.

Also the loader of the models in MLflow (``mlflow.pyfunc.load_model``, ``mlflow models serve``).
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from packetids.core.columns import FEATURES
from packetids.core.errors import PacketidsError
from packetids.learn.encode import Encoder
from packetids.runs import record
from packetids.svc import linear


class Classifier:
    """A network or support vector model with its encoder and the names of its classes."""

    def __init__(self, folder: Path) -> None:
        self.encoder = Encoder.load(folder / record.ENCODER)
        self.classes = json.loads((folder / record.CLASSES).read_text(encoding="utf-8"))
        if (folder / linear.MODEL).exists():
            self._label = linear.load(folder).predict
        else:
            from packetids.fnn import network

            model = network.load(folder)
            self._label = lambda inputs: network.predict(model, inputs).argmax(axis=1)

    def predict(self, table: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        """Classify packets.

        Parameters
        ----------
        table : DataFrame, n rows
            The columns of `columns.FEATURES`, as in data/preprocess/features.parquet.
        params
            MLflow's; there are none.

        Returns
        -------
        array of str, shape (n,)
            The class of each row.
        """
        if missing := [name for name in FEATURES if name not in table.columns]:
            raise PacketidsError(
                f"classify needs the columns {', '.join(FEATURES)}; missing: {', '.join(missing)}."
            )
        labels = self._label(self.encoder.transform(table[list(FEATURES)]))
        return np.asarray(self.classes)[labels]


def _load_pyfunc(data_path: str) -> Classifier:
    """Load a model for MLflow, which knows this function by its name."""
    return Classifier(Path(data_path))
