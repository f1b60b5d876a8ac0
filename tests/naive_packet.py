"""A slow, obvious reading of one frame, from the RFCs: what the native reader must agree with.

Ethernet with VLAN tags; ARP; IPv4 without options; UDP, TCP without options; ICMP that quotes a
packet. One frame is a capture of its own here: each conversation is number 0, and no time passes.
A field is there if its octets were captured.
"""

from typing import Any

FIELD_NAMES = (
    "arp.proto.type", "arp.src.proto_ipv4", "arp.dst.proto_ipv4", "ip.proto", "ip.src", "ip.dst",
    "ip.ttl", "tcp.srcport", "tcp.dstport", "tcp.stream", "tcp.len", "tcp.flags",
    "tcp.window_size_value", "tcp.checksum", "tcp.time_delta", "udp.srcport", "udp.dstport",
    "udp.stream", "udp.checksum", "udp.length",
)  # fmt: skip


def packet_fields(captured: bytes, wire_octets: int) -> dict[str, Any]:
    """Give the fields of a frame of which `captured` is the beginning."""
    found: dict[str, Any] = dict.fromkeys(FIELD_NAMES)
    kind, at = captured[12:14], 14
    while kind == b"\x81\x00" and len(captured) >= at + 4:
        kind, at = captured[at + 2 : at + 4], at + 4
    if kind == b"\x08\x06":
        _arp(captured[at:], wire_octets - at, found)
    elif kind == b"\x08\x00":
        _ip(captured[at:], found, quoted=False)
    return found


def _number(octets: bytes, at: int, size: int) -> int | None:
    return int.from_bytes(octets[at : at + size], "big") if len(octets) >= at + size else None


def _address(octets: bytes, at: int) -> str | None:
    return ".".join(map(str, octets[at : at + 4])) if len(octets) >= at + 4 else None


def _join(found: dict[str, Any], name: str, value: Any) -> None:
    if value is not None:
        found[name] = f"{found[name]},{value}" if found[name] else str(value)


def _arp(octets: bytes, wire_octets: int, found: dict[str, Any]) -> None:
    found["arp.proto.type"] = _number(octets, 2, 2)
    needed = 28 if octets[6:8] in (b"\0\1", b"\0\2") else 18  # to say who asks for whom
    if octets[4:6] == b"\x06\x04" and len(octets) >= needed and wire_octets >= 28:
        found["arp.src.proto_ipv4"] = _address(octets, 14)
        found["arp.dst.proto_ipv4"] = _address(octets, 24)


def _ip(octets: bytes, found: dict[str, Any], quoted: bool) -> None:
    total = _number(octets, 2, 2)
    if total is None:
        return
    octets = octets[:total]
    _join(found, "ip.ttl", _number(octets, 8, 1))
    _join(found, "ip.proto", _number(octets, 9, 1))
    _join(found, "ip.src", _address(octets, 12))
    _join(found, "ip.dst", _address(octets, 16))
    if len(octets) < 20:
        return
    protocol, body = octets[9], octets[20:]
    if protocol == 17:
        _udp(body, found)
    elif protocol == 6:
        _tcp(body, total - 20, found, quoted)
    elif protocol == 1 and body[:1] == b"\x03" and len(body) > 8:
        _ip(body[8:], found, quoted=True)


def _udp(octets: bytes, found: dict[str, Any]) -> None:
    if len(octets) < 4:  # TShark reads both ports before it tells one
        return
    found["udp.srcport"], found["udp.dstport"] = _number(octets, 0, 2), _number(octets, 2, 2)
    found["udp.length"] = _number(octets, 4, 2)
    found["udp.checksum"] = _number(octets, 6, 2)
    if found["udp.checksum"] is not None:
        found["udp.stream"] = 0


def _tcp(octets: bytes, segment_octets: int, found: dict[str, Any], quoted: bool) -> None:
    if len(octets) < 4:
        return
    found["tcp.srcport"], found["tcp.dstport"] = _number(octets, 0, 2), _number(octets, 2, 2)
    if len(octets) < 16:  # TShark reads up to the window before it tells more
        return
    found["tcp.stream"] = 0
    if not quoted:
        found["tcp.len"] = segment_octets - 20
    found["tcp.flags"] = int.from_bytes(octets[12:14], "big") & 0x0FFF
    found["tcp.window_size_value"] = _number(octets, 14, 2)
    found["tcp.checksum"] = _number(octets, 16, 2)
    if len(octets) >= 20:
        found["tcp.time_delta"] = 0.0
