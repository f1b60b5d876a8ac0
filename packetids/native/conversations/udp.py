"""UDP conversations: of two ports, or of one end's port and any of the other's, or any host's."""

from typing import Any

import numpy as np

from packetids.kernels import subkernel
from packetids.native.conversations.table import (
    ADDRESSES_KEPT,
    ANY_PORT_CONVERSATIONS,
    NONE,
    NONE_KNOWN,
    UDP_CONVERSATIONS,
    UDP_STREAMS,
    Conversations,
    find_number,
    find_slot,
    is_reversed,
    keep,
    tag_of,
    write_key,
)
from packetids.native.state import Record


@subkernel(forceinline=True)
def find(c: Conversations, p: Record, src_port: int, dst_port: int) -> int:
    """Return the packet's UDP conversation: of its ports, of any port, or a new one."""
    conversations = c.counts[UDP_CONVERSATIONS]
    number = find_number(c, c.udp, c.udp_slots, UDP_CONVERSATIONS, p, src_port, dst_port)
    if number == conversations and c.counts[ANY_PORT_CONVERSATIONS]:
        other = _any_port(c, p, src_port, dst_port)
        if other != NONE:
            _take_back(c, p, src_port, dst_port)
            number = other
    if c.udp[number].stream == NONE:
        c.udp[number].stream = c.counts[UDP_STREAMS]
        c.counts[UDP_STREAMS] += 1
    return number


@subkernel
def _any_port(c: Conversations, p: Record, src_port: int, dst_port: int) -> int:
    """Find the conversation of one end's port and any port of the other, or of any host.

    The sender's end comes first, and the conversation with the other end before that with any.
    """
    for of_any in (False, True):
        for of_sender in (True, False):
            number = find_any_port(c, p, src_port if of_sender else dst_port, of_sender, of_any)
            if number != NONE:
                return number
    return NONE


@subkernel
def find_any_port(c: Conversations, p: Record, port: int, of_sender: bool, of_any: bool) -> int:
    """Find the newest conversation of one end's port with any of the other's, or of any host."""
    key = c.udp[c.counts[UDP_CONVERSATIONS]]
    tag = _any_port_key(c, key, p, port, of_sender, of_any)
    return c.any_port_slots[find_slot(c, c.udp, c.any_port_slots, key, tag)].number


@subkernel
def _take_back(c: Conversations, p: Record, src_port: int, dst_port: int) -> None:
    """Remove the newest UDP conversation, which is of the packet's two ports."""
    c.counts[UDP_CONVERSATIONS] -= 1
    key = c.udp[c.counts[UDP_CONVERSATIONS]]
    if key.family != 4:
        c.counts[ADDRESSES_KEPT] -= 1
    tag = write_key(c, key, p, src_port, dst_port, is_reversed(p, src_port, dst_port))
    c.udp_slots[find_slot(c, c.udp, c.udp_slots, key, tag)].number = NONE


@subkernel
def open_any_port(c: Conversations, p: Record, port: int, of_any: bool, application: int) -> None:
    """Begin a conversation of a sender's port with any port of the receiver, or of any host."""
    key = c.udp[c.counts[UDP_CONVERSATIONS]]
    tag = _any_port_key(c, key, p, port, True, of_any)
    slot = c.any_port_slots[find_slot(c, c.udp, c.any_port_slots, key, tag)]
    if of_any and slot.number != NONE:
        return
    key.application = application
    keep(c, key, slot, UDP_CONVERSATIONS)
    c.counts[ANY_PORT_CONVERSATIONS] += 1


@subkernel
def open_any_host(c: Conversations, p: Record, src_port: int, dst_port: int) -> None:
    """Begin a conversation of a sender's port with any host, unless there is one of either end."""
    if (
        find_any_port(c, p, src_port, True, True) == NONE
        and find_any_port(c, p, dst_port, False, True) == NONE
    ):
        open_any_port(c, p, src_port, True, NONE_KNOWN)


@subkernel
def _any_port_key(
    c: Conversations, key: Record, p: Record, port: int, of_sender: bool, of_any: bool
) -> Any:
    """Write the key of one end's port with any of the other's, or of any host; give its tag."""
    if of_sender:
        tag = write_key(c, key, p, port, 0, False)
    else:
        tag = write_key(c, key, p, 0, port, True)
    if not of_any:
        return tag
    none = np.uint64(0)
    if key.family == 4:
        key.high = 0
        return tag_of(none, np.uint64(key.low), none, none, port, 0)
    addresses = c.addresses[key.low]
    addresses.high_high = addresses.high_low = 0
    return tag_of(addresses.low_high, addresses.low_low, none, none, port, 0)
