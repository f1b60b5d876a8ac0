"""UDP, RFC 768, and UDP-Lite, RFC 3828.

At entry ``p.at`` is the first octet of the header and ``p.end`` the end of the captured octets that
belong to it. It notes the ports, length, checksum and ``udp.stream``, and leaves a tunnel's first
layer in ``p.next``, or STOP. No octet at or past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.conversations import udp as udp_conversations
from packetids.native.conversations.table import Conversations
from packetids.native.payloads import applications, media, tunnels
from packetids.native.state import (
    COL_UDP_CHECKSUM,
    COL_UDP_DSTPORT,
    COL_UDP_LENGTH,
    COL_UDP_SRCPORT,
    COL_UDP_STREAM,
    STOP,
    Output,
    Record,
    claim,
    shorten,
    u16,
)


@subkernel(forceinline=True)
def dissect(octets: np.ndarray, p: Record, c: Conversations, out: Output, lite: bool) -> None:
    """UDP, RFC 768."""
    p.next = STOP
    at, captured = p.at, p.end - p.at
    if captured < wire.UDP_DSTPORT + 2:
        return
    src_port, dst_port = u16(octets, at), u16(octets, at + wire.UDP_DSTPORT)
    r = out.rows[p.row]
    if claim(COL_UDP_SRCPORT, src_port, p, out):
        r.udp_srcport = src_port
    if claim(COL_UDP_DSTPORT, dst_port, p, out):
        r.udp_dstport = dst_port
    if captured < wire.UDP_LENGTH + 2:
        return
    length = u16(octets, at + wire.UDP_LENGTH)
    if lite:
        length = p.reported_end - at
        if claim(COL_UDP_LENGTH, length, p, out):
            r.udp_length = length
    else:
        if claim(COL_UDP_LENGTH, length, p, out):
            r.udp_length = length
        if length < wire.UDP_LEN:
            if length or p.family != 6:
                return
            length = p.reported_end - at
    if captured < wire.UDP_CHECKSUM + 2:
        return
    if claim(COL_UDP_CHECKSUM, u16(octets, at + wire.UDP_CHECKSUM), p, out):
        r.udp_checksum = u16(octets, at + wire.UDP_CHECKSUM)
    number = udp_conversations.find(c, p, src_port, dst_port)
    if claim(COL_UDP_STREAM, c.udp[number].stream, p, out):
        r.udp_stream = c.udp[number].stream
    shorten(p, length)
    p.at += wire.UDP_LEN
    if p.end <= p.at:
        return
    applications.in_udp(octets, p, c, c.udp[number], src_port, dst_port)
    media.in_udp(octets, p, src_port, dst_port)
    if p.next == STOP:
        tunnels.in_udp(octets, p, src_port, dst_port)
