"""Packet fields of one capture to one Parquet file.

Ge et al. 2019, section IV-B, "Feature extraction". Readers give the same rows; `READERS` names
them for the setting ``extract.reader``, which may also be `AUTO`. `many` extracts a folder of
captures; ``python -m packetids.extract`` is the tool for the command line.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from packetids.capture import recognise
from packetids.core import atomic, parquet
from packetids.core.errors import PacketidsError, Unsupported
from packetids.extract.writer import Writer

Reader = Callable[[Path | BinaryIO, str], Iterator[pa.RecordBatch]]

NATIVE, TSHARK = "native", "tshark"
AUTO = "auto"  # native, and TShark for the captures that only it reads

# Keys of a Parquet file's metadata.
READ_BY, REASON, DAMAGE = "packetids.reader", "packetids.reason", parquet.DAMAGE


# A reader is imported where it is used: numba alone takes a quarter of a second.
def _native(capture: Path | BinaryIO, display_filter: str) -> Iterator[pa.RecordBatch]:
    from packetids.native.reader import read

    return read(capture, display_filter)


def _tshark(capture: Path | BinaryIO, display_filter: str) -> Iterator[pa.RecordBatch]:
    from packetids.extract.tshark import read

    return read(capture, display_filter)


READERS: dict[str, Reader] = {NATIVE: _native, TSHARK: _tshark}


@dataclass(frozen=True)
class Reading:
    """How one capture was read."""

    reader: str  # native | tshark: the one whose rows these are
    reason: str  # why `AUTO` gave the capture to TShark; else empty
    packets: int
    damage: str = ""  # what ended the reading early; else empty


def to_parquet(
    capture: Path | BinaryIO,
    target: Path,
    reader: str,
    display_filter: str,
    metadata: dict[str, str] | None = None,
    *,
    keep_damaged: bool = False,
    named: str = "",
) -> Reading:
    """Extract `capture` to the Parquet file `target`, which appears only when it is whole.

    Parameters
    ----------
    capture : Path or binary stream
        A stream cannot be read twice, so `AUTO` needs a path.
    target : Path
        Its metadata tell the reader, and hold `metadata`.
    reader : str
        A name of `READERS`, or `AUTO`.
    display_filter : str
        Wireshark's display filter language.
    keep_damaged : bool
        Keep what comes before damage; `Reading.damage` and the metadata of `target` tell it.
    named : str
        What errors and metadata call the capture instead of its path.

    Raises
    ------
    PacketidsError
        If the reader does not exist, cannot read the capture to its end, or `target` is there and
        is no Parquet file.
    """
    check(reader)
    if why := recognise.not_replaceable(target):
        raise PacketidsError(f"{recognise.printable(target)} {why}. It is not replaced.")
    write = partial(_write, capture, target, display_filter, metadata or {}, keep_damaged, named)
    if reader != AUTO:
        return write(reader)
    try:
        return write(NATIVE)
    except Unsupported as error:
        reason = error.reason
    _check_begin(capture)
    try:
        return write(TSHARK, reason)
    except PacketidsError as error:
        raise PacketidsError(f"{error} (The native reader does not read it: {reason})") from None


def check(reader: str) -> None:
    """Refuse a reader that does not exist."""
    if reader not in (*READERS, AUTO):
        raise PacketidsError(
            f"extract.reader: {reader} is no reader; there is {', '.join(sorted(READERS))}, {AUTO}."
        )


def _check_begin(capture: Path | BinaryIO) -> None:
    """Refuse what is no capture: TShark may take it for one, of a single packet."""
    if isinstance(capture, Path):
        file = recognise.recognise(capture)
        if file.kind in (recognise.Kind.OTHER, recognise.Kind.PRETENDER):
            raise PacketidsError(
                f"{file}. Fetch it again, or take it out of the captures folder; what TShark makes "
                "of it; the tshark reader can."
            )


def _write(
    capture: Path | BinaryIO,
    target: Path,
    display_filter: str,
    metadata: dict[str, str],
    keep_damaged: bool,
    named: str,
    reader: str,
    reason: str = "",
) -> Reading:
    metadata = {READ_BY: reader, REASON: reason, **metadata}
    damage = ""
    with atomic.replacing(target) as part, Writer(part, metadata) as writer:
        try:
            for batch in READERS[reader](capture, display_filter):
                writer.write(batch)
        except PacketidsError as error:
            if named:
                told = (
                    a.replace(str(capture), named) if isinstance(a, str) else a for a in error.args
                )
                error = type(error)(*told)
            if not keep_damaged or isinstance(error, Unsupported):
                raise error from None
            damage = str(error)
            writer.note(DAMAGE, damage)
    return Reading(reader, reason, writer.rows, damage)
