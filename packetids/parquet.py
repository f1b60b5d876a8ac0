"""The pipeline's Parquet files, read and written a row group at a time.

A file that a full disk, a killed copy or a bad medium cut short would otherwise end a stage with
a traceback of pyarrow that may not even name the file: here it is named, with what to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from packetids import atomic
from packetids.errors import PacketidsError


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
    """Read `path` a row group at a time."""
    with _explained(path):
        source = pq.ParquetFile(path)
    with source:
        _check(path, source, columns)
        for number in range(source.num_row_groups):
            with _explained(path):
                table = source.read_row_group(number, columns)
            yield table


def rows(path: Path) -> int:
    """Count the rows of `path` without reading them."""
    with _explained(path):
        return pq.read_metadata(path).num_rows


def schema(path: Path) -> pa.Schema:
    """Give the schema of `path`."""
    with _explained(path):
        return pq.read_schema(path)


def writer(part: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Begin a Parquet file at `part`, the temporary path of `atomic.replacing`.

    Numbers are written plain: most of their columns have too many values for a dictionary of
    them, and building one until it overflows takes time and leaves a larger file.
    """
    text = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    return pq.ParquetWriter(part, schema, compression=atomic.COMPRESSION, use_dictionary=text)


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
            f"{path}: no whole Parquet file; it has {octets} octets, and reading it ended with: "
            f"{str(error).strip().splitlines()[0]} Delete it and run dvc repro, which makes it "
            "anew."
        ) from None
