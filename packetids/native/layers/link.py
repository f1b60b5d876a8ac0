"""The first layer of a frame, by the capture's link type.

LINKTYPE_ values are those of the registry of tcpdump.org. `begin` is called once a frame: it takes
a frame check sequence off an Ethernet frame and leaves in ``p.next`` what follows. No octet at or
past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import (
    ETHERNET,
    ETHERTYPE,
    IP,
    IPV6,
    LINK_TYPE,
    LLC,
    OTHER,
    PPP,
    STOP,
    Record,
    u8,
    u16,
    u32,
    unsupported,
)

# LINKTYPE_ values of the registry of tcpdump.org
NULL, ETHER, PPP_LINK, LLC_LINK, RAW, LOOP, LINUX_SLL, IPV4_LINK, IPV6_LINK, LINUX_SLL2 = (
    0, 1, 9, 100, 101, 108, 113, 228, 229, 276,
)  # fmt: skip
RAW_TOO = (12, 14)  # LINKTYPE_RAW as some systems number it

# Families in a BSD loopback header, of several systems
FAMILY_IPV4, FAMILIES_IPV6 = 2, (24, 28, 30)
PPP_HEADER, ZEROS_OCTETS = 0xFF03, 10


@subkernel(forceinline=True)
def begin(octets: np.ndarray, link_type: int, fcs_octets: int, p: Record) -> None:
    """Find the first layer of a frame.

    Of an Ethernet frame the frame check sequence is no payload, where the capture tells its
    length and the payload is as long. TShark does not take it off other frames.
    """
    captured = p.end - p.at
    if link_type == ETHER:
        if fcs_octets and p.reported_end - p.at - wire.ETH_LEN >= fcs_octets:
            p.reported_end -= fcs_octets
            p.end = min(p.end, p.reported_end)
        p.next = ETHERNET
    elif link_type == LINUX_SLL:
        _cooked(octets, p, wire.SLL_LEN, wire.SLL_TYPE, wire.SLL_HATYPE)
    elif link_type == LINUX_SLL2:
        _cooked(octets, p, wire.SLL2_LEN, wire.SLL2_TYPE, wire.SLL2_HATYPE)
    elif link_type == RAW or link_type in RAW_TOO:
        _raw(octets, p)
    elif link_type == IPV4_LINK:
        p.next = IP
    elif link_type == IPV6_LINK:
        p.next = IPV6
    elif link_type == NULL or link_type == LOOP:
        _loopback(octets, p, link_type == LOOP)
    elif link_type == PPP_LINK:
        p.next = PPP
    elif link_type == LLC_LINK:
        p.next = LLC
    elif captured > 0 and link_type >= 0:
        unsupported(p, LINK_TYPE, link_type)
    else:
        p.next = STOP


@subkernel
def _cooked(octets: np.ndarray, p: Record, length: int, type_at: int, hatype_at: int) -> None:
    if p.end - p.at < length:
        p.next = STOP
        return
    kind = u16(octets, p.at + type_at)
    hatype = u16(octets, p.at + hatype_at)
    p.at += length
    p.protocol = kind
    if hatype == 770 or hatype == 803:  # frame relay, radiotap
        unsupported(p, OTHER, hatype)
    elif hatype == 824:  # netlink
        p.next = STOP
    elif kind == 4:
        p.next = LLC
    elif kind == 3:
        p.next = ETHERNET
    elif kind == 7:
        p.next = PPP
    else:
        p.next = ETHERTYPE if kind >= wire.ETH_TYPE_MIN else STOP


@subkernel
def _raw(octets: np.ndarray, p: Record) -> None:
    """Find a packet, or what Linux once put before one, for which TShark looks first."""
    p.next = STOP
    for skipped in (0, 1, 6):
        if p.end - p.at < skipped + 2:
            return
        if u16(octets, p.at + skipped) == PPP_HEADER:
            p.at += skipped
            p.next = PPP
            return
    if p.end - p.at >= ZEROS_OCTETS:
        at = p.at
        while at < p.at + ZEROS_OCTETS and u8(octets, at) == 0:
            at += 1
        if at == p.at + ZEROS_OCTETS:
            p.at = at
            p.next = IP
            return
    version = u8(octets, p.at) >> 4
    if version == 4:
        p.next = IP
    elif version == 6:
        p.next = IPV6


@subkernel
def _loopback(octets: np.ndarray, p: Record, in_network_order: bool) -> None:
    """Four octets of address family; if not `in_network_order`, in either, or other headers."""
    p.next = STOP
    if p.end - p.at < 4:
        return
    family = u32(octets, p.at)
    if family & 0xFFFF0000 and not in_network_order:
        if family >> 16 == PPP_HEADER:
            p.next = PPP
            return
        family = (
            u8(octets, p.at) | u8(octets, p.at + 1) << 8
            | u8(octets, p.at + 2) << 16 | u8(octets, p.at + 3) << 24
        )  # fmt: skip
    p.at += 4
    if family > wire.ETH_LENGTH_MAX and not in_network_order:
        p.protocol = family
        p.next = ETHERTYPE
    elif family == FAMILY_IPV4:
        p.next = IP
    elif family in FAMILIES_IPV6:
        p.next = IPV6
