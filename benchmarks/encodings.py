"""What the Parquet of packet fields costs and takes, by encoding and compression.

    python -m benchmarks.encodings [--bytes 400000000] [--rounds 3]

Writes the same rows again and again, each time as another choice of `parquet.options` would, on one
core and to memory, the choices in turn. Prints a Markdown table of the medians, and writes it to
build/bench/encodings.json.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import large_capture
from packetids.capture import listing
from packetids.core import atomic, fields, parquet
from packetids.extract import writer
from packetids.native import reader

RESULTS = Path("build/bench/encodings.json")
NUMBERS = [name for name in fields.schema().names if name not in writer.TEXTS]
PLAIN = dict.fromkeys(NUMBERS, "PLAIN")


@dataclass
class Choice:
    """One way to write, and what it cost."""

    what: str
    options: dict[str, Any]
    seconds: list[float] = field(default_factory=list)
    octets: int = 0


def choices() -> list[Choice]:
    """List the ways; the last is what `parquet.writer` does."""
    chosen = parquet.options(fields.schema())
    texts = {"use_dictionary": writer.TEXTS}
    delta = PLAIN | {"frame.time_epoch": "DELTA_BINARY_PACKED"}
    return [
        Choice("pyarrow's defaults, zstd", {"compression": "zstd"}),
        Choice("numbers plain, zstd", {"compression": "zstd", "column_encoding": PLAIN, **texts}),
        Choice("time as deltas, zstd", {"compression": "zstd", "column_encoding": delta, **texts}),
        Choice("integers by byte streams, zstd", chosen | {"compression": "zstd"}),
        Choice(
            "integers by byte streams, zstd 6",
            chosen | {"compression": "zstd", "compression_level": 6},
        ),
        Choice("integers by byte streams, not compressed", chosen | {"compression": "none"}),
        Choice("chosen: integers by byte streams, lz4", chosen),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bytes", type=int, default=400_000_000, help="of the capture")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dataset", type=Path, default=Path("captures/testbed"))
    given = parser.parse_args()
    pa.set_cpu_count(1)
    tables = _row_groups(given.dataset, given.bytes)
    rows = sum(table.num_rows for table in tables)
    tried = choices()
    for _ in range(given.rounds):
        for choice in tried:
            began = time.perf_counter()
            choice.octets = _write(tables, choice.options)
            choice.seconds.append(time.perf_counter() - began)
    atomic.write_json(
        RESULTS,
        {
            "rows": rows,
            "choices": [vars(choice) | {"options": repr(choice.options)} for choice in tried],
        },
    )
    print(f"{rows:,} packets in {len(tables)} row groups\n")
    print("| encoding | bytes a packet | packets/s |\n|---|--:|--:|")
    for choice in tried:
        rate = rows / statistics.median(choice.seconds)
        print(f"| {choice.what} | {choice.octets / rows:.2f} | {rate:,.0f} |")


def _row_groups(dataset: Path, octets: int) -> list[pa.Table]:
    """Read a capture of about `octets`, in memory, as the writer would group its rows."""
    with tempfile.TemporaryDirectory() as place:
        embedded = [c.path for c in listing.unpack(dataset, Path(place) / "embedded")]
        large, _, _ = large_capture.make(embedded, Path(place), octets, 1)
        table = pa.Table.from_batches(reader.read(large, "ip or ipv6 or arp")).combine_chunks()
    groups = range(0, table.num_rows, writer.ROWS)
    return [writer.compact(table.slice(first, writer.ROWS).combine_chunks()) for first in groups]


def _write(tables: list[pa.Table], options: dict[str, Any]) -> int:
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, tables[0].schema, **options) as out:
        for table in tables:
            out.write_table(table, row_group_size=writer.ROWS)
    return sink.getvalue().size


if __name__ == "__main__":
    main()
