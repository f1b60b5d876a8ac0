"""From the start of a frame to the network layer: link types, VLAN tags, MPLS, PPP."""

import numpy as np

from packetids.kernels import kernel
from packetids.native import wire
from packetids.native.state import (
    ARP,
    ETHERNET,
    ETHERTYPE,
    ETHERTYPE_REASON,
    IP,
    IPV6,
    LINK_TYPE,
    LLC,
    MPLS,
    OTHER,
    PPP,
    STOP,
    Record,
    shorten,
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

MPLS_CHANNEL, MPLS_ALERT = 13, 14  # labels of RFC 5586 and RFC 3429

# EtherTypes below which TShark may find packets and we do not look.
OTHER_TUNNELS = (
    0x0641, 0x0643, 0x0644, 0x0645,  # Roofnet
    0x22E5,  # Gigamon header
    0x22F1,  # ROHC
    0x22F3,  # TRILL
    0x2452,  # IEEE 802.11, Centrino
    0x4305,  # B.A.T.M.A.N.
    0x80D5,  # SNA
    0x880B,  # PPP
    0x886C,  # HomePNA
    0x8870,  # IEEE 802.2 in large frames
    0x8874,  # Broadcom tag
    0x8899,  # Realtek tag
    0x88A9,  # Extreme mesh
    0x88BB, 0xBBBB,  # LWAPP
    0x88B7,  # IEEE 802, OUI extended
    0x88CA,  # TIPC
    0x88DE,  # VMware Lab Manager
    0x88E5,  # MACsec
    0x88E7,  # IEEE 802.1ah
    0x8903,  # Cisco FabricPath
    0x8909,  # Cisco metadata
    0x890D,  # IEEE 802.11
    0x8915,  # InfiniBand
    0x8926,  # VN-Tag
    0x892F,  # HSR
    0x893F,  # IEEE 802.1BR
    0x894F,  # NSH
    0x8988,  # Palo Alto heartbeat
    0x9021,  # RTmac
    0x9104,  # eero
    0xA0ED,  # 6LoWPAN
    0xD28B,  # Arista timestamp
    0xE555,  # EXEH
    0xF1C1,  # IEEE 802.1CB
)  # fmt: skip

# PPP protocols, likewise.
PPP_IPV4, PPP_IPV6, PPP_MPLS = 0x0021, 0x0057, (0x0281, 0x0283)
PPP_HEADER, ZEROS_OCTETS = 0xFF03, 10
PPP_CONTROL = (
    0x8021, 0x8023, 0x8031, 0x8057, 0x8059, 0x80FD, 0x8207, 0x8281, 0xC021, 0xC029, 0xC02B,
)  # fmt: skip
PPP_PROTOCOL_REJECT, PPP_REJECT_LEN = 8, 6
OTHER_PPP = (
    0x002D, 0x002F,  # compressed TCP
    0x0031,  # bridged frames
    0x003D,  # multilink
    0x004B,  # IEEE 802.2
    0x0059,  # multiplexing
    0x0061, 0x0065, 0x0067,  # compressed headers
    0x00FD,  # compressed data
)  # fmt: skip


@kernel(inline="always")
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


@kernel(inline="always")
def ethernet(octets: np.ndarray, p: Record) -> None:
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


@kernel(inline="always")
def ethertype(octets: np.ndarray, p: Record) -> None:
    """Go by the EtherType in ``p.protocol``."""
    kind = p.protocol
    if kind == wire.TYPE_IPV4:
        p.next = IP
    elif kind == wire.TYPE_IPV6:
        p.next = IPV6
    elif kind == wire.TYPE_ARP or kind == wire.TYPE_RARP:
        p.next = ARP
    elif kind == wire.TYPE_VLAN or kind == wire.TYPE_QINQ_OLD:
        _vlan(octets, p, False)
    elif kind == wire.TYPE_QINQ:
        _vlan(octets, p, True)
    elif kind == wire.TYPE_MPLS or kind == wire.TYPE_MPLS_MULTICAST:
        p.next = MPLS
    elif kind == wire.TYPE_PPPOE_SESSION:
        _pppoe(octets, p)
    elif kind == wire.TYPE_BRIDGED:
        p.next = ETHERNET
    elif kind in OTHER_TUNNELS:
        unsupported(p, ETHERTYPE_REASON, kind)
    else:
        p.next = STOP


@kernel
def llc(octets: np.ndarray, p: Record) -> None:
    """IEEE 802.2: IP directly, or SNAP with an EtherType."""
    service_at = p.at
    p.next = STOP
    if p.end - p.at < wire.LLC_LEN:
        return
    service, control = u8(octets, p.at), u8(octets, p.at + wire.LLC_CONTROL)
    if control == wire.LLC_UNNUMBERED:
        p.at += wire.LLC_LEN
    elif control & 1 == 0:  # information, with an octet more for its numbers
        p.at += wire.LLC_LEN + 1
    else:
        return
    if service == wire.SAP_IP:
        p.next = IP
    elif service == wire.SAP_3COM and p.end > p.at:
        unsupported(p, OTHER, service)
    elif service == wire.SAP_SNAP and u8(octets, service_at + 1) == wire.SAP_SNAP:
        if p.end - p.at < wire.SNAP_LEN:
            return
        owner = u16(octets, p.at) << 8 | u8(octets, p.at + 2)
        kind = u16(octets, p.at + wire.SNAP_TYPE)
        if owner == 0x000000 or owner == 0x0000F8:
            p.at += wire.SNAP_LEN
            p.protocol = kind
            p.next = ETHERTYPE if kind >= wire.ETH_TYPE_MIN else STOP
        elif owner == 0x0080C2 or owner == 0x005043:  # bridged frames, Marvell's tags
            unsupported(p, OTHER, owner)


@kernel
def ppp(octets: np.ndarray, p: Record) -> None:
    """PPP, RFC 1661, with or without the address and control fields of RFC 1662."""
    p.next = STOP
    if p.end - p.at >= 1 and u8(octets, p.at) == 0xFF:
        p.at += 2
    if p.end - p.at < 1:
        return
    protocol = u8(octets, p.at)
    if protocol & 1:  # compressed to one octet
        p.at += 1
    elif p.end - p.at < 2:
        return
    else:
        protocol = u16(octets, p.at)
        p.at += 2
    if protocol == PPP_IPV4 or protocol == wire.TYPE_IPV4:  # TShark takes EtherTypes, too
        p.next = IP
    elif protocol == PPP_IPV6 or protocol == wire.TYPE_IPV6:
        p.next = IPV6
    elif protocol in PPP_MPLS:
        p.next = MPLS
    elif protocol in OTHER_PPP or protocol in PPP_CONTROL and _quotes_packet(octets, p):
        unsupported(p, OTHER, protocol)


@kernel
def _quotes_packet(octets: np.ndarray, p: Record) -> bool:
    """Tell whether a control message rejects a protocol and quotes its packet. RFC 1661, 5.7."""
    if p.end - p.at < PPP_REJECT_LEN or u8(octets, p.at) != PPP_PROTOCOL_REJECT:
        return False
    protocol = u16(octets, p.at + PPP_REJECT_LEN - 2)
    if u8(octets, p.at + PPP_REJECT_LEN - 2) & 1:  # compressed to one octet
        protocol = u8(octets, p.at + PPP_REJECT_LEN - 2)
    return protocol not in PPP_CONTROL


@kernel
def mpls(octets: np.ndarray, p: Record) -> None:
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


@kernel
def _vlan(octets: np.ndarray, p: Record, is_service: bool) -> None:
    """A tag, IEEE 802.1Q; of a service's (QinQ) TShark notes no number and takes no length."""
    if p.end - p.at < wire.VLAN_LEN:
        p.next = STOP
        return
    if not is_service and not p.vlan:  # TShark's number of a packet's VLAN: the first that is not 0
        p.vlan = u16(octets, p.at) & 0x0FFF
    kind = u16(octets, p.at + wire.VLAN_TYPE)
    p.at += wire.VLAN_LEN
    if kind > wire.ETH_LENGTH_MAX:
        p.protocol = kind
        p.next = ETHERTYPE if kind >= wire.ETH_TYPE_MIN else STOP
    elif is_service:
        p.next = STOP
    else:
        shorten(p, kind)
        p.next = LLC


@kernel
def _pppoe(octets: np.ndarray, p: Record) -> None:
    """PPPoE session, RFC 2516."""
    if p.end - p.at < 6:
        p.next = STOP
        return
    length = u16(octets, p.at + 4)
    p.at += 6
    shorten(p, length)
    p.next = PPP


@kernel
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


@kernel
def _raw(octets: np.ndarray, p: Record) -> None:
    """A packet; or what Linux once put before one, for which TShark looks first."""
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


@kernel
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
