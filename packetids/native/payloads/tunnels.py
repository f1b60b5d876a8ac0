"""Packets below UDP and TCP, by port: dissected where listed, else said to be unsupported.

A flood sweeps all ports with octets of no meaning, so a port alone says little. As TShark does,
each tunnel looks at its own header first; where that cannot lead to a packet, nothing follows.
"""

from pathlib import Path

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import (
    ETHERNET,
    ETHERTYPE,
    IP_PROTOCOL,
    MPLS,
    PORT_REASON,
    TCP_PORT_REASON,
    Record,
    u8,
    u16,
    u32,
    unsupported,
)

GRE_IN_UDP, VXLAN, GENEVE, MPLS_IN_UDP = 4754, 4789, 6081, 6635  # dissected
DISSECTED = (GRE_IN_UDP, VXLAN, GENEVE, MPLS_IN_UDP)
TAKE_ALL = (53, 67, 68, 123, 137, 138, 5353, 5355)  # whose dissectors refuse nothing

# Said to be unsupported where the header leads to a packet, or makes TShark open a conversation.
MOBILE_IP, ACDR, L2TP, GTP_U, AMT, MS_CLUSTER, GTP_PRIME, TEREDO = (
    434, 925, 1701, 2152, 2268, 3343, 3386, 3544,
)  # fmt: skip
BATMAN, LISP, LISP_CONTROL, VXLAN_GPE, ROCE, AYIYA, HART_IP, CAPWAP_DATA, TIPC, SFLOW = (
    4306, 4341, 4342, 4790, 4791, 5072, 5094, 5247, 6118, 6343,
)  # fmt: skip
SNA_FIRST, SNA_LAST, ETHERNET_IN_UDP, LWAPP, LWAPP_2 = 12000, 12004, 12220, 12222, 12223
ZEP, ZEP_2, SCOP, JMIRROR, TZSP = 17754, 17755, 17756, 30030, 37008
OPENFLOW = (6633, 6653)  # over TCP; its messages quote frames
SNMP_OVER_TCP = (161, 162)  # another conversation follows when a message is whole

VXLAN_LEN = 8  # RFC 7348
GENEVE_LEN = 8  # RFC 8926
GENEVE_TYPE = 2
T_PDU = 255  # a GTP message that holds a packet
MOBILE_IP_DATA = 4  # RFC 3519
AMT_WITH_PACKET = (4, 5, 6)  # query, update, data; RFC 7450
BATMAN_PACKET = 1
LISP_ENCAPSULATED = 8
HART_SESSION = 0
ACDR_VERSION_MAX = 16
TIPC_USER_MAX = 3  # users above are the protocol's own
LLC_WITH_PACKET = (0x06, 0x98, 0xAA)  # IP, ARP, SNAP
ETHERTYPE_BEGINNINGS = (0x08, 0x81, 0x86, 0x88, 0x91)  # IP, ARP, tags, IPv6, MPLS, PPP
INFINIBAND_LEN, INFINIBAND_MAX = 12, 60  # headers, before what they carry
LENGTH_MAX = 1500  # what is no EtherType


def _registered() -> np.ndarray:
    """Read which UDP ports have a dissector in TShark; bool, shape (65536,)."""
    registered = np.zeros(65536, np.bool_)
    listed = (Path(__file__).parent / "udp_ports.txt").read_text().splitlines()
    for part in " ".join(line for line in listed if not line.startswith("#")).split():
        first, _, last = part.partition("-")
        registered[int(first) : int(last or first) + 1] = True
    return registered


REGISTERED = _registered()
UNSUPPORTED_PORTS = np.zeros(65536, np.bool_)
UNSUPPORTED_PORTS[
    [
        MOBILE_IP, ACDR, L2TP, GTP_U, AMT, MS_CLUSTER, GTP_PRIME, TEREDO, BATMAN, LISP,
        LISP_CONTROL, VXLAN_GPE, ROCE, AYIYA, HART_IP, CAPWAP_DATA, TIPC, SFLOW,
        *range(SNA_FIRST, SNA_LAST + 1), ETHERNET_IN_UDP, LWAPP, LWAPP_2, ZEP, ZEP_2, SCOP,
        JMIRROR, TZSP,
    ]
] = True  # fmt: skip


@subkernel
def in_udp(octets: np.ndarray, p: Record, src_port: int, dst_port: int) -> None:
    """Find the layer after UDP; ``p.at`` is at the payload, which is not empty.

    TShark asks the lower port's dissector first, and the higher one's if that refuses.
    """
    low, high = min(src_port, dst_port), max(src_port, dst_port)
    if low == GRE_IN_UDP:
        p.protocol = wire.PROTO_GRE
        p.next = IP_PROTOCOL
    elif low == VXLAN:
        p.at += VXLAN_LEN
        p.next = ETHERNET
    elif low == MPLS_IN_UDP:
        p.next = MPLS
    elif low == GENEVE:
        _geneve(octets, p)
    elif _may_hold_packets(octets, p, low):
        unsupported(p, PORT_REASON, low)
    elif low in TAKE_ALL:
        return
    elif high in DISSECTED and not REGISTERED[low]:
        in_udp(octets, p, high, high)
    elif high in DISSECTED or _may_hold_packets(octets, p, high):
        unsupported(p, PORT_REASON, high)  # the lower port's dissector may refuse


@subkernel
def in_tcp(octets: np.ndarray, p: Record, at: int, src_port: int, dst_port: int) -> None:
    """Check whether the payload, which begins at `at`, may hold packets or opens conversations."""
    if p.end <= at:
        return
    if src_port in OPENFLOW or dst_port in OPENFLOW:
        if 1 <= u8(octets, at) <= 6:  # the protocol's version
            unsupported(p, TCP_PORT_REASON, src_port if src_port in OPENFLOW else dst_port)
    elif src_port == ACDR or dst_port == ACDR:
        if u8(octets, at) <= ACDR_VERSION_MAX:
            unsupported(p, TCP_PORT_REASON, ACDR)
    elif min(src_port, dst_port) in SNMP_OVER_TCP:
        unsupported(p, TCP_PORT_REASON, min(src_port, dst_port))


@subkernel
def _geneve(octets: np.ndarray, p: Record) -> None:
    """Geneve: options, then what the EtherType says."""
    if p.end - p.at < GENEVE_LEN or u8(octets, p.at) >> 6 != 0:  # version
        return
    p.protocol = u16(octets, p.at + GENEVE_TYPE)
    p.at += GENEVE_LEN + (u8(octets, p.at) & 0x3F) * 4
    p.next = ETHERTYPE


@subkernel(forceinline=True)
def _may_hold_packets(octets: np.ndarray, p: Record, port: int) -> bool:
    """Check whether what is at `port` is a tunnel whose header leaves room for a packet.

    Or a message after which TShark opens a conversation: of L2TP's control, ACDR, HART-IP.
    """
    return UNSUPPORTED_PORTS[port] and p.end - p.at >= 4 and _leads_on(octets, p, port)


@subkernel
def _leads_on(octets: np.ndarray, p: Record, port: int) -> bool:
    at, octets_left = p.at, p.end - p.at
    first, second = u8(octets, at), u8(octets, at + 1)
    if port == GTP_U or port == GTP_PRIME:
        return second == T_PDU
    if port == L2TP:  # of version 2 or 3
        return second & 0x0F == 2 or second & 0x0F == 3
    if port == TEREDO:
        return first >> 4 == 6 or first == 0 and second <= 1
    if port == LISP or port == JMIRROR:
        inner = u8(octets, at + 8) >> 4 if octets_left > 8 else 0
        return inner == 4 or inner == 6
    if port == LISP_CONTROL:
        return first >> 4 == LISP_ENCAPSULATED
    if port == VXLAN_GPE:
        return u8(octets, at + 3) <= 5
    if port == AYIYA:
        return u8(octets, at + 3) not in (0, 59, 88, 255)
    if port == CAPWAP_DATA:
        return first >> 4 == 0
    if port == SFLOW:
        return u32(octets, at) in (2, 4, 5)
    if port == LWAPP or port == LWAPP_2:
        return first >> 6 == 0
    if port == ZEP:
        return first == 0x45 and second == 0x58
    if port == ZEP_2 or port == SCOP:
        return first == 1 or first == 0x45 and second == 0x58
    if port == TZSP:
        return first == 1
    if port == MOBILE_IP:
        return first == MOBILE_IP_DATA
    if port == ACDR:
        return first <= ACDR_VERSION_MAX
    if port == AMT:
        return first & 0x0F in AMT_WITH_PACKET
    if port == BATMAN:
        return first == BATMAN_PACKET
    if port == HART_IP:
        return u8(octets, at + 2) == HART_SESSION
    if port == TIPC:
        return first >> 1 & 0x0F <= TIPC_USER_MAX
    if SNA_FIRST <= port <= SNA_LAST:
        return first in LLC_WITH_PACKET
    if port == ROCE:
        return _holds_ethertype(octets, p)
    if octets_left <= 14:  # Ethernet, for MS_CLUSTER and ETHERNET_IN_UDP
        return False
    return u8(octets, at + 12) in ETHERTYPE_BEGINNINGS or u16(octets, at + 12) <= LENGTH_MAX


@subkernel
def _holds_ethertype(octets: np.ndarray, p: Record) -> bool:
    """Check whether InfiniBand's headers, of any length, may end in EtherType and 16 zero bits."""
    for at in range(p.at + INFINIBAND_LEN, min(p.end - 4, p.at + INFINIBAND_MAX), 4):
        if u8(octets, at) in ETHERTYPE_BEGINNINGS and u16(octets, at + 2) == 0:
            return True
    return False
