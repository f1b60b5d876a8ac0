"""The network layer: ARP, IPv4, IPv6 with its extension headers, and packets inside packets."""

from typing import Any

import numpy as np

from packetids.kernels import kernel
from packetids.native import wire
from packetids.native.state import (
    ARP_DST,
    ARP_SEEN,
    ARP_SRC,
    ARP_TYPE,
    DEPTH_MAX,
    ETHERNET,
    ETHERTYPE,
    FRAGMENT,
    GRE_REASON,
    IP,
    IP_DST,
    IP_PROTO,
    IP_PROTOCOL,
    IP_PROTOCOL_REASON,
    IP_SEEN,
    IP_SRC,
    IP_TTL,
    IPV6,
    IPV6_DST,
    IPV6_SEEN,
    IPV6_SRC,
    MPLS,
    NESTING,
    PPP,
    STOP,
    Output,
    Record,
    first,
    found,
    shorten,
    u8,
    u16,
    u32,
    u64,
    unsupported,
)

# GRE protocol types below which TShark finds packets and we do not look; 0x82.. is IEEE 802.11.
OTHER_GRE = (0x2001, 0x22EB, 0x6559, 0x8881, 0x88D2, 0x8909, 0x894F)

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


BEYOND_CAPTURED = -1
JUMBO_PAYLOAD_MIN = 1 << 16  # RFC 2675
JUMBO_PAYLOAD_MAX = (1 << 32) - 1 - wire.IPV6_LEN  # TShark adds the header in 32 bits
# Of IP options, by kind; found by giving TShark each kind in each length.
LEAST_OCTETS = np.zeros(256, np.uint8)
LEAST_OCTETS[[7, 131, 137, 130, 133]] = 3  # routes recorded and wanted, security
LEAST_OCTETS[[11, 12, 68, 136, 148]] = 4  # MTU, timestamp, stream, router alert
LEAST_OCTETS[[134, 25, 82]] = 6, 8, 12  # CIPSO, quick start, traceroute
# Of IPv6 options, likewise: octets that TShark takes for the option whatever length it says.
LEAST_OCTETS_IPV6 = np.zeros(256, np.uint8)
LEAST_OCTETS_IPV6[[4, 5, 238]] = 1, 2, 3  # encapsulation limit, router alert, multicast forwarding
LEAST_OCTETS_IPV6[[48, 65, 99, 194]] = 4  # path MTU, nonce, RPL twice, jumbo payload
LEAST_OCTETS_IPV6[[7, 15, 201, 109]] = 8, 10, 16, 18  # CALIPSO, performance, home address, MPL


@kernel
def arp(octets: np.ndarray, p: Record, out: Output) -> None:
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
    if first(ARP_TYPE, kind, p, out):
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
    # TShark tells what is asked before it tells the fields, and stops where that was cut off.
    needed = sender + 4
    if operation == 1 or operation == 2 or operation == 4 or operation == 6:
        needed = target + 4
    elif operation == 3 or operation == 5 or operation == 8:
        needed = target
    if captured < needed:
        return
    found(octets, at + sender, 4, ARP_SRC, out)
    if captured >= target + 4 and (amateur or operation != wire.ARP_DRARP_ERROR):
        found(octets, at + target, 4, ARP_DST, out)


@kernel
def _is_summed_up(octets: np.ndarray, p: Record) -> bool:
    """Tell whether TShark can sum up ARP over AX.25, which it does before it tells a field."""
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


@kernel(inline="always")
def ip(octets: np.ndarray, p: Record, out: Output) -> None:
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
    found(octets, at + wire.IP_TTL, 1, IP_TTL, out)
    if captured <= wire.IP_PROTO:
        return
    protocol = u8(octets, at + wire.IP_PROTO)
    found(octets, at + wire.IP_PROTO, 1, IP_PROTO, out)
    if captured < wire.IP_SRC + 4:
        return
    found(octets, at + wire.IP_SRC, 4, IP_SRC, out)
    if captured < wire.IP_DST + 4:
        return
    destination, is_printed = at + wire.IP_DST, True
    if length > wire.IP_LEN:
        destination, is_printed = _routed_destination(octets, at, at + length, p.end)
        if not destination:
            return
    if is_printed:
        found(octets, destination, 4, IP_DST, out)
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


@kernel
def _option_octets(octets: np.ndarray, option: int, last: int, end: int) -> int:
    """Give the length of an IP option; 0 where the options end, by a mark or because one is wrong.

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


@kernel
def _holds(octets: np.ndarray, at: int, last: int) -> bool:
    """Tell whether each option is as long as TShark wants to read of its kind; else it stops."""
    option = at + wire.IP_LEN
    while option < last:
        length = _option_octets(octets, option, last, last)
        if length == 0:
            break
        if length < LEAST_OCTETS[u8(octets, option)]:
            return False
        option += length
    return True


@kernel
def _is_local(address: Any) -> bool:
    """Tell whether an IPv4 address means another host in another VLAN. RFC 1918, RFC 3927."""
    address = np.int64(address)
    return (
        address >> 24 == 10
        or address >> 20 == 172 << 4 | 1
        or address >> 16 == 192 << 8 | 168
        or address >> 16 == 169 << 8 | 254
    )


@kernel
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


@kernel
def ipv6(octets: np.ndarray, p: Record, out: Output) -> None:
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
    found(octets, at + wire.IPV6_SRC, 16, IPV6_SRC, out)
    if captured < wire.IPV6_DST + 16:
        return
    found(octets, at + wire.IPV6_DST, 16, IPV6_DST, out)
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


@kernel
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


@kernel
def ip_protocol(octets: np.ndarray, p: Record) -> None:
    """Go by the IP protocol in ``p.protocol``; TCP and UDP are met by the caller."""
    protocol = p.protocol
    p.next = STOP
    if protocol == wire.PROTO_ICMP:
        _icmp(octets, p)
    elif protocol == wire.PROTO_ICMPV6:
        _icmpv6(octets, p)
    elif protocol == wire.PROTO_IPV4:
        p.next = IP
    elif protocol == wire.PROTO_IPV6:
        p.next = IPV6
    elif protocol == wire.PROTO_GRE:
        _gre(octets, p)
    elif protocol == wire.PROTO_HOPOPTS or protocol == wire.PROTO_DSTOPTS:
        _extension(octets, p)
    elif protocol == wire.PROTO_ROUTING:
        _routing(octets, p)
    elif protocol == wire.PROTO_FRAGMENT:
        _fragment(octets, p)
    elif protocol == wire.PROTO_AH:
        _authentication(octets, p)
    elif protocol in OTHER_TUNNELS and p.end > p.at:
        unsupported(p, IP_PROTOCOL_REASON, protocol)


@kernel
def _extension(octets: np.ndarray, p: Record) -> None:
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


@kernel
def _routing(octets: np.ndarray, p: Record) -> None:
    """A routing header; with segments left, its last address is the destination."""
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


@kernel
def _fragment(octets: np.ndarray, p: Record) -> None:
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


@kernel
def _authentication(octets: np.ndarray, p: Record) -> None:
    """The authentication header, RFC 4302: its length counts 32-bit words, less two."""
    captured = p.end - p.at
    if captured < 2:
        return
    length = (u8(octets, p.at + 1) + 2) * 4
    if captured < length:
        return
    p.protocol = u8(octets, p.at)
    p.at += length
    p.next = IP_PROTOCOL


@kernel
def _icmp(octets: np.ndarray, p: Record) -> None:
    """ICMP: an error message quotes the packet it is about. RFC 792, RFC 4884."""
    if p.end - p.at < wire.ICMP_LEN:
        return
    kind = u8(octets, p.at)
    if kind not in wire.ICMP_WITH_PACKET:
        return
    original = u8(octets, p.at + wire.ICMP_ORIGINAL_LENGTH) * 4
    p.at += wire.ICMP_LEN
    if kind == wire.ICMP_REDIRECT:
        if p.end > p.at:
            shorten(p, (u8(octets, p.at) & 0x0F) * 4 + 8)
    elif original and p.reported_end > p.at + original and p.end - p.at >= 4:
        if u16(octets, p.at + wire.IP_TOTAL_LENGTH) > original:
            shorten(p, (u8(octets, p.at) & 0x0F) * 4 + original)
    p.in_error = True
    p.next = IP


@kernel
def _icmpv6(octets: np.ndarray, p: Record) -> None:
    """ICMPv6: types 1 to 4 quote a packet, a redirect does in an option. RFC 4443, RFC 4861."""
    if p.end - p.at < wire.ICMP_LEN:
        return
    kind = u8(octets, p.at)
    if 1 <= kind <= 4:
        p.at += wire.ICMP_LEN
    elif kind == wire.ICMPV6_REDIRECT:
        p.at += wire.ICMPV6_REDIRECT_LEN
        while True:
            if p.end - p.at < 8:
                return
            length = u8(octets, p.at + 1) * 8
            if not length:
                return
            if u8(octets, p.at) == wire.OPTION_REDIRECTED_HEADER:
                shorten(p, length)
                p.at += 8
                break
            p.at += length
    else:
        return
    if p.end - p.at >= 1 and u8(octets, p.at) >> 4 == 6:
        p.in_error = True
        p.next = IPV6


@kernel
def _gre(octets: np.ndarray, p: Record) -> None:
    """GRE, RFC 2784 with the keys of RFC 2890 and the acknowledgement of RFC 2637."""
    header_at, captured = p.at, p.end - p.at
    if captured < wire.GRE_LEN:
        return
    flags, kind = u16(octets, p.at), u16(octets, p.at + wire.GRE_TYPE)
    length = wire.GRE_LEN
    if flags & (wire.GRE_CHECKSUM | wire.GRE_ROUTING):
        length += 4
    if flags & wire.GRE_KEY:
        length += 4
    if flags & wire.GRE_SEQUENCE:
        length += 4
    if flags & wire.GRE_ACK and flags & wire.GRE_VERSION and kind == wire.TYPE_PPP:
        length += 4
    if captured < length:
        return
    p.at += length
    while flags & wire.GRE_ROUTING:  # source route entries up to an empty one. RFC 1701
        if p.end - p.at < 4:
            return
        family, size = u16(octets, p.at), u8(octets, p.at + 3)
        p.at += 4
        if family == 0 and size == 0:
            break
        p.at += size
    if kind == wire.TYPE_IPV4:
        p.next = IP
    elif kind == wire.TYPE_IPV6:
        p.next = IPV6
    elif kind == wire.TYPE_BRIDGED or kind == 0x6400:
        p.next = ETHERNET
    elif kind == wire.TYPE_PPP:
        p.next = PPP
    elif kind == wire.TYPE_MPLS or kind == wire.TYPE_MPLS_MULTICAST:
        p.next = MPLS
    elif kind == wire.TYPE_ARP:
        p.protocol = kind
        p.next = ETHERTYPE
    elif kind == wire.TYPE_ERSPAN:
        _erspan(octets, p, flags)
    elif kind == wire.TYPE_WCCP:
        _wccp(octets, p, header_at + wire.GRE_LEN)
    elif kind & 0xFE0F == 0x8200 or kind in OTHER_GRE:
        unsupported(p, GRE_REASON, kind)


@kernel
def _wccp(octets: np.ndarray, p: Record, told_at: int) -> None:
    """A redirected packet, perhaps after a header of four octets, which is no IP version 4.

    TShark looks for that at `told_at`, before GRE's key or number if there is one.
    """
    if p.end > told_at:
        p.at += 0 if u8(octets, told_at) >> 4 == 4 else 4
        p.next = IP


@kernel
def _erspan(octets: np.ndarray, p: Record, flags: int) -> None:
    """An Ethernet frame copied by a switch: no header (ERSPAN type I), 8 octets (II), 12 or 20."""
    if not flags & wire.GRE_SEQUENCE:
        p.next = ETHERNET
        return
    if p.end - p.at < 8:
        return
    version = u8(octets, p.at) >> 4
    if version == 1:
        p.at += 8
        p.next = ETHERNET
    elif version == 2 and p.end - p.at >= 12:
        p.at += 20 if u8(octets, p.at + 11) & 1 else 12
        p.next = ETHERNET
