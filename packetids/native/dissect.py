"""Walk through the frames of a run: layer after layer, a row for each packet that is wanted.

Each module of `layers` has a kernel `dissect`, which reads its header and sets ``p.next`` to the
layer that follows. Nothing here raises: damaged packets are data. Octets at or past a frame's
captured end are never read.
"""

import numpy as np

from packetids.kernels import kernel, subkernel
from packetids.native import text, wire
from packetids.native.borrow import borrowed
from packetids.native.conversations import table
from packetids.native.conversations.table import Conversations
from packetids.native.layers import (
    arp,
    ethernet,
    ethertype,
    ip_protocol,
    ipv4,
    ipv6,
    link,
    llc,
    mpls,
    ppp,
    tcp,
    udp,
)
from packetids.native.state import (
    ARP,
    COL_FRAME_LEN,
    COL_TIME,
    ETHERNET,
    ETHERTYPE,
    EXTRAS,
    FRAME_EXTRAS_MAX,
    IP,
    IP_PROTOCOL,
    IPV6,
    LLC,
    MPLS,
    PPP,
    ROWS,
    STOP,
    Output,
    Record,
    drop,
)
from packetids.native.text import Dictionaries

# Why `run` came back.
DONE, FULL, GROW = 0, 1, 2  # and FRAGMENT, UNSUPPORTED


@kernel(nogil=True)
def run(
    octets: np.ndarray, start: np.ndarray, captured_octets: np.ndarray, wire_octets: np.ndarray,
    time_ns: np.ndarray, has_time: np.ndarray, link_type: np.ndarray, fcs_octets: np.ndarray,
    first: int, row: int, wanted: int, resume: bool,
    p: Record, c: Conversations, out: Output, d: Dictionaries,
) -> tuple[int, int, int]:  # fmt: skip
    """Dissect frames from number `first` of the run on, into rows from `row` on.

    `wanted` says which of IP_SEEN, IPV6_SEEN and ARP_SEEN a packet needs; 0 wants every frame.
    With `resume` the first frame was left in the middle: `octets` and `p` say where to go on.
    Gives the next frame, the next row and why it stopped: at FRAGMENT and UNSUPPORTED within
    the frame, whose row is not closed.
    """
    octets = borrowed(octets)
    start, captured_octets = borrowed(start), borrowed(captured_octets)
    wire_octets, time_ns = borrowed(wire_octets), borrowed(time_ns)
    has_time, link_type = borrowed(has_time), borrowed(link_type)
    fcs_octets = borrowed(fcs_octets)
    c, out, d = _lent_conversations(c), _lent_output(out), _lent_dictionaries(d)
    for i in range(first, len(start)):
        if row == ROWS or out.extra_count[0] + FRAME_EXTRAS_MAX > EXTRAS or d.full[0]:
            return i, row, FULL
        if not table.have_room(c):
            return i, row, GROW
        if not (resume and i == first):
            p.at = start[i]
            p.end = start[i] + captured_octets[i]
            # Some capture hooks write 0, or less than they captured, as the length on the wire.
            p.reported_end = start[i] + max(captured_octets[i], wire_octets[i])
            p.row = row
            p.time_ns = time_ns[i]
            p.family = 0
            p.vlan = 0
            p.fragmented = False
            p.in_error = False
            p.seen = 0
            p.depth = 0
            out.rows[row].valid = 0
            link.begin(octets, link_type[i], fcs_octets[i], p)
        walk(octets, p, c, out)
        if p.next != STOP:
            return i, row, p.next
        row = close(p, has_time[i], wire_octets[i], wanted, out, d)
    return len(start), row, DONE


@subkernel(forceinline=True)
def _lent_conversations(c: Conversations) -> Conversations:
    return Conversations(
        borrowed(c.counts), borrowed(c.tcp), borrowed(c.tcp_slots), borrowed(c.connections),
        borrowed(c.flows), borrowed(c.segments), borrowed(c.udp), borrowed(c.udp_slots),
        borrowed(c.addresses), borrowed(c.any_port_slots), borrowed(c.calls),
    )  # fmt: skip


@subkernel(forceinline=True)
def _lent_output(out: Output) -> Output:
    return Output(
        borrowed(out.rows), borrowed(out.found), borrowed(out.found_octets),
        borrowed(out.extras), borrowed(out.extra_count),
    )  # fmt: skip


@subkernel(forceinline=True)
def _lent_dictionaries(d: Dictionaries) -> Dictionaries:
    return Dictionaries(
        borrowed(d.entry), borrowed(d.slots), borrowed(d.entry_slot), borrowed(d.entry_key),
        borrowed(d.entry_end), borrowed(d.entries), borrowed(d.pool), borrowed(d.full),
    )  # fmt: skip


@subkernel(nogil=True, forceinline=True)
def walk(octets: np.ndarray, p: Record, c: Conversations, out: Output) -> None:
    """Go from layer to layer until there is no next one, or one that `run` has to leave for."""
    while True:
        layer = p.next
        if layer == IP_PROTOCOL:
            protocol = p.protocol
            if protocol == wire.PROTO_TCP:
                tcp.dissect(octets, p, c, out)
            elif protocol == wire.PROTO_UDP or protocol == wire.PROTO_UDPLITE:
                udp.dissect(octets, p, c, out, protocol == wire.PROTO_UDPLITE)
            else:
                ip_protocol.dissect(octets, p)
        elif layer == IP:
            ipv4.dissect(octets, p, out)
        elif layer == ETHERTYPE:
            ethertype.dissect(octets, p)
        elif layer == ETHERNET:
            ethernet.dissect(octets, p)
        elif layer == IPV6:
            ipv6.dissect(octets, p, out)
        elif layer == ARP:
            arp.dissect(octets, p, out)
        elif layer == LLC:
            llc.dissect(octets, p)
        elif layer == PPP:
            ppp.dissect(octets, p)
        elif layer == MPLS:
            mpls.dissect(octets, p)
        else:  # STOP, FRAGMENT, UNSUPPORTED
            return


@subkernel(nogil=True, forceinline=True)
def close(
    p: Record, has_time: bool, wire_octets: int, wanted: int, out: Output, d: Dictionaries
) -> int:
    """End the row of a frame if the frame is wanted; give the next row."""
    row = p.row
    if wanted and not p.seen & wanted:
        drop(row, out)
        return row
    r = out.rows[row]
    r.valid |= np.uint32(1 << COL_FRAME_LEN)
    r.frame_len = wire_octets
    if has_time:
        r.valid |= np.uint32(1 << COL_TIME)
        r.time_ns = p.time_ns
    text.intern(row, out, d)
    return row + 1
