"""ICMP, RFC 792 and RFC 4884: an error message quotes the packet it is about.

At entry ``p.at`` is the first octet of the message and ``p.end`` the end of the captured octets
that belong to it. It leaves the next layer in ``p.next`` and its first octet in ``p.at``, or STOP.
No octet at or past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import IP, Record, shorten, u8, u16


@subkernel
def dissect(octets: np.ndarray, p: Record) -> None:
    """ICMP: an error message quotes the packet it is about. RFC 792, RFC 4884."""
    if p.end - p.at < wire.ICMP_LEN:
        return
    kind = u8(octets, p.at)
    if kind not in wire.ICMP_WITH_PACKET:
        return
    original = u8(octets, p.at + wire.ICMP_ORIGINAL_LENGTH) * 4
    p.at += wire.ICMP_LEN
    if kind == wire.ICMP_REDIRECT:
        if p.end > p.at:
            shorten(p, (u8(octets, p.at) & 0x0F) * 4 + 8)
    elif original and p.reported_end > p.at + original and p.end - p.at >= 4:
        if u16(octets, p.at + wire.IP_TOTAL_LENGTH) > original:
            shorten(p, (u8(octets, p.at) & 0x0F) * 4 + original)
    p.in_error = True
    p.next = IP
