"""Conversations as TShark numbers them: TCP and UDP apart, from 0, by addresses and ports.

Either direction belongs to the same conversation. Where a new connection reuses the addresses
and ports of an old one (`transport.tcp` decides), the new one hides the old one.

The tables grow between frames: a kernel that finds a table too full stops before the frame.
"""

from typing import Any, NamedTuple

import numba
import numpy as np

from packetids.native.state import Record

CONVERSATION = np.dtype(
    [
        ("low_high", "u8"), ("low_low", "u8"),  # the smaller address
        ("high_high", "u8"), ("high_low", "u8"),
        ("low_port", "u2"), ("high_port", "u2"),
        ("family", "u1"),
        ("any_port", "?"),  # of the high address, whatever the addresses' order: see `applications`
        ("snmp", "?"),  # see `applications.snmp`
        ("superseded", "?"),
        ("stream", "i4"),  # number of a UDP conversation; NONE until a packet belongs to it
    ],
    align=True,
)  # fmt: skip

# One direction of a TCP conversation; names as in RFC 9293, 32-bit sequence numbers.
FLOW = np.dtype(
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
CONNECTION = np.dtype(
    [
        ("last_ns", "i8"),  # time of the last frame
        ("syn_ns", "i8"),  # of the last SYN; 0 without
        ("initial_rtt_ns", "i8"),  # 0 without
    ],
    align=True,
)
SEGMENT = np.dtype([("seq", "u4"), ("next_seq", "u4"), ("older", "i4")], align=True)
# A portmap call: its number, and whether it asks for the UDP port of a program.
CALL = np.dtype([("number", "u4"), ("asks_port", "?")], align=True)
# A hash table's: most other keys are known by their tag, without a look at the conversation.
SLOT = np.dtype([("tag", "u4"), ("number", "i4")], align=True)
NONE = -1

# `Conversations.counts`
(
    TCP_STREAMS, UDP_CONVERSATIONS, ANY_PORT_CONVERSATIONS, UDP_STREAMS, FREE_SEGMENT, SEGMENTS,
    CALLS,
) = range(7)  # fmt: skip


class Conversations(NamedTuple):
    """All conversations of one capture."""

    counts: np.ndarray  # int64 (7,)
    tcp: np.ndarray  # CONVERSATION (capacity,)
    tcp_slots: np.ndarray  # SLOT (slots,): number of the newest conversation, -1 is free
    connections: np.ndarray  # CONNECTION (capacity,)
    flows: np.ndarray  # FLOW (2 * capacity,): of conversation i, 2 i and 2 i + 1
    segments: np.ndarray  # SEGMENT (capacity,)
    udp: np.ndarray  # CONVERSATION (capacity,)
    udp_slots: np.ndarray
    any_port_slots: np.ndarray  # of UDP conversations with any port; few, so soon looked up
    asked: np.ndarray  # int64 (AHEAD_FRAMES,), see `ahead`
    calls: np.ndarray  # CALL (CALLS_KEPT,), the newest; see `applications`


CALLS_KEPT = 256
AHEAD_FRAMES = 16  # a power of 2
FRAME_STREAMS_MAX = 64  # conversations and segments that one frame may add


# Room that the system gives only as it is used, so that tables of usual size are never copied.
CAPACITY = 1 << 22
SLOTS = 1 << 12  # at first


def none() -> Conversations:
    """Begin without conversations."""
    return Conversations(
        counts=np.array([0, 0, 0, 0, NONE, 0, 0], np.int64),
        tcp=np.zeros(CAPACITY, CONVERSATION),
        tcp_slots=_free(SLOTS),
        connections=np.zeros(CAPACITY, CONNECTION),
        flows=np.zeros(2 * CAPACITY, FLOW),
        segments=np.zeros(CAPACITY, SEGMENT),
        udp=np.zeros(CAPACITY, CONVERSATION),
        udp_slots=_free(SLOTS),
        any_port_slots=_free(SLOTS),
        asked=np.full(AHEAD_FRAMES, NONE, np.int64),
        calls=np.zeros(CALLS_KEPT, CALL),
    )


@numba.njit(cache=True, inline="always")
def have_room(c: Conversations) -> bool:
    """Tell whether one more frame fits, and at least half the slots stay free."""
    tcp = c.counts[TCP_STREAMS] + FRAME_STREAMS_MAX
    udp = c.counts[UDP_CONVERSATIONS] + FRAME_STREAMS_MAX
    return (
        tcp <= len(c.tcp)
        and udp <= len(c.udp)
        and c.counts[SEGMENTS] + FRAME_STREAMS_MAX <= len(c.segments)
        and 2 * tcp <= len(c.tcp_slots)
        and 2 * udp <= len(c.udp_slots)
        and 2 * (c.counts[ANY_PORT_CONVERSATIONS] + FRAME_STREAMS_MAX) <= len(c.any_port_slots)
    )


def grown(c: Conversations) -> Conversations:
    """Double what is nearly full."""
    tcp = c.counts[TCP_STREAMS] + FRAME_STREAMS_MAX
    udp = c.counts[UDP_CONVERSATIONS] + FRAME_STREAMS_MAX
    if tcp > len(c.tcp):
        c = c._replace(
            tcp=_doubled(c.tcp), connections=_doubled(c.connections), flows=_doubled(c.flows)
        )
    if udp > len(c.udp):
        c = c._replace(udp=_doubled(c.udp))
    if c.counts[SEGMENTS] + FRAME_STREAMS_MAX > len(c.segments):
        c = c._replace(segments=_doubled(c.segments))
    if 2 * tcp > len(c.tcp_slots):
        c = c._replace(tcp_slots=_rehashed(c.tcp_slots, _free(2 * len(c.tcp_slots))))
    if 2 * udp > len(c.udp_slots):
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
    made = np.empty(slots, SLOT)
    made["tag"], made["number"] = 0, NONE
    return made


@numba.njit(cache=True)
def _rehashed(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    mask = np.uint64(len(new) - 1)
    for i in range(len(old)):
        if old[i].number != NONE:
            slot = np.uint64(old[i].tag) & mask
            while new[slot].number != NONE:
                slot = (slot + np.uint64(1)) & mask
            new[slot].tag, new[slot].number = old[i].tag, old[i].number
    return new


@numba.njit(cache=True, inline="always")
def is_reversed(p: Record, src_port: int, dst_port: int) -> bool:
    """Tell which direction a packet goes: from the larger address, of equal ones the port."""
    if p.src_high != p.dst_high:
        return p.src_high > p.dst_high
    if p.src_low != p.dst_low:
        return p.src_low > p.dst_low
    return src_port > dst_port


@numba.njit(cache=True, inline="always")
def find(
    table: np.ndarray, slots: np.ndarray, counts: np.ndarray, which: int, p: Record,
    src_port: int, dst_port: int, always_new: bool,
) -> int:  # fmt: skip
    """Give the number of the packet's newest conversation; a new one where there is none."""
    new = counts[which]
    key = table[new]  # written behind the last one, and kept there if it is new
    key.family, key.any_port = p.family, False
    if is_reversed(p, src_port, dst_port):
        key.low_high, key.low_low, key.low_port = p.dst_high, p.dst_low, dst_port
        key.high_high, key.high_low, key.high_port = p.src_high, p.src_low, src_port
    else:
        key.low_high, key.low_low, key.low_port = p.src_high, p.src_low, src_port
        key.high_high, key.high_low, key.high_port = p.dst_high, p.dst_low, dst_port
    slot = _slot(table, slots, key)
    known = slots[slot].number
    key.snmp = key.superseded = False
    key.stream = NONE
    if known != NONE:
        if not always_new and not table[known].superseded:
            return known
        key.snmp = table[known].superseded
    slots[slot].number = new
    counts[which] = new + 1
    return new


@numba.njit(cache=True, inline="always")
def tag_of(
    low_high: Any, low_low: Any, high_high: Any, high_low: Any, low_port: int, high_port: int
) -> Any:
    """Give the hash of a key, 32 bits as a uint64; its lowest bits say where the slot is."""
    h = low_low * np.uint64(0x9E3779B97F4A7C15) ^ high_low
    h = (h ^ h >> np.uint64(29)) * np.uint64(0xBF58476D1CE4E5B9)
    h ^= low_high * np.uint64(0x94D049BB133111EB) ^ high_high
    h ^= np.uint64(low_port) << np.uint64(16) ^ np.uint64(high_port)
    h = (h ^ h >> np.uint64(32)) * np.uint64(0x94D049BB133111EB)
    return (h ^ h >> np.uint64(31)) & np.uint64(0xFFFFFFFF)


@numba.njit(cache=True, inline="always")
def _slot(table: np.ndarray, slots: np.ndarray, key: Record) -> int:
    """Find the slot of a key, or a free one for it, which then has its tag."""
    mask = np.uint64(len(slots) - 1)
    tag = tag_of(
        key.low_high, key.low_low, key.high_high, key.high_low, key.low_port, key.high_port
    )
    slot: Any = tag & mask
    while True:
        number = slots[slot].number
        if number == NONE:
            slots[slot].tag = tag
            return slot
        other = table[number]
        if (
            slots[slot].tag == tag
            and other.low_low == key.low_low
            and other.high_low == key.high_low
            and other.low_port == key.low_port
            and other.high_port == key.high_port
            and other.low_high == key.low_high
            and other.high_high == key.high_high
            and other.family == key.family
        ):
            return slot
        slot = (slot + np.uint64(1)) & mask


@numba.njit(cache=True, inline="always")
def find_udp(c: Conversations, p: Record, src_port: int, dst_port: int) -> int:
    """Give the packet's UDP conversation: of its ports, of any port, or a new one."""
    conversations = c.counts[UDP_CONVERSATIONS]
    number = find(c.udp, c.udp_slots, c.counts, UDP_CONVERSATIONS, p, src_port, dst_port, False)
    if number == conversations and c.counts[ANY_PORT_CONVERSATIONS]:
        other = _any_port(c, p, src_port, dst_port)
        if other != NONE:
            number = other
    if c.udp[number].stream == NONE:
        c.udp[number].stream = c.counts[UDP_STREAMS]
        c.counts[UDP_STREAMS] += 1
    return number


@numba.njit(cache=True)
def _any_port(c: Conversations, p: Record, src_port: int, dst_port: int) -> int:
    """Find the conversation of one end's port and any port of the other, or any other.

    The sender's end comes first, and the conversation with the other end before that with any. The
    conversation that was made for the packet's two ports is taken back if there is one.
    """
    made = c.counts[UDP_CONVERSATIONS] - 1
    slot = _slot(c.udp, c.udp_slots, c.udp[made])
    for of_any in (False, True):
        for of_sender in (True, False):
            port = src_port if of_sender else dst_port
            _any_port_key(c.udp[made + 1], p, port, of_sender, of_any)
            number = c.any_port_slots[_slot(c.udp, c.any_port_slots, c.udp[made + 1])].number
            if number != NONE:
                c.udp_slots[slot].number = NONE
                c.counts[UDP_CONVERSATIONS] = made
                return number
    return NONE


@numba.njit(cache=True)
def open_any_port(c: Conversations, p: Record, port: int, of_any: bool) -> None:
    """Begin a conversation of a sender's port with any port of the receiver, or of any host."""
    new = c.counts[UDP_CONVERSATIONS]
    key = c.udp[new]
    _any_port_key(key, p, port, True, of_any)
    slot = _slot(c.udp, c.any_port_slots, key)
    if of_any and c.any_port_slots[slot].number != NONE:
        return
    key.snmp = key.superseded = False
    key.stream = NONE
    c.any_port_slots[slot].number = new
    c.counts[UDP_CONVERSATIONS] = new + 1
    c.counts[ANY_PORT_CONVERSATIONS] += 1


@numba.njit(cache=True)
def _any_port_key(key: Record, p: Record, port: int, of_sender: bool, of_any: bool) -> None:
    key.family, key.any_port, key.low_port, key.high_port = p.family, True, port, 0
    if of_sender:
        key.low_high, key.low_low = p.src_high, p.src_low
        key.high_high, key.high_low = p.dst_high, p.dst_low
    else:
        key.low_high, key.low_low = p.dst_high, p.dst_low
        key.high_high, key.high_low = p.src_high, p.src_low
    if of_any:
        key.high_high = key.high_low = 0


@numba.njit(cache=True, inline="always")
def begin_connection(c: Conversations, stream: int, time_ns: int) -> None:
    """Fill in a TCP conversation that nobody has seen."""
    connection = c.connections[stream]
    connection.last_ns = time_ns
    for flow in (c.flows[2 * stream], c.flows[2 * stream + 1]):
        flow.unacked = NONE
        flow.window_scale = -1
        flow.window = 0xFFFFFFFF  # none was seen
        flow.counts_in_flight = True


@numba.njit(cache=True, inline="always")
def remember(c: Conversations, flow: Record, seq: int, next_seq: int) -> None:
    """Keep a segment until it is acknowledged."""
    place = c.counts[FREE_SEGMENT]
    if place == NONE:
        place = c.counts[SEGMENTS]
        c.counts[SEGMENTS] = place + 1
    else:
        c.counts[FREE_SEGMENT] = c.segments[place].older
    segment = c.segments[place]
    segment.seq, segment.next_seq, segment.older = seq, next_seq, flow.unacked
    flow.unacked = place
    flow.unacked_count += 1


@numba.njit(cache=True, inline="always")
def forget(c: Conversations, place: int) -> None:
    """Give a segment's place back."""
    c.segments[place].older = c.counts[FREE_SEGMENT]
    c.counts[FREE_SEGMENT] = place
