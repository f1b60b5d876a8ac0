"""Packet fields of one capture to one Parquet file.

Ge et al. 2019, section IV-B, "Feature extraction". Readers give the same columns; `READERS`
names them for the setting ``extract.reader``.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from packetids import atomic, fields, tshark
from packetids.errors import PacketidsError

Reader = Callable[[Path, str], Iterator[pa.RecordBatch]]

READERS: dict[str, Reader] = {"tshark": tshark.read}


def to_parquet(capture: Path, target: Path, reader: str, display_filter: str) -> int:
    """Extract `capture` to the Parquet file `target` and count its packets.

    The file appears only when the whole capture was read.

    Raises
    ------
    PacketidsError
        If the reader does not exist or cannot read the capture.
    """
    if reader not in READERS:
        raise PacketidsError(
            f"extract.reader: {reader} is no reader; there is {', '.join(sorted(READERS))}."
        )
    packets = 0
    with (
        atomic.replacing(target) as part,
        pq.ParquetWriter(part, fields.schema(), compression=atomic.COMPRESSION) as writer,
    ):
        for batch in READERS[reader](capture, display_filter):
            writer.write_batch(batch)
            packets += batch.num_rows
    return packets
