"""Walk through the frames of a run: layer after layer, a row for each packet that is wanted.

`link`, `network` and `transport` hold a kernel a layer; each looks at its header and says in
``Packet.next`` what follows. Nothing here raises: damaged packets are data. Octets beyond a
frame's captured end are never read.
"""

import numba
import numpy as np

from packetids.native import conversations, link, network, text, transport, wire
from packetids.native.conversations import Conversations
from packetids.native.state import (
    ARP,
    ETHERNET,
    ETHERTYPE,
    EXTRAS,
    FRAME_EXTRAS_MAX,
    FRAME_LEN,
    IP,
    IP_PROTOCOL,
    IPV6,
    LLC,
    MPLS,
    PPP,
    ROWS,
    STOP,
    TIME,
    Columns,
)

# Why `run` came back.
DONE, FULL, GROW = 0, 1, 2  # and FRAGMENT, UNSUPPORTED


@numba.njit(cache=True, nogil=True)
def run(
    octets: np.ndarray, start: np.ndarray, captured_octets: np.ndarray, wire_octets: np.ndarray,
    time_ns: np.ndarray, has_time: np.ndarray, link_type: np.ndarray,
    first: int, row: int, wanted: int, p: np.ndarray, c: Conversations, out: Columns,
) -> tuple[int, int, int]:  # fmt: skip
    """Dissect frames from number `first` of the run on, into rows from `row` on.

    `wanted` says which of IP_SEEN, IPV6_SEEN and ARP_SEEN a packet needs; 0 wants every frame.
    Gives the next frame, the next row and why it stopped: at FRAGMENT and UNSUPPORTED within
    the frame, whose row is not closed.
    """
    for i in range(first, len(start)):
        if row == ROWS or out.extras[0] + FRAME_EXTRAS_MAX > EXTRAS or not text.have_room(out):
            return i, row, FULL
        if not conversations.have_room(c):
            return i, row, GROW
        p.at = start[i]
        p.end = start[i] + min(captured_octets[i], wire_octets[i])
        p.reported_end = start[i] + wire_octets[i]
        p.row = row
        p.time_ns = time_ns[i]
        p.family = 0
        p.vlan = 0
        p.fragmented = False
        p.in_error = False
        p.seen = 0
        p.depth = 0
        link.begin(octets, link_type[i], p)
        walk(octets, p, c, out)
        if p.next != STOP:
            return i, row, p.next
        row = close(p, has_time[i], wire_octets[i], wanted, out)
    return len(start), row, DONE


@numba.njit(cache=True, nogil=True)
def walk(octets: np.ndarray, p: np.ndarray, c: Conversations, out: Columns) -> None:
    """Go from layer to layer until there is no next one, or one that `run` has to leave for."""
    while True:
        layer = p.next
        if layer == IP_PROTOCOL:
            protocol = p.protocol
            if protocol == wire.PROTO_TCP:
                transport.tcp(octets, p, c, out)
            elif protocol == wire.PROTO_UDP or protocol == wire.PROTO_UDPLITE:
                transport.udp(octets, p, c, out, protocol == wire.PROTO_UDPLITE)
            else:
                network.ip_protocol(octets, p)
        elif layer == IP:
            network.ip(octets, p, out)
        elif layer == ETHERTYPE:
            link.ethertype(octets, p)
        elif layer == ETHERNET:
            link.ethernet(octets, p)
        elif layer == IPV6:
            network.ipv6(octets, p, out)
        elif layer == ARP:
            network.arp(octets, p, out)
        elif layer == LLC:
            link.llc(octets, p)
        elif layer == PPP:
            link.ppp(octets, p)
        elif layer == MPLS:
            link.mpls(octets, p)
        else:  # STOP, FRAGMENT, UNSUPPORTED
            return


@numba.njit(cache=True, nogil=True)
def close(p: np.ndarray, has_time: bool, wire_octets: int, wanted: int, out: Columns) -> int:
    """End the row of a frame if the frame is wanted; give the next row."""
    row = p.row
    if wanted and not p.seen & wanted:
        return row
    bit = np.uint8(1 << (row & 7))
    if has_time:
        out.valid[TIME, row >> 3] |= bit
        out.time_ns[row] = p.time_ns
    out.valid[FRAME_LEN, row >> 3] |= bit
    out.frame_len[row] = wire_octets
    text.intern(out, row)
    return row + 1
