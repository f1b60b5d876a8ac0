"""The pipeline's Parquet files, read and written a row group at a time.

A dictionary pays for texts (addresses, protocols, classes) and costs time for numbers. Of integers,
the first bytes of all values, then the second ones and so on (byte-stream-split) take less room
and less time to compress than whole values; of floats they take more. ``python -m
benchmarks.encodings`` measures this choice beside others.

A file that a full disk, a killed copy or a bad medium cut short would otherwise end a stage with
a traceback of pyarrow that may not even name the file: here it is named, with what to do.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from packetids.core import atomic
from packetids.core.errors import PacketidsError

CAPTURE_GROUP_ROWS = 1 << 17  # of a row group of a capture; readers and writer keep one in memory
# Of a column, that the library encodes at once and puts into one page. Its defaults, 2^10 and
# 20,000, cost time and space, and every reader here reads whole row groups.
PAGE_ROWS = 1 << 18
PAGE_OCTETS = 1 << 23
DAMAGE = "packetids.damage"  # of a capture's metadata: what ended its reading early


def read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read all of `path`, or the named columns of it.

    Raises
    ------
    PacketidsError
        If the file is missing, damaged or lacks a column; so in every function here.
    """
    with _explained(path):
        with pq.ParquetFile(path) as source:
            _check(path, source, columns)
            return source.read(columns)


def groups(path: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Read `path` a row group at a time; the next one meanwhile, in a thread of its own."""
    with _explained(path):
        source = pq.ParquetFile(path)
    with source, ThreadPoolExecutor(1) as reader:
        _check(path, source, columns)
        coming = [
            reader.submit(source.read_row_group, number, columns)
            for number in range(min(1, source.num_row_groups))
        ]
        for number in range(source.num_row_groups):
            with _explained(path):
                table = coming.pop().result()
            if number + 1 < source.num_row_groups:
                coming.append(reader.submit(source.read_row_group, number + 1, columns))
            yield table


def rows(path: Path) -> int:
    """Count the rows of `path` without reading them."""
    with _explained(path):
        return pq.read_metadata(path).num_rows


def damage(path: Path) -> str:
    """Return what ended the reading of a capture early; empty if it was read to its end."""
    with _explained(path):
        found = pq.read_metadata(path).metadata or {}
    return found.get(DAMAGE.encode(), b"").decode()


def schema(path: Path) -> pa.Schema:
    """Return the schema of `path`."""
    with _explained(path):
        return pq.read_schema(path)


def writer(part: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Begin a Parquet file at `part`, the temporary path of `atomic.replacing`."""
    return pq.ParquetWriter(
        part.absolute(), schema, **options(schema)
    )  # "a:b/c" is taken for a URI


def write(path: Path, table: pa.Table) -> None:
    """Write `table` as one Parquet file, whole or not at all."""
    with atomic.replacing(path) as part, writer(part, table.schema) as out:
        out.write_table(table)


def options(schema: pa.Schema) -> dict[str, Any]:
    """Return how columns of `schema` are written, as arguments of pyarrow's ``ParquetWriter``."""
    encodings = {field.name: _encoding(field.type) for field in schema}
    return {
        "compression": "lz4",
        "use_dictionary": [name for name, encoding in encodings.items() if not encoding],
        "column_encoding": {name: encoding for name, encoding in encodings.items() if encoding},
        "write_batch_size": PAGE_ROWS,
        "max_rows_per_page": PAGE_ROWS,
        "data_page_size": PAGE_OCTETS,
        "write_statistics": [f.name for f in schema if pa.types.is_timestamp(f.type)],
    }


def _encoding(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "DELTA_BINARY_PACKED"
    if pa.types.is_integer(kind) and kind.bit_width > 8:
        return "BYTE_STREAM_SPLIT"
    return "PLAIN" if pa.types.is_primitive(kind) else ""


def _check(path: Path, source: pq.ParquetFile, columns: list[str] | None) -> None:
    there = source.schema_arrow.names
    if missing := [name for name in columns or [] if name not in there]:
        raise PacketidsError(
            f"{path}: needs the column {missing[0]} and has {', '.join(there)}. It is of another "
            "version: delete it and run dvc repro."
        )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise PacketidsError(
            f"{path} is missing. Run dvc repro, which makes it; or dvc checkout, if it was made "
            "before."
        ) from None
    except (pa.ArrowException, OSError) as error:
        octets = path.stat().st_size if path.is_file() else 0
        raise PacketidsError(
            f"{path}: no whole Parquet file; it has {octets} bytes, and reading it ended with: "
            f"{str(error).strip().splitlines()[0]} Delete it and run dvc repro, which makes it "
            "anew."
        ) from None
