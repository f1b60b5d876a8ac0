"""Features become the network's inputs: one-hot coding and scaling to (-1, 1).

Ge et al. 2019, section IV-C ("one-hot encoding for the src.port, dst.port, tcp.flags, proto
columns") and IV-D ("scaling each feature into a given range between (-1, 1)"). Everything is
fitted on training rows only; a flags or protocol value that training did not hold goes to a
column "other".
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from packetids.core import atomic
from packetids.core.columns import CATEGORICAL, NUMERIC, port_class_names
from packetids.kernels import kernel

OTHER = "other"
LOW, HIGH = -1.0, 1.0
QUANTILES = 1000
BLOCK_ROWS = 1 << 14  # whose numbers stay in the processor's cache while all are scaled


@dataclass(frozen=True)
class Coded:
    """Encoded rows in an eighth of their size: which columns are hot, and the scaled numbers.

    Indexed by a slice or by row numbers, it gives those rows as the network wants them: float32,
    shape (k, width). So the whole matrix (1.5 GB for the paper's training rows) never exists.
    """

    hot: np.ndarray  # int16 (n, 4): the columns that are HIGH, of CATEGORICAL
    numbers: np.ndarray  # float32 (n, 8): the last columns, NUMERIC
    width: int

    def __len__(self) -> int:
        return len(self.hot)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrix that this stands for."""
        return len(self), self.width

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        chosen = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        return _spread(self.hot, self.numbers, chosen, self.width)


@kernel(nogil=True)
def _spread(hot: np.ndarray, numbers: np.ndarray, chosen: np.ndarray, width: int) -> np.ndarray:
    matrix = np.full((len(chosen), width), LOW, np.float32)
    first_number = width - numbers.shape[1]
    for to, row in enumerate(chosen):
        for place in range(hot.shape[1]):
            matrix[to, hot[row, place]] = HIGH
        for place in range(numbers.shape[1]):
            matrix[to, first_number + place] = numbers[row, place]
    return matrix


@dataclass(frozen=True)
class Encoder:
    """What training rows decided: the values of each categorical column, the range of numbers.

    With `quantiles` of each numeric column, its numbers are replaced by their ranks first.
    """

    values: dict[str, list[str]]
    minimum: dict[str, float]
    maximum: dict[str, float]
    quantiles: dict[str, list[float]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Name the inputs, in their order."""
        coded = [
            f"{column}={value}"
            for column in CATEGORICAL
            for value in self.values[column] + self._other(column)
        ]
        return coded + list(NUMERIC)

    def code(self, table: pd.DataFrame) -> "Coded":
        """Encode feature rows, `table` with the columns of `columns.FEATURES`, compactly."""
        hot = np.empty((len(table), len(CATEGORICAL)), np.int16)
        start = 0
        for place, column in enumerate(CATEGORICAL):
            known = self.values[column] + self._other(column)
            value, distinct = pd.factorize(table[column])
            position = pd.Index(known).get_indexer(distinct.astype(str))
            position = np.append(np.where(position < 0, len(known) - 1, position), len(known) - 1)
            hot[:, place] = start + position[value]
            start += len(known)
        numbers = np.empty((len(table), len(NUMERIC)), np.float32)
        columns = [self._ranked(column, table[column].to_numpy(np.float64)) for column in NUMERIC]
        for first in range(0, len(table), BLOCK_ROWS):
            rows = slice(first, first + BLOCK_ROWS)
            for place, column in enumerate(NUMERIC):
                low, high = self.minimum[column], self.maximum[column]
                width = high - low if high > low else 1.0
                numbers[rows, place] = (columns[place][rows] - low) / width * (HIGH - LOW) + LOW
        return Coded(hot, numbers, len(self.names))

    def transform(self, table: pd.DataFrame) -> np.ndarray:
        """Encode feature rows.

        Parameters
        ----------
        table : DataFrame, n rows
            The columns of `columns.FEATURES`.

        Returns
        -------
        float32 array, shape (n, len(self.names))
            One-hot columns are -1 or 1. Numbers between the training rows' minimum and maximum
            lie in -1 to 1, others beyond.
        """
        return self.code(table)[:]

    def save(self, path: Path) -> None:
        """Write as JSON."""
        atomic.write_json(path, asdict(self))

    @staticmethod
    def load(path: Path) -> "Encoder":
        """Read what `save` wrote."""
        return Encoder(**json.loads(path.read_text(encoding="utf-8")))

    def _ranked(self, column: str, values: np.ndarray) -> np.ndarray:
        if column not in self.quantiles:
            return values
        at = np.array(self.quantiles[column])
        rank = np.linspace(0.0, 1.0, len(at))
        # A number that is several quantiles has the middle of their ranks, as in scikit-learn's
        # QuantileTransformer.
        above = np.interp(values, at, rank)
        below = np.interp(-values, -at[::-1], rank)
        return (above + 1.0 - below) / 2

    def _other(self, column: str) -> list[str]:
        # Ports have all their classes whether seen or not, so nothing is ever outside them.
        return [] if column.endswith("port") else [OTHER]


def fit(
    table: pd.DataFrame, well_known_ports: list[int], scaling: Literal["min_max", "quantile"]
) -> Encoder:
    """Fit on training rows: the columns of `columns.FEATURES`."""
    values = {
        column: [str(value) for value in sorted(table[column].unique())]
        for column in ("proto", "tcp.flags")
    }
    for column in ("src.port", "dst.port"):
        values[column] = port_class_names(well_known_ports)
    if scaling == "quantile":
        ranks = np.linspace(0.0, 1.0, min(QUANTILES, len(table)))
        quantiles = {
            column: np.quantile(table[column].to_numpy(np.float64), ranks).tolist()
            for column in NUMERIC
        }
        return Encoder(values, dict.fromkeys(NUMERIC, 0.0), dict.fromkeys(NUMERIC, 1.0), quantiles)
    minimum = {column: float(table[column].min()) for column in NUMERIC}
    maximum = {column: float(table[column].max()) for column in NUMERIC}
    return Encoder(values, minimum, maximum)
