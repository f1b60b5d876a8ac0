"""Record batches of any size to one compact Parquet file, in row groups of bounded size."""

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from packetids.core import fields, parquet

ROWS = parquet.CAPTURE_GROUP_ROWS
BATCHES_MAX = 256  # that wait for a row group before they are joined
DICTIONARY_MAX = 1024  # texts; a longer dictionary is cut to the texts that occur

TEXTS = [field.name for field in fields.schema() if field.type == fields.TEXT]


class Writer:
    """A Parquet file with the columns of `fields.schema()`, open for writing.

    Attributes
    ----------
    rows : int
        How many were given to `write`.
    """

    def __init__(self, path: Path, metadata: dict[str, str]) -> None:
        schema = fields.schema()
        self._schema = schema.with_metadata({**(schema.metadata or {}), **metadata})
        self._parquet = parquet.writer(path, self._schema)
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self.rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Add the rows of `batch`."""
        at = 0
        while at < batch.num_rows:
            part = batch.slice(at, ROWS - self._waiting_rows)
            self._waiting.append(part)
            self._waiting_rows += part.num_rows
            at += part.num_rows
            if self._waiting_rows == ROWS:
                self._flush()
        if len(self._waiting) > BATCHES_MAX:  # a batch of few rows takes much more than its rows
            self._waiting = pa.Table.from_batches(self._waiting).combine_chunks().to_batches()
        self.rows += batch.num_rows

    def note(self, key: str, value: str) -> None:
        """Add to the file's metadata what is known only now."""
        self._parquet.add_key_value_metadata({key: value})

    def _flush(self) -> None:
        if self._waiting:
            table = pa.Table.from_batches(self._waiting).combine_chunks()
            self._parquet.write_table(compact(table).cast(self._schema), row_group_size=ROWS)
        self._waiting, self._waiting_rows = [], 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._parquet.close()


def _int32(values: np.ndarray) -> pa.Array:
    """Return `values` as an array; pa.array would import pandas first, for 0.2 s."""
    return pa.Array.from_buffers(pa.int32(), len(values), [None, pa.py_buffer(values)])


def compact(table: pa.Table) -> pa.Table:
    """Cut long dictionaries to the texts that occur in `table`.

    Parquet stores the whole dictionary with each row group, and a reader may share one among all
    its batches.
    """
    for name in TEXTS:
        column = table[name].chunk(0)
        if len(column.dictionary) > DICTIONARY_MAX:
            used = pc.drop_null(pc.unique(column.indices))
            place = np.zeros(len(column.dictionary), np.int32)  # in the new dictionary
            place[used] = np.arange(len(used), dtype=np.int32)
            short = pa.DictionaryArray.from_arrays(
                _int32(place).take(column.indices), column.dictionary.take(used)
            )
            table = table.set_column(table.schema.get_field_index(name), table.field(name), short)
    return table
