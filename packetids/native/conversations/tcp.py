"""TCP conversations: new, restarted, and their segments that await an acknowledgement."""

from typing import Any

import numpy as np

from packetids.kernels import subkernel
from packetids.native.conversations.table import (
    FREE_SEGMENT,
    NONE,
    SEGMENTS,
    TCP_CONVERSATIONS,
    TCP_STREAMS,
    Conversations,
    find_number,
)
from packetids.native.state import Record


@subkernel(forceinline=True)
def find(c: Conversations, p: Record, src_port: int, dst_port: int) -> int:
    """Return the packet's TCP conversation; a new one if there is none."""
    number = find_number(c, c.tcp, c.tcp_slots, TCP_CONVERSATIONS, p, src_port, dst_port)
    if c.tcp[number].stream == NONE:
        _begin(c, number, p.time_ns)
    return number


@subkernel(forceinline=True)
def _begin(c: Conversations, number: int, time_ns: int) -> None:
    """Begin the next TCP stream in a conversation whose room is all zero."""
    c.tcp[number].stream = c.counts[TCP_STREAMS]
    c.counts[TCP_STREAMS] += 1
    c.connections[number].last_ns = time_ns
    for way in range(2):
        flow = c.flows[2 * number + way]
        flow.unacked = NONE
        flow.window_scale = -1
        flow.window = 0xFFFFFFFF  # none was seen
        flow.counts_in_flight = True


@subkernel
def begin_anew(c: Conversations, number: int, time_ns: int) -> None:
    """Begin a stream in the place of the one before with these addresses and ports."""
    c.tcp[number].knows_rtt = False
    c.connections[number].syn_or_rtt_ns = 0
    for way in range(2):
        flow = c.flows[2 * number + way]
        place: Any = np.int64(flow.unacked)
        while place != NONE:
            older = np.int64(c.segments[place].older)
            forget(c, place)
            place = older
        flow.first_seq = flow.next_seq = flow.max_seq_to_ack = flow.ack = flow.unacked_count = 0
        flow.knows_first_seq = flow.probed = flow.before_first_ack = False
    _begin(c, number, time_ns)


@subkernel(forceinline=True)
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


@subkernel(forceinline=True)
def forget(c: Conversations, place: int) -> None:
    """Free a segment's place."""
    c.segments[place].older = c.counts[FREE_SEGMENT]
    c.counts[FREE_SEGMENT] = place
