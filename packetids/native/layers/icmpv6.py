"""ICMPv6, RFC 4443, and redirects, RFC 4861: both quote the packet they are about.

At entry ``p.at`` is the first octet of the message and ``p.end`` the end of the captured octets
that belong to it. It leaves the next layer in ``p.next`` and its first octet in ``p.at``, or STOP.
No octet at or past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import IPV6, Record, shorten, u8


@subkernel
def dissect(octets: np.ndarray, p: Record) -> None:
    """ICMPv6: types 1 to 4 quote a packet, a redirect does in an option. RFC 4443, RFC 4861."""
    if p.end - p.at < wire.ICMP_LEN:
        return
    kind = u8(octets, p.at)
    if 1 <= kind <= 4:
        p.at += wire.ICMP_LEN
    elif kind == wire.ICMPV6_REDIRECT:
        p.at += wire.ICMPV6_REDIRECT_LEN
        while True:
            if p.end - p.at < 8:
                return
            length = u8(octets, p.at + 1) * 8
            if not length:
                return
            if u8(octets, p.at) == wire.OPTION_REDIRECTED_HEADER:
                shorten(p, length)
                p.at += 8
                break
            p.at += length
    else:
        return
    if p.end - p.at >= 1 and u8(octets, p.at) >> 4 == 6:
        p.in_error = True
        p.next = IPV6
