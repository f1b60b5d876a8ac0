"""Rows become columns of Arrow: values, bit maps of what is there, dictionaries of text."""

from typing import Any

import numpy as np
import pyarrow as pa

from packetids.core import fields, parquet
from packetids.kernels import kernel, subkernel
from packetids.native import text
from packetids.native.state import (
    COL_ARP_TYPE,
    COL_FRAME_LEN,
    COL_INITIAL_RTT,
    COL_TCP_CHECKSUM,
    COL_TCP_DSTPORT,
    COL_TCP_FLAGS,
    COL_TCP_LENGTH,
    COL_TCP_SRCPORT,
    COL_TCP_STREAM,
    COL_TCP_WINDOW,
    COL_TIME,
    COL_TIME_DELTA,
    COL_UDP_CHECKSUM,
    COL_UDP_DSTPORT,
    COL_UDP_LENGTH,
    COL_UDP_SRCPORT,
    COL_UDP_STREAM,
    NUMBER_FIELDS,
    NUMBERS,
    ROW,
    ROWS,
    TEXTS,
    Output,
)
from packetids.native.text import Dictionaries

BATCH_ROWS = parquet.CAPTURE_GROUP_ROWS  # at most: the writer then joins nothing
BLOCK_ROWS = 256  # rows that stay in the processor's cache while every column takes from them


class Columns:
    """The columns of a batch of `fields.schema()` while they are filled.

    Attributes
    ----------
    rows : int
        How many there are by now.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._valid = np.zeros((len(NUMBERS) + len(TEXTS), BATCH_ROWS // 8), np.uint8)
        # Of Arrow's memory pool, which gives the same pages again; the system's would be new ones.
        self._buffers = [pa.allocate_buffer(BATCH_ROWS * ROW[n].itemsize) for n in NUMBER_FIELDS]
        self._values = [
            np.frombuffer(buffer, ROW[name])
            for buffer, name in zip(self._buffers, NUMBER_FIELDS, strict=True)
        ]
        self._entries = [pa.allocate_buffer(BATCH_ROWS * 4) for _ in TEXTS]
        self._repeated: dict[int, str] = {}  # by row

    @property
    def full(self) -> bool:
        """Whether another `state.ROWS` rows would be too many."""
        return self.rows + ROWS > BATCH_ROWS

    def take(self, count: int, out: Output, d: Dictionaries) -> None:
        """Add a copy of the first `count` rows; before this, eight rows or a multiple of it."""
        begin, end = self.rows, self.rows + count
        values = tuple(column[begin:end] for column in self._values)
        _transpose(out.rows, count, self._valid, begin // 8, values)
        for place, buffer in enumerate(self._entries):
            np.frombuffer(buffer, np.int32)[begin:end] = d.entry[place, :count]
        for row, numbers in _repeated(out).items():
            self._repeated[begin + row] = numbers
        self.rows = end

    def batch(self, d: Dictionaries) -> pa.RecordBatch:
        """Hand over all rows; their texts are those of `d`. Nothing can be added afterwards."""
        columns: list[pa.Array] = []
        for field in fields.FIELDS:
            if field.name in NUMBERS:
                place = NUMBERS.index(field.name)
                buffers = [pa.py_buffer(self._valid[place]), self._buffers[place]]
                columns.append(pa.Array.from_buffers(field.type, self.rows, buffers))
            else:
                place = TEXTS.index(field.name)
                buffers = [pa.py_buffer(self._valid[len(NUMBERS) + place]), self._entries[place]]
                entries = pa.Array.from_buffers(pa.int32(), self.rows, buffers)
                texts = text.dictionary(d, place)
                columns.append(pa.DictionaryArray.from_arrays(entries, texts, safe=False))
        columns.append(self._repeated_column())
        return pa.RecordBatch.from_arrays(columns, schema=fields.schema())

    def _repeated_column(self) -> pa.Array:
        rows = list(self._repeated)
        entry = np.zeros(self.rows, np.int32)
        there = np.zeros(self.rows, np.bool_)
        entry[rows], there[rows] = np.arange(len(rows)), True
        buffers = [pa.py_buffer(np.packbits(there, bitorder="little")), pa.py_buffer(entry)]
        entries = pa.Array.from_buffers(pa.int32(), self.rows, buffers)
        return pa.DictionaryArray.from_arrays(entries, text.strings(list(self._repeated.values())))


@kernel(nogil=True)
def _transpose(
    rows: np.ndarray, count: int, valid: np.ndarray, to: int,
    values: tuple,  # type: ignore[type-arg]
) -> None:  # fmt: skip
    """Spread `rows` over `values`, and their bits over `valid` from byte `to` on."""
    for begin in range(0, count, BLOCK_ROWS):
        end = min(begin + BLOCK_ROWS, count)
        for i in range(begin, end):
            r = rows[i]
            values[COL_TIME][i] = r.time_ns
            values[COL_FRAME_LEN][i] = r.frame_len
            values[COL_ARP_TYPE][i] = r.arp_type
        for i in range(begin, end):
            r = rows[i]
            values[COL_TCP_SRCPORT][i] = r.tcp_srcport
            values[COL_TCP_DSTPORT][i] = r.tcp_dstport
            values[COL_TCP_STREAM][i] = r.tcp_stream
            values[COL_INITIAL_RTT][i] = r.initial_rtt_s
            values[COL_TIME_DELTA][i] = r.time_delta_s
        for i in range(begin, end):
            r = rows[i]
            values[COL_TCP_LENGTH][i] = r.tcp_len
            values[COL_TCP_FLAGS][i] = r.tcp_flags
            values[COL_TCP_WINDOW][i] = r.tcp_window
            values[COL_TCP_CHECKSUM][i] = r.tcp_checksum
        for i in range(begin, end):
            r = rows[i]
            values[COL_UDP_SRCPORT][i] = r.udp_srcport
            values[COL_UDP_DSTPORT][i] = r.udp_dstport
            values[COL_UDP_STREAM][i] = r.udp_stream
            values[COL_UDP_CHECKSUM][i] = r.udp_checksum
            values[COL_UDP_LENGTH][i] = r.udp_length
        for octet in range(begin // 8, end // 8):
            for place in range(0, len(valid), 8):
                square: Any = np.uint64(0)  # a row a packet, a column a field
                for i in range(8):
                    bits = rows[8 * octet + i].valid >> np.uint32(place) & np.uint32(0xFF)
                    square |= np.uint64(bits) << np.uint64(8 * i)
                square = transposed(square)
                for i in range(min(8, len(valid) - place)):
                    valid[place + i, to + octet] = square >> np.uint64(8 * i) & np.uint64(0xFF)
    for i in range(count // 8 * 8, count):
        for bit in range(len(valid)):
            there = rows[i].valid >> np.uint32(bit) & 1
            valid[bit, to + (i >> 3)] |= np.uint8(there << (i & 7))


@subkernel(forceinline=True)
def transposed(square: Any) -> Any:
    """Transpose 8 x 8 bits in a uint64: bit ``8 i + j`` becomes bit ``8 j + i``.

    First within squares of 2 x 2 bits, then these within 4 x 4, then those.
    """
    other = (square ^ square >> np.uint64(7)) & np.uint64(0x00AA00AA00AA00AA)
    square ^= other ^ other << np.uint64(7)
    other = (square ^ square >> np.uint64(14)) & np.uint64(0x0000CCCC0000CCCC)
    square ^= other ^ other << np.uint64(14)
    other = (square ^ square >> np.uint64(28)) & np.uint64(0x00000000F0F0F0F0)
    return square ^ other ^ other << np.uint64(28)


def _repeated(out: Output) -> dict[int, str]:
    """Write the numbers that occur again in a packet, by row, as `fields.REPEATED` says."""
    several: dict[int, dict[int, list[float]]] = {}
    for row, column, value in out.extras[: out.extra_count[0]].tolist():
        first = out.rows[row][NUMBER_FIELDS[column]]
        several.setdefault(row, {}).setdefault(column, [first]).append(value)
    return {
        row: " ".join(
            f"{NUMBERS[column]}={','.join(_printed(NUMBERS[column], v) for v in found)}"
            for column, found in sorted(by_column.items())
        )
        for row, by_column in several.items()
    }


def _printed(name: str, value: float) -> str:
    """Write a number as TShark does."""
    field = fields.BY_NAME[name]
    if field.hexadecimal:
        return f"0x{int(value):04x}"
    return f"{value:.9f}" if field.type == pa.float64() else str(int(value))
