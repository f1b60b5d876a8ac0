"""What every model says of every test row, in one form, whoever tests it.

The stages `evaluate` (networks) and `peers` write such tables, the stage `score` reads them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from packetids.core import atomic, parquet, tasks
from packetids.learn.task_rows import Task

NETWORKS, PEERS = Path("data/evaluate/networks.parquet"), Path("data/peers/peers.parquet")
NAMES = ("task", "protocol", "fold", "model", "seed")
_TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("task", _TEXT),
        ("protocol", _TEXT),
        ("fold", _TEXT),  # "random", or the round that is the test
        ("model", _TEXT),
        ("seed", pa.int64()),
        ("row", pa.int32()),  # of the features table
        ("actual", pa.int8()),
        ("predicted", pa.int8()),
        ("attack", pa.float32()),  # probability; NaN if the model gives none
    ]
)


class _Rows:
    """The open file."""

    def __init__(self, file: pq.ParquetWriter) -> None:
        self._file = file

    def write(
        self, task: Task, protocol: str, fold: str, model: str, seed: int, predicted: np.ndarray,
        attack: np.ndarray,
    ) -> None:  # fmt: skip
        """Append what a model predicts of the task's test rows; shape (n_test,) each."""
        test = task.fold == tasks.FOLDS.index("test")
        n = int(test.sum())
        names = [pa.array([text] * n).dictionary_encode() for text in (task.name, protocol, fold,
                                                                      model)]  # fmt: skip
        columns = [
            *names, np.full(n, seed, np.int64), task.row[test].astype(np.int32),
            task.target[test].astype(np.int8), predicted.astype(np.int8),
            attack.astype(np.float32),
        ]  # fmt: skip
        self._file.write_table(pa.table(dict(zip(SCHEMA.names, columns, strict=True))).cast(SCHEMA))


@contextmanager
def writing(path: Path) -> Iterator[_Rows]:
    """Open a table of predictions, which appears only when it is whole."""
    with atomic.replacing(path) as part, pq.ParquetWriter(part, SCHEMA) as file:
        yield _Rows(file)


def read() -> pd.DataFrame:
    """Read the predictions of networks and peers; columns of `SCHEMA`."""
    both = [parquet.read(path) for path in (NETWORKS, PEERS)]
    return pa.concat_tables(table.cast(SCHEMA) for table in both).unify_dictionaries().to_pandas()
