"""Packet fields of a capture, equal to TShark's, read from its octets.

`frames` finds the frames, `dissect` walks through their layers, `text` writes addresses. What
TShark would dissect and this reader would not (another tunnel, another link type) is said with
`errors.Unsupported`, never guessed.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from packetids import fields
from packetids.errors import PacketidsError, Unsupported
from packetids.native import conversations, dissect, fragments, frames, reasons, state, text
from packetids.native.frames import Frames

SEEN = {"ip": state.IP_SEEN, "ipv6": state.IPV6_SEEN, "arp": state.ARP_SEEN}


def read(capture: Path | BinaryIO, display_filter: str) -> Iterator[pa.RecordBatch]:
    """Read the 25 fields of every packet that `display_filter` lets through, in batches.

    Parameters
    ----------
    capture : Path or binary stream
        pcap or pcapng, gzip-compressed too.
    display_filter : str
        ``ip``, ``ipv6`` and ``arp``, one or several joined by ``or``; empty lets everything
        through.

    Yields
    ------
    pyarrow.RecordBatch
        With the schema of `fields.schema()`; a field that a packet lacks is null. At most
        `state.ROWS` rows.

    Raises
    ------
    PacketidsError
        If the capture is damaged. Batches before the damage come first.
    Unsupported
        If only TShark reads it, or the filter.
    """
    wanted = wanted_protocols(display_filter)
    return _Reading(str(getattr(capture, "name", capture)), wanted).batches(capture)


def wanted_protocols(display_filter: str) -> int:
    """Understand a display filter; gives bits of `state.IP_SEEN` and the like, 0 for all."""
    terms = re.split(r"\s+or\s+|\s*\|\|\s*", display_filter.strip().strip("()").strip())
    if terms == [""]:
        return 0
    if unknown := [term for term in terms if term not in SEEN]:
        raise Unsupported(
            f"the native reader filters by {', '.join(SEEN)} joined by or, and the filter "
            f"{display_filter!r} holds {unknown[0]!r}. Use the tshark reader."
        )
    return int(np.bitwise_or.reduce([SEEN[term] for term in terms]))


class _Reading:
    """One capture being read."""

    def __init__(self, name: str, wanted: int) -> None:
        self.name = name
        self.wanted = wanted
        self.out = state.columns()
        self.conversations = conversations.none()
        self.fragments = fragments.Fragments()
        self.packet = np.zeros(1, state.PACKET)

    def batches(self, capture: Path | BinaryIO) -> Iterator[pa.RecordBatch]:
        row = 0
        try:
            for run in frames.read(capture):
                first = 0
                while first < len(run.start):
                    first, row, why = self._run(run, first, row)
                    if why == dissect.FULL:
                        yield self._batch(row)
                        row = 0
                    elif why == dissect.GROW:
                        self.conversations = conversations.grown(self.conversations)
                    elif why == state.FRAGMENT:
                        row = self._fragment(run, first)
                        first += 1
                    elif why == state.UNSUPPORTED:
                        raise self._unsupported(run, first)
        except PacketidsError:
            if row:
                yield self._batch(row)
            raise
        if row:
            yield self._batch(row)

    def _run(self, run: Frames, first: int, row: int) -> tuple[int, int, int]:
        return dissect.run(
            run.octets, run.start, run.captured_octets, run.wire_octets, run.time_ns,
            run.has_time, run.link_type, first, row, self.wanted,
            self.packet[0], self.conversations, self.out,
        )  # fmt: skip

    def _fragment(self, run: Frames, frame: int) -> int:
        """Take in a fragment, go on with the datagram that it completes, and close the row."""
        p = self.packet[0]
        octets = run.octets
        while p["next"] == state.FRAGMENT:
            key = tuple(
                int(p[name])
                for name in ("src_high", "src_low", "dst_high", "dst_low", "family",
                             "fragment_id", "protocol", "vlan")
            )  # fmt: skip
            part = octets[int(p["at"]) : int(p["end"])].tobytes()
            datagram = self.fragments.add(
                key, int(p["fragment_offset"]), part, bool(p["more_fragments"])
            )
            if datagram is None:
                p["next"] = state.STOP
                break
            octets = datagram
            p["at"], p["end"], p["reported_end"] = 0, len(octets), len(octets)
            p["fragmented"] = False
            p["next"] = state.IP_PROTOCOL
            dissect.walk(octets, p, self.conversations, self.out)
        if p["next"] == state.UNSUPPORTED:
            raise self._unsupported(run, frame)
        return dissect.close(p, run.has_time[frame], run.wire_octets[frame], self.wanted, self.out)

    def _unsupported(self, run: Frames, frame: int) -> Unsupported:
        p = self.packet[0]
        why = reasons.words(int(p["reason"]), int(p["protocol"]))
        self._drop(int(p["row"]))
        return Unsupported(f"{self.name}: frame {run.first_number + frame}: {why}")

    def _drop(self, row: int) -> None:
        """Take back what an unfinished packet left in the row after the last."""
        self.out.valid[:, row >> 3] &= (1 << (row & 7)) - 1
        self.out.found_octets[:] = 0
        extras = self.out.extra_row[: self.out.extras[0]]
        self.out.extras[0] = int((extras < row).sum())

    def _batch(self, rows: int) -> pa.RecordBatch:
        """Hand over `rows` packets and make room for the next ones."""
        columns: list[pa.Array] = []
        numbers = dict(zip(state.NUMBERS, self.out[1:18], strict=True))
        for field in fields.FIELDS:
            if field.name in numbers:
                place = state.NUMBERS.index(field.name)
                values = numbers[field.name][:rows].copy()
                columns.append(
                    pa.Array.from_buffers(
                        field.type, rows, [self._valid(place, rows), pa.py_buffer(values)]
                    )
                )
                continue
            column = state.TEXTS.index(field.name)
            valid = self._valid(len(state.NUMBERS) + column, rows)
            index = pa.py_buffer(self.out.index[column, :rows].copy())
            columns.append(
                pa.DictionaryArray.from_arrays(
                    pa.Array.from_buffers(pa.int32(), rows, [valid, index]),
                    text.dictionary(self.out, column),
                    safe=False,
                )
            )
        columns.append(self._repeated(rows, numbers))
        self.out.valid[:, : (rows + 7) // 8] = 0
        self.out.extras[0] = 0
        text.clear(self.out)
        return pa.RecordBatch.from_arrays(columns, schema=fields.schema())

    def _valid(self, place: int, rows: int) -> pa.Buffer:
        return pa.py_buffer(self.out.valid[place, : (rows + 7) // 8].copy())

    def _repeated(self, rows: int, numbers: dict[str, Any]) -> pa.Array:
        """Write the numbers that occur more than once in a packet, as `fields.REPEATED` says."""
        count = int(self.out.extras[0])
        several: dict[int, dict[int, list[float]]] = {}
        for row, column, value in zip(
            self.out.extra_row[:count].tolist(),
            self.out.extra_column[:count].tolist(),
            self.out.extra_value[:count].tolist(),
            strict=True,
        ):
            first = numbers[state.NUMBERS[column]][row]
            several.setdefault(row, {}).setdefault(column, [first]).append(value)
        texts: list[str] = []
        places = np.full(rows, -1, np.int32)
        for row, by_column in several.items():
            places[row] = len(texts)
            texts.append(
                " ".join(
                    f"{state.NUMBERS[column]}="
                    + ",".join(
                        _printed(state.NUMBERS[column], value) for value in by_column[column]
                    )
                    for column in sorted(by_column)
                )
            )
        index = pa.array(places, pa.int32(), mask=places < 0)
        return pa.DictionaryArray.from_arrays(index, pa.array(texts, pa.string()))


def _printed(name: str, value: float) -> str:
    field = fields.BY_NAME[name]
    if field.hexadecimal:
        return f"0x{int(value):04x}"
    return f"{value:.9f}" if field.type == pa.float64() else str(int(value))
