"""What an IP protocol number announces.

At entry ``p.at`` is the first octet of the layer after IP, whose number is in ``p.protocol``, and
``p.end`` the end of the captured octets that belong to it. It leaves the next layer in ``p.next``
and its first octet in ``p.at``, or STOP. No octet at or past ``p.end`` is read, and nothing is
raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.layers import gre, icmp, icmpv6
from packetids.native.layers.ipv6 import (
    authentication_header,
    fragment_header,
    options_header,
    routing_header,
)
from packetids.native.state import IP, IP_PROTOCOL_REASON, IPV6, STOP, Record, unsupported

# IP protocols that carry packets which we do not look for.
OTHER_TUNNELS = (
    48,  # DSR
    53,  # SwIPe
    54,  # NHRP
    97,  # EtherIP
    103,  # PIM, whose register messages quote a packet
    106,  # LWL4
    108,  # IPComp
    115,  # L2TPv3
    137,  # MPLS
    140,  # Shim6
    143,  # Ethernet
)  # fmt: skip


@subkernel
def dissect(octets: np.ndarray, p: Record) -> None:
    """Go by the IP protocol in ``p.protocol``; TCP and UDP are met by the caller."""
    protocol = p.protocol
    p.next = STOP
    if protocol == wire.PROTO_ICMP:
        icmp.dissect(octets, p)
    elif protocol == wire.PROTO_ICMPV6:
        icmpv6.dissect(octets, p)
    elif protocol == wire.PROTO_IPV4:
        p.next = IP
    elif protocol == wire.PROTO_IPV6:
        p.next = IPV6
    elif protocol == wire.PROTO_GRE:
        gre.dissect(octets, p)
    elif protocol == wire.PROTO_HOPOPTS or protocol == wire.PROTO_DSTOPTS:
        options_header(octets, p)
    elif protocol == wire.PROTO_ROUTING:
        routing_header(octets, p)
    elif protocol == wire.PROTO_FRAGMENT:
        fragment_header(octets, p)
    elif protocol == wire.PROTO_AH:
        authentication_header(octets, p)
    elif protocol in OTHER_TUNNELS and p.end > p.at:
        unsupported(p, IP_PROTOCOL_REASON, protocol)
