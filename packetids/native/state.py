"""What the kernels share: the packet they walk through, the columns they fill, the conversations.

Everything is plain arrays in named tuples, so that a kernel takes three arguments instead of
sixty. A kernel trusts what it is given: `reader` makes the room and checks the input.
"""

from typing import NamedTuple

import numba
import numpy as np

from packetids import fields

# What the walk meets next; a kernel sets it to the next layer, or to STOP.
STOP, ETHERNET, ETHERTYPE, LLC, PPP, MPLS, ARP, IP, IPV6, IP_PROTOCOL = range(10)
FRAGMENT = 20  # the walk stops until `fragments` has looked at it
UNSUPPORTED = 21  # the walk ends: TShark would go on here and we cannot; `Packet.reason` says why

# Why (`reasons.py` has the words). The number in question is in `Packet.protocol`.
(
    LINK_TYPE, ETHERTYPE_REASON, IP_PROTOCOL_REASON, GRE_REASON, PORT_REASON, TCP_PORT_REASON,
    NESTING, OTHER,
) = range(8)  # fmt: skip

PACKET = np.dtype(
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
        ("fragment_id", "u8"), ("fragment_offset", "i8"), ("fragment_end", "i8"),
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
ARP_SRC, ARP_DST, IP_PROTO, IP_SRC, IP_DST, IP_TTL, IPV6_SRC, IPV6_DST = range(8)
ITEM_OCTETS = (4, 4, 1, 4, 4, 1, 16, 16)

NUMBERS = tuple(f.name for f in fields.FIELDS if f.name not in TEXTS)
(
    TIME, FRAME_LEN, ARP_TYPE, TCP_SRCPORT, TCP_DSTPORT, TCP_STREAM, INITIAL_RTT, TIME_DELTA,
    TCP_LENGTH, TCP_FLAGS, TCP_WINDOW, TCP_CHECKSUM, UDP_SRCPORT, UDP_DSTPORT, UDP_STREAM,
    UDP_CHECKSUM, UDP_LENGTH,
) = range(17)  # fmt: skip

ROWS = 1 << 18  # of one batch, at most
SLOTS = ROWS * 2
POOL_OCTETS = ROWS * 16
EXTRAS = 1 << 16  # numbers that occur again in their packet, of one batch
FRAME_EXTRAS_MAX = 20 * DEPTH_MAX


class Columns(NamedTuple):
    """Room for a batch of `ROWS` packets."""

    valid: np.ndarray  # uint8 (17 + 8, ROWS / 8), bit maps
    time_ns: np.ndarray  # int64 (ROWS,), as the next ones
    frame_len: np.ndarray  # uint32
    arp_type: np.ndarray  # uint16
    tcp_srcport: np.ndarray
    tcp_dstport: np.ndarray
    tcp_stream: np.ndarray  # uint32
    initial_rtt_s: np.ndarray  # float64
    time_delta_s: np.ndarray  # float64
    tcp_length: np.ndarray  # uint32
    tcp_flags: np.ndarray  # uint16, as all that follow but the stream
    tcp_window: np.ndarray
    tcp_checksum: np.ndarray
    udp_srcport: np.ndarray
    udp_dstport: np.ndarray
    udp_stream: np.ndarray  # uint32
    udp_checksum: np.ndarray
    udp_length: np.ndarray
    found: np.ndarray  # uint8 (8, DEPTH_MAX * 16): occurrences in the present packet
    found_octets: np.ndarray  # int64 (8,)
    index: np.ndarray  # int32 (8, ROWS): which entry of the column's dictionary
    slots: np.ndarray  # int32 (8, SLOTS): entry + 1 by hash, 0 is free
    entry_slot: np.ndarray  # int32 (8, ROWS)
    entry_end: np.ndarray  # int64 (8, ROWS + 1), offsets in the pool; [:, 0] is 0
    entries: np.ndarray  # int64 (8,)
    pool: np.ndarray  # uint8 (8, POOL_OCTETS)
    extra_row: np.ndarray  # int64 (EXTRAS,)
    extra_column: np.ndarray  # int64 (EXTRAS,)
    extra_value: np.ndarray  # float64 (EXTRAS,)
    extras: np.ndarray  # int64 (1,): how many


def columns() -> Columns:
    """Make room for one batch."""
    integers = {"time_ns": np.int64, "frame_len": np.uint32, "tcp_stream": np.uint32}
    integers |= {"tcp_length": np.uint32, "udp_stream": np.uint32}
    kinds = integers | {"initial_rtt_s": np.float64, "time_delta_s": np.float64}
    return Columns(
        np.zeros((len(NUMBERS) + len(TEXTS), ROWS // 8), np.uint8),
        *(np.empty(ROWS, kinds.get(name, np.uint16)) for name in Columns._fields[1:18]),
        found=np.zeros((len(TEXTS), (DEPTH_MAX + 1) * 16), np.uint8),
        found_octets=np.zeros(len(TEXTS), np.int64),
        index=np.zeros((len(TEXTS), ROWS), np.int32),
        slots=np.zeros((len(TEXTS), SLOTS), np.int32),
        entry_slot=np.zeros((len(TEXTS), ROWS), np.int32),
        entry_end=np.zeros((len(TEXTS), ROWS + 1), np.int64),
        entries=np.zeros(len(TEXTS), np.int64),
        pool=np.zeros((len(TEXTS), POOL_OCTETS), np.uint8),
        extra_row=np.zeros(EXTRAS, np.int64),
        extra_column=np.zeros(EXTRAS, np.int64),
        extra_value=np.zeros(EXTRAS, np.float64),
        extras=np.zeros(1, np.int64),
    )


@numba.njit(cache=True, inline="always")
def u8(octets: np.ndarray, at: int) -> int:
    """Read one octet."""
    return np.int64(octets[np.uint64(at)])  # unsigned: no look for an index from the end


@numba.njit(cache=True, inline="always")
def u16(octets: np.ndarray, at: int) -> int:
    """Read 16 bits in network order."""
    return u8(octets, at) << 8 | u8(octets, at + 1)


@numba.njit(cache=True, inline="always")
def u32(octets: np.ndarray, at: int) -> int:
    """Read 32 bits in network order."""
    return u16(octets, at) << 16 | u16(octets, at + 2)


@numba.njit(cache=True, inline="always")
def u64(octets: np.ndarray, at: int) -> int:
    """Read 64 bits in network order, as a uint64."""
    return np.uint64(u32(octets, at)) << np.uint64(32) | np.uint64(u32(octets, at + 4))


@numba.njit(cache=True, inline="always")
def put(values: np.ndarray, column: int, value: float, p: np.ndarray, out: Columns) -> None:
    """Set a number of the present packet; where it has one already, note the further one."""
    row = p.row
    bit = np.uint8(1 << (row & 7))
    if out.valid[column, row >> 3] & bit:
        extra = out.extras[0]
        out.extra_row[extra] = row
        out.extra_column[extra] = column
        out.extra_value[extra] = value
        out.extras[0] = extra + 1
        return
    out.valid[column, row >> 3] |= bit
    values[row] = value


@numba.njit(cache=True, inline="always")
def found(octets: np.ndarray, at: int, size: int, column: int, out: Columns) -> None:
    """Note one occurrence of a text column: `size` octets."""
    to = out.found_octets[column]
    for i in range(size):
        out.found[column, to + i] = octets[np.uint64(at + i)]
    out.found_octets[column] = to + size


@numba.njit(cache=True, inline="always")
def unsupported(p: np.ndarray, reason: int, number: int) -> None:
    """End the walk because TShark would go on and we cannot."""
    p.next = UNSUPPORTED
    p.reason = reason
    p.protocol = number


@numba.njit(cache=True, inline="always")
def shorten(p: np.ndarray, octets: int) -> None:
    """Take the layer to end after `octets`, where a header says so."""
    p.reported_end = min(p.reported_end, p.at + octets)
    p.end = min(p.end, p.reported_end)
