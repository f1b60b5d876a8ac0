"""Bytes of a capture from a file or stream, unpacked where it is gzip data.

gzip is known by its first two bytes, not by a file's name. RFC 1952.
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from packetids.capture.recognise import UNPACK_ERRORS, printable, words

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_OCTETS = 1 << 16
WITH_GZIP_HEADER = 31  # zlib's name for "a gzip member with the largest window"


class Source:
    """A stream of bytes that can be looked into ahead of reading.

    Attributes
    ----------
    name, whole : str
        For messages: what is read, and in what bytes are counted ("the file").
    damage : str
        Why the stream ended before its data did; empty while there is no such reason.
    """

    def __init__(self, capture: Path | BinaryIO) -> None:
        self._own = isinstance(capture, Path)
        self._stream: BinaryIO = capture.open("rb") if isinstance(capture, Path) else capture
        name = capture if self._own else getattr(capture, "name", "the stream")
        self.name = printable(str(name))
        self.whole = "the file" if self._own else getattr(capture, "whole", "the stream")
        self.damage = ""
        self._ahead = b""
        self._gzip: _Gunzip | None = None
        if self.peek(2) == GZIP_MAGIC:
            self._gzip = _Gunzip(self._read, self._ahead)
            self._ahead = b""
            self.whole = "the unpacked capture"

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._own:
            self._stream.close()

    def peek(self, octets: int) -> bytes:
        """Return up to the next `octets` bytes, fewer at the end, without reading past them."""
        parts = [self._ahead]
        have = len(self._ahead)
        while have < octets and (part := self._more(octets - have)):
            parts.append(part)
            have += len(part)
        self._ahead = b"".join(parts)
        return self._ahead[:octets]

    def fill(self, target: np.ndarray) -> int:
        """Read into the uint8 array `target`, and count bytes: fewer than it holds at the end."""
        view = memoryview(target)  # type: ignore[arg-type]
        filled = min(len(view), len(self._ahead))
        view[:filled] = self._ahead[:filled]
        self._ahead = self._ahead[filled:]
        while filled < len(view):
            if self._gzip is None and hasattr(self._stream, "readinto") and not self.damage:
                count = self._tried(self._stream.readinto, view[filled:]) or 0
            else:
                part = self._more(len(view) - filled)
                count = min(len(part), len(view) - filled)
                view[filled : filled + count] = part[:count]
                self._ahead = part[count:]
            if not count:
                break
            filled += count
        return filled

    def _more(self, octets: int) -> bytes:
        if self._gzip is None:
            return self._read(octets)
        part = self._gzip.read(octets)
        self.damage = self.damage or self._gzip.damage
        return part

    def _read(self, octets: int) -> bytes:
        return b"" if self.damage else self._tried(self._stream.read, octets) or b""

    def _tried(self, read: Callable[[Any], Any], argument: Any) -> Any:
        """Read; where that fails, the bytes end here, and what came before is still good."""
        try:
            return read(argument)
        except UNPACK_ERRORS as error:
            self.damage = f"it cannot be read any further ({words(error)})"


class _Gunzip:
    """Unpack gzip members one after the other; what comes before damage is still given."""

    def __init__(self, read: Callable[[int], bytes], packed: bytes) -> None:
        self._read_packed = read
        self._packed = packed
        self._member = zlib.decompressobj(WITH_GZIP_HEADER)
        self.damage = ""

    def read(self, octets: int) -> bytes:
        """Return some bytes, about `octets` at most; none at the end, where `damage` says why."""
        while not self.damage:
            if not self._packed:
                self._packed = self._read_packed(CHUNK_OCTETS)
            if self._member.eof:
                if not self._packed:
                    return b""
                if len(self._packed) == 1:
                    self._packed += self._read_packed(CHUNK_OCTETS)
                if not self._packed.startswith(GZIP_MAGIC):
                    self.damage = "bytes that are no gzip data follow the gzip data"
                    return b""
                self._member = zlib.decompressobj(WITH_GZIP_HEADER)
            ended = not self._packed
            part = self._inflate(octets)
            if part:
                return part
            if ended and not self.damage and not self._member.eof:
                self.damage = "the gzip data are cut short"
        return b""

    def _inflate(self, octets: int) -> bytes:
        before = self._member.copy()
        try:
            part = self._member.decompress(self._packed, octets)
        except zlib.error as error:
            # The call's output is lost with the error: again, byte by byte up to the damage.
            self.damage = f"the gzip data are damaged ({error})"
            parts = []
            try:
                for at in range(len(self._packed)):
                    parts.append(before.decompress(self._packed[at : at + 1]))
            except zlib.error:
                pass
            return b"".join(parts)
        self._packed = self._member.unused_data or self._member.unconsumed_tail
        return part
