"""MPLS label stacks, RFC 3032.

At entry ``p.at`` is the first octet of the first label and ``p.end`` the end of the captured octets
that belong to it. It leaves the next layer in ``p.next`` and its first octet in ``p.at``, or STOP.
No octet at or past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import IP, IPV6, OTHER, STOP, Record, u8, u32, unsupported

MPLS_CHANNEL, MPLS_ALERT = 13, 14  # labels of RFC 5586 and RFC 3429


@subkernel
def dissect(octets: np.ndarray, p: Record) -> None:
    """Labels up to the last of the stack, then IP by its version. RFC 3032."""
    while True:
        if p.end - p.at < 4:
            p.next = STOP
            return
        label = u32(octets, p.at)
        p.at += 4
        if label & 0x100:
            break
    if p.end - p.at < 1:
        p.next = STOP
        return
    version = u8(octets, p.at) >> 4
    p.next = STOP
    if label >> 12 == MPLS_CHANNEL or label >> 12 == MPLS_ALERT:
        return
    if version == 4:
        p.next = IP
    elif version == 6:
        p.next = IPV6
    elif version == 0:
        unsupported(p, OTHER, wire.TYPE_MPLS)  # a pseudowire
