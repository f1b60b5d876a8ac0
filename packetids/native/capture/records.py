"""What the scans for records of both capture formats share: columns, result, integer reading."""

from dataclasses import dataclass

import numpy as np
from numba.extending import register_jitable

from packetids.kernels import subkernel

ROWS = 1 << 18  # at most, in one run of frames

# Why a scan stopped.
FULL = 0  # no row is left
SHORT = 1  # more bytes are needed
TOO_LONG = 2  # more captured bytes than any frame has
TOO_SMALL = 3  # fewer captured bytes than the link type's pseudo-header

LARGEST_WIRE_OCTETS = 2**31 - 1  # TShark prints no larger frame.len


@dataclass
class Columns:
    """Room for the columns of `frames.Frames`, all of shape (rows,)."""

    start: np.ndarray
    captured_octets: np.ndarray
    wire_octets: np.ndarray
    time_ns: np.ndarray
    has_time: np.ndarray
    link_type: np.ndarray
    fcs_octets: np.ndarray


def room(rows: int) -> Columns:
    """Make room for `rows` frames."""
    return Columns(
        start=np.empty(rows, np.int64),
        captured_octets=np.empty(rows, np.int64),
        wire_octets=np.empty(rows, np.int64),
        time_ns=np.empty(rows, np.int64),
        has_time=np.ones(rows, np.bool_),
        link_type=np.empty(rows, np.int32),
        fcs_octets=np.empty(rows, np.uint8),
    )


@dataclass(frozen=True)
class Scanned:
    """How far a scan came."""

    rows: int  # filled
    at: int  # offset of the first byte that was not used
    needed_octets: int = 0  # from `at` on, to go on; 0 if nothing is missing
    problem: str = ""  # damage at `at`
    unsupported: bool = False  # the problem is ours, not the capture's


@register_jitable
def padded(octets: int) -> int:
    """Round up to whole 32 bits."""
    return octets + (-octets & 3)


@subkernel(forceinline=True)
def u32(octets: np.ndarray, at: int, big_endian: bool) -> int:
    """Read 32 bits, unsigned, as an int64."""
    first = np.uint64(at)  # unsigned: no look for an index from the end
    a = np.int64(octets[first])
    b = np.int64(octets[first + np.uint64(1)])
    c = np.int64(octets[first + np.uint64(2)])
    d = np.int64(octets[first + np.uint64(3)])
    if big_endian:
        return a << 24 | b << 16 | c << 8 | d  # type: ignore[return-value]
    return d << 24 | c << 16 | b << 8 | a  # type: ignore[return-value]


@subkernel(forceinline=True)
def printed_ns(seconds: int, fraction_ns: int) -> int:
    """Return the time as TShark prints it: a minus sign of either part is one of the whole.

    So does `tshark.read` understand "-1.000001000", which stands for 1 s less 1 µs. Of the
    fraction TShark keeps 32 bits, signed.
    """
    fraction_ns = (fraction_ns + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
    if seconds < 0 or fraction_ns < 0:
        return -(abs(seconds) * 1_000_000_000 + abs(fraction_ns))
    return seconds * 1_000_000_000 + fraction_ns


@subkernel(forceinline=True)
def printed_octets(wire_octets: int) -> int:
    """Return frame.len as TShark prints it: 32 bits, and no more than 31 of them."""
    return min(wire_octets & 0xFFFFFFFF, LARGEST_WIRE_OCTETS)
