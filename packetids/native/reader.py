"""Packet fields of a capture, equal to TShark's, read from its bytes.

`frames` finds the frames, `dissect` walks through their layers, `text` writes addresses. What
TShark would dissect and this reader would not (another tunnel, another link type) is said with
`errors.Unsupported`, never guessed.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from packetids.core.errors import PacketidsError, Unsupported
from packetids.native import columns, dissect, fragments, reasons, state, text
from packetids.native.capture import frames
from packetids.native.capture.frames import Frames
from packetids.native.conversations import table

# Of the packet: what fragments of one datagram have in common.
FRAGMENT_KEY = ("src_high", "src_low", "dst_high", "dst_low", "family", "fragment_id")
BLOCK_OCTETS = 1 << 20  # stays in the processor's cache between reading and dissecting
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
        `columns.BATCH_ROWS` rows.

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
            f"{display_filter!r} holds {unknown[0]!r}",
            "Use the tshark reader.",
        )
    return int(np.bitwise_or.reduce([SEEN[term] for term in terms]))


class _Reading:
    """One capture being read."""

    def __init__(self, name: str, wanted: int) -> None:
        self.name = name
        self.wanted = wanted
        self.out = state.output()
        self.columns = columns.Columns()
        self.dictionaries = text.dictionaries()
        self.conversations = table.none()
        self.fragments = fragments.Fragments()
        self.packet = np.zeros(1, state.PACKET)

    def batches(self, capture: Path | BinaryIO) -> Iterator[pa.RecordBatch]:
        row = 0
        try:
            for run in frames.read(capture, BLOCK_OCTETS, reuse=True):
                first = 0
                while first < len(run.start):
                    first, row, why = self._run(run, first, row)
                    if why == dissect.FULL:
                        self._take(row)
                        if row < state.ROWS or self.columns.full:
                            yield self._batch()
                        row = 0
                    elif why == dissect.GROW:
                        self.conversations = table.grown(self.conversations)
                    elif why == state.FRAGMENT:
                        row = self._fragment(run, first)
                        first += 1
                    elif why == state.UNSUPPORTED:
                        raise self._unsupported(run, first)
        except PacketidsError:
            self._take(row)
            if self.columns.rows:
                yield self._batch()
            raise
        self._take(row)
        if self.columns.rows:
            yield self._batch()

    def _run(self, run: Frames, first: int, row: int) -> tuple[int, int, int]:
        return dissect.run(
            run.octets, run.start, run.captured_octets, run.wire_octets, run.time_ns,
            run.has_time, run.link_type, run.fcs_octets, first, row, self.wanted, False,
            self.packet[0], self.conversations, self.out, self.dictionaries,
        )  # fmt: skip

    def _fragment(self, run: Frames, frame: int) -> int:
        """Take in a fragment, go on with the datagram that it completes; give the next row."""
        p = self.packet[0]
        octets = run.octets
        while True:
            datagram = self._datagram(octets)
            if datagram is None:
                p["next"] = state.STOP
            else:
                octets = datagram
                p["at"], p["end"], p["reported_end"] = 0, len(octets), len(octets)
                p["fragmented"] = False
                p["next"] = state.IP_PROTOCOL
            one = slice(frame, frame + 1)
            _, row, why = dissect.run(
                octets, run.start[one], run.captured_octets[one], run.wire_octets[one],
                run.time_ns[one], run.has_time[one], run.link_type[one], run.fcs_octets[one],
                0, int(p["row"]), self.wanted, True,
                p, self.conversations, self.out, self.dictionaries,
            )  # fmt: skip
            if why == state.UNSUPPORTED:
                raise self._unsupported(run, frame)
            if why != state.FRAGMENT:
                return row

    def _datagram(self, octets: np.ndarray) -> np.ndarray | None:
        """Return the datagram that the fragment at hand completes, if it does."""
        p = self.packet[0]
        key = tuple(int(p[name]) for name in FRAGMENT_KEY)
        part = octets[int(p["at"]) : int(p["end"])].tobytes()
        return self.fragments.add(key, int(p["fragment_offset"]), part, bool(p["more_fragments"]))

    def _unsupported(self, run: Frames, frame: int) -> Unsupported:
        p = self.packet[0]
        why = reasons.words(int(p["reason"]), int(p["protocol"]))
        state.drop(int(p["row"]), self.out)
        advice = "It is not read natively: use the tshark reader."
        return Unsupported(why, advice, self.name, run.first_number + frame)

    def _take(self, rows: int) -> None:
        """Copy `rows` packets to the columns and make room for the next ones."""
        self.columns.take(rows, self.out, self.dictionaries)
        self.out.extra_count[0] = 0

    def _batch(self) -> pa.RecordBatch:
        """Hand over the columns and begin new ones."""
        made = self.columns.batch(self.dictionaries)
        self.columns = columns.Columns()
        text.clear(self.dictionaries)
        return made
