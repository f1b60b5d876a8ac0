"""Packet fields read natively: against a slow twin, a golden reading, and TShark itself."""

import io
import random
import struct
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from packetids import compare_readers
from packetids.core import fields
from packetids.core.errors import PacketidsError, Unsupported
from packetids.native import columns, fragments, reader, state, text
from packetids.native.conversations import table
from packetids.native.layers.tcp import seconds
from packetids.native.payloads import tunnels
from tests import golden, naive_packet, packets
from tests.conftest import ROOT, interpreted, needs_jit, needs_tshark

FILTER = "ip or ipv6 or arp"


def read(data: bytes, display_filter: str = "") -> tuple[list[dict], str]:
    """All rows of a capture as dictionaries, and what ended the reading early."""
    rows = []
    try:
        for batch in reader.read(io.BytesIO(data), display_filter):
            rows += batch.to_pylist()
    except PacketidsError as error:
        return rows, str(error)
    return rows, ""


def one(frame: bytes) -> dict:
    """The row of a capture that holds one frame."""
    (row,), _ = read(packets.capture([(frame, len(frame))]))
    return row


def ipv4(protocol: int, body: bytes, source="10.0.0.1", destination="10.0.0.2", ttl=64, fragment=0):
    addresses = bytes(int(part) for text in (source, destination) for part in text.split("."))
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 7, fragment, ttl, protocol, 0)
    return head + addresses + body


def ethernet(kind: int, body: bytes) -> bytes:
    return bytes(12) + struct.pack(">H", kind) + body


def udp(source: int, destination: int, body: bytes = b"") -> bytes:
    return struct.pack(">HHHH", source, destination, 8 + len(body), 0xBEEF) + body


def tcp(source, destination, seq=0, ack=0, flags=2, window=500, body=b""):
    return struct.pack(
        ">HHIIHHHH", source, destination, seq, ack, 5 << 12 | flags, window, 0, 0
    ) + body  # fmt: skip


PLAIN = [
    ethernet(0x0800, ipv4(17, udp(53, 4000, b"answer"))),
    ethernet(0x0800, ipv4(6, tcp(80, 4000, 5, 6, 0x18, 9, b"page"))),
    ethernet(0x8100, struct.pack(">HH", 5, 0x0800) + ipv4(17, udp(1, 2))),
    ethernet(0x0806, bytes.fromhex("00010800060400010102030405060a0000010000000000000a000002")),
    ethernet(0x0800, ipv4(1, bytes([3, 3, 0, 0, 0, 0, 0, 0]) + ipv4(17, udp(9, 10)))),
]  # fmt: skip


@pytest.mark.parametrize("frame", PLAIN, ids=["udp", "tcp", "vlan", "arp", "icmp"])
@pytest.mark.parametrize(
    "poison", [b"\x08\x00\x45" * 40, b"\x00\x08\x00\x45" * 40], ids=["even", "odd"]
)
def test_a_frame_cut_anywhere_reads_like_the_slow_twin(frame, poison):
    """No cut invents a value or borrows bytes of the next frame, which spells headers."""
    for length in range(len(frame) + 1):
        cut = frame[:length]
        rows, error = read(packets.capture([(cut, len(frame)), (poison, len(poison))]))

        told = {name: rows[0][name] for name in naive_packet.FIELD_NAMES}
        assert (told, error) == (naive_packet.packet_fields(cut, len(frame)), ""), cut.hex()


@settings(max_examples=200, deadline=None)
@given(octets=st.binary(max_size=120))
def test_any_octets_are_read_without_a_crash(octets):
    rows, _ = read(packets.capture([(octets, len(octets))]))

    assert all(row["frame.len"] == len(octets) for row in rows)


@pytest.mark.parametrize("name", golden.NAMES)
def test_the_golden_captures_read_as_tshark_read_them(name):
    """TShark's reading lies beside each capture, so this needs no TShark."""
    rows, error = read(golden.capture(name).read_bytes(), golden.FILTER)

    assert error == ""
    assert rows == golden.reading(name)


@needs_tshark
@pytest.mark.parametrize("name", golden.NAMES)
def test_the_golden_readings_are_tsharks(name):
    found = compare_readers.compare(golden.capture(name), "native", "tshark", golden.FILTER)

    assert found.causes == {} and found.rows == len(golden.reading(name))


@needs_tshark
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 150),
    display_filter=st.sampled_from([FILTER, "", "arp", "ip", "ipv6"]),
)
@example(seed=49602, count=29, display_filter="ipv6")  # GRE with nothing behind it
def test_random_packets_read_as_tshark_reads_them(seed, count, display_filter, tmp_path_factory):
    """Layers, lengths, cuts and turned bits, conversations and fragments among them.

    Hypothesis draws a seed and not each byte, of which a capture has more than it wants to draw.
    """
    rng = random.Random(seed)
    frames = [packets.damaged(rng, packets.ethernet(rng)) for _ in range(count)]
    path = tmp_path_factory.getbasetemp() / "random.pcap"
    path.write_bytes(packets.capture(frames))

    found = compare_readers.compare(path, "native", "tshark", display_filter)

    assert found.causes == {}, found.examples


@needs_tshark
def test_the_tiny_captures_read_as_tshark_reads_them(tmp_path):
    from packetids.capture import listing

    for capture in listing.unpack(Path("captures/tiny"), tmp_path):
        found = compare_readers.compare(capture.path, "native", "tshark")

        assert found.causes == {} and found.unsupported == "", found.examples


def test_a_capture_cut_at_any_octet_gives_the_frames_before_the_cut():
    rng = random.Random(3)
    frames = [packets.damaged(rng, packets.ethernet(rng)) for _ in range(6)]
    # Of nanoseconds there is one variant; of microseconds a cut may look like another one.
    data = struct.pack("<I", 0xA1B23C4D) + packets.capture(frames)[4:]
    whole, _ = read(data)
    ends = np.cumsum([24] + [16 + len(octets) for octets, _ in frames])

    for length in range(24, len(data)):
        rows, error = read(data[:length])
        kept = int((ends[1:] <= length).sum())
        assert rows == whole[:kept]
        assert (error == "") == (length in ends)
        if error:
            assert f"frame {kept + 1}" in error and str(ends[kept]) in error


def test_what_only_tshark_reads_is_said_with_the_frame_and_the_reason():
    gtp = ethernet(0x0800, ipv4(17, udp(2152, 2152, b"\x30\xff\x00\x00" + bytes(40))))
    rows, error = read(packets.capture([(PLAIN[0], len(PLAIN[0])), (gtp, len(gtp))]))

    assert len(rows) == 1
    assert "frame 2: UDP port 2152. " in error and "use the tshark reader" in error


SDP = b"v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n"
SIP = b"INVITE sip:b@10.0.0.2 SIP/2.0\r\nContent-Type: application/SDP\r\n\r\n" + SDP
RTSP = b"RTSP/1.0 200 OK\r\nTransport: RTP/AVP;unicast;client_port=4000-4001\r\n\r\n"
SKINNY = struct.pack("<III", 4, 0, 0) + struct.pack("<III", 20, 0, 0x22) + bytes(16)


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        (17, udp(5060, 5060, SIP)),
        (17, udp(9875, 9875, b"\x20\0\0\1\x0a\0\0\1application/sdp\0" + SDP)),
        (6, tcp(4000, 5061, flags=0x18, body=SIP)),
        (6, tcp(554, 4000, flags=0x18, body=RTSP)),
        (6, tcp(1720, 4000, flags=0x18, body=b"\3\0\0\x20\x08\2" + bytes(26))),
        (6, tcp(2000, 4000, flags=0x18, body=SKINNY)),
    ],
    ids=["sip", "sap", "sip in tcp", "rtsp", "h323", "skinny"],
)
def test_messages_that_set_up_media_are_left_to_tshark(protocol, body):
    """It opens conversations for the media's packets, which the native reader does not follow."""
    for cut in (0, 1):
        frame = ethernet(0x0800, ipv4(protocol, body))
        rows, error = read(packets.capture([(frame[: len(frame) - cut], len(frame))]))

        assert rows == [] and ": media set up by" in error and "use the tshark reader" in error


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        (17, udp(5060, 5060, b"REGISTER sip:b@10.0.0.2 SIP/2.0\r\nContent-Length: 0\r\n\r\n")),
        (17, udp(1900, 1900, b"NOTIFY * HTTP/1.1\r\nNTS: ssdp:alive\r\n\r\n")),
        (6, tcp(554, 4000, flags=0x18, body=b"RTSP/1.0 200 OK\r\nTransport: RTP/AVP/TCP\r\n\r\n")),
        (6, tcp(2000, 4000, flags=0x18, body=b"GET / HTTP/1.1\r\n\r\n")),
    ],
    ids=["register", "ssdp", "rtsp in tcp", "http"],
)
def test_messages_without_media_are_read(protocol, body):
    frame = ethernet(0x0800, ipv4(protocol, body))
    rows, error = read(packets.capture([(frame, len(frame))]))

    assert len(rows) == 1 and error == ""


def test_a_flood_over_all_ports_is_no_tunnel():
    frames = [ethernet(0x0800, ipv4(17, udp(port, 80, b"X" * 20))) for port in range(1, 65536, 7)]
    frames += [
        ethernet(0x0800, ipv4(17, udp(40001, port, b"X" * 20)))
        for port in sorted(value for name, value in vars(tunnels).items() if type(value) is int)
        if 0 < port < 65536
    ]
    rows, error = read(packets.capture([(frame, len(frame)) for frame in frames]))

    assert error == "" and len(rows) == len(frames)


def test_a_filter_that_only_tshark_understands():
    with pytest.raises(Unsupported, match=r"ip\.src==10\.0\.0\.1"):
        list(reader.read(io.BytesIO(packets.capture([])), "ip.src==10.0.0.1"))


@pytest.mark.parametrize(
    ("display_filter", "kept"), [("", 4), ("arp", 1), ("ip || ipv6", 2), ("ip or ipv6 or arp", 3)]
)
def test_the_filter_keeps_the_protocols_it_names(display_filter, kept):
    ipv6 = ethernet(0x86DD, struct.pack(">IHBB", 6 << 28, 0, 59, 64) + bytes(32))
    lldp = ethernet(0x88CC, bytes(20))
    frames = [PLAIN[0], PLAIN[3], ipv6, lldp]
    rows, _ = read(packets.capture([(frame, len(frame)) for frame in frames]), display_filter)

    assert len(rows) == kept


@pytest.mark.parametrize("follows", [b"", b"\x60", b"\x45"])
@pytest.mark.parametrize("cut", [0, 40], ids=["whole", "cut"])
def test_gre_without_a_payload_holds_no_ipv6(follows, cut):
    """As TShark has it, for which an empty Ethernet frame of its type does hold one."""
    gre = bytes.fromhex("2000 86dd 00000000")  # with a key
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(gre) + cut, 0, 0, 64, 47, 0)
    frame = ethernet(0x0800, head + bytes(8) + gre) + follows  # which are padding if not cut
    rows, _ = read(packets.capture([(frame, len(frame) + cut)]), "ipv6")

    assert len(rows) == (1 if cut else 0)


def test_a_square_of_bits_is_transposed():
    rng = np.random.default_rng(0)
    for _ in range(200):
        square = rng.integers(0, 2, (8, 8), dtype=np.uint8)
        packed = np.packbits(square, axis=None, bitorder="little").view(np.uint64)[0]

        across = np.array([interpreted(columns.transposed)(packed)]).view(np.uint8)
        np.testing.assert_array_equal(
            np.unpackbits(across, bitorder="little").reshape(8, 8), square.T
        )


def test_a_packet_that_the_filter_leaves_out_leaves_nothing_behind():
    """The ICMP message holds two addresses, which would be those of the next packet kept."""
    frames = [PLAIN[4], PLAIN[3]] * 40
    rows, _ = read(packets.capture([(frame, len(frame)) for frame in frames]), "arp")

    alone, _ = read(packets.capture([(PLAIN[3], len(PLAIN[3]))]))
    assert len(rows) == 40
    assert all(
        row | {"frame.time_epoch": None} == alone[0] | {"frame.time_epoch": None} for row in rows
    )


def test_a_fragmented_datagram_shows_its_ports_in_the_frame_that_completes_it():
    datagram = udp(53, 4000, bytes(range(24)))
    parts = [
        ethernet(0x0800, ipv4(17, datagram[16:32], fragment=2)),
        ethernet(0x0800, ipv4(17, datagram[:16], fragment=0x2000)),
    ]
    rows, _ = read(packets.capture([(part, len(part)) for part in parts]))

    assert [row["udp.srcport"] for row in rows] == [53, None][::-1]
    assert rows[1]["udp.length"] == 32


def test_of_octets_that_came_twice_the_smaller_offset_wins():
    gathered = fragments.Fragments()

    assert gathered.add((1,), 8, b"BBBBBBBB", False) is None
    assert gathered.add((2,), 0, b"zzzzzzzz", True) is None
    whole = gathered.add((1,), 0, b"aaaaaaaaaaaa", True)
    assert bytes(whole) == b"aaaaaaaaaaaaBBBB"


def test_a_new_connection_of_the_same_ports_has_a_number_of_its_own():
    def frame(*args, **more):
        return ethernet(0x0800, ipv4(6, tcp(*args, **more)))

    frames = [frame(4000, 80, 10), frame(4000, 80, 10), frame(4000, 80, 99), frame(1, 80, 5)]
    rows, _ = read(packets.capture([(octets, len(octets)) for octets in frames]))

    assert [row["tcp.stream"] for row in rows] == [0, 0, 1, 2]


def test_conversations_keep_their_numbers_while_their_tables_grow():
    count = 5000
    frames = [ethernet(0x0800, ipv4(17, udp(port, 7))) for port in range(1, count + 1)] * 2
    rows, _ = read(packets.capture([(frame, len(frame)) for frame in frames]))

    assert [row["udp.stream"] for row in rows] == list(range(count)) * 2
    assert table.FRAME_STREAMS_MAX < count


@settings(deadline=None)
@given(value=st.integers(-(2**62), 2**62))
def test_seconds_are_those_that_tsharks_text_would_give(value):
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**9)

    assert interpreted(seconds)(value) == float(f"{sign}{whole}.{fraction:09d}")


@settings(deadline=None)
@numba.njit
def ipv6_text(written, octets):
    return text._ipv6(written, 0, octets, 0)


@settings(deadline=None)  # the first call compiles
@given(
    octets=st.binary(min_size=16, max_size=16)
    | st.binary(min_size=4, max_size=4).map(lambda ipv4: bytes(10) + b"\xff\xff" + ipv4)
    | st.lists(st.sampled_from([b"\0\0", b"\0\1", b"\xab\xcd"]), min_size=8, max_size=8).map(
        b"".join
    )
)
def test_ipv6_addresses_are_written_as_inet_ntop_writes_them(octets):
    import socket

    written = np.empty(64, np.uint8)
    end = ipv6_text(written, np.frombuffer(octets, np.uint8))

    assert bytes(written[:end]).decode() == socket.inet_ntop(socket.AF_INET6, octets)


def test_numbers_that_come_again_are_kept_beside_the_first():
    quoted = ethernet(0x0800, ipv4(17, udp(4789, 4789, bytes(8) + PLAIN[0])))
    row = one(quoted)

    assert row["udp.srcport"] == 4789 and row["ip.src"] == "10.0.0.1,10.0.0.1"
    assert "udp.srcport=4789,53 udp.dstport=4789,4000" in row[fields.REPEATED]


@needs_jit
def test_a_batch_ends_where_its_texts_or_its_rows_would_be_too_many():
    hosts, count = text.ENTRIES, text.ENTRIES + columns.BATCH_ROWS + 7
    octets = bytearray(packets.capture([]))
    for i in range(count):
        frame = bytearray(ethernet(0x0800, ipv4(17, udp(i % 4000, 80))))
        struct.pack_into(">I", frame, 26, min(i, hosts))  # the source address
        octets += struct.pack("<IIII", i, 0, len(frame), len(frame)) + frame
    batches = list(reader.read(io.BytesIO(octets), ""))
    table = pa.Table.from_batches(batches)

    assert [batch.num_rows for batch in batches] == [hosts, columns.BATCH_ROWS, 7]
    number = np.arange(count)
    assert np.array_equal(table["udp.srcport"], number % 4000)
    assert np.array_equal(table["frame.time_epoch"].cast(pa.int64()), number * 10**9)
    assert table["ip.src"].to_pylist() == [
        f"0.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in np.minimum(number, hosts).tolist()
    ]


@needs_jit
def test_a_batch_ends_where_numbers_that_come_again_would_be_too_many():
    frames = []
    for i in range(20_000):
        frame = ethernet(0x0800, ipv4(17, udp(i, 80)))
        for _ in range(4):
            frame = ethernet(0x0800, ipv4(17, udp(4789, 4789, bytes(8) + frame)))
        frames.append((frame, len(frame)))
    batches = list(reader.read(io.BytesIO(packets.capture(frames)), ""))
    repeated = pa.Table.from_batches(batches)[fields.REPEATED].to_pylist()

    assert max(batch.num_rows for batch in batches) < state.ROWS
    assert [text.split()[0] for text in repeated] == [
        f"udp.srcport=4789,4789,4789,4789,{i}" for i in range(20_000)
    ]


def test_batches_have_the_schema_and_real_nulls():
    (batch,) = reader.read(io.BytesIO(packets.capture([(PLAIN[0], len(PLAIN[0]))])), "")

    assert batch.schema.equals(fields.schema(), check_metadata=True)
    batch.validate(full=True)
    assert pa.types.is_dictionary(batch.schema.field("ip.src").type)
    assert batch.column("tcp.srcport").null_count == 1


def test_importing_the_reader_leaves_the_host_as_it_is():
    """A library that freezes or stops its host's garbage collector is a leak in the host."""
    code = (
        "import gc, sys, packetids.native.reader as r;"
        "print(gc.isenabled(), gc.get_freeze_count(), sys.modules.get('scipy', '') is None)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout.split() == ["True", "0", "False"], done.stderr


@needs_jit
def test_a_command_line_imports_numba_without_scipy():
    """It would take longer to import than all else, and no kernel multiplies matrices."""
    code = "import sys; from packetids.extract import compiled; compiled.ready();"
    code += "print('scipy.linalg' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout.split() == ["False"], done.stderr
