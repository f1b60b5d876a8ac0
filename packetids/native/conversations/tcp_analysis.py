"""What TShark 4.0 finds noteworthy about a TCP segment.

It prints ``tcp.analysis.initial_rtt`` only in segments of which its analysis of sequence numbers
has something to say: acknowledgements of a segment seen, data in flight, retransmissions, gaps,
duplicate acknowledgements, window updates and the like (Wireshark User's Guide, "TCP Analysis").
So the analysis is done here as far as its yes or no depends on it. Whether a retransmission is a
fast one makes no difference and is left out.

Sequence numbers are compared in 32-bit circular arithmetic. RFC 9293, section 3.4.
"""

from typing import Any

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.conversations import tcp as tcp_conversations
from packetids.native.conversations.table import NONE, Conversations
from packetids.native.state import Record

UNACKED_MAX = 10_000  # TShark keeps no more segments of one flow
SYN_FIN_RST = wire.SYN | wire.FIN | wire.RST


@subkernel(forceinline=True)
def _after(a: int, b: int) -> bool:
    """Check whether sequence number `a` comes after `b`; half a circle away it does, too."""
    return 0 < ((a - b) & 0xFFFFFFFF) <= 0x80000000


@subkernel(forceinline=True)
def _at_or_before(a: int, b: int) -> bool:
    """Check whether sequence number `a` is `b` or comes before it, half a circle included."""
    return ((b - a) & 0xFFFFFFFF) <= 0x80000000


@subkernel(forceinline=True)
def analyse(
    c: Conversations, number: int, way: int, seq: int, ack: int, length: int, flags: int,
    window: int, noted: bool,
) -> bool:  # fmt: skip
    """Take in a segment of `length` octets; tell whether there is something to note."""
    this, other = c.flows[2 * number + way], c.flows[2 * number + 1 - way]
    if not this.knows_first_seq:
        this.first_seq = seq if flags & wire.SYN else (seq - 1) & 0xFFFFFFFF
        this.knows_first_seq = True
    if flags & wire.ACK:
        if not other.knows_first_seq:
            other.first_seq = (ack - 1) & 0xFFFFFFFF
            other.knows_first_seq = True
        other.counts_in_flight = True

    next_seq: Any = np.int64(this.next_seq)
    probe = length == 1 and seq == next_seq and other.window == 0
    keep_alive = False
    if probe:
        noted = True
    else:
        plain = flags & SYN_FIN_RST == 0
        if window == 0 and plain:
            noted = True  # zero window
        if next_seq and _after(seq, next_seq) and not flags & wire.RST:
            noted = True  # a gap before it
            this.counts_in_flight = False
        if length <= 1 and plain and seq == (next_seq - 1) & 0xFFFFFFFF:
            noted = keep_alive = True
        repeats = length == 0 and plain and seq == next_seq and ack == this.ack
        if repeats and window and window != this.window:
            noted = True  # window update
        if length and plain and other.window_scale != -1:
            scale: Any = 0 if other.before_first_ack else max(np.int64(other.window_scale), 0)
            edge = np.int64(other.ack) + (np.int64(other.window) << scale)
            if (seq + length) & 0xFFFFFFFF == edge & 0xFFFFFFFF:
                noted = True  # window full
        if repeats and window == this.window:
            if window or other.probed:
                noted = True  # duplicate, or answers a keep-alive or probe
    if flags & wire.ACK and other.max_seq_to_ack and _after(ack, other.max_seq_to_ack):
        noted = True  # acknowledges what was not seen
        other.max_seq_to_ack = other.next_seq

    if (length or flags & (wire.SYN | wire.FIN)) and not keep_alive:
        behind = next_seq != 0 and _after(next_seq, seq)
        if length > 1 and (next_seq - 1) & 0xFFFFFFFF == seq:
            behind = False
        again = length > 0 and other.ack != 0 and _at_or_before(seq + length, other.ack)
        if again or behind:
            noted = True  # a retransmission, or out of order

    after = (seq + length) & 0xFFFFFFFF
    if (length or flags & (wire.SYN | wire.FIN)) and this.unacked_count < UNACKED_MAX:
        if flags & (wire.SYN | wire.FIN):
            after = (after + 1) & 0xFFFFFFFF
        tcp_conversations.remember(c, this, seq, after)
    if (_after(after, next_seq) or not next_seq) and not probe:
        this.next_seq = after
    if (seq == this.max_seq_to_ack or not this.max_seq_to_ack) and not probe:
        this.max_seq_to_ack = this.next_seq
    this.window = window
    this.ack = ack
    this.probed = probe

    if _acknowledge(c, other, ack):
        noted = True
    if length and this.counts_in_flight and this.unacked != NONE:
        noted = True  # octets in flight
    return noted


@subkernel(forceinline=True)
def _acknowledge(c: Conversations, flow: Record, ack: int) -> bool:
    """Drop what `ack` acknowledges; tell whether it acknowledges a segment exactly."""
    exact = False
    newer = NONE
    place = flow.unacked
    while place != NONE:
        segment = c.segments[place]
        older = segment.older
        if ack == segment.next_seq:
            exact = True
        elif _after(ack, segment.seq) and _at_or_before(ack, segment.next_seq):
            segment.seq = ack
            continue
        elif _after(segment.next_seq, ack):
            newer = place
            place = older
            continue
        if newer == NONE:
            flow.unacked = older
        else:
            c.segments[newer].older = older
        tcp_conversations.forget(c, place)
        flow.unacked_count -= 1
        place = older
    return exact


@subkernel
def agree_on_scaling(this: Record, other: Record, is_answer: bool) -> None:
    """After a SYN: windows are scaled if both ends said so. RFC 7323, section 2.2."""
    if this.window_scale == -1:
        this.window_scale = other.window_scale = -2
    elif is_answer and other.window_scale == -2:
        this.window_scale = -2
