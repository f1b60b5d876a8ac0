"""Random packets of everything the native reader dissects: layers, lengths, cuts, turned bits.

Built from the RFCs with `struct`, not with the reader's own numbers. `rng` is a `random.Random`,
or hypothesis's, which can shrink.
"""

import struct
from random import Random

MICROSECONDS = 0xA1B2C3D4


def capture(frames: list[tuple[bytes, int]], link_type: int = 1, step_us: int = 700) -> bytes:
    """Lay (captured bytes, length on the wire) out as a pcap file."""
    parts = [struct.pack("<IHHiIII", MICROSECONDS, 2, 4, 0, 0, 262_144, link_type)]
    for i, (octets, wire_octets) in enumerate(frames):
        time_us = 1_500_000_000_000_000 + i * step_us
        seconds = divmod(time_us, 1_000_000)
        parts.append(struct.pack("<IIII", *seconds, len(octets), wire_octets) + octets)
    return b"".join(parts)


def option(code: int, value: bytes) -> bytes:
    """Lay out an option of a pcapng block."""
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind: int, body: bytes) -> bytes:
    """Lay out a pcapng block."""
    octets = len(body) + 12
    return struct.pack("<II", kind, octets) + body + struct.pack("<I", octets)


def capture_ng(
    frames: list[tuple[bytes, int]],
    interface_options: bytes = b"",
    packet_options: bytes = b"",
    step_us: int = 700,
) -> bytes:
    """Lay frames as those of `capture` out as a pcapng file of one Ethernet interface."""
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    parts = [section, block(1, struct.pack("<HHI", 1, 0, 0) + interface_options)]
    for i, (octets, wire_octets) in enumerate(frames):
        time_us = 1_500_000_000_000_000 + i * step_us
        head = struct.pack(
            "<IIIII", 0, time_us >> 32, time_us & 0xFFFFFFFF, len(octets), wire_octets
        )
        parts.append(block(6, head + octets + bytes(-len(octets) % 4) + packet_options))
    return b"".join(parts)


def damaged(rng: Random, frame: bytes) -> tuple[bytes, int]:
    """Leave a frame whole, cut it (with or without telling so), or turn some bits."""
    how = rng.random()
    if how < 0.15:
        return frame[: rng.randrange(len(frame) + 1)], len(frame)
    if how < 0.25:
        short = frame[: rng.randrange(len(frame) + 1)]
        return short, len(short)
    if how < 0.35:
        turned = bytearray(frame)
        for _ in range(rng.randrange(1, 4)):
            turned[rng.randrange(len(turned))] ^= 1 << rng.randrange(8)
        return bytes(turned), len(turned)
    return frame, len(frame)


def understated(rng: Random, frame: bytes) -> tuple[bytes, int]:
    """Say for most frames that they were shorter on the wire than what was captured of them."""
    octets, wire_octets = damaged(rng, frame)
    if rng.random() < 0.8:
        wire_octets = rng.choice([0, 1, 14, 20, 34, 40, 44, rng.randrange(len(octets) + 1)])
    return octets, min(wire_octets, len(octets))


def offload(rng: Random) -> bytes:
    """Build what a network card was still to cut: IPv4 without a length, jumbo payloads."""
    body = rng.choice([(6, tcp), (17, udp)])
    protocol, transport = body[0], body[1](rng)
    if rng.random() < 0.4:
        total = rng.choice([0, 0, 20 + len(transport), rng.randrange(100)])
        fixed = struct.pack(">BBHHHBBH", 0x45, 0, total, 7, 0, 64, protocol, 0)
        packet = b"\x08\x00" + fixed + address4(rng) + address4(rng) + transport
    else:
        options = jumbo_options(rng, protocol, len(transport))
        length = rng.choice([0, 0, 0, len(options) + len(transport)])
        fixed = struct.pack(">IHBB", 6 << 28, length, 0, 64)
        packet = b"\x86\xdd" + fixed + address6(rng) + address6(rng) + options + transport
    return bytes(6) + b"\x02" + bytes(5) + packet + bytes(rng.choice([0, 0, 6]))


def jumbo_options(rng: Random, following: int, payload_octets: int) -> bytes:
    """Build hop-by-hop options of jumbo payloads that fit, are too small, too large or invalid."""
    options = b""
    for _ in range(rng.choice([1, 1, 2])):
        said = rng.choice([payload_octets, 65_535, 65_536, 70_000, 2**31, 2**32 - 40, 2**32 - 41])
        length = rng.choice([4, 4, 4, 4, 0, 3, 6])
        padding = rng.choice([b"", b"", b"\0\0", b"\x01\x02\0\0", b"\x05\x02\0\0"])
        options += padding + bytes([0xC2, length]) + struct.pack(">I", said)
    options += bytes(-(len(options) + 2) % 8)
    return bytes([following, (len(options) + 2) // 8 - 1]) + options


def ethernet(rng: Random) -> bytes:
    """Ethernet with IPv4, IPv6 or ARP, perhaps below VLAN tags or SNAP, perhaps padded."""
    kind, body = rng.choice([ipv4_typed, ipv4_typed, ipv6_typed, arp_typed, vlan, snap])(rng)
    padding = bytes(rng.choice([0, 0, 0, 4, 20]))
    return bytes(6) + b"\x02" + bytes(5) + struct.pack(">H", kind) + body + padding


def ipv4_typed(rng: Random) -> tuple[int, bytes]:
    return 0x0800, ipv4(rng)


def ipv6_typed(rng: Random) -> tuple[int, bytes]:
    return 0x86DD, ipv6(rng)


def arp_typed(rng: Random) -> tuple[int, bytes]:
    return 0x0806, arp(rng)


def vlan(rng: Random) -> tuple[int, bytes]:
    kind, body = rng.choice([ipv4_typed, ipv6_typed, arp_typed, vlan, snap])(rng)
    tag = struct.pack(">HH", rng.randrange(65536), kind)
    return rng.choice([0x8100, 0x88A8, 0x9100]), tag + body


def snap(rng: Random) -> tuple[int, bytes]:
    kind, body = rng.choice([ipv4_typed, arp_typed])(rng)
    control = rng.choice(
        [b"\x03", b"\x03", b"\x03", b"\0\0", b"\x02\x05", b"\x01\0", b"\x7f", b"\x13"]
    )
    if rng.random() < 0.2:
        return len(body) + 3, b"\x06\x06" + control + body
    body = b"\xaa\xaa" + control + b"\0\0\0" + struct.pack(">H", kind) + body
    return len(body), body


def address4(rng: Random) -> bytes:
    return bytes([rng.choice([10, 192]), rng.choice([0, 168]), 0, rng.randrange(1, 4)])


def address6(rng: Random) -> bytes:
    return bytes.fromhex("20010db8") + bytes(11) + bytes([rng.randrange(1, 4)])


def some_octets(rng: Random, most: int = 40) -> bytes:
    length = rng.choice([0, 0, 1, 2, 8, rng.randrange(most)])
    return bytes(rng.randrange(256) for _ in range(length))


def arp(rng: Random) -> bytes:
    hardware = 6 if rng.random() < 0.8 else rng.choice([0, 1, 8, 20, 22, 30, rng.randrange(256)])
    size = 4 if rng.random() < 0.9 else rng.choice([0, 6, 16, rng.randrange(256)])
    kind = rng.choice([1, 1, 1, 3, 6, 7, 15, 24, 32])
    protocol = 0x0800 if rng.random() < 0.9 else rng.randrange(65536)
    operation = rng.choice([*range(11), 1, 2])
    head = struct.pack(">HHBBH", kind, protocol, hardware, size, operation)
    return head + bytes(rng.randrange(256) for _ in range(20)) + bytes(rng.choice([0, 18, 60]))


def ipv4(rng: Random, depth: int = 0) -> bytes:
    protocol, body = transport4(rng, depth)
    options = rng.choice(
        [b""] * 6
        + [
            b"\x01" * 4,
            b"\x83\x07\x04" + address4(rng) + b"\0",
            b"\x89\x0b\x04" + address4(rng) + address4(rng) + b"\0",
            b"\x07\x07\x04" + address4(rng) + b"\0",
            options4(rng),
        ]
    )
    words = 5 + len(options) // 4
    total = words * 4 + len(body)
    fragment = rng.choice([0] * 6 + [0x4000, 0x2000, 0x2001, 1, 2, 0x8000])
    if rng.random() < 0.1:
        words = rng.randrange(16)
    if rng.random() < 0.1:
        total = rng.choice([0, total + 1, total + 100, max(total - 3, 0), 20, 19])
    version = 4 if rng.random() < 0.98 else rng.randrange(16)
    head = struct.pack(
        ">BBHHHBBH", version << 4 | words, 0, total & 0xFFFF, rng.randrange(3), fragment,
        rng.randrange(256), protocol, 0,
    )  # fmt: skip
    return head + address4(rng) + address4(rng) + options + body


def options4(rng: Random) -> bytes:
    """IP options of many kinds and lengths, also wrong ones; twelve bytes."""
    options = b""
    while len(options) < 12:
        kind = rng.choice([0, 1, 1, 7, 11, 68, 82, 130, 131, 137, 148, 222])
        if kind < 2:
            options += bytes([kind])
        else:
            length = rng.choice([2, 3, 4, 7, 8, 11, rng.randrange(16)])
            pointer = rng.choice([4, 8, 12, 0, 5, 16])
            options += bytes([kind, length, pointer]) + address4(rng) + address4(rng)
    return options[:12]


def fragment(rng: Random) -> bytes:
    """A half of one of few datagrams, also below VLAN tags, between local and public hosts."""
    hosts = [
        bytes([1, 2, 3, 4]),
        bytes([10, 2, 3, 4]),
        bytes([169, 254, 3, 4]),
        bytes([9, 1, 1, 1]),
    ]
    source, destination = rng.sample(hosts, 2)
    datagram = struct.pack(">HHHH", 9, 10, 24, 7) + bytes(16)
    first = rng.random() < 0.5
    head = struct.pack(
        ">BBHHHBBH", 0x45, 0, 20 + (16 if first else 8), rng.randrange(4), 0x2000 if first else 2,
        9, rng.choice([17, 17, 6, 16]), 0,
    )  # fmt: skip
    kind, body = 0x0800, head + source + destination + (datagram[:16] if first else datagram[16:])
    for _ in range(rng.choice([0, 0, 1, 2])):
        body = struct.pack(">HH", rng.randrange(3), kind) + body
        kind = rng.choice([0x8100, 0x88A8, 0x9100])
    return bytes(6) + b"\x02" + bytes(5) + struct.pack(">H", kind) + body


def portmap(rng: Random) -> bytes:
    """Ask a portmapper for a port, again or not, answer, or talk to that port; few hosts."""
    client, server = bytes([10, 0, 0, rng.randrange(1, 4)]), bytes([10, 0, 1, rng.randrange(2)])
    port, own = rng.randrange(2049, 2052), rng.randrange(700, 703)
    number = 1_000_000 * client[3] + 10_000 * server[3] + own
    version, procedure, protocol = Random(number).choice(
        [(2, 3, 17), (2, 3, 17), (2, 3, 6), (3, 3, 17), (2, 0, 17)]
    )
    what = rng.choice(["call", "reply", "asking", "answering"])
    if what == "call":
        body = struct.pack(">IIIIII", number, 0, 2, 100_000, version, procedure)
        body += rng.choice([bytes(8), struct.pack(">II", 1, 20) + bytes(20)]) + bytes(8)
        body += struct.pack(">IIII", 100_003, 3, protocol, 0)
    elif what == "reply":
        body = struct.pack(">IIIIII", number, 1, rng.choice([0, 0, 0, 1]), 0, 0, 0)
        body += struct.pack(">I", rng.choice([0, port, port, port]))
    else:
        body = b"data"
    there = 111 if what in ("call", "reply") else port
    header = struct.pack(">HHHH", own, there, 8 + len(body), 0)
    addresses = client + server
    if what in ("reply", "answering"):
        header, addresses = struct.pack(">HHHH", there, own, 8 + len(body), 0), server + client
    return plain_ipv4(17, addresses, header + body)


def tftp(rng: Random) -> bytes:
    """Ask for a file, on TFTP's port or another, or send something between the same ports."""
    ports = [rng.choice([69, 1069, 5000, 5001]) for _ in range(2)]
    body = rng.choice([b"\0\1name\0octet\0", b"\0\2name\0NetASCII\0", b"\0\3\0\1data", bytes(9)])
    header = struct.pack(">HHHH", *ports, 8 + len(body), 0)
    return _between_few_hosts(rng, 17, header + body)


def coap(rng: Random) -> bytes:
    """A CoAP message, perhaps with options that do not fit; or DOF, or bytes of other ports."""
    ports = [rng.choice([5683, 5683, 3567, 5567, 6000, 6001]) for _ in range(2)]
    token = rng.choice([0, 0, 2, 8, 15])
    body = bytes([0x40 | token, rng.choice([0, 1, 2, 69]), 0, rng.randrange(4)]) + bytes(token)
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        delta, length = rng.choice([0, 1, 3, 6, 8, 9, 9, 11]), rng.choice([0, 1, 2, 3, 12])
        more = b""
        if rng.random() < 0.2:
            delta = rng.choice([13, 14, 15])
            more = bytes(rng.choice([{13: 1, 14: 2, 15: 0}[delta], 0, 1]))
        if rng.random() < 0.2:
            more, length = more + bytes([rng.choice([0, 0, 5])]), 13
        value = bytes(
            rng.choice([0, 1, 2, 9, 0x19, 0x11, rng.randrange(256)]) for _ in range(length)
        )
        body += bytes([delta << 4 | length]) + more + value
    body += rng.choice([b"", b"", b"\xff", b"\xffpayload", b"\xf1"])
    header = struct.pack(">HHHH", *ports, 8 + len(body), 0)
    return _between_few_hosts(rng, 17, header + body)


def snmp(rng: Random) -> bytes:
    """SNMP, its lengths right or not, or something else between the same ports."""
    ports = [rng.choice([161, 162, 5000, 5001]) for _ in range(2)]
    rest = bytes([rng.choice([2, 2, 2, 0x22, 3, 0]), 1, rng.choice([0, 1, 3])])
    rest += bytes(rng.choice([0, 3, 130]))
    size = bytes([max(len(rest) + rng.choice([0, 0, 0, 1, 100, -1]), 0)])
    length = rng.choice([size if size < b"\x80" else b"\x81" + size, b"\x82\0" + size])
    body = bytes([rng.choice([0x30, 0x30, 0x30, 0x10, 0x31, 0xB0])]) + length + rest
    header = struct.pack(">HHHH", *ports, 8 + len(body), 0)
    return _between_few_hosts(rng, 17, header + body)


def connection(rng: Random) -> bytes:
    """A segment of a connection, perhaps of the next one of the same ports; few of both."""
    flags = rng.choice([2, 2, 18, 16, 16, 16, 24, 17, 4])
    header = struct.pack(
        ">HHIIHHHH",
        rng.choice([4000, 80]),
        rng.choice([4000, 80]),
        rng.choice([10, 11, 20, 31, 500]),
        rng.choice([0, 11, 20, 31, 501]),
        0x5000 | flags,
        rng.choice([0, 100, 200]),
        0,
        0,
    )
    return _between_few_hosts(rng, 6, header + bytes(rng.choice([0, 0, 1, 9])))


def _between_few_hosts(rng: Random, protocol: int, body: bytes) -> bytes:
    ends = [rng.randrange(1, 4) for _ in range(2)]
    if rng.random() < 0.3:
        addresses = b"".join(bytes.fromhex("fe80") + bytes(13) + bytes([end]) for end in ends)
        head = struct.pack(">IHBB", 6 << 28, len(body), protocol, 9)
        return bytes(6) + b"\x02" + bytes(5) + b"\x86\xdd" + head + addresses + body
    return plain_ipv4(protocol, b"".join(bytes([10, 0, 0, end]) for end in ends), body)


def plain_ipv4(protocol: int, addresses: bytes, body: bytes) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 9, protocol, 0)
    return bytes(6) + b"\x02" + bytes(5) + b"\x08\x00" + head + addresses + body


def ipv6(rng: Random, depth: int = 0) -> bytes:
    protocol, body = transport6(rng, depth)
    length = len(body)
    if rng.random() < 0.1:
        length = rng.choice([0, length + 1, max(length - 3, 0)])
    head = struct.pack(">IHBB", 6 << 28, length, protocol, rng.randrange(256))
    return head + address6(rng) + address6(rng) + body


def transport4(rng: Random, depth: int) -> tuple[int, bytes]:
    kind = rng.choice(["tcp", "tcp", "udp", "udp", "icmp", "ipv4", "ipv6", "gre", "lite", "other"])
    if depth > 2 or kind == "udp":
        return 17, udp(rng)
    if kind == "tcp":
        return 6, tcp(rng)
    if kind == "icmp":
        return 1, icmp(rng, depth + 1)
    if kind == "ipv4":
        return 4, ipv4(rng, depth + 1)
    if kind == "ipv6":
        return 41, ipv6(rng, depth + 1)
    if kind == "gre":
        return 47, gre(rng, depth + 1)
    if kind == "lite":
        return 136, udp(rng)
    return rng.choice([2, 89, 132, 50, 255, 253]), some_octets(rng)


def transport6(rng: Random, depth: int, routing: bool = True) -> tuple[int, bytes]:
    kinds = ["tcp", "tcp", "udp", "udp", "icmpv6", "options", "ah", "none"]
    kind = rng.choice([*kinds, "routing"] if routing else kinds)
    if depth > 2 or kind == "udp":
        return 17, udp(rng)
    if kind == "tcp":
        return 6, tcp(rng)
    if kind == "icmpv6":
        return 58, icmpv6(rng, depth + 1)
    if kind == "options":
        following, body = transport6(rng, depth + 1)
        more = rng.choice([0, 0, 1, 2])
        padding = b"\x01\x04" + bytes(4) + (b"\x01\x06" + bytes(6)) * more
        return 60, bytes([following, more]) + padding + body
    if kind == "routing":
        following, body = transport6(rng, depth + 1, routing=False)
        left = rng.choice([0, 1, 2])
        segments = address6(rng) + address6(rng)
        return 43, bytes([following, 4, 0, left]) + bytes(4) + segments + body
    if kind == "ah":
        following, body = transport6(rng, depth + 1)
        return 51, bytes([following, 4]) + bytes(22) + body
    return 59, some_octets(rng)


def udp(rng: Random) -> bytes:
    body = some_octets(rng)
    length = 8 + len(body)
    if rng.random() < 0.15:
        length = rng.choice([0, 1, 7, 8, 9, 65535, length + 5, length - 1])
    ports = [rng.choice([1, 2, 80, 1234, 50000, rng.randrange(20000, 30000)]) for _ in range(2)]
    return struct.pack(">HHHH", *ports, length, rng.randrange(65536)) + body


def tcp(rng: Random) -> bytes:
    options = rng.choice(
        [
            b"", b"", b"\x02\x04\x05\xb4", b"\x01\x03\x03\x07", b"\x02\x04\x05\xb4\x01\x03\x03\x07",
            bytes(rng.randrange(256) for _ in range(4 * rng.randrange(10))),
        ]
    )  # fmt: skip
    words = 5 + len(options) // 4
    if rng.random() < 0.1:
        words = rng.randrange(16)
    flags = rng.choice([2, 18, 16, 24, 17, 4, 20, 0, 0x29, rng.randrange(4096)])
    ports = [rng.choice([1, 2, 80]) for _ in range(2)]
    numbers = rng.randrange(6), rng.randrange(6)
    window = rng.choice([0, 1, 2, 500])
    head = struct.pack(
        ">HHIIHHHH", *ports, *numbers, words << 12 | flags, window, rng.randrange(65536), 0
    )
    return head + options + some_octets(rng)


def icmp(rng: Random, depth: int) -> bytes:
    kind = rng.choice([0, 8, 3, 3, 3, 4, 5, 11, 12, 30])
    body = some_octets(rng)
    if kind in (3, 4, 5, 11, 12):
        body = ipv4(rng, depth)[: rng.choice([28, 28, 1000])]
    return struct.pack(">BBHI", kind, rng.randrange(16), rng.randrange(65536), 0) + body


def icmpv6(rng: Random, depth: int) -> bytes:
    kind = rng.choice([1, 2, 3, 4, 128, 135, 136, 137])
    if kind > 4 and kind != 137:
        return struct.pack(">BBHI", kind, 0, 0, 0) + some_octets(rng)
    quoted = ipv6(rng, depth)
    if kind != 137:
        return struct.pack(">BBHI", kind, 0, 0, 0) + quoted
    quoted += bytes(-len(quoted) % 8)
    option = bytes([4, (len(quoted) + 8) // 8 & 0xFF]) + bytes(6) + quoted
    return struct.pack(">BBHI", kind, 0, 0, 0) + bytes(32) + bytes([2, 1]) + bytes(6) + option


def gre(rng: Random, depth: int) -> bytes:
    flags = rng.choice([0, 0, 0x8000, 0x2000, 0x1000, 0xB000])
    fields = 4 * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
    kind = rng.choice([0x0800, 0x86DD, 0x6558, 0x880B, 0])
    body = {
        0x0800: lambda: ipv4(rng, depth),
        0x86DD: lambda: ipv6(rng, depth),
        0x6558: lambda: bytes(12) + b"\x08\x00" + ipv4(rng, depth),
        0x880B: lambda: b"\xff\x03\x00\x21" + ipv4(rng, depth),
        0: lambda: b"",
    }[kind]()
    return struct.pack(">HH", flags, kind) + bytes(fields) + body
