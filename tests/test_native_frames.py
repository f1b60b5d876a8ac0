"""Frames of captures made by hand, against a slow twin and against TShark."""

import gzip
import io
import os
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packetids.core.errors import PacketidsError, Unsupported
from packetids.native.capture import frames, linktypes
from tests import naive
from tests.conftest import needs_tshark

MICROSECONDS, NANOSECONDS, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34


# captures by hand


def pcap_header(order="<", magic=MICROSECONDS, version=(2, 4), most=65535, link=1):
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, most, link)


def record(time=(1, 2), kept=60, wire=None, order="<", extra=b"", data=None):
    lengths = (kept, kept if wire is None else wire)
    return struct.pack(order + "IIII", *time, *lengths) + extra + (data or bytes(kept))


def block(kind, body, order="<", total=None, repeated=None):
    octets = len(body) + 12
    first = octets if total is None else total
    second = octets if repeated is None else repeated
    return struct.pack(order + "II", kind, first) + body + struct.pack(order + "I", second)


def option(code, value, order="<"):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order="<", version=(1, 0), options=b""):
    fixed = struct.pack(order + "IHHq", 0x1A2B3C4D, *version, -1)
    return block(0x0A0D0D0A, fixed + options, order)


def interface(link=1, most=0, options=b"", order="<"):
    return block(1, struct.pack(order + "HHI", link, 0, most) + options, order)


def packet(number=0, count=1_000_001, kept=60, wire=None, options=b"", order="<"):
    lengths = (kept, kept if wire is None else wire)
    head = struct.pack(order + "IIIII", number, count >> 32, count & 0xFFFFFFFF, *lengths)
    return block(6, head + bytes(kept + -kept % 4) + options, order)


def old_packet(number=0, drops=7, order="<"):
    head = struct.pack(order + "HHIIII", number, drops, 0, 1_000_001, 60, 60)
    return block(2, head + bytes(60), order)


def simple(wire=60, kept=60, order="<"):
    return block(3, struct.pack(order + "I", wire) + bytes(kept + -kept % 4), order)


NG = section() + interface()
PATCHED = struct.pack("<IHBB", 3, 0x0800, 0, 0)
NOKIA = struct.pack("<I", 0x9FBFB601)
KEPT_MOST = record(kept=262_144)
ONES = b"\xff" * 60  # zeros look like record headers of other variants, where they are cut


def three(**changes):
    return b"".join(record((1, number), **changes) for number in range(3))


CAPTURES = {
    "usual": pcap_header() + record() + record(kept=61, wire=1500) + record(kept=0),
    "big-endian": pcap_header(">") + record(order=">"),
    "nanoseconds": pcap_header(magic=NANOSECONDS) + record((1, 999_999_999)),
    "big-endian nanoseconds": pcap_header(">", NANOSECONDS) + record((1, 7), order=">"),
    "without records": pcap_header(),
    "late seconds": pcap_header() + record((2**32 - 1, 5)),
    "microseconds above a million": pcap_header() + record((1, 10**6)) + record((1, 5 * 10**6)),
    "microseconds that wrap": pcap_header() + record((1, 2**32 - 1)) + record((0, 2_147_484)),
    "nanoseconds that wrap": pcap_header(magic=NANOSECONDS) + record((5, 2**31)),
    "captured more than sent": pcap_header() + record(kept=60, wire=20) + record(),
    "wire length of 32 bits": pcap_header() + record(wire=2**32 - 1) + record(wire=2**31),
    "frame check sequence": pcap_header(link=0x24000001) + record(),
    "reserved bits": pcap_header(link=0x00010001) + record(),
    "unknown link type": pcap_header(link=4) + record(),
    "raw IP": pcap_header(link=101) + record(),
    "direction byte": pcap_header(link=204) + record() + record(kept=0),
    "pseudo-header longer than sent": pcap_header(link=123) + record(wire=2),
    "version 2.2": pcap_header(version=(2, 2)) + three(kept=30, wire=20, data=bytes(20)),
    "version 2.3": pcap_header(version=(2, 3)) + record(kept=60, wire=20, data=bytes(20)),
    "version 543.0": pcap_header(version=(543, 0)) + record(kept=60, wire=20, data=bytes(20)),
    "version 1": pcap_header(version=(1, 0)) + record(),
    "version 3.7": pcap_header(version=(3, 7)) + record(),
    "AIX": pcap_header(version=(2, 2), link=6) + record((1, 999_999_999)),
    "AIX FDDI": pcap_header(version=(2, 2), link=15) + record(),
    "modified": pcap_header(magic=MODIFIED) + three(extra=PATCHED),
    "modified, old magic": pcap_header() + three(extra=PATCHED),
    "modified, 28 bytes": pcap_header(magic=MODIFIED)
    + three(extra=PATCHED + b"\1\1\1\1", data=b"\xff" * 60),
    "Nokia": pcap_header() + three(extra=NOKIA),
    "cut where Nokia's headers fit": pcap_header() + record(data=ONES) + record()[:4],
    "snapshot length 0": pcap_header(most=0) + three(),
    "Ixia": pcap_header(magic=0x1C0001AB) + bytes(4) + record(),
    "Ixia hardware": pcap_header(">", 0x1C0001AC) + bytes(4) + record(order=">"),
    "captured the most": pcap_header() + three() + KEPT_MOST + record(),
    "captured more than possible": pcap_header() + three() + record(kept=262_145) + record(),
    "USB captured more": pcap_header(link=189) + three() + record(kept=262_145),
    "cut file header": pcap_header()[:23],
    "pcapng": NG + packet() + packet(kept=61, wire=70),
    "pcapng, big-endian": section(">") + interface(order=">") + packet(order=">"),
    "sections": NG + packet() + section(">") + interface(113, order=">") + packet(order=">") + NG,
    "interfaces": NG + interface(113) + packet(1) + interface(101) + packet(2) + packet(0),
    "old packet block": NG + old_packet() + old_packet(1),
    "simple packets": NG + packet() + simple() + packet(),
    "simple packet, cut": section() + interface(most=40) + simple(60, 40) + packet(),
    "simple packet in a large block": section() + interface(most=100) + simple(60, 64) + packet(),
    "simple packet without interface": section() + simple(),
    "simple packet of pseudo-header": section() + interface(204) + simple(),
    "other blocks": NG + block(5, bytes(12)) + block(0x77, bytes(20)) + packet(),
    "custom block": NG + packet() + block(0xBAD, struct.pack("<I", 32473) + bytes(8)) + packet(),
    "small custom block": NG + packet() + block(0xBAD, b""),
    "names": NG + block(4, struct.pack("<HH", 1, 6) + bytes(8) + bytes(4)) + packet(),
    "names without end": NG + packet() + block(4, struct.pack("<HH", 1, 40) + bytes(8)),
    "name without 0": NG + packet() + block(4, struct.pack("<HH", 1, 8) + b"1234abcd" + bytes(4)),
    "name of half an address": NG + packet() + block(4, struct.pack("<HH", 1, 2) + bytes(8)),
    "small names": NG + packet() + block(4, b""),
    "small statistics": NG + packet() + block(5, bytes(4)) + packet(),
    "secrets": NG + block(10, struct.pack("<II", 5, 8) + bytes(8)) + packet(),
    "secrets too long": NG + packet() + block(10, struct.pack("<II", 5, 9) + bytes(8)) + packet(),
    "no such interface": NG + packet() + packet(1),
    "no interface": section() + packet(),
    "total lengths differ": NG + packet() + block(6, bytes(80), repeated=999),
    "total length without padding": NG + block(6, packet()[8:-4], total=91, repeated=90) + packet(),
    "total length 0": NG + packet() + struct.pack("<III", 6, 0, 0),
    "total length of 2 GB": NG + packet() + struct.pack("<II", 0x77, 2**31) + bytes(50),
    "packet larger than its block": NG + packet() + block(6, packet()[8:28] + bytes(20)),
    "packet block too small": NG + packet() + block(6, bytes(16)),
    "pcapng captured more than possible": NG + packet() + packet(kept=262_145) + packet(),
    "pcapng, unknown link type": section() + interface(4) + packet(),
    "unknown version": NG + packet() + section(version=(1, 1)) + interface() + packet(),
    "version 1.2": section(version=(1, 2)) + interface() + packet(),
    "unknown byte order": NG + packet() + block(0x0A0D0D0A, bytes(16)),
    "small section": NG + packet() + block(0x0A0D0D0A, struct.pack("<IHHI", 0x1A2B3C4D, 1, 0, 0)),
    "small interface": NG + packet() + block(1, bytes(4)),
    "wrong options of a section": section(options=b"\2\0\x09\0abcd") + interface() + packet(),
    "wrong options of an interface": section() + interface(options=b"\2\0\x28\0abcd") + packet(),
    "empty filter": section() + interface(options=option(11, b"")) + packet(),
    "resolution after the end": section()
    + interface(options=option(0, b"") + option(9, b"\x09"))
    + packet(),
    "resolution twice": section()
    + interface(options=option(9, b"\x09") + option(9, b"\x03"))
    + packet(),
    "resolution of two bytes": section() + interface(options=option(9, b"\x09\x01")) + packet(),
    "flags": NG + packet(options=option(2, bytes(4)) + option(0, b"")) + packet(),
    "time of 64 bits": NG + packet(count=2**64 - 1) + packet(count=2**63),
} | {
    f"resolution {code:02x}": section()
    + interface(options=option(9, bytes([code])))
    + packet(count=1_526_344_121_188_091_234)
    + packet(count=2**64 - 1)
    for code in (0, 3, 9, 12, 19, 20, 0x80, 0x8A, 0x9E, 0xBF, 0xC0, 0xFF)
} | {
    f"offset {seconds} s": section()
    + interface(options=option(14, struct.pack("<q", seconds)))
    + packet()
    for seconds in (1000, -1000, 10**10, 2**62)
} | {
    f"option {code} of {length} bytes": NG
    + packet(options=option(code, b"\1" * length))
    + packet()
    for code, length in [(2, 3), (3, 0), (4, 4), (5, 4), (6, 8), (7, 0), (7, 3), (7, 9), (8, 1)]
    + [(2988, 2), (2989, 4), (19372, 1), (700, 5)]
}  # fmt: skip


def read(capture, block_octets=16 << 20):
    """(frames, error): each frame as (number, time or None, wire, captured bytes, link type)."""
    found, error = [], None
    source = capture if isinstance(capture, Path) else io.BytesIO(capture)
    try:
        for run in frames.read(source, block_octets):
            columns = (run.start, run.captured_octets, run.wire_octets, run.time_ns)
            assert len({len(column) for column in (*columns, run.has_time, run.link_type)}) == 1
            for at, (start, kept, wire, time) in enumerate(zip(*columns, strict=True)):
                found.append(
                    (
                        run.first_number + at,
                        int(time) if run.has_time[at] else None,
                        int(wire),
                        run.octets[start : start + kept].tobytes(),
                        int(run.link_type[at]),
                    )
                )
    except PacketidsError as raised:
        error = raised
    assert [frame[0] for frame in found] == list(range(1, len(found) + 1))
    return found, error


def lengths_and_times(found):
    return [(time, wire, len(octets)) for _, time, wire, octets, _ in found]


def by_tshark(path, folder):
    """What TShark prints of times and lengths, and whether it came to the end."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-e", "frame.time_epoch"]
    command += ["-e", "frame.len", "-e", "frame.cap_len"]
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(folder), "TZ": "UTC", "LC_ALL": "C"}
    said = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    rows = []
    for line in said.stdout.splitlines():
        time, wire, kept = line.split("\t")
        time_ns = None
        if time:
            seconds, fraction = time.split(".")
            sign = -1 if time.startswith("-") else 1
            time_ns = int(seconds) * 10**9 + sign * int(fraction)
            time_ns = (time_ns + 2**63) % 2**64 - 2**63  # int64 wraps in tshark.read, too
        rows.append((time_ns, int(wire), int(kept)))
    return rows, said.returncode == 0


@needs_tshark
@pytest.mark.parametrize("name", CAPTURES)
def test_frames_are_those_of_tshark(name, tmp_path):
    path = tmp_path / "made.capture"
    path.write_bytes(CAPTURES[name])
    found, error = read(path)

    theirs, good = by_tshark(path, tmp_path)

    assert lengths_and_times(found) == theirs
    assert (error is None) == good, error
    assert not isinstance(error, Unsupported)


@pytest.mark.parametrize("name", CAPTURES)
def test_neither_block_size_nor_packing_matters(name):
    data = CAPTURES[name]
    whole, error = read(data)
    for block_octets in (1, 77, 100, 1000):
        again, same_error = read(data, block_octets)
        assert again == whole
        assert str(same_error) == str(error)
    half = len(data) // 2
    for packed in (gzip.compress(data), gzip.compress(data[:half]) + gzip.compress(data[half:])):
        unpacked, same_error = read(packed, 100)
        assert unpacked == whole
        assert type(same_error) is type(error)


TO_CUT = {name: CAPTURES[name] for name in ("pcapng", "sections", "interfaces")} | {
    "pcap": pcap_header(magic=NANOSECONDS) + 2 * record(kept=7, data=ONES[:7]) + record(data=ONES),
    "big-endian": pcap_header(">", NANOSECONDS) + 2 * record(data=ONES, order=">"),
}


@pytest.mark.parametrize("capture", TO_CUT)
def test_a_cut_anywhere_leaves_the_frames_before(capture):
    """In files whose magic number has one record header only."""
    data = TO_CUT[capture]
    for end in range(1, len(data)):
        cut = data[:end]
        found, error = read(cut, 100)
        wanted, good = naive.capture_frames(cut)
        assert [frame[1:] for frame in found] == wanted, end
        assert (error is None) == good, end
        if error and found:
            assert f"frame {len(found) + 1}, byte " in str(error)


@needs_tshark
@pytest.mark.parametrize("capture", ["usual", "pcapng"])
def test_a_cut_in_records_is_one_to_tshark(capture, tmp_path):
    data, path = CAPTURES[capture], tmp_path / "cut.capture"
    for end in range(28, len(data), 9):
        path.write_bytes(data[:end])
        found, error = read(path)
        theirs, good = by_tshark(path, tmp_path)
        assert lengths_and_times(found) == theirs, end
        assert (error is None) == good, end


ORDERS = st.sampled_from("<>")
U32 = st.integers(0, 2**32 - 1)


@st.composite
def pcap_files(draw):
    order, magic = draw(ORDERS), draw(st.sampled_from([MICROSECONDS, NANOSECONDS]))
    data = pcap_header(order, magic, link=draw(st.sampled_from([1, 0, 101, 113])))
    most = 10**6 if magic == MICROSECONDS else 10**9
    for _ in range(draw(st.integers(0, 6))):
        kept = draw(st.integers(0, 300))
        octets = bytes(range(256)) * 2
        time = (draw(U32), draw(st.integers(0, most - 1)))
        wire = kept + draw(st.integers(0, 9000))
        data += record(time, kept, wire, order, data=octets[:kept])
    return data


@st.composite
def pcapng_files(draw):
    order = draw(ORDERS)
    data = section(order)
    resolution = option(9, bytes([draw(st.sampled_from([6, 9, 0x94, 0x9E]))]), order)
    offset = option(14, struct.pack(order + "q", draw(st.integers(0, 10**9))), order)
    links = draw(st.lists(st.sampled_from([1, 101, 113]), min_size=1, max_size=3))
    for link in links:
        data += interface(link, 50, draw(st.sampled_from([b"", resolution, offset])), order)
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.integers(0, 4))
        number = draw(st.integers(0, len(links)))  # one too many now and then
        if kind < 2:
            kept = draw(st.integers(0, 99))
            data += packet(number, draw(st.integers(0, 2**52)), kept, kept + 7, order=order)
        elif kind == 2:
            data += old_packet(number, order=order)
        elif kind == 3:
            wire = draw(st.integers(0, 99))
            data += simple(wire, min(wire, 50), order)
        else:
            data += block(draw(st.sampled_from([7, 0x80000001])), bytes(8), order)
    return data


@settings(deadline=None, max_examples=200)
@given(data=st.one_of(pcap_files(), pcapng_files()), block_octets=st.integers(64, 2000))
def test_any_capture_reads_as_the_slow_twin_reads_it(data, block_octets):
    found, error = read(data, block_octets)
    wanted, good = naive.capture_frames(data)

    assert [frame[1:] for frame in found] == wanted
    assert (error is None) == good


@settings(deadline=None, max_examples=300)
@given(
    data=st.one_of(pcap_files(), pcapng_files()),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4),
    packed=st.booleans(),
)
def test_damage_gives_frames_or_a_clear_error_and_no_crash(data, changes, packed):
    spoilt = bytearray(gzip.compress(data) if packed else data)
    for at, octet in changes:
        spoilt[at % len(spoilt)] = octet

    _, error = read(bytes(spoilt), 200)

    assert error is None or "the stream: " in str(error)


def test_a_record_may_be_larger_than_a_block():
    found, error = read(pcap_header(most=262_144) + record() + KEPT_MOST + record(), 100)

    assert error is None
    assert [len(octets) for *_, octets, _ in found] == [60, 262_144, 60]


def test_runs_are_bounded_and_stay_valid():
    data = pcap_header() + b"".join(record((number, 0)) for number in range(1000))

    runs = list(frames.read(io.BytesIO(data), 1000))

    assert len(runs) > 50
    assert max(len(run.octets) for run in runs) == 1000
    assert [int(time) for run in runs for time in run.time_ns] == [n * 10**9 for n in range(1000)]
    assert all(run.octets is not other.octets for run, other in zip(runs, runs[1:], strict=False))


def test_a_pipe_is_read_whatever_it_gives_at_a_time():
    class Pipe(io.RawIOBase):
        def __init__(self, data):
            self.rest = data

        def readable(self):
            return True

        def readinto(self, target):
            part, self.rest = self.rest[: min(7, len(target))], self.rest[min(7, len(target)) :]
            target[: len(part)] = part
            return len(part)

    for data in (CAPTURES["usual"], CAPTURES["sections"], gzip.compress(CAPTURES["usual"])):
        found = [run for run in frames.read(Pipe(data), 100)]
        assert sum(len(run.start) for run in found) == 3 - (data == CAPTURES["sections"])


@pytest.mark.parametrize("tail", [1, 4, 8, 9, 20])
def test_gzip_data_that_are_cut_give_what_is_there(tail):
    whole, _ = read(CAPTURES["usual"])
    found, error = read(gzip.compress(CAPTURES["usual"])[:-tail])

    assert found == whole[: len(found)]
    assert len(found) == 3 or tail > 8
    assert "gzip data are cut short" in str(error)


def test_gzip_data_of_a_wrong_checksum_give_all_frames_and_an_error():
    packed = bytearray(gzip.compress(CAPTURES["usual"]))
    packed[-6] ^= 1

    found, error = read(bytes(packed))

    assert len(found) == 3
    assert "frame 4, byte 193" in str(error) and "incorrect data check" in str(error)


def test_octets_after_gzip_data_are_an_error():
    found, error = read(gzip.compress(CAPTURES["usual"]) + b"more")

    assert len(found) == 3
    assert "bytes that are no gzip data follow" in str(error)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"some text", "begins with 73 6f 6d 65"),
        (b"\x28\xb5\x2f\xfd", "Zstandard"),
        (pcap_header(link=197) + record(), "ERF.*not read natively"),
        (
            section() + interface(197) + packet(),
            "frame 1: .*ERF.* byte 48 .*use the tshark reader",
        ),
        (NG + packet() + block(9, bytes(8)), "frame 2: .* byte 140 .*use the tshark reader"),
        (NG + block(0xBAD, struct.pack("<I", 10949)), "Netflix"),
        (NG + packet(options=option(2989, struct.pack("<I", 10949))), "Netflix"),
    ],
)
def test_what_only_tshark_reads_is_said_to_be_unsupported(data, message):
    _, error = read(data)

    assert isinstance(error, Unsupported)
    with pytest.raises(Unsupported, match=message):
        raise error


def test_errors_name_file_frame_and_octet(tmp_path):
    path = tmp_path / "some.pcap"
    path.write_bytes(b"")
    with pytest.raises(PacketidsError, match="some.pcap: the file has 0 bytes"):
        list(frames.read(path))
    path.write_bytes(pcap_header() + record(data=ONES) + record(data=ONES)[:-1])
    with pytest.raises(
        PacketidsError, match="some.pcap: cut short in frame 2, byte 100 .* 76 .* there are 75"
    ):
        list(frames.read(path))
    path.write_bytes(NG + packet() + packet(5))
    with pytest.raises(PacketidsError, match="some.pcap: frame 2, byte 140 .* interface 5"):
        list(frames.read(path))


def test_a_custom_block_is_a_frame_without_packet():
    found, _ = read(CAPTURES["custom block"])

    assert [link for *_, link in found] == [1, linktypes.NO_PACKET, 1]
