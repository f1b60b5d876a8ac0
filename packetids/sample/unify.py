"""One schema for all captures, and one Parquet file.

Ge et al. 2019, section IV-B, "Schema unifying": columns that a file lacks are filled with nulls
(the authors' files without IPv6 traffic had no IPv6 columns), ``ip.proto`` and ``ip.ttl`` are
text, because a packet that holds another has two values.
"""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from packetids.core import atomic, columns, fields, parquet
from packetids.core.errors import PacketidsError


def schema() -> pa.Schema:
    """Return the one schema: the 25 fields, `fields.REPEATED` and the labels."""
    base = fields.schema()
    for name in columns.LABELS:
        base = base.append(pa.field(name, fields.TEXT))
    return base


def conform(table: pa.Table, path: Path) -> pa.Table:
    """Bring `table`, read from `path`, to the one schema; missing columns become nulls.

    Raises
    ------
    PacketidsError
        If a column is unknown, or its values do not fit the type.
    """
    target = schema()
    if unknown := [name for name in table.column_names if name not in target.names]:
        raise PacketidsError(
            f"{path}: unknown column {unknown[0]}; a labelled capture has "
            f"{', '.join(target.names)}. "
            "Delete the file and run dvc repro."
        )
    columns = []
    for column in target:
        if column.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, column.type))
            continue
        try:
            columns.append(_cast(table[column.name], column.type))
        except pa.ArrowException as error:
            raise PacketidsError(
                f"{path}: column {column.name} needs {column.type} and holds "
                f"{table[column.name].type}: {error}. Delete the file and run dvc repro."
            ) from None
    return pa.Table.from_arrays(columns, schema=target)


def unify(labelled: Iterable[Path], target: Path) -> int:
    """Stream every labelled capture into the Parquet file `target`, a row group at a time.

    Returns the number of packets. Memory holds one row group.
    """
    packets = 0
    with (
        atomic.replacing(target) as part,
        parquet.writer(part, schema()) as writer,
    ):
        for path in labelled:
            for group in parquet.groups(path):
                table = conform(group, path)
                writer.write_table(table)
                packets += table.num_rows
    return packets


def _cast(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if wanted == fields.TEXT and not pa.types.is_dictionary(column.type):
        # Whole numbers that came as floats (pandas' way to hold nulls) read "6", not "6.0".
        if pa.types.is_floating(column.type):
            column = column.cast(pa.int64())
        return column.cast(pa.string()).dictionary_encode()
    return column.cast(wanted)
