"""IPv6 with its extension headers, RFC 8200.

At entry ``p.at`` is the first octet of the header and ``p.end`` the end of the captured octets that
belong to it. It notes ``ipv6.src`` and ``ipv6.dst``, leaves the addresses in `p` for the
conversation, and in ``p.next`` the protocol, a FRAGMENT to put together, or STOP. No octet at or
past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import (
    COL_IPV6_DST,
    COL_IPV6_SRC,
    DEPTH_MAX,
    FRAGMENT,
    IP_PROTOCOL,
    IP_PROTOCOL_REASON,
    IPV6_SEEN,
    NESTING,
    STOP,
    Output,
    Record,
    note_text,
    shorten,
    u8,
    u16,
    u32,
    u64,
    unsupported,
)

JUMBO_PAYLOAD_MIN = 1 << 16  # RFC 2675
JUMBO_PAYLOAD_MAX = (1 << 32) - 1 - wire.IPV6_LEN  # TShark adds the header in 32 bits
# Of IPv6 options, likewise: octets that TShark takes for the option whatever length it says.
LEAST_OCTETS_IPV6 = np.zeros(256, np.uint8)
LEAST_OCTETS_IPV6[[4, 5, 238]] = 1, 2, 3  # encapsulation limit, router alert, multicast forwarding
LEAST_OCTETS_IPV6[[48, 65, 99, 194]] = 4  # path MTU, nonce, RPL twice, jumbo payload
LEAST_OCTETS_IPV6[[7, 15, 201, 109]] = 8, 10, 16, 18  # CALIPSO, performance, home address, MPL


@subkernel
def dissect(octets: np.ndarray, p: Record, out: Output) -> None:
    """IPv6, RFC 8200, up to the first header that is no extension header."""
    p.next = STOP
    at, captured = p.at, p.end - p.at
    p.seen |= IPV6_SEEN
    if captured < wire.IPV6_SRC or u8(octets, at) >> 4 != 6:
        return
    if p.depth == DEPTH_MAX:
        unsupported(p, NESTING, DEPTH_MAX)
        return
    p.depth += 1
    payload = u16(octets, at + wire.IPV6_PAYLOAD_LENGTH)
    following = u8(octets, at + wire.IPV6_NEXT)
    if captured < wire.IPV6_SRC + 16:
        return
    note_text(octets, at + wire.IPV6_SRC, 16, COL_IPV6_SRC, out)
    if captured < wire.IPV6_DST + 16:
        return
    note_text(octets, at + wire.IPV6_DST, 16, COL_IPV6_DST, out)
    p.family = 6
    p.src_high, p.src_low = u64(octets, at + wire.IPV6_SRC), u64(octets, at + wire.IPV6_SRC + 8)
    p.dst_high, p.dst_low = u64(octets, at + wire.IPV6_DST), u64(octets, at + wire.IPV6_DST + 8)
    p.at += wire.IPV6_LEN
    if not payload and following == wire.PROTO_HOPOPTS:
        payload = _jumbo_payload(octets, p.at, p.end)
        if not JUMBO_PAYLOAD_MIN <= payload <= JUMBO_PAYLOAD_MAX:
            return  # TShark finds nothing behind a jumbogram without a valid length
    shorten(p, payload)
    p.protocol = following
    p.next = IP_PROTOCOL


@subkernel
def _jumbo_payload(octets: np.ndarray, at: int, end: int) -> int:
    """Return the length that the first jumbo payload option of four octets says. RFC 2675.

    0 where the hop-by-hop options at `at` hold none, or were not captured so far.
    """
    if at + 2 > end:
        return 0
    option, last = at + 2, at + 8 + u8(octets, at + 1) * 8
    while option < min(last, end):
        if u8(octets, option) == wire.OPTION_PAD1:
            option += 1
            continue
        if option + 2 > end:
            return 0
        size = u8(octets, option + 1)
        if u8(octets, option) == wire.OPTION_JUMBO and size == 4:
            return u32(octets, option + 2) if option + 6 <= end else 0
        option += 2 + size
    return 0


@subkernel
def options_header(octets: np.ndarray, p: Record) -> None:
    """Hop-by-hop or destination options: 8 octets, and as many more as the second octet says."""
    captured = p.end - p.at
    if captured < 2:
        return
    length = 8 + u8(octets, p.at + 1) * 8
    if captured < length:
        return
    option, last = p.at + 2, p.at + length
    while option < last:
        if u8(octets, option) == wire.OPTION_PAD1:
            option += 1
            continue
        if option + 2 > p.end:
            return
        kind, size = u8(octets, option), u8(octets, option + 1)
        least = int(LEAST_OCTETS_IPV6[kind])
        if kind == wire.OPTION_CALIPSO and option + 2 + least <= p.end:
            least += 4 * u8(octets, option + wire.CALIPSO_WORDS)
        elif kind == wire.OPTION_IOAM and not size:
            return
        elif kind == wire.OPTION_HOME_ADDRESS and option + 2 + least <= p.end and p.family == 6:
            p.src_high, p.src_low = u64(octets, option + 2), u64(octets, option + 10)
        option += 2 + max(size, least)
        if option > p.end:
            return  # an option that goes beyond the frame: TShark stops
    p.protocol = u8(octets, p.at)
    p.at += length
    p.next = IP_PROTOCOL


@subkernel
def routing_header(octets: np.ndarray, p: Record) -> None:
    """Read a routing header; with segments left, its last address is the destination."""
    captured = p.end - p.at
    if captured < 4:
        return
    kind, left = u8(octets, p.at + 2), u8(octets, p.at + 3)
    length = 8 + u8(octets, p.at + 1) * 8
    if captured < length:
        return
    segments = (length - 8) // 16
    if (kind == 4 or kind == 2) and not segments:
        return
    if p.family == 6 and 0 < left and not p.in_error:
        if kind == 0 and segments:
            p.dst_high, p.dst_low = u64(octets, p.at + length - 16), u64(octets, p.at + length - 8)
        elif kind == 2 or kind == 4:
            p.dst_high, p.dst_low = u64(octets, p.at + 8), u64(octets, p.at + 16)
        elif kind == 3:
            unsupported(p, IP_PROTOCOL_REASON, wire.PROTO_ROUTING)
            return
    p.protocol = u8(octets, p.at)
    p.at += length
    p.next = IP_PROTOCOL


@subkernel
def fragment_header(octets: np.ndarray, p: Record) -> None:
    """Read a fragment header, RFC 8200, section 4.5; a fragment stops the walk."""
    if p.end - p.at < wire.FRAGMENT_LEN:
        return
    protocol = u8(octets, p.at)
    offset_and_more = u16(octets, p.at + 2)
    identification = u32(octets, p.at + 4)
    offset = offset_and_more & 0xFFF8
    more = offset_and_more & 1 != 0
    p.at += wire.FRAGMENT_LEN
    p.protocol = protocol
    p.fragmented = more
    if p.family != 6:
        unsupported(p, IP_PROTOCOL_REASON, wire.PROTO_FRAGMENT)
    elif not offset and not more:
        p.next = IP_PROTOCOL
    elif p.end == p.reported_end and p.reported_end > p.at:
        p.fragment_id = np.uint64(identification)
        p.fragment_offset = offset
        p.more_fragments = more
        p.next = FRAGMENT


@subkernel
def authentication_header(octets: np.ndarray, p: Record) -> None:
    """Read the authentication header, RFC 4302: its length counts 32-bit words, less two."""
    captured = p.end - p.at
    if captured < 2:
        return
    length = (u8(octets, p.at + 1) + 2) * 4
    if captured < length:
        return
    p.protocol = u8(octets, p.at)
    p.at += length
    p.next = IP_PROTOCOL
