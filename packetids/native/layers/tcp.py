"""TCP, RFC 9293, with the parts of TShark's analysis that the fields need.

At entry ``p.at`` is the first octet of the header and ``p.end`` the end of the captured octets that
belong to it. It notes the ports, flags, window, checksum, ``tcp.len``, ``tcp.stream``,
``tcp.time_delta`` and ``tcp.analysis.initial_rtt``, and leaves a tunnel's first layer in
``p.next``, or STOP. No octet at or past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.conversations import table, tcp_analysis
from packetids.native.conversations import tcp as tcp_conversations
from packetids.native.conversations.table import Conversations
from packetids.native.payloads import media, tunnels
from packetids.native.state import (
    COL_INITIAL_RTT,
    COL_TCP_CHECKSUM,
    COL_TCP_DSTPORT,
    COL_TCP_FLAGS,
    COL_TCP_LENGTH,
    COL_TCP_SRCPORT,
    COL_TCP_STREAM,
    COL_TCP_WINDOW,
    COL_TIME_DELTA,
    STOP,
    Output,
    Record,
    claim,
    u8,
    u16,
    u32,
)


@subkernel(forceinline=True)
def dissect(octets: np.ndarray, p: Record, c: Conversations, out: Output) -> None:
    """TCP, RFC 9293."""
    p.next = STOP
    at, captured = p.at, p.end - p.at
    if captured < wire.TCP_DSTPORT + 2:
        return
    src_port, dst_port = u16(octets, at), u16(octets, at + wire.TCP_DSTPORT)
    r = out.rows[p.row]
    if claim(COL_TCP_SRCPORT, src_port, p, out):
        r.tcp_srcport = src_port
    if claim(COL_TCP_DSTPORT, dst_port, p, out):
        r.tcp_dstport = dst_port
    if captured < wire.TCP_WINDOW + 2:
        return
    seq, ack = u32(octets, at + wire.TCP_SEQ), u32(octets, at + wire.TCP_ACK)
    offset_flags = u16(octets, at + wire.TCP_OFFSET_FLAGS)
    flags, header = offset_flags & 0x0FFF, (offset_flags >> 12) * 4
    window = u16(octets, at + wire.TCP_WINDOW)

    number = tcp_conversations.find(c, p, src_port, dst_port)
    way = 1 if table.is_reversed(p, src_port, dst_port) else 0
    noted = False  # whether TShark has something to say of the segment: then it says initial_rtt
    flow = c.flows[2 * number + way]
    if flags & (wire.SYN | wire.ACK) == wire.SYN and flow.knows_first_seq:
        if seq != flow.first_seq:
            tcp_conversations.begin_anew(c, number, p.time_ns)
        else:
            flow.next_seq = flow.max_seq_to_ack
        noted = True
    elif (
        flags & (wire.SYN | wire.ACK) == wire.SYN | wire.ACK
        and flow.knows_first_seq
        and seq != flow.first_seq
    ):
        flow.first_seq = seq
        noted = True
    conversation, connection = c.tcp[number], c.connections[number]
    if claim(COL_TCP_STREAM, conversation.stream, p, out):
        r.tcp_stream = conversation.stream
    delta_ns = p.time_ns - connection.last_ns
    connection.last_ns = p.time_ns

    length = p.reported_end - at - header
    knows_length = not p.fragmented and not p.in_error and length >= 0
    if knows_length:
        if claim(COL_TCP_LENGTH, length, p, out):
            r.tcp_len = length
        noted = tcp_analysis.analyse(c, number, way, seq, ack, length, flags, window, noted)
    if header < wire.TCP_LEN:
        return
    if claim(COL_TCP_FLAGS, flags, p, out):
        r.tcp_flags = flags
    if claim(COL_TCP_WINDOW, window, p, out):
        r.tcp_window = window
    if flags & wire.SYN:
        if not flags & wire.ACK and not conversation.knows_rtt:
            connection.syn_or_rtt_ns = p.time_ns
        flow.before_first_ack = True
    if flags & (wire.SYN | wire.ACK) == wire.ACK:
        if connection.syn_or_rtt_ns and not conversation.knows_rtt:
            rtt_ns = p.time_ns - connection.syn_or_rtt_ns
            if rtt_ns:
                connection.syn_or_rtt_ns = rtt_ns
                conversation.knows_rtt = True
        flow.before_first_ack = False
    if captured < wire.TCP_CHECKSUM + 2:
        return
    if claim(COL_TCP_CHECKSUM, u16(octets, at + wire.TCP_CHECKSUM), p, out):
        r.tcp_checksum = u16(octets, at + wire.TCP_CHECKSUM)
    if captured < wire.TCP_LEN:
        return
    if claim(COL_TIME_DELTA, seconds(delta_ns), p, out):
        r.time_delta_s = seconds(delta_ns)
    # Of options that were captured whole, only a SYN's window scale matters.
    if header > wire.TCP_LEN and (flags & wire.SYN or p.end < at + header):
        if not _options(octets, at, header, p.end, flags, flow):
            return
    if noted and conversation.knows_rtt:
        if claim(COL_INITIAL_RTT, seconds(connection.syn_or_rtt_ns), p, out):
            r.initial_rtt_s = seconds(connection.syn_or_rtt_ns)
    if flags & wire.SYN:
        tcp_analysis.agree_on_scaling(flow, c.flows[2 * number + 1 - way], flags & wire.ACK != 0)
    media.in_tcp(octets, p, at + header, src_port, dst_port)
    if p.next == STOP:
        tunnels.in_tcp(octets, p, at + header, src_port, dst_port)


@subkernel
def seconds(time_ns: int) -> float:
    """Return nanoseconds in seconds: the float nearest to the decimal number, as if read from text.

    Division does it up to 2**53 ns, where both numbers are exact. Beyond, the fraction of a
    second is rounded to the multiples that a float next to so many whole seconds can hold.
    """
    if -(1 << 53) <= time_ns <= 1 << 53:
        return time_ns / 1e9
    magnitude = abs(time_ns)
    whole, fraction_ns = magnitude // 1_000_000_000, magnitude % 1_000_000_000
    steps = 1 << 53  # a second; as fine as a float beyond `whole` is
    bound = whole
    while bound:
        bound >>= 1
        steps >>= 1
    count, rest = fraction_ns * steps // 1_000_000_000, fraction_ns * steps % 1_000_000_000
    if rest > 500_000_000 or rest == 500_000_000 and count & 1:
        count += 1
    value = whole + count / steps
    return -value if time_ns < 0 else value


@subkernel
def _options(octets: np.ndarray, at: int, header: int, end: int, flags: int, flow: Record) -> bool:
    """Read the window scale; tell whether the options were captured as far as TShark reads."""
    option, last = at + wire.TCP_LEN, at + header
    while option < last:
        if option >= end:
            return False
        kind = u8(octets, option)
        if kind == wire.OPTION_END:
            return last <= end
        if kind == wire.OPTION_NOP:
            option += 1
            continue
        if option + 1 >= last:
            return last <= end  # no room for its length; TShark marks the rest
        if option + 1 >= end:
            return False
        length = u8(octets, option + 1)
        if length < 2:
            return True
        if option + length > last:
            return last - 2 <= end
        if option + length > end:
            return False
        if kind == wire.TCP_OPTION_WINDOW_SCALE and length == 3 and flags & wire.SYN:
            flow.window_scale = min(u8(octets, option + 2), 14)
        option += length
    return True
