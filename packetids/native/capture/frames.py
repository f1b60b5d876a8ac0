"""Frames of a capture, a run of them at a time, whatever the capture's size.

pcap and pcapng files and streams, also as gzip data; known by their first bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from packetids.capture import recognise
from packetids.core.errors import PacketidsError, Unsupported
from packetids.native.capture import pcap, pcapng, records
from packetids.native.capture.source import Source

SMALLEST_BLOCK_OCTETS = 64


@dataclass(frozen=True)
class Frames:
    """A run of consecutive frames of one capture; n frames, all columns of shape (n,)."""

    first_number: int  # frame.number of the first, from 1
    octets: np.ndarray  # uint8; the captured bytes, record headers may lie in between
    start: np.ndarray  # int64, offset in `bytes` of each frame's first captured byte
    captured_octets: np.ndarray  # int64
    wire_octets: np.ndarray  # int64; frame.len as TShark prints it
    time_ns: np.ndarray  # int64, since the epoch
    has_time: np.ndarray  # bool; False where TShark prints no time
    link_type: np.ndarray  # int32, LINKTYPE_ value; linktypes.NO_PACKET in a custom block
    fcs_octets: np.ndarray  # uint8; frame check sequence at the end, if announced


def read(
    capture: Path | BinaryIO, block_octets: int = 16 << 20, reuse: bool = False
) -> Iterator[Frames]:
    """Read the frames of `capture` in order.

    Parameters
    ----------
    capture : Path or binary stream
        A pcap or pcapng capture, also packed by gzip. A stream needs ``read`` only, such as
        ``sys.stdin.buffer``.
    block_octets : int
        Memory for the bytes of one run; more where a single record needs more, at most 128 MiB.
    reuse : bool
        Fill the same arrays again, for a consumer that is done with a run when it asks for the
        next. Much faster with blocks that stay in the processor's cache.

    Yields
    ------
    Frames
        Never empty.

    Raises
    ------
    PacketidsError
        If the capture is damaged or cut short. Frames before the damage come first.
    Unsupported
        If it is no pcap or pcapng capture, or holds what only TShark reads.
    """
    source = Source(capture)
    try:
        yield from _runs(source, max(block_octets, SMALLEST_BLOCK_OCTETS), reuse)
    finally:
        source.close()


def _runs(source: Source, block_octets: int, reuse: bool) -> Iterator[Frames]:
    opened = _open(source)
    octets = np.empty(block_octets, np.uint8)
    end = source.fill(octets)  # of the bytes that were read
    at = opened.first_octet  # of the next record
    base = 0  # offset of bytes[0] in the capture
    number = 1
    columns = records.room(0)
    while True:
        rows = min(records.ROWS, end // pcap.RECORD_OCTETS + 1)
        if not reuse or rows > len(columns.start):
            columns = records.room(rows)
        found = opened.scan(octets, at, end, columns)
        if found.rows:
            yield Frames(
                number, octets, columns.start[: found.rows], columns.captured_octets[: found.rows],
                columns.wire_octets[: found.rows], columns.time_ns[: found.rows],
                columns.has_time[: found.rows], columns.link_type[: found.rows],
                columns.fcs_octets[: found.rows],
            )  # fmt: skip
            number += found.rows
        at = found.at
        if found.problem:
            where = f"byte {base + at} of {source.whole}"
            if found.unsupported:
                advice = f"It is at {where}: use the tshark reader."
                raise Unsupported(found.problem, advice, source.name, number)
            raise PacketidsError(
                f"{source.name}: frame {number}, {where}: {found.problem}. The capture is damaged: "
                "fetch it again, or take it out of the captures folder."
            )
        if found.needed_octets:
            if end < len(octets):
                if at < end or source.damage:
                    raise PacketidsError(
                        f"{source.name}: cut short in frame {number}, byte {base + at} of "
                        f"{source.whole}: at least {found.needed_octets} bytes are needed from "
                        f"there on and there are {end - at}"
                        f"{'; ' if source.damage else ''}{source.damage}. Fetch it again, or take "
                        "it out of the captures folder."
                    )
                return
            tail = end - at
            needed = max(block_octets, found.needed_octets)
            fresh = octets if reuse and needed <= len(octets) else np.empty(needed, np.uint8)
            fresh[:tail] = octets[at:end]
            end = tail + source.fill(fresh[tail:])
            octets, base, at = fresh, base + at, 0


def _open(source: Source) -> "pcap.Pcap | pcapng.Pcapng":
    head = source.peek(pcap.HEADER_OCTETS)
    magic = head[:4]
    if source.damage and len(head) < pcap.HEADER_OCTETS:
        raise PacketidsError(
            f"{source.name}: {source.damage}, after {len(head)} bytes of {source.whole}. Fetch it "
            "again, or take it out of the captures folder."
        )
    if not magic:
        raise PacketidsError(
            f"{source.name}: the file has 0 bytes and a capture at least 24. Fetch it again, or "
            "take it out of the captures folder."
        )
    if pcap.recognises(magic):
        return pcap.opened(source)
    if pcapng.recognises(magic):
        return pcapng.opened(source)
    what = recognise.format_of(head)
    raise Unsupported(
        "a pcap or pcapng capture, plain or as gzip data, is needed and the file begins with "
        f"{magic.hex(' ')}{f' ({what})' if what else ''}",
        "Unpack it, use the tshark reader, or take it out of the captures folder.",
        source.name,
    )
