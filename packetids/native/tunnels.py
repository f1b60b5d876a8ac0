"""Packets below UDP and TCP, by port: dissected where listed, else said to be unsupported.

A flood sweeps all ports with octets of no meaning, so a port alone says little. As TShark does,
each tunnel looks at its own header first; where that cannot lead to a packet, nothing follows.
"""

from pathlib import Path

import numba
import numpy as np

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
L2TP, GTP_U, GTP_PRIME, TEREDO, LISP, VXLAN_GPE, AYIYA, CAPWAP_DATA, SFLOW, LWAPP, LWAPP_2 = (
    1701, 2152, 3386, 3544, 4341, 4790, 5072, 5247, 6343, 12222, 12223,
)  # fmt: skip
ZEP, ZEP_2, TZSP = 17754, 17755, 37008
TAKE_ALL = (53, 67, 68, 123, 137, 138, 5353, 5355)  # whose dissectors refuse nothing
DISSECTED = (GRE_IN_UDP, VXLAN, GENEVE, MPLS_IN_UDP)
OPENFLOW = (6633, 6653)  # its messages quote frames

VXLAN_LEN = 8  # RFC 7348
GENEVE_LEN = 8  # RFC 8926
GENEVE_TYPE = 2
T_PDU = 255  # a GTP message that holds a packet


def _registered() -> np.ndarray:
    """Read which UDP ports have a dissector in TShark; bool, shape (65536,)."""
    registered = np.zeros(65536, np.bool_)
    listed = (Path(__file__).parent / "udp_ports.txt").read_text().splitlines()
    for part in " ".join(line for line in listed if not line.startswith("#")).split():
        first, _, last = part.partition("-")
        registered[int(first) : int(last or first) + 1] = True
    return registered


REGISTERED = _registered()


@numba.njit(cache=True)
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


@numba.njit(cache=True)
def in_tcp(octets: np.ndarray, p: Record, at: int, src_port: int, dst_port: int) -> None:
    """Say whether the payload, which begins at `at`, may hold packets."""
    if src_port not in OPENFLOW and dst_port not in OPENFLOW:
        return
    if p.end > at and 1 <= u8(octets, at) <= 6:  # the protocol's version
        unsupported(p, TCP_PORT_REASON, src_port if src_port in OPENFLOW else dst_port)


@numba.njit(cache=True)
def _geneve(octets: np.ndarray, p: Record) -> None:
    """Geneve: options, then what the EtherType says."""
    if p.end - p.at < GENEVE_LEN or u8(octets, p.at) >> 6 != 0:  # version
        return
    p.protocol = u16(octets, p.at + GENEVE_TYPE)
    p.at += GENEVE_LEN + (u8(octets, p.at) & 0x3F) * 4
    p.next = ETHERTYPE


@numba.njit(cache=True)
def _may_hold_packets(octets: np.ndarray, p: Record, port: int) -> bool:
    """Tell whether what is at `port` is a tunnel whose header leaves room for a packet."""
    at, octets_left = p.at, p.end - p.at
    if octets_left < 4:
        return False
    first, second = u8(octets, at), u8(octets, at + 1)
    if port == GTP_U or port == GTP_PRIME:
        return second == T_PDU
    if port == L2TP:  # data of version 2 or 3
        return not first & 0x80 and (second & 0x0F == 2 or second & 0x0F == 3)
    if port == TEREDO:
        return first >> 4 == 6 or first == 0 and second <= 1
    if port == LISP:
        inner = u8(octets, at + 8) >> 4 if octets_left > 8 else 0
        return inner == 4 or inner == 6
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
    if port == ZEP or port == ZEP_2:
        return first == 0x45 and second == 0x58
    if port == TZSP:
        return first == 1
    return False
