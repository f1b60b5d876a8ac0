"""What an EtherType announces; IEEE 802.1Q tags, and PPPoE, RFC 2516.

At entry ``p.at`` is the first octet of the layer after the EtherType, which is in ``p.protocol``,
and ``p.end`` the end of the captured octets that belong to it. It leaves the next layer in
``p.next`` and its first octet in ``p.at``, or STOP. No octet at or past ``p.end`` is read, and
nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import (
    ARP,
    ETHERNET,
    ETHERTYPE,
    ETHERTYPE_REASON,
    IP,
    IPV6,
    LLC,
    MPLS,
    PPP,
    STOP,
    Record,
    shorten,
    u16,
    unsupported,
)

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


@subkernel(forceinline=True)
def dissect(octets: np.ndarray, p: Record) -> None:
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


@subkernel
def _vlan(octets: np.ndarray, p: Record, is_service: bool) -> None:
    """Read a tag, IEEE 802.1Q; TShark notes no number and takes no length of a service's (QinQ)."""
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


@subkernel
def _pppoe(octets: np.ndarray, p: Record) -> None:
    """PPPoE session, RFC 2516."""
    if p.end - p.at < 6:
        p.next = STOP
        return
    length = u16(octets, p.at + 4)
    p.at += 6
    shorten(p, length)
    p.next = PPP
