"""What a capture says of a frame's length: on the wire, of its check sequence, of a jumbogram."""

import io
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packetids import compare_readers
from packetids.native import reader
from tests import packets
from tests.conftest import needs_tshark

UNDERSTATED_OCTETS = (0, 1, 14, 20, 34, 40, 44)  # of 54 that a TCP segment without data has
IF_FCSLEN, FLAGS = 13, 2
FCS = b"\xde\xad\xbe\xef"


def rows(data: bytes) -> list[dict]:
    return [row for batch in reader.read(io.BytesIO(data), "") for row in batch.to_pylist()]


def differences(path: Path, data: bytes) -> dict:
    """Cells in which the native reader and TShark differ."""
    path.write_bytes(data)
    found = compare_readers.compare(path, "native", "tshark", "")
    assert not found.stopped and not found.unsupported
    return dict(found.causes)


def tcp(body: bytes = b"") -> bytes:
    return struct.pack(">HHIIHHHH", 40_000, 80, 1, 1, 5 << 12 | 0x18, 500, 0xBEEF, 0) + body


def udp(body: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack(">HHHH", 9, 10, 8 + len(body) if length is None else length, 0) + body


def ipv4(protocol: int, body: bytes, total: int | None = None, fragment: int = 0) -> bytes:
    total = 20 + len(body) if total is None else total
    head = struct.pack(">BBHHHBBH", 0x45, 0, total, 7, fragment, 64, protocol, 0)
    return b"\x08\x00" + head + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + body


def ipv6(following: int, body: bytes, length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    head = struct.pack(">IHBB", 6 << 28, length, following, 64)
    return b"\x86\xdd" + head + bytes(15) + b"\x01" + bytes(15) + b"\x02" + body


def ethernet(packet: bytes) -> bytes:
    return bytes(12) + packet


ARP = "0001080006040001" + "010203040506" + "0a000001" + "000000000000" + "0a000002"
FRAMES = {
    "TCP": ethernet(ipv4(6, tcp())),
    "TCP, to be cut by the card": ethernet(ipv4(6, tcp(bytes(3000)), total=0)),
    "UDP": ethernet(ipv4(17, udp(b"answer"))),
    "UDP over IPv6 without a length": ethernet(ipv6(17, udp(bytes(30), length=0))),
    "TCP over IPv6": ethernet(ipv6(6, tcp(b"page"))),
    "ARP": ethernet(b"\x08\x06" + bytes.fromhex(ARP)),
    "ICMP": ethernet(ipv4(1, bytes([3, 3, 0, 0, 0, 0, 0, 0]) + ipv4(17, udp(b"x"))[2:])),
    "VLAN": ethernet(b"\x81\x00\x00\x05" + ipv4(6, tcp(b"page"))),
    "first fragment": ethernet(ipv4(17, udp(bytes(8)), fragment=0x2000)),
    "last fragment": ethernet(ipv4(17, bytes(8), fragment=2)),
}


@pytest.mark.parametrize("lay_out", [packets.capture, packets.capture_ng])
@pytest.mark.parametrize("wire_octets", UNDERSTATED_OCTETS)
@pytest.mark.parametrize("understated", [[4], range(len(FRAMES))], ids=["one", "all"])
def test_a_length_below_the_captured_one_is_printed_and_cuts_nothing(
    lay_out, wire_octets, understated
):
    whole = [(frame, len(frame)) for frame in FRAMES.values()]
    less = [
        (frame, wire_octets if i in understated else octets)
        for i, (frame, octets) in enumerate(whole)
    ]

    found = rows(lay_out(less))

    assert found == [
        row | {"frame.len": octets}
        for row, (_, octets) in zip(rows(lay_out(whole)), less, strict=True)
    ]


TSO = FRAMES["TCP, to be cut by the card"] + FCS


def flags(fcs_octets: int) -> bytes:
    return packets.option(FLAGS, struct.pack("<I", fcs_octets << 5 | 1))


def fcslen(said: bytes) -> bytes:
    return packets.option(IF_FCSLEN, said)


WORDS_2, WORDS_1, WORDS_0, NO_FLAG = 0x24000001, 0x14000001, 0x04000001, 0x20000001
TOLD = {
    "by nobody": (packets.capture([(TSO, len(TSO))]), 3004),
    "by two words": (packets.capture([(TSO, len(TSO))], WORDS_2), 3000),
    "by one word": (packets.capture([(TSO, len(TSO))], WORDS_1), 3002),
    "by no word": (packets.capture([(TSO, len(TSO))], WORDS_0), 3004),
    "by words without the flag": (packets.capture([(TSO, len(TSO))], NO_FLAG), 3004),
    "by the interface": (packets.capture_ng([(TSO, len(TSO))], fcslen(b"\x04")), 3000),
    "by the interface in bits": (packets.capture_ng([(TSO, len(TSO))], fcslen(b"\x20")), 3000),
    "in two octets": (packets.capture_ng([(TSO, len(TSO))], fcslen(b"\x04\x00")), 3004),
    "by flags": (packets.capture_ng([(TSO, len(TSO))], b"", flags(4)), 3000),
    "by flags and interface": (
        packets.capture_ng([(TSO, len(TSO))], fcslen(b"\x02"), flags(4)), 3000),
    "by empty flags": (packets.capture_ng([(TSO, len(TSO))], fcslen(b"\x04"), flags(0)), 3000),
    "by flags twice": (packets.capture_ng([(TSO, len(TSO))], b"", flags(4) + flags(2)), 3000),
    "where it was cut off": (packets.capture([(TSO[:200], len(TSO))], WORDS_2), 3000),
    "below a wrong length": (packets.capture([(TSO, 0)], WORDS_2), 3000),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_a_frame_check_sequence_is_no_payload_where_its_length_is_told(name):
    data, tcp_len = TOLD[name]

    assert [row["tcp.len"] for row in rows(data)] == [tcp_len]


@needs_tshark
@pytest.mark.parametrize("name", TOLD)
def test_tshark_takes_the_same_frame_check_sequences_off(name, tmp_path):
    assert differences(tmp_path / "told.capture", TOLD[name][0]) == {}


@pytest.mark.parametrize(("link_type", "read"), [(WORDS_2, False), (0xF4000001, True)])
def test_a_payload_shorter_than_the_check_sequence_stays(link_type, read):
    """28 octets of ARP, less four, are no whole message; of thirty, none are taken off."""
    (row,) = rows(packets.capture([(FRAMES["ARP"], 42)], link_type))

    assert (row["arp.src.proto_ipv4"] == "10.0.0.1") == read


def jumbogram(options: bytes, payload: bytes, length: int = 0) -> bytes:
    options += bytes(-(len(options) + 2) % 8)
    header = bytes([6, (len(options) + 2) // 8 - 1]) + options
    return ethernet(ipv6(0, header + payload, length))


def jumbo(octets: int, said: int = 4) -> bytes:
    return bytes([0xC2, said]) + struct.pack(">I", octets)


WIRE_OCTETS = 14 + 40 + 8 + 20 + 70_000  # with eight octets of options
JUMBOGRAMS = {
    "exact": (jumbogram(jumbo(70_028), tcp(bytes(40))), 70_000),
    "padded": (jumbogram(jumbo(70_018), tcp(bytes(40))), 69_990),
    "more than the frame holds": (jumbogram(jumbo(2**31), tcp(bytes(40))), 70_000),
    "the most": (jumbogram(jumbo(2**32 - 41), tcp(bytes(40))), 70_000),
    "too large": (jumbogram(jumbo(2**32 - 40), tcp(bytes(40))), None),
    "too small": (jumbogram(jumbo(65_535), tcp(bytes(40))), None),
    "the least": (jumbogram(jumbo(65_536), tcp(bytes(40))), 65_508),
    "an option of three octets": (jumbogram(jumbo(70_028, 3), tcp(bytes(40))), None),
    "no option": (jumbogram(bytes([1, 4, 0, 0, 0, 0]), tcp(bytes(40))), None),
    "a length as well": (jumbogram(jumbo(70_028), tcp(bytes(100)), 128), 100),
    "after padding": (jumbogram(bytes(4) + jumbo(70_026), tcp(bytes(40))), 69_990),
    "the first of two": (jumbogram(jumbo(70_026) + b"\0\0" + jumbo(9), tcp(bytes(40))), 69_990),
}


@pytest.mark.parametrize("name", JUMBOGRAMS)
def test_a_jumbogram_is_as_long_as_its_option_says(name):
    """RFC 2675; a snapshot holds its beginning only."""
    frame, tcp_len = JUMBOGRAMS[name]

    (row,) = rows(packets.capture([(frame, WIRE_OCTETS)]))

    assert row["tcp.len"] == tcp_len and row["frame.len"] == WIRE_OCTETS
    assert (row["tcp.srcport"] == 40_000) == (tcp_len is not None)


@needs_tshark
def test_tshark_reads_the_same_jumbograms(tmp_path):
    data = packets.capture([(frame, WIRE_OCTETS) for frame, _ in JUMBOGRAMS.values()])

    assert differences(tmp_path / "jumbo.pcap", data) == {}


@needs_tshark
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 150),
    link_type=st.sampled_from([1, WORDS_2, WORDS_1, WORDS_0, 0xF4000001]),
)
def test_random_lengths_read_as_tshark_reads_them(seed, count, link_type, tmp_path_factory):
    rng = random.Random(seed)
    frames = [(packets.offload(rng), 66_000)]  # TShark guesses a pcap's variant from the first few
    frames += [packets.understated(rng, packets.offload(rng)) for _ in range(count)]
    frames += [(packets.offload(rng), rng.randrange(65_000, 80_000)) for _ in range(count)]
    path = tmp_path_factory.getbasetemp() / "lengths.capture"

    assert differences(path, packets.capture_ng(frames, fcslen(bytes([link_type >> 27])))) == {}
    if all(octets >= len(frame) for frame, octets in frames[:4]):
        assert differences(path, packets.capture(frames, link_type)) == {}


IPV6_OPTIONS = [
    bytes([kind, length]) + bytes([fill]) * 12
    for kind in range(1, 256)
    for length in (0, 1, 2, 3, 4, 6, 9, 16, 33)
    for fill in (0, 1, 255)
    if kind not in (38, 49)  # quick start, IOAM: docs/native-reader.md
]


@needs_tshark
def test_every_ipv6_option_ends_where_tshark_ends_it(tmp_path):
    frames = [
        ethernet(ipv6(0, bytes([17, 5]) + one + bytes(46 - len(one)) + udp(bytes(12))))
        for one in IPV6_OPTIONS
    ]

    data = packets.capture([(frame, len(frame)) for frame in frames])

    assert differences(tmp_path / "options.pcap", data) == {}


def test_a_home_address_is_the_source_of_the_conversation():
    """RFC 6275, section 6.3."""
    option = bytes([0xC9, 16]) + bytes(15) + b"\x09"
    away = ethernet(ipv6(60, bytes([6, 2]) + option + bytes(4) + tcp()))
    frames = [FRAMES["TCP over IPv6"], away, away]

    found = rows(packets.capture([(frame, len(frame)) for frame in frames]))

    assert [row["tcp.stream"] for row in found] == [0, 1, 1]
