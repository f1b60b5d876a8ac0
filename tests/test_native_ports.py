"""Every UDP and TCP port that TShark has a dissector for: none leads where we would not look.

A tunnel shows the packet that it holds; an application that TShark opens conversations for shifts
the numbers of later packets. So each port gets payloads of many kinds, then its hosts talk on other
ports, and both readers must agree; what is said to be unsupported is left out.
"""

import random
import struct
import subprocess

import pytest

from packetids import compare_readers
from packetids.native import tunnels
from tests import packets
from tests.conftest import needs_tshark

pytestmark = needs_tshark

UDP, TCP = 17, 6
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
PREFIX_OCTETS_MAX = 40  # before the packet in a tunnel


def ports(protocol: int) -> list[int]:
    """Give the ports with a dissector, but those that are said to be unsupported."""
    table = {UDP: "udp.port", TCP: "tcp.port"}[protocol]
    told = subprocess.run(["tshark", "-G", "decodes"], capture_output=True, text=True, check=True)
    lines = [line.split("\t") for line in told.stdout.splitlines()]
    found = {int(port) for name, port, *_ in lines if name == table}
    if protocol == UDP:
        said = {port for port in found if tunnels.UNSUPPORTED_PORTS[port]}
        said |= set(tunnels.DISSECTED)
    else:
        said = {tunnels.ACDR, *tunnels.OPENFLOW, *tunnels.SNMP}
    return sorted(found - said)


def frame(protocol: int, ends: tuple[bytes, int, bytes, int], body: bytes) -> bytes:
    """Lay out one packet: address and port of the sender, of the receiver."""
    src, src_port, dst, dst_port = ends
    if protocol == UDP:
        header = struct.pack(">HHHH", src_port, dst_port, 8 + len(body), 0)
    else:
        header = struct.pack(">HHIIHHHH", src_port, dst_port, 1, 1, 0x5018, 100, 0, 0)
    return packets.plain_ipv4(protocol, src + dst, header + body)


def compare(frames: list[bytes], path) -> None:
    """See that both readers give the same cells of every frame."""
    path.write_bytes(packets.capture([(one, len(one)) for one in frames]))
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
            body = prefix + HELD[(octets + port) % 4 if protocol == TCP else rng.randrange(4)]
            frames.append(frame(protocol, (src, port, dst, 20000 + octets), body))

    compare(frames, tmp_path / "held.pcap")
