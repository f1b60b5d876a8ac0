"""IPv4, RFC 791.

At entry ``p.at`` is the first octet of the header and ``p.end`` the end of the captured octets that
belong to it. It notes ``ip.ttl``, ``ip.proto``, ``ip.src`` and ``ip.dst``, leaves the addresses in
`p` for the conversation, and in ``p.next`` the protocol, a FRAGMENT to put together, or STOP. No
octet at or past ``p.end`` is read, and nothing is raised.
"""

from typing import Any

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import (
    COL_IP_DST,
    COL_IP_PROTO,
    COL_IP_SRC,
    COL_IP_TTL,
    DEPTH_MAX,
    FRAGMENT,
    IP_PROTOCOL,
    IP_SEEN,
    IPV6,
    NESTING,
    STOP,
    Output,
    Record,
    note_text,
    shorten,
    u8,
    u16,
    u32,
    unsupported,
)

BEYOND_CAPTURED = -1
# Of IP options, by kind; found by giving TShark each kind in each length.
LEAST_OCTETS = np.zeros(256, np.uint8)
LEAST_OCTETS[[7, 131, 137, 130, 133]] = 3  # routes recorded and wanted, security
LEAST_OCTETS[[11, 12, 68, 136, 148]] = 4  # MTU, timestamp, stream, router alert
LEAST_OCTETS[[134, 25, 82]] = 6, 8, 12  # CIPSO, quick start, traceroute


@subkernel(forceinline=True)
def dissect(octets: np.ndarray, p: Record, out: Output) -> None:
    """IPv4, RFC 791. What its octets call version 6 is IPv6."""
    p.next = STOP
    at, captured = p.at, p.end - p.at
    if captured < 1:
        return
    version = u8(octets, at) >> 4
    p.seen |= IP_SEEN
    if version == 6:
        p.next = IPV6
        return
    length = (u8(octets, at) & 0x0F) * 4
    if version != 4 or length < wire.IP_LEN or captured < wire.IP_TOTAL_LENGTH + 2:
        return
    if p.depth == DEPTH_MAX:
        unsupported(p, NESTING, DEPTH_MAX)
        return
    p.depth += 1
    total = u16(octets, at + wire.IP_TOTAL_LENGTH)
    if total == 0:  # a segment that the network card was to cut: as long as the frame
        total = p.reported_end - at
    elif total < length:
        return
    shorten(p, total)
    captured = p.end - p.at
    if captured <= wire.IP_TTL:
        return
    note_text(octets, at + wire.IP_TTL, 1, COL_IP_TTL, out)
    if captured <= wire.IP_PROTO:
        return
    protocol = u8(octets, at + wire.IP_PROTO)
    note_text(octets, at + wire.IP_PROTO, 1, COL_IP_PROTO, out)
    if captured < wire.IP_SRC + 4:
        return
    note_text(octets, at + wire.IP_SRC, 4, COL_IP_SRC, out)
    if captured < wire.IP_DST + 4:
        return
    destination, is_printed = at + wire.IP_DST, True
    if length > wire.IP_LEN:
        destination, is_printed = _routed_destination(octets, at, at + length, p.end)
        if not destination:
            return
    if is_printed:
        note_text(octets, destination, 4, COL_IP_DST, out)
    p.family = 4
    p.src_high = p.dst_high = np.uint64(0)
    p.src_low = np.uint64(u32(octets, at + wire.IP_SRC))
    p.dst_low = np.uint64(u32(octets, destination))

    if captured < length:
        return
    if length > wire.IP_LEN and not p.in_error and not _holds(octets, at, at + length):
        return
    identification = u16(octets, at + wire.IP_ID)
    fragment = u16(octets, at + wire.IP_FRAGMENT)
    offset = (fragment & wire.IP_OFFSET_MASK) * 8
    more = fragment & wire.IP_MORE_FRAGMENTS != 0
    p.at += length
    p.protocol = protocol
    p.fragmented = more
    whole = total > length and p.at + total - length <= p.end
    if (offset or more) and whole:
        # As TShark mixes them: fragments of two datagrams may get the same number.
        p.fragment_id = np.uint64(identification ^ protocol)
        if _is_local(p.src_low) or _is_local(p.dst_low):
            p.fragment_id ^= np.uint64(p.vlan)
        p.fragment_offset = offset
        p.more_fragments = more
        p.next = FRAGMENT
    elif not offset and p.reported_end > p.at:
        p.next = IP_PROTOCOL


@subkernel
def _option_octets(octets: np.ndarray, option: int, last: int, end: int) -> int:
    """Return the length of an IP option; 0 where the options end, marked or because one is wrong.

    BEYOND_CAPTURED where telling would need octets from the captured `end` on.
    """
    if option >= end:
        return BEYOND_CAPTURED
    kind = u8(octets, option)
    if kind == wire.OPTION_END:
        return 0
    if kind == wire.OPTION_NOP:
        return 1
    if option + 1 >= last:
        return 0
    if option + 1 >= end:
        return BEYOND_CAPTURED
    length = u8(octets, option + 1)
    return 0 if length < 2 or option + length > last else length


@subkernel
def _holds(octets: np.ndarray, at: int, last: int) -> bool:
    """Check whether each option has the length that TShark requires of its kind; else it stops."""
    option = at + wire.IP_LEN
    while option < last:
        length = _option_octets(octets, option, last, last)
        if length == 0:
            break
        if length < LEAST_OCTETS[u8(octets, option)]:
            return False
        option += length
    return True


@subkernel
def _is_local(address: Any) -> bool:
    """Check whether an IPv4 address means another host in another VLAN. RFC 1918, RFC 3927."""
    address = np.int64(address)
    return (
        address >> 24 == 10
        or address >> 20 == 172 << 4 | 1
        or address >> 16 == 192 << 8 | 168
        or address >> 16 == 169 << 8 | 254
    )


@subkernel
def _routed_destination(octets: np.ndarray, at: int, last: int, end: int) -> tuple[int, bool]:
    """Find the destination: of a source route that is not at its end, the last address.

    0 where TShark would read beyond the captured `end` on the way through the options. It prints
    a routed destination with the option only: if all options were captured, and the option holds
    whole addresses.
    """
    option = at + wire.IP_LEN
    while option < last:
        length = _option_octets(octets, option, last, end)
        if length == BEYOND_CAPTURED:
            return 0, False
        if length == 0:
            break
        kind = u8(octets, option)
        if kind == wire.OPTION_LOOSE_ROUTE or kind == wire.OPTION_STRICT_ROUTE:
            if option + 2 >= end:
                return 0, False
            pointer = u8(octets, option + 2)
            if pointer < 4 or pointer > length or pointer % 4:
                break
            if option + length > end:
                return 0, False
            return option + length - 4, last <= end and length % 4 == 3
        option += length
    return at + wire.IP_DST, True
