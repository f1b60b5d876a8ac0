"""Rows become columns of Arrow: values, bit maps of what is there, dictionaries of text."""

from typing import Any

import numba
import numpy as np
import pyarrow as pa

from packetids import fields
from packetids.native import text
from packetids.native.state import (
    ARP_TYPE,
    FRAME_LEN,
    INITIAL_RTT,
    NUMBER_FIELDS,
    NUMBERS,
    ROW,
    TCP_CHECKSUM,
    TCP_DSTPORT,
    TCP_FLAGS,
    TCP_LENGTH,
    TCP_SRCPORT,
    TCP_STREAM,
    TCP_WINDOW,
    TEXTS,
    TIME,
    TIME_DELTA,
    UDP_CHECKSUM,
    UDP_DSTPORT,
    UDP_LENGTH,
    UDP_SRCPORT,
    UDP_STREAM,
    Output,
)
from packetids.native.text import Dictionaries

BLOCK_ROWS = 256  # rows that stay in the processor's cache while every column takes from them


def batch(rows: int, out: Output, d: Dictionaries) -> pa.RecordBatch:
    """Make a batch of `fields.schema()` of the first `rows` rows; copies all."""
    bits = len(NUMBERS) + len(TEXTS)
    valid = np.zeros((bits, (rows + 7) // 8), np.uint8)
    # Of Arrow's memory pool, which gives the same pages again; the system's would be new ones.
    buffers = [pa.allocate_buffer(rows * ROW[name].itemsize) for name in NUMBER_FIELDS]
    values = tuple(
        np.frombuffer(buffer, ROW[name])
        for buffer, name in zip(buffers, NUMBER_FIELDS, strict=True)
    )
    _transpose(out.rows, rows, valid, values)
    columns: list[pa.Array] = []
    for field in fields.FIELDS:
        if field.name in NUMBERS:
            place = NUMBERS.index(field.name)
            there = pa.py_buffer(valid[place])
            columns.append(pa.Array.from_buffers(field.type, rows, [there, buffers[place]]))
        else:
            place = TEXTS.index(field.name)
            index = pa.py_buffer(d.entry[place, :rows].copy())
            there = pa.py_buffer(valid[len(NUMBERS) + place])
            columns.append(
                pa.DictionaryArray.from_arrays(
                    pa.Array.from_buffers(pa.int32(), rows, [there, index]),
                    text.dictionary(d, place),
                    safe=False,
                )
            )
    columns.append(_repeated(rows, out))
    return pa.RecordBatch.from_arrays(columns, schema=fields.schema())


@numba.njit(cache=True, nogil=True)
def _transpose(rows: np.ndarray, count: int, valid: np.ndarray, values: tuple) -> None:  # type: ignore[type-arg]
    for begin in range(0, count, BLOCK_ROWS):
        end = min(begin + BLOCK_ROWS, count)
        for i in range(begin, end):
            r = rows[i]
            values[TIME][i] = r.time_ns
            values[FRAME_LEN][i] = r.frame_len
            values[ARP_TYPE][i] = r.arp_type
        for i in range(begin, end):
            r = rows[i]
            values[TCP_SRCPORT][i] = r.tcp_srcport
            values[TCP_DSTPORT][i] = r.tcp_dstport
            values[TCP_STREAM][i] = r.tcp_stream
            values[INITIAL_RTT][i] = r.initial_rtt_s
            values[TIME_DELTA][i] = r.time_delta_s
        for i in range(begin, end):
            r = rows[i]
            values[TCP_LENGTH][i] = r.tcp_len
            values[TCP_FLAGS][i] = r.tcp_flags
            values[TCP_WINDOW][i] = r.tcp_window
            values[TCP_CHECKSUM][i] = r.tcp_checksum
        for i in range(begin, end):
            r = rows[i]
            values[UDP_SRCPORT][i] = r.udp_srcport
            values[UDP_DSTPORT][i] = r.udp_dstport
            values[UDP_STREAM][i] = r.udp_stream
            values[UDP_CHECKSUM][i] = r.udp_checksum
            values[UDP_LENGTH][i] = r.udp_length
        for octet in range(begin // 8, end // 8):
            for place in range(0, len(valid), 8):
                square: Any = np.uint64(0)  # a row a packet, a column a field
                for i in range(8):
                    bits = rows[8 * octet + i].valid >> np.uint32(place) & np.uint32(0xFF)
                    square |= np.uint64(bits) << np.uint64(8 * i)
                square = transposed(square)
                for i in range(min(8, len(valid) - place)):
                    valid[place + i, octet] = square >> np.uint64(8 * i) & np.uint64(0xFF)
    for i in range(count // 8 * 8, count):
        for bit in range(len(valid)):
            valid[bit, i >> 3] |= np.uint8((rows[i].valid >> np.uint32(bit) & 1) << (i & 7))


@numba.njit(cache=True, inline="always")
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


def _repeated(rows: int, out: Output) -> pa.Array:
    """Write the numbers that occur more than once in a packet, as `fields.REPEATED` says."""
    several: dict[int, dict[int, list[float]]] = {}
    for row, column, value in out.extras[: out.extra_count[0]].tolist():
        first = out.rows[row][NUMBER_FIELDS[column]]
        several.setdefault(row, {}).setdefault(column, [first]).append(value)
    texts: list[str] = []
    places = np.zeros(rows, np.int32)
    there = np.zeros(rows, np.bool_)
    for row, by_column in several.items():
        places[row], there[row] = len(texts), True
        texts.append(
            " ".join(
                f"{NUMBERS[column]}={','.join(_printed(NUMBERS[column], v) for v in found)}"
                for column, found in sorted(by_column.items())
            )
        )
    buffers = [pa.py_buffer(np.packbits(there, bitorder="little")), pa.py_buffer(places)]
    index = pa.Array.from_buffers(pa.int32(), rows, buffers)
    return pa.DictionaryArray.from_arrays(index, text.strings(texts))


def _printed(name: str, value: float) -> str:
    """Write a number as TShark does."""
    field = fields.BY_NAME[name]
    if field.hexadecimal:
        return f"0x{int(value):04x}"
    return f"{value:.9f}" if field.type == pa.float64() else str(int(value))
