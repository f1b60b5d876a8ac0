"""Ask for the memory of conversations before their frames come.

The tables of a capture with many conversations are larger than the processor's caches, and each
frame then waits for its slot and for its conversation. Both are known a few frames earlier, from
the addresses and ports where most frames have them: TCP or UDP over IPv4 without options over
Ethernet. This is a hint only; no answer depends on it.
"""

from typing import Any

import numpy as np

from packetids.kernels import kernel
from packetids.native import wire
from packetids.native.conversations import table
from packetids.native.conversations.table import AHEAD_FRAMES, NONE, Conversations
from packetids.native.layers.link import ETHER
from packetids.native.state import u8, u16, u32
from packetids.prefetch import prefetch

CONVERSATION_FRAMES = AHEAD_FRAMES // 2  # ahead of the frame; its slot comes before it
PORTS_END = wire.ETH_LEN + wire.IP_LEN + wire.TCP_DSTPORT + 2
PLAIN_IPV4 = 0x45  # version 4, a header of five words


@kernel(forceinline=True)
def look(
    octets: np.ndarray, start: np.ndarray, captured_octets: np.ndarray, link_type: np.ndarray,
    i: int, c: Conversations,
) -> None:  # fmt: skip
    """Before frame `i`: ask for the slot of a later one, and for what a slot asked for holds.

    ``Conversations.asked`` has the frames in between: twice the tag, one more for UDP.
    """
    known = c.asked[(i + CONVERSATION_FRAMES) % AHEAD_FRAMES]
    if known != NONE:
        tag: Any = np.uint64(known >> 1)
        if known & 1:
            number = _first(c.udp_slots, tag)
            if number != NONE:
                prefetch(c.udp, number)
        else:
            number = _first(c.tcp_slots, tag)
            if number != NONE:
                prefetch(c.tcp, number)
                prefetch(c.connections, number)
                prefetch(c.flows, 2 * number)
                prefetch(c.flows, 2 * number + 1)
    c.asked[i % AHEAD_FRAMES] = NONE
    frame = i + AHEAD_FRAMES
    if frame >= len(start) or link_type[frame] != ETHER or captured_octets[frame] < PORTS_END:
        return
    at = start[frame]
    ip = at + wire.ETH_LEN
    if u16(octets, at + wire.ETH_TYPE) != wire.TYPE_IPV4 or u8(octets, ip) != PLAIN_IPV4:
        return
    protocol = u8(octets, ip + wire.IP_PROTO)
    if protocol != wire.PROTO_TCP and protocol != wire.PROTO_UDP:
        return
    ports = ip + wire.IP_LEN
    src, src_port = np.uint64(u32(octets, ip + wire.IP_SRC)), u16(octets, ports)
    dst, dst_port = np.uint64(u32(octets, ip + wire.IP_DST)), u16(octets, ports + wire.TCP_DSTPORT)
    none = np.uint64(0)
    if src > dst or src == dst and src_port > dst_port:
        tag = table.tag_of(none, dst, none, src, dst_port, src_port)
    else:
        tag = table.tag_of(none, src, none, dst, src_port, dst_port)
    if protocol == wire.PROTO_UDP:
        prefetch(c.udp_slots, np.int64(tag) & len(c.udp_slots) - 1)
        c.asked[i % AHEAD_FRAMES] = np.int64(tag) << 1 | 1
    else:
        prefetch(c.tcp_slots, np.int64(tag) & len(c.tcp_slots) - 1)
        c.asked[i % AHEAD_FRAMES] = np.int64(tag) << 1


@kernel(forceinline=True)
def _first(slots: np.ndarray, tag: Any) -> int:
    """Give the number of the first conversation with this tag, or NONE."""
    mask = np.uint64(len(slots) - 1)
    slot = tag & mask
    while slots[slot].number != NONE and slots[slot].tag != tag:
        slot = (slot + np.uint64(1)) & mask
    return slots[slot].number
