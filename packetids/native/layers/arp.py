"""ARP, RFC 826.

At entry ``p.at`` is the first octet of the message and ``p.end`` the end of the captured octets
that belong to it. It notes ``arp.proto.type`` and the IPv4 addresses of sender and target; nothing
follows. No octet at or past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import (
    ARP_SEEN,
    COL_ARP_DST,
    COL_ARP_SRC,
    COL_ARP_TYPE,
    STOP,
    Output,
    Record,
    claim,
    note_text,
    u8,
    u16,
)


@subkernel
def dissect(octets: np.ndarray, p: Record, out: Output) -> None:
    """ARP: IPv4 addresses of sender and target. RFC 826."""
    p.next = STOP
    at, captured = p.at, p.end - p.at
    if captured < 2 or u16(octets, at) == wire.ARP_ATM:
        return  # TShark calls the latter ATMARP, not ARP
    amateur = u16(octets, at) == wire.ARP_AX25
    if amateur and not _is_summed_up(octets, p):
        return
    p.seen |= ARP_SEEN
    if captured < wire.ARP_PROTO_TYPE + 2:
        return
    kind = u16(octets, at + wire.ARP_PROTO_TYPE)
    if claim(COL_ARP_TYPE, kind, p, out):
        out.rows[p.row].arp_type = kind
    if captured < wire.ARP_LEN:
        return
    hardware = u8(octets, at + wire.ARP_HARDWARE_SIZE)
    size = u8(octets, at + wire.ARP_PROTO_SIZE)
    operation = u16(octets, at + wire.ARP_OPERATION)
    sender = wire.ARP_LEN + hardware
    target = sender + size + hardware
    if kind != wire.TYPE_IPV4 or size != 4 or p.reported_end < at + target + 4:
        return
    # TShark summarizes the message before it prints fields, and stops if that is cut off.
    needed = sender + 4
    if operation == 1 or operation == 2 or operation == 4 or operation == 6:
        needed = target + 4
    elif operation == 3 or operation == 5 or operation == 8:
        needed = target
    if captured < needed:
        return
    note_text(octets, at + sender, 4, COL_ARP_SRC, out)
    if captured >= target + 4 and (amateur or operation != wire.ARP_DRARP_ERROR):
        note_text(octets, at + target, 4, COL_ARP_DST, out)


@subkernel
def _is_summed_up(octets: np.ndarray, p: Record) -> bool:
    """Check whether TShark can summarize ARP over AX.25, which it does before it prints a field."""
    at, captured = p.at, p.end - p.at
    if captured < wire.ARP_LEN:
        return False
    hardware = u8(octets, at + wire.ARP_HARDWARE_SIZE)
    size = u8(octets, at + wire.ARP_PROTO_SIZE)
    operation = u16(octets, at + wire.ARP_OPERATION)
    whole = wire.ARP_LEN + 2 * (hardware + size)
    needed = wire.ARP_LEN
    if size or operation == 3 or operation == 4 or operation == 8:
        needed = whole
    elif operation == 9:
        needed += hardware
    return captured >= needed and p.reported_end >= at + whole
