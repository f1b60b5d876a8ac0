"""Conversations as TShark numbers them: TCP and UDP apart, from 0, by addresses and ports.

Either direction belongs to the same conversation. Where a new connection reuses the addresses and
ports of an old one (`transport.tcp` decides), the new one hides the old one and takes its place in
the tables, so that a flood from the same ports again and again takes no more room: what is kept
grows with the different addresses and ports, not with the streams.

The tables grow between frames: a kernel that finds a table too full stops before the frame.
"""

from typing import Any, NamedTuple

import numpy as np

from packetids.kernels import kernel, subkernel
from packetids.native.state import Record, record_dtype

CONVERSATION = record_dtype(
    [
        ("low", "u4"), ("high", "u4"),  # IPv4 addresses, the smaller first; else low is the place
        ("low_port", "u2"), ("high_port", "u2"),  # in `Conversations.addresses`, and high is 0
        ("stream", "i4"),  # its number; of UDP, NONE until a packet belongs to it
        ("family", "u1"),
        ("application", "u1"),  # of UDP: NONE_KNOWN, SNMP or TFTP; see `applications`
        ("knows_rtt", "?"),  # of TCP: what `CONNECTION` holds
    ],
    align=True,
)  # fmt: skip
ADDRESSES = record_dtype(  # of a conversation that is not of IPv4: most captures have few
    [("low_high", "u8"), ("low_low", "u8"), ("high_high", "u8"), ("high_low", "u8")]
)

# One direction of a TCP conversation; names as in RFC 9293, 32-bit sequence numbers.
FLOW = record_dtype(
    [
        ("first_seq", "u4"),  # of the SYN, or one before the first octet seen
        ("next_seq", "u4"),  # after the highest octet seen
        ("max_seq_to_ack", "u4"),  # after the highest octet seen without a gap
        ("ack", "u4"),  # the last one
        ("window", "u4"),  # the last one, not scaled
        ("unacked", "i4"),  # the newest of the segments without acknowledgement; -1 for none
        ("unacked_count", "u2"),
        ("window_scale", "i1"),  # -1 unknown, -2 not used
        ("knows_first_seq", "?"),
        ("counts_in_flight", "?"),
        ("probed", "?"),  # the last segment was a zero window probe
        ("before_first_ack", "?"),
    ],
    align=True,
)
CONNECTION = record_dtype(
    [
        ("last_ns", "i8"),  # time of the last frame
        ("syn_or_rtt_ns", "i8"),  # time of the last SYN, 0 without; then the initial RTT
    ],
    align=True,
)
SEGMENT = record_dtype([("seq", "u4"), ("next_seq", "u4"), ("older", "i4")], align=True)
# A portmap call: its number, and whether it asks for the UDP port of a program.
CALL = record_dtype([("number", "u4"), ("asks_port", "?")], align=True)
# A hash table's: most other keys are known by their tag, without a look at the conversation.
SLOT = record_dtype([("tag", "u4"), ("number", "i4")], align=True)
NONE = -1
NONE_KNOWN, SNMP, TFTP = range(3)

# `Conversations.counts`
(
    TCP_CONVERSATIONS, TCP_STREAMS, UDP_CONVERSATIONS, ANY_PORT_CONVERSATIONS, UDP_STREAMS,
    FREE_SEGMENT, SEGMENTS, CALLS, ADDRESSES_KEPT,
) = range(9)  # fmt: skip


class Conversations(NamedTuple):
    """All conversations of one capture."""

    counts: np.ndarray  # int64 (9,)
    tcp: np.ndarray  # CONVERSATION (capacity,)
    tcp_slots: np.ndarray  # SLOT (slots,): number of the conversation, its place; -1 is free
    connections: np.ndarray  # CONNECTION (capacity,)
    flows: np.ndarray  # FLOW (2 * capacity,): of conversation i, 2 i and 2 i + 1
    segments: np.ndarray  # SEGMENT (capacity,)
    udp: np.ndarray  # CONVERSATION (capacity,)
    udp_slots: np.ndarray
    addresses: np.ndarray  # ADDRESSES (capacity,)
    any_port_slots: np.ndarray  # of UDP conversations with any port; few, so soon looked up
    calls: np.ndarray  # CALL (CALLS_KEPT,), the newest; see `applications`


CALLS_KEPT = 256
FRAME_STREAMS_MAX = 64  # conversations and segments that one frame may add

# Room that the system gives only as it is used, so that tables of usual size are never copied.
CAPACITY = 1 << 23
SLOTS = 1 << 12  # at first


def none() -> Conversations:
    """Begin without conversations."""
    return Conversations(
        counts=np.array([0, 0, 0, 0, 0, NONE, 0, 0, 0], np.int64),
        tcp=np.zeros(CAPACITY, CONVERSATION),
        tcp_slots=_free(SLOTS),
        connections=np.zeros(CAPACITY, CONNECTION),
        flows=np.zeros(2 * CAPACITY, FLOW),
        segments=np.zeros(CAPACITY, SEGMENT),
        udp=np.zeros(CAPACITY, CONVERSATION),
        addresses=np.zeros(CAPACITY, ADDRESSES),
        udp_slots=_free(SLOTS),
        any_port_slots=_free(SLOTS),
        calls=np.zeros(CALLS_KEPT, CALL),
    )


@subkernel(forceinline=True)
def have_room(c: Conversations) -> bool:
    """Check whether one more frame fits, and at least a third of the slots stays free."""
    tcp = c.counts[TCP_CONVERSATIONS] + FRAME_STREAMS_MAX
    udp = c.counts[UDP_CONVERSATIONS] + FRAME_STREAMS_MAX
    return (
        tcp <= len(c.tcp)
        and udp <= len(c.udp)
        and c.counts[SEGMENTS] + FRAME_STREAMS_MAX <= len(c.segments)
        and c.counts[ADDRESSES_KEPT] + FRAME_STREAMS_MAX <= len(c.addresses)
        and 3 * tcp <= 2 * len(c.tcp_slots)
        and 3 * udp <= 2 * len(c.udp_slots)
        and 2 * (c.counts[ANY_PORT_CONVERSATIONS] + FRAME_STREAMS_MAX) <= len(c.any_port_slots)
    )


def grown(c: Conversations) -> Conversations:
    """Double what is nearly full."""
    tcp = c.counts[TCP_CONVERSATIONS] + FRAME_STREAMS_MAX
    udp = c.counts[UDP_CONVERSATIONS] + FRAME_STREAMS_MAX
    if tcp > len(c.tcp):
        c = c._replace(
            tcp=_doubled(c.tcp), connections=_doubled(c.connections), flows=_doubled(c.flows)
        )
    if udp > len(c.udp):
        c = c._replace(udp=_doubled(c.udp))
    if c.counts[ADDRESSES_KEPT] + FRAME_STREAMS_MAX > len(c.addresses):
        c = c._replace(addresses=_doubled(c.addresses))
    if c.counts[SEGMENTS] + FRAME_STREAMS_MAX > len(c.segments):
        c = c._replace(segments=_doubled(c.segments))
    if 3 * tcp > 2 * len(c.tcp_slots):
        c = c._replace(tcp_slots=_rehashed(c.tcp_slots, _free(2 * len(c.tcp_slots))))
    if 3 * udp > 2 * len(c.udp_slots):
        c = c._replace(udp_slots=_rehashed(c.udp_slots, _free(2 * len(c.udp_slots))))
    if 2 * (c.counts[ANY_PORT_CONVERSATIONS] + FRAME_STREAMS_MAX) > len(c.any_port_slots):
        more = _free(2 * len(c.any_port_slots))
        c = c._replace(any_port_slots=_rehashed(c.any_port_slots, more))
    return c


def _doubled(table: np.ndarray) -> np.ndarray:
    double = np.zeros(2 * len(table), table.dtype)
    double[: len(table)] = table
    return double


def _free(slots: int) -> np.ndarray:
    return np.full(slots, NONE, np.int64).view(SLOT)  # all bits set: NONE for its half, too


@kernel
def _rehashed(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    mask = np.uint64(len(new) - 1)
    for i in range(len(old)):
        if old[i].number != NONE:
            slot = np.uint64(old[i].tag) & mask
            while new[slot].number != NONE:
                slot = (slot + np.uint64(1)) & mask
            new[slot].tag, new[slot].number = old[i].tag, old[i].number
    return new


@subkernel(forceinline=True)
def is_reversed(p: Record, src_port: int, dst_port: int) -> bool:
    """Return a packet's direction: from the larger address or, if equal, the larger port."""
    if p.src_high != p.dst_high:
        return p.src_high > p.dst_high
    if p.src_low != p.dst_low:
        return p.src_low > p.dst_low
    return src_port > dst_port


@subkernel(forceinline=True)
def find_number(
    c: Conversations, table: np.ndarray, slots: np.ndarray, which: int,
    p: Record, src_port: int, dst_port: int,
) -> int:  # fmt: skip
    """Return the number of the packet's conversation; a new one, without stream, if it has none."""
    new = c.counts[which]  # the key is written behind the last one, and kept there if it is new
    tag = write_key(c, table[new], p, src_port, dst_port, is_reversed(p, src_port, dst_port))
    slot = find_slot(c, table, slots, table[new], tag)
    known = slots[slot].number
    if known != NONE:
        return known
    keep(c, table[new], slots[slot], which)
    return new


@subkernel(forceinline=True)
def write_key(
    c: Conversations, key: Record, p: Record, src_port: int, dst_port: int, reverse: bool
) -> Any:
    """Write the key of a conversation without stream; give its tag."""
    key.family, key.stream = p.family, NONE
    key.application, key.knows_rtt = NONE_KNOWN, False
    if reverse:
        low_high, low_low, high_high, high_low = p.dst_high, p.dst_low, p.src_high, p.src_low
        key.low_port, key.high_port = dst_port, src_port
    else:
        low_high, low_low, high_high, high_low = p.src_high, p.src_low, p.dst_high, p.dst_low
        key.low_port, key.high_port = src_port, dst_port
    if p.family == 4:
        key.low, key.high = low_low, high_low
    else:
        key.low, key.high = c.counts[ADDRESSES_KEPT], 0
        addresses = c.addresses[key.low]
        addresses.low_high, addresses.low_low = low_high, low_low
        addresses.high_high, addresses.high_low = high_high, high_low
    return tag_of(low_high, low_low, high_high, high_low, key.low_port, key.high_port)


@subkernel(forceinline=True)
def keep(c: Conversations, key: Record, slot: Record, which: int) -> None:
    """Keep the key behind the last one, in the slot found for it."""
    slot.number = c.counts[which]
    c.counts[which] += 1
    if key.family != 4:
        c.counts[ADDRESSES_KEPT] += 1


@subkernel(forceinline=True)
def tag_of(
    low_high: Any, low_low: Any, high_high: Any, high_low: Any, low_port: int, high_port: int
) -> Any:
    """Return the hash of a key, 32 bits as a uint64; its lowest bits say where the slot is."""
    h = low_low * np.uint64(0x9E3779B97F4A7C15) ^ high_low
    h = (h ^ h >> np.uint64(29)) * np.uint64(0xBF58476D1CE4E5B9)
    h ^= low_high * np.uint64(0x94D049BB133111EB) ^ high_high
    h ^= np.uint64(low_port) << np.uint64(16) ^ np.uint64(high_port)
    h = (h ^ h >> np.uint64(32)) * np.uint64(0x94D049BB133111EB)
    return (h ^ h >> np.uint64(31)) & np.uint64(0xFFFFFFFF)


@subkernel(forceinline=True)
def find_slot(c: Conversations, table: np.ndarray, slots: np.ndarray, key: Record, tag: Any) -> int:
    """Find the slot of a key, or a free one for it, which then has its tag."""
    mask = np.uint64(len(slots) - 1)
    slot: Any = tag & mask
    while True:
        number = slots[slot].number
        if number == NONE:
            slots[slot].tag = tag
            return slot
        other = table[number]
        if (
            slots[slot].tag == tag
            and other.low_port == key.low_port
            and other.high_port == key.high_port
            and other.family == key.family
        ):
            if key.family != 4:
                if _are_same(c.addresses[other.low], c.addresses[key.low]):
                    return slot
            elif other.low == key.low and other.high == key.high:
                return slot
        slot = (slot + np.uint64(1)) & mask


@subkernel
def _are_same(one: Record, other: Record) -> bool:
    return (
        one.low_high == other.low_high
        and one.low_low == other.low_low
        and one.high_high == other.high_high
        and one.high_low == other.high_low
    )
