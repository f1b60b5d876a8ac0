"""GRE, RFC 2784, with what it carries of WCCP and ERSPAN.

At entry ``p.at`` is the first octet of the header and ``p.end`` the end of the captured octets that
belong to it. It leaves the next layer in ``p.next`` and its first octet in ``p.at``, or STOP. No
octet at or past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import (
    ETHERNET,
    ETHERTYPE,
    GRE_REASON,
    IP,
    IPV6,
    MPLS,
    PPP,
    Record,
    u8,
    u16,
    unsupported,
)

# GRE protocol types below which TShark finds packets and we do not look; 0x82.. is IEEE 802.11.
OTHER_GRE = (0x2001, 0x22EB, 0x6559, 0x8881, 0x88D2, 0x8909, 0x894F)


@subkernel
def dissect(octets: np.ndarray, p: Record) -> None:
    """GRE, RFC 2784 with the keys of RFC 2890 and the acknowledgement of RFC 2637."""
    header_at, captured = p.at, p.end - p.at
    if captured < wire.GRE_LEN:
        return
    flags, kind = u16(octets, p.at), u16(octets, p.at + wire.GRE_TYPE)
    length = wire.GRE_LEN
    if flags & (wire.GRE_CHECKSUM | wire.GRE_ROUTING):
        length += 4
    if flags & wire.GRE_KEY:
        length += 4
    if flags & wire.GRE_SEQUENCE:
        length += 4
    if flags & wire.GRE_ACK and flags & wire.GRE_VERSION and kind == wire.TYPE_PPP:
        length += 4
    if captured < length:
        return
    p.at += length
    while flags & wire.GRE_ROUTING:  # source route entries up to an empty one. RFC 1701
        if p.end - p.at < 4:
            return
        family, size = u16(octets, p.at), u8(octets, p.at + 3)
        p.at += 4
        if family == 0 and size == 0:
            break
        p.at += size
    if p.reported_end <= p.at:
        return  # TShark looks for no IPv6 header, however short, where nothing follows
    if kind == wire.TYPE_IPV4:
        p.next = IP
    elif kind == wire.TYPE_IPV6:
        p.next = IPV6
    elif kind == wire.TYPE_BRIDGED or kind == 0x6400:
        p.next = ETHERNET
    elif kind == wire.TYPE_PPP:
        p.next = PPP
    elif kind == wire.TYPE_MPLS or kind == wire.TYPE_MPLS_MULTICAST:
        p.next = MPLS
    elif kind == wire.TYPE_ARP:
        p.protocol = kind
        p.next = ETHERTYPE
    elif kind == wire.TYPE_ERSPAN:
        _erspan(octets, p, flags)
    elif kind == wire.TYPE_WCCP:
        _wccp(octets, p, header_at + wire.GRE_LEN)
    elif kind & 0xFE0F == 0x8200 or kind in OTHER_GRE:
        unsupported(p, GRE_REASON, kind)


@subkernel
def _wccp(octets: np.ndarray, p: Record, told_at: int) -> None:
    """Find a redirected packet, perhaps after a header of four octets, which is no IP version 4.

    TShark looks for that at `told_at`, before GRE's key or number if there is one.
    """
    if p.end > told_at:
        p.at += 0 if u8(octets, told_at) >> 4 == 4 else 4
        p.next = IP


@subkernel
def _erspan(octets: np.ndarray, p: Record, flags: int) -> None:
    """Find a frame mirrored by a switch, after 0 (ERSPAN type I), 8 (II), 12 or 20 octets."""
    if not flags & wire.GRE_SEQUENCE:
        p.next = ETHERNET
        return
    if p.end - p.at < 8:
        return
    version = u8(octets, p.at) >> 4
    if version == 1:
        p.at += 8
        p.next = ETHERNET
    elif version == 2 and p.end - p.at >= 12:
        p.at += 20 if u8(octets, p.at + 11) & 1 else 12
        p.next = ETHERNET
