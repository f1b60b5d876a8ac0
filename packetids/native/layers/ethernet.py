"""Ethernet II and IEEE 802.3.

At entry ``p.at`` is the first octet of the frame and ``p.end`` the end of the captured octets that
belong to it. It leaves the next layer in ``p.next`` and its first octet in ``p.at``, or STOP. No
octet at or past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import (
    ETHERTYPE,
    ETHERTYPE_REASON,
    LLC,
    STOP,
    Record,
    shorten,
    u8,
    u16,
    u32,
    unsupported,
)


@subkernel(forceinline=True)
def dissect(octets: np.ndarray, p: Record) -> None:
    """IEEE 802.3: a type, or a length and IEEE 802.2."""
    if p.end - p.at < wire.ETH_LEN:
        p.next = STOP
        return
    kind = u16(octets, p.at + wire.ETH_TYPE)
    if kind <= wire.ETH_LENGTH_MAX:
        # Cisco's ISL begins with 01000c0000 or 03000c0000 and an odd header
        first = u32(octets, p.at)
        if (first == 0x01000C00 or first == 0x03000C00) and u8(octets, p.at + 4) == 0:
            unsupported(p, ETHERTYPE_REASON, kind)
            return
        p.at += wire.ETH_LEN
        shorten(p, kind)
        p.next = LLC
        return
    p.at += wire.ETH_LEN
    p.protocol = kind
    p.next = ETHERTYPE if kind >= wire.ETH_TYPE_MIN else STOP
