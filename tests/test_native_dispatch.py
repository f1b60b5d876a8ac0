"""Every port, EtherType, IP protocol and PPP protocol that TShark has a dissector for.

None may lead where we would not look. A tunnel shows the packet that it holds; an application that
TShark opens conversations for shifts the numbers of later packets. So each gets payloads of many
kinds, with packets in them or with other packets of the same hosts after them, and both readers
must agree; what is said to be unsupported is left out.
"""

import random
import struct
import subprocess
from collections.abc import Iterator
from functools import cache

import pytest

from packetids import compare_readers
from packetids.native import wire
from packetids.native.layers import ethertype, gre, ip_protocol, link, ppp
from packetids.native.payloads import tunnels
from tests import packets
from tests.conftest import needs_tshark

pytestmark = needs_tshark

UDP, TCP, GRE, IPV6_ROUTING, IPV6_FRAGMENT = 17, 6, 47, 43, 44
PAYLOADS = {
    "zeros": lambda rng: bytes(64),
    "text": lambda rng: rng.choice(
        [b"GET / HTTP/1.1\r\n\r\n", b"hello\r\n", b'{"a": 1}', b"A" * 60]
    ),
    "small": lambda rng: bytes(rng.choice([0, 0, 0, 1, 2, 3, 4, 5, 8, 16]) for _ in range(80)),
    "words": lambda rng: (
        struct.pack(">9H", *rng.choices([0, 1, 2, 3, 4, 20, 256], k=9)) + bytes(40)
    ),
    "random": lambda rng: rng.randbytes(rng.choice([8, 20, 64, 200])),
}
IN_PACKET = struct.pack(">HHHH", 7777, 8888, 12, 0) + b"abcd"
IPV4 = bytes.fromhex("450000200000000009110000ac100101ac100102") + IN_PACKET
IPV6 = (
    bytes.fromhex("60000000000c1109 20010db8") + bytes(11) + b"\1" + bytes(15) + b"\2" + IN_PACKET
)
ETHERNET = bytes(12) + b"\x08\0" + IPV4
SNAP = bytes.fromhex("aaaa030000000800") + IPV4
HELD = [IPV4, IPV6, ETHERNET, SNAP]
# EtherTypes below which we look, and may say that what is there is unsupported; PPP's for GRE.
DISSECTED = {
    wire.TYPE_MPLS, wire.TYPE_MPLS_MULTICAST, wire.TYPE_PPPOE_SESSION, wire.TYPE_PPP,
}  # fmt: skip
PREFIX_OCTETS_MAX = 40  # before the packet in a tunnel


@cache
def decodes() -> list[list[str]]:
    """Give TShark's dispatch tables: name, number, dissector."""
    told = subprocess.run(["tshark", "-G", "decodes"], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in told.stdout.splitlines()]


def dissected(table: str) -> set[int]:
    """Give the numbers for which a table of TShark's has a dissector."""
    return {int(number) for name, number, *_ in decodes() if name == table}


def ports(protocol: int) -> list[int]:
    """Give the ports with a dissector, but those that are said to be unsupported."""
    if protocol == UDP:
        found = dissected("udp.port") - set(tunnels.DISSECTED)
        return sorted(port for port in found if not tunnels.UNSUPPORTED_PORTS[port])
    return sorted(dissected("tcp.port") - {tunnels.ACDR, *tunnels.OPENFLOW, *tunnels.SNMP_OVER_TCP})


def frame(protocol: int, ends: tuple[bytes, int, bytes, int], body: bytes) -> bytes:
    """Lay out one packet: address and port of the sender, of the receiver."""
    src, src_port, dst, dst_port = ends
    if protocol == UDP:
        header = struct.pack(">HHHH", src_port, dst_port, 8 + len(body), 0)
    else:
        header = struct.pack(">HHIIHHHH", src_port, dst_port, 1, 1, 0x5018, 100, 0, 0)
    return packets.plain_ipv4(protocol, src + dst, header + body)


def compare(frames: list[bytes], path, link_type: int = 1) -> None:
    """See that both readers give the same cells of every frame."""
    path.write_bytes(packets.capture([(one, len(one)) for one in frames], link_type))
    found = compare_readers.compare(path, "native", "tshark", "")

    assert (found.unsupported, found.rows) == ("", len(frames))
    assert found.causes == {}, found.examples


@pytest.mark.parametrize("kind", PAYLOADS)
def test_no_port_opens_conversations_that_are_not_followed(kind, tmp_path):
    rng = random.Random(kind)
    frames = []
    for port in ports(UDP):
        a, b, c = (bytes([10, port >> 8, port & 255, end]) for end in (1, 2, 3))
        for src, src_port, dst, dst_port in (
            (a, 41000, b, port), (b, port, a, 41000),
            (a, 41000, b, 60000), (b, 60000, a, 41000), (a, 41000, c, 60000), (c, 60001, a, 41000),
            (b, port, a, 42000), (b, port, c, 42000), (a, 43000, b, port), (c, 43000, b, port),
        ):  # fmt: skip
            frames.append(frame(UDP, (src, src_port, dst, dst_port), PAYLOADS[kind](rng)))

    compare(frames, tmp_path / "ports.pcap")


@pytest.mark.parametrize("kind", ["zeros", "small", "random"])
@pytest.mark.parametrize("protocol", [UDP, TCP], ids=["udp", "tcp"])
def test_no_port_holds_packets_that_are_not_found(protocol, kind, tmp_path):
    rng = random.Random(kind)
    frames = []
    for port in ports(protocol):
        src, dst = (bytes([10, port >> 8, port & 255, end]) for end in (1, 2))
        for octets in range(0, PREFIX_OCTETS_MAX + 1):
            prefix = (PAYLOADS[kind](rng) + bytes(PREFIX_OCTETS_MAX))[:octets]
            body = prefix + rng.choice(HELD)
            frames.append(frame(protocol, (src, port, dst, 20000 + octets), body))

    compare(frames, tmp_path / "held.pcap")


def holders(rng: random.Random, kind: str) -> Iterator[bytes]:
    """Give packets behind prefixes of every length."""
    for octets in range(PREFIX_OCTETS_MAX + 1):
        for held in HELD:
            yield (PAYLOADS[kind](rng) + bytes(PREFIX_OCTETS_MAX))[:octets] + held


@pytest.mark.parametrize("kind", ["zeros", "small"])
def test_no_ethertype_holds_packets_that_are_not_found(kind, tmp_path):
    said = {*ethertype.OTHER_TUNNELS, *ppp.PPP_CONTROL, *DISSECTED}
    frames = [
        bytes(12) + ethertype.to_bytes(2, "big") + body
        for ethertype in sorted(dissected("ethertype") - said)
        for body in holders(random.Random(kind), kind)
    ]
    compare(frames, tmp_path / "ethertypes.pcap")


@pytest.mark.parametrize("kind", ["zeros", "small"])
def test_no_ip_protocol_holds_packets_that_are_not_found(kind, tmp_path):
    said = {*ip_protocol.OTHER_TUNNELS, GRE, IPV6_ROUTING, IPV6_FRAGMENT}
    frames = [
        packets.plain_ipv4(protocol, bytes([10, 0, 0, 1, 10, 0, 0, 2]), body)
        for protocol in sorted(set(range(256)) - said)
        for body in holders(random.Random(kind), kind)
    ]
    compare(frames, tmp_path / "protocols.pcap")


@pytest.mark.parametrize("kind", ["zeros", "small"])
def test_no_ppp_protocol_holds_packets_that_are_not_found(kind, tmp_path):
    said = {*ppp.OTHER_PPP, *ppp.PPP_MPLS}
    frames = [
        b"\xff\3" + protocol.to_bytes(2, "big") + body
        for protocol in sorted(dissected("ppp.protocol") - said)
        for body in holders(random.Random(kind), kind)
        if body[0] != ppp.PPP_PROTOCOL_REJECT
    ]
    compare(frames, tmp_path / "ppp.pcap", link.PPP_LINK)


@pytest.mark.parametrize("kind", ["zeros", "small"])
def test_no_gre_protocol_holds_packets_that_are_not_found(kind, tmp_path):
    said = {*gre.OTHER_GRE, *ethertype.OTHER_TUNNELS, *DISSECTED}
    types = {one for one in dissected("gre.proto") if one & 0xFE0F != 0x8200} - said
    frames = [
        packets.plain_ipv4(
            GRE,
            bytes([10, 0, 0, 1, 10, 0, 0, 2]),
            struct.pack(">HH", flags, ethertype) + bytes(4 if flags else 0) + body,
        )
        for ethertype in sorted(types)
        for flags in (0, 0x2000)
        for body in holders(random.Random(kind), kind)
    ]
    compare(frames, tmp_path / "gre.pcap")


@pytest.mark.parametrize("service", [0x06, 0xAA], ids=["ip", "snap"])
def test_every_control_field_of_llc(service, tmp_path):
    body = {0x06: b"", 0xAA: b"\0\0\0\x08\0"}[service] + IPV4
    messages = [
        bytes([service, service, control]) + more + body
        for control in range(256)
        for more in (b"", b"\0", b"\1")
    ]
    frames = [bytes(12) + struct.pack(">H", len(message)) + message for message in messages]
    compare(frames, tmp_path / "llc.pcap")


def test_raw_frames_after_what_linux_once_put_before_them(tmp_path):
    before = [bytes([fill]) * octets for fill in (0, 1, 0x45, 0x60) for octets in range(12)]
    frames = [one + held for one in before for held in (IPV4, IPV6, b"\xff\3\0\x21" + IPV4)]
    frames += [IPV4[:octets] for octets in range(1, 30)] + [
        bytes(octets) for octets in range(1, 20)
    ]
    compare(frames, tmp_path / "raw.pcap", link.RAW)


@pytest.mark.parametrize("link_type", [link.NULL, link.LOOP], ids=["null", "loop"])
def test_every_address_family_in_either_order(link_type, tmp_path):
    families = [*range(40), 0x0800, 0x86DD, 0x0806, 0xFF030021]
    frames = [
        struct.pack(order + "I", family) + held
        for family in families for order in "<>" for held in (IPV4, IPV6)
    ]  # fmt: skip
    compare(frames, tmp_path / "loopback.pcap", link_type)
