"""What the kernels share: the packet they walk through, the columns they fill, the conversations.

Plain arrays, structured ones where that makes fewer of them. A kernel trusts what it is given:
`reader` makes the room and checks the input.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from packetids.core import fields
from packetids.kernels import kernel, subkernel

# What the walk meets next; a kernel sets it to the next layer, or to STOP.
STOP, ETHERNET, ETHERTYPE, LLC, PPP, MPLS, ARP, IP, IPV6, IP_PROTOCOL = range(10)
FRAGMENT = 20  # the walk stops until `fragments` has looked at it
UNSUPPORTED = 21  # the walk ends: TShark would go on here and we cannot; `PACKET`'s reason says why

# Why (`reasons.py` has the words). The number in question is in its protocol.
(
    LINK_TYPE, ETHERTYPE_REASON, IP_PROTOCOL_REASON, GRE_REASON, PORT_REASON, TCP_PORT_REASON,
    NESTING, MEDIA_REASON, OTHER,
) = range(9)  # fmt: skip

Record: TypeAlias = Any  # one element of a structured array


def record_dtype(fields: Sequence[tuple[str, str]], align: bool = False) -> np.dtype[np.void]:
    """Return a dtype of records whose fields are attributes, also in kernels run as Python."""
    return np.dtype((np.record, np.dtype(list(fields), align=align)))


PACKET = record_dtype(
    [
        ("at", "i8"),  # next octet, offset in the frame's array
        ("end", "i8"),  # of the captured octets that belong to the present layer
        ("reported_end", "i8"),  # where they would end had the whole frame been captured
        ("next", "i4"),
        ("protocol", "i4"),  # EtherType, IP or PPP protocol of what comes next
        ("row", "i8"),  # in the columns
        ("time_ns", "i8"),
        ("family", "i4"),  # 4 or 6: of the addresses; 0 without
        ("vlan", "i4"),
        ("src_high", "u8"), ("src_low", "u8"), ("dst_high", "u8"), ("dst_low", "u8"),
        ("fragmented", "?"),  # the layer is the first fragment of more
        ("in_error", "?"),  # the layer is quoted in an ICMP error message
        ("seen", "i4"),  # which of IP_SEEN, IPV6_SEEN and ARP_SEEN the frame holds
        ("reason", "i4"),
        ("depth", "i4"),
        ("fragment_id", "u8"), ("fragment_offset", "i8"),
        ("more_fragments", "?"),
    ],
    align=True,
)  # fmt: skip
IP_SEEN, IPV6_SEEN, ARP_SEEN = 1, 2, 4
DEPTH_MAX = 24  # headers with addresses in one frame

# Columns of text hold the octets of every occurrence until `text` writes them out.
TEXTS = (
    "arp.src.proto_ipv4", "arp.dst.proto_ipv4", "ip.proto", "ip.src", "ip.dst", "ip.ttl",
    "ipv6.src", "ipv6.dst",
)  # fmt: skip
(
    COL_ARP_SRC, COL_ARP_DST, COL_IP_PROTO, COL_IP_SRC, COL_IP_DST, COL_IP_TTL, COL_IPV6_SRC,
    COL_IPV6_DST,
) = range(8)  # fmt: skip
ITEM_OCTETS = (4, 4, 1, 4, 4, 1, 16, 16)

NUMBERS = tuple(f.name for f in fields.FIELDS if f.name not in TEXTS)
(
    COL_TIME, COL_FRAME_LEN, COL_ARP_TYPE, COL_TCP_SRCPORT, COL_TCP_DSTPORT, COL_TCP_STREAM,
    COL_INITIAL_RTT, COL_TIME_DELTA, COL_TCP_LENGTH, COL_TCP_FLAGS, COL_TCP_WINDOW,
    COL_TCP_CHECKSUM, COL_UDP_SRCPORT, COL_UDP_DSTPORT, COL_UDP_STREAM, COL_UDP_CHECKSUM,
    COL_UDP_LENGTH,
) = range(17)  # fmt: skip

# A row while it is filled; `columns` turns rows into columns. Names are Wireshark's.
ROW = record_dtype(
    [
        ("time_ns", "i8"), ("initial_rtt_s", "f8"), ("time_delta_s", "f8"),
        ("frame_len", "u4"), ("tcp_stream", "u4"), ("udp_stream", "u4"), ("tcp_len", "u4"),
        ("valid", "u4"),  # a bit for each of `NUMBERS`, and for each of `TEXTS` after them
        ("arp_type", "u2"), ("tcp_srcport", "u2"), ("tcp_dstport", "u2"), ("tcp_flags", "u2"),
        ("tcp_window", "u2"), ("tcp_checksum", "u2"), ("udp_srcport", "u2"),
        ("udp_dstport", "u2"), ("udp_checksum", "u2"), ("udp_length", "u2"),
    ],
    align=True,
)  # fmt: skip
NUMBER_FIELDS = (  # of a ROW, in the order of `NUMBERS`
    "time_ns", "frame_len", "arp_type", "tcp_srcport", "tcp_dstport", "tcp_stream",
    "initial_rtt_s", "time_delta_s", "tcp_len", "tcp_flags", "tcp_window", "tcp_checksum",
    "udp_srcport", "udp_dstport", "udp_stream", "udp_checksum", "udp_length",
)  # fmt: skip
EXTRA = record_dtype([("row", "i8"), ("column", "i8"), ("value", "f8")])  # a number that came again

ROWS = 1 << 13  # at most, before `columns` takes them
EXTRAS = 1 << 16  # of them, at most
FRAME_EXTRAS_MAX = 20 * DEPTH_MAX


class Output(NamedTuple):
    """Where the kernels write. Few arrays, because each costs time in every call."""

    rows: np.ndarray  # ROW (ROWS,)
    found: np.ndarray  # uint8 (8, DEPTH_MAX * 16 + 16): text occurrences in the present packet
    found_octets: np.ndarray  # int64 (8,)
    extras: np.ndarray  # EXTRA (EXTRAS,)
    extra_count: np.ndarray  # int64 (1,)


def output() -> Output:
    """Make room for `ROWS` rows."""
    return Output(
        rows=np.zeros(ROWS, ROW),
        found=np.zeros((len(TEXTS), (DEPTH_MAX + 1) * 16), np.uint8),
        found_octets=np.zeros(len(TEXTS), np.int64),
        extras=np.zeros(EXTRAS, EXTRA),
        extra_count=np.zeros(1, np.int64),
    )


@subkernel(forceinline=True)
def u8(octets: np.ndarray, at: int) -> int:
    """Read one octet by an unsigned index: numba then omits negative-index wraparound."""
    return np.int64(octets[np.uint64(at)])  # type: ignore[return-value]


@subkernel(forceinline=True)
def u16(octets: np.ndarray, at: int) -> int:
    """Read 16 bits in network order."""
    return u8(octets, at) << 8 | u8(octets, at + 1)


@subkernel(forceinline=True)
def u32(octets: np.ndarray, at: int) -> int:
    """Read 32 bits in network order."""
    return u16(octets, at) << 16 | u16(octets, at + 2)


@subkernel(forceinline=True)
def u64(octets: np.ndarray, at: int) -> int:
    """Read 64 bits in network order, as a uint64."""
    return np.uint64(u32(octets, at)) << np.uint64(32) | np.uint64(u32(octets, at + 4))  # type: ignore[return-value]


@subkernel(forceinline=True)
def claim(column: int, value: float, p: Record, out: Output) -> bool:
    """Check whether the packet has no number in `column` yet; if it has, note the further one."""
    r = out.rows[p.row]
    bit = np.uint32(1 << column)
    if r.valid & bit:
        extra = out.extras[out.extra_count[0]]
        extra.row, extra.column, extra.value = p.row, column, value
        out.extra_count[0] += 1
        return False
    r.valid |= bit
    return True


@subkernel(forceinline=True)
def note_text(octets: np.ndarray, at: int, size: int, column: int, out: Output) -> None:
    """Note one occurrence of a text column: `size` octets."""
    to = out.found_octets[column]
    for i in range(size):
        out.found[column, to + i] = octets[np.uint64(at + i)]
    out.found_octets[column] = to + size


@kernel
def drop(row: int, out: Output) -> None:
    """Take back what the packet of an unfinished row, the last one, noted outside it."""
    out.found_octets[:] = 0
    while out.extra_count[0] and out.extras[out.extra_count[0] - 1].row == row:
        out.extra_count[0] -= 1


@subkernel(forceinline=True)
def unsupported(p: Record, reason: int, number: int) -> None:
    """End the walk because TShark would go on and we cannot."""
    p.next = UNSUPPORTED
    p.reason = reason
    p.protocol = number


@subkernel(forceinline=True)
def shorten(p: Record, octets: int) -> None:
    """Take the layer to end after `octets`, where a header says so."""
    p.reported_end = min(p.reported_end, p.at + octets)
    p.end = min(p.end, p.reported_end)
