"""Datagrams that came in fragments, put together as TShark does: in the frame that completes one.

RFC 791, section 3.2, and RFC 8200, section 4.5. Fragments of a datagram are told by addresses and
identification; of IPv4, protocol and VLAN are mixed into the latter. Of octets that came twice the
fragment with the smaller offset wins, of equal offsets the earlier one.
"""

from bisect import insort
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

Key: TypeAlias = tuple[int, ...]


@dataclass
class _Datagram:
    fragments: list[tuple[int, int, bytes]] = field(default_factory=list)  # offset, order, octets
    octets: int | None = None  # length, known from the last fragment


class Fragments:
    """The datagrams of one capture that are not complete."""

    def __init__(self) -> None:
        self._open: dict[Key, _Datagram] = {}

    def add(self, key: Key, offset: int, octets: bytes, more: bool) -> np.ndarray | None:
        """Take in a fragment; give the datagram's octets, uint8, if that completes it."""
        datagram = self._open.setdefault(key, _Datagram())
        insort(datagram.fragments, (offset, len(datagram.fragments), octets))
        if not more and datagram.octets is None:
            datagram.octets = offset + len(octets)
        if datagram.octets is None:
            return None
        reached = 0
        for start, _, part in datagram.fragments:
            if start <= reached:
                reached = max(reached, start + len(part))
        if reached < datagram.octets:
            return None
        del self._open[key]
        return _joined(datagram)


def _joined(datagram: _Datagram) -> np.ndarray:
    assert datagram.octets is not None
    whole = bytearray(datagram.octets)
    reached = 0
    for start, _, part in datagram.fragments:
        begin, end = max(start, reached), min(start + len(part), datagram.octets)
        if begin < end:
            whole[begin:end] = part[begin - start : end - start]
            reached = end
    return np.frombuffer(whole, np.uint8)
