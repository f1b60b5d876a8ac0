"""Features become the network's inputs: one-hot coding and scaling to (-1, 1).

Ge et al. 2019, section IV-C ("one-hot encoding for the src.port, dst.port, tcp.flags, proto
columns") and IV-D ("scaling each feature into a given range between (-1, 1)"). Everything is
fitted on training rows only; a flags or protocol value that training did not hold goes to a
column "other".
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from packetids import atomic
from packetids.preprocess import CATEGORICAL, NUMERIC, port_class_names

OTHER = "other"
LOW, HIGH = -1.0, 1.0


@dataclass(frozen=True)
class Encoder:
    """What training rows decided: the values of each categorical column, the range of numbers."""

    values: dict[str, list[str]]
    minimum: dict[str, float]
    maximum: dict[str, float]

    @property
    def names(self) -> list[str]:
        """Name the inputs, in their order."""
        coded = [
            f"{column}={value}"
            for column in CATEGORICAL
            for value in self.values[column] + self._other(column)
        ]
        return coded + list(NUMERIC)

    def transform(self, table: pd.DataFrame) -> np.ndarray:
        """Encode feature rows.

        Parameters
        ----------
        table : DataFrame, n rows
            The columns of `preprocess.FEATURES`.

        Returns
        -------
        float32 array, shape (n, len(self.names))
            One-hot columns are -1 or 1. Numbers between the training rows' minimum and maximum
            lie in -1 to 1, others beyond.
        """
        inputs = np.full((len(table), len(self.names)), LOW, np.float32)
        start = 0
        for column in CATEGORICAL:
            known = self.values[column] + self._other(column)
            position = pd.Index(known).get_indexer(table[column].astype(str))
            position = np.where(position < 0, len(known) - 1, position)
            inputs[np.arange(len(table)), start + position] = HIGH
            start += len(known)
        for offset, column in enumerate(NUMERIC):
            low, high = self.minimum[column], self.maximum[column]
            width = high - low if high > low else 1.0
            scaled = (table[column].to_numpy(np.float64) - low) / width * (HIGH - LOW) + LOW
            inputs[:, start + offset] = scaled
        return inputs

    def save(self, path: Path) -> None:
        """Write as JSON."""
        atomic.write_json(path, asdict(self))

    @staticmethod
    def load(path: Path) -> "Encoder":
        """Read what `save` wrote."""
        return Encoder(**json.loads(path.read_text(encoding="utf-8")))

    def _other(self, column: str) -> list[str]:
        # Ports have all their classes whether seen or not, so nothing is ever outside them.
        return [] if column.endswith("port") else [OTHER]


def fit(table: pd.DataFrame, well_known_ports: list[int]) -> Encoder:
    """Fit on training rows: the columns of `preprocess.FEATURES`."""
    values = {
        column: [str(value) for value in sorted(table[column].unique())]
        for column in ("proto", "tcp.flags")
    }
    for column in ("src.port", "dst.port"):
        values[column] = port_class_names(well_known_ports)
    minimum = {column: float(table[column].min()) for column in NUMERIC}
    maximum = {column: float(table[column].max()) for column in NUMERIC}
    return Encoder(values, minimum, maximum)
