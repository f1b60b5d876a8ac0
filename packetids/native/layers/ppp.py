"""PPP, RFC 1661 and RFC 1662.

At entry ``p.at`` is the first octet of the header and ``p.end`` the end of the captured octets that
belong to it. It leaves the next layer in ``p.next`` and its first octet in ``p.at``, or STOP. No
octet at or past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import IP, IPV6, MPLS, OTHER, STOP, Record, u8, u16, unsupported

# PPP protocols, likewise.
PPP_IPV4, PPP_IPV6, PPP_MPLS = 0x0021, 0x0057, (0x0281, 0x0283)
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


@subkernel
def dissect(octets: np.ndarray, p: Record) -> None:
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


@subkernel
def _quotes_packet(octets: np.ndarray, p: Record) -> bool:
    """Check whether a control message rejects a protocol and quotes its packet. RFC 1661, 5.7."""
    if p.end - p.at < PPP_REJECT_LEN or u8(octets, p.at) != PPP_PROTOCOL_REJECT:
        return False
    protocol = u16(octets, p.at + PPP_REJECT_LEN - 2)
    if u8(octets, p.at + PPP_REJECT_LEN - 2) & 1:  # compressed to one octet
        protocol = u8(octets, p.at + PPP_REJECT_LEN - 2)
    return protocol not in PPP_CONTROL
