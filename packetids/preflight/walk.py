"""Walk the records of a capture to its end: count its packets, and find damage.

The native reader's own scan of records does it, so that the walk and the reading agree on what is
damaged, and where. Every byte of the file is read, because seeking from header to header would
spare nothing: BoT-IoT's packets have 124 bytes on average, and a disk reads 4,096 at least.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from packetids.capture import recognise
from packetids.core.errors import PacketidsError, Unsupported
from packetids.extract import compiled

BLOCK_BYTES = 1 << 20  # stays in the processor's cache


@dataclass(frozen=True)
class Walk:
    """A capture to walk."""

    path: Path
    packing: str = recognise.PLAIN

    def __str__(self) -> str:
        return recognise.printable(self.path)


@dataclass(frozen=True)
class Walked:
    """What the records of a capture tell."""

    packets: int  # before the damage
    damage: str = ""  # names file, packet and byte; empty if the capture is whole
    unread: str = ""  # why it was not walked, or not to its end: only TShark reads it


def walk(item: Walk) -> Walked:
    """Count the packets of a capture up to its end, or to what is damaged or unknown."""
    from packetids.native.capture import frames

    packets = 0
    try:
        if item.packing in recognise.NATIVELY_READ_PACKINGS:
            for run in frames.read(item.path, BLOCK_BYTES, reuse=True):
                packets += len(run.start)
        else:
            with recognise.unpacked(item.path, item.packing) as stream:
                for run in frames.read(_Unpacked(stream, item.path), BLOCK_BYTES, reuse=True):  # type: ignore[arg-type]
                    packets += len(run.start)
    except Unsupported as error:
        return Walked(packets, unread=error.reason)
    except PacketidsError as error:
        return Walked(packets, damage=str(error))
    except recognise.UNPACK_ERRORS as error:  # also of a file that is not there any more
        return Walked(packets, damage=f"{item}: cannot be read ({recognise.words(error)}).")
    return Walked(packets)


def prepare() -> None:
    """Compile the scans, or load them, so that workers find them; a few seconds at most."""
    from packetids.native.capture import frames

    for capture in (compiled.PCAP, compiled.PCAPNG):
        for _ in frames.read(io.BytesIO(capture)):
            pass


class _Unpacked:
    """A stream with the name of its file, for messages."""

    whole = "the unpacked capture"

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self.read = stream.read
        self.name = str(path)
