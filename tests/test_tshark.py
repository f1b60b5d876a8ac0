"""TShark's reading becomes typed columns without losing or changing a value."""

import subprocess
from pathlib import Path

import pyarrow as pa
import pytest

from packetids import extract
from packetids.core import fields
from packetids.core.errors import PacketidsError
from packetids.extract import tshark
from tests import naive
from tests.conftest import needs_tshark

FILTER = "ip or ipv6 or arp"


def read(path: Path) -> list[dict]:
    return pa.Table.from_batches(tshark.read(path, FILTER), fields.schema()).to_pylist()


@needs_tshark
def test_every_cell_is_what_tshark_prints(tiny_pcaps):
    """The slow twin: one TShark call, lines split by hand, numbers compared as numbers."""
    cells = 0
    for path in tiny_pcaps:
        command = ["tshark", "-n", "-r", str(path), "-Y", FILTER, "-T", "fields"]
        command += ["-E", "occurrence=a", "-E", "separator=|"]
        command += [part for name in fields.NAMES for part in ("-e", name)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        lines = [line.split("|") for line in said.splitlines()]
        rows = read(path)
        assert len(rows) == len(lines) > 0
        for line, row in zip(lines, rows, strict=True):
            for field, text in zip(fields.FIELDS, line, strict=True):
                value = row[field.name]
                cells += 1
                if not text:
                    assert value is None
                elif field.type == fields.TEXT:
                    assert value == text
                elif field.type == fields.TIME:
                    seconds, fraction = text.split(".")
                    assert value.value == int(seconds) * 10**9 + int(fraction)
                elif field.hexadecimal:
                    assert value == int(text, 16)
                else:
                    assert value == float(text)
    assert cells > 2000 * 25


@needs_tshark
def test_plain_packets_read_as_the_rfcs_say(tiny_pcaps):
    """An independent reading of headers, from the bytes themselves."""
    compared = 0
    for path in tiny_pcaps:
        frames = [frame for _, frame in naive.pcap_packets(path)]
        rows = read(path)
        assert len(rows) == len(frames)  # the testbed sends only IP and ARP
        for frame, row in zip(frames, rows, strict=True):
            for name, value in (naive.simple_fields(frame) or {}).items():
                assert row[name] == value, (path.name, name)
                compared += 1
    assert compared > 10_000


@needs_tshark
def test_the_tiny_captures_hold_the_cases_that_matter(tiny_pcaps):
    rows = [row for path in tiny_pcaps for row in read(path)]

    assert any(row["ip.proto"] == "1,17" and row["udp.srcport"] is not None for row in rows)
    assert any(row["arp.proto.type"] == 0x0800 for row in rows)
    assert any(row["ipv6.src"] and row["ip.proto"] is None for row in rows)
    assert any(row["tcp.analysis.initial_rtt"] is not None for row in rows)


def test_a_number_that_occurs_twice_keeps_its_first_and_lists_both():
    names = {name: [None] for name in fields.NAMES}
    names |= {"frame.time_epoch": ["12.000000345"], "udp.srcport": ["53,4789"]}
    batch = pa.RecordBatch.from_arrays(
        [pa.array(names[name], pa.string()) for name in fields.NAMES], names=list(fields.NAMES)
    )

    row = tshark.typed(batch).to_pylist()[0]

    assert row["udp.srcport"] == 53
    assert row[fields.REPEATED] == "udp.srcport=53,4789"
    assert row["frame.time_epoch"].value == 12_000_000_345


def test_without_tshark_the_error_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PacketidsError, match="apt-get install tshark"):
        tshark.version()


@needs_tshark
@pytest.mark.parametrize(
    "octets",
    [b"", b"no capture at all", b"\xd4\xc3\xb2\xa1" + bytes(8)],
    ids=["empty", "text", "cut"],
)
def test_a_capture_that_is_none_is_named_and_leaves_nothing(tmp_path, octets):
    path, target = tmp_path / "odd.pcap", tmp_path / "out" / "odd.parquet"
    path.write_bytes(octets)

    with pytest.raises(PacketidsError, match="odd.pcap: TShark stopped"):
        extract.to_parquet(path, target, "tshark", FILTER)
    assert list(target.parent.iterdir()) == []


@needs_tshark
def test_a_capture_cut_in_a_packet_is_refused_after_the_packets_before(tmp_path, tiny_pcaps):
    path, target = tmp_path / "cut.pcap", tmp_path / "out" / "cut.parquet"
    path.write_bytes(tiny_pcaps[0].read_bytes()[:-7])

    with pytest.raises(PacketidsError, match=r"cut.pcap: TShark stopped .* after 63 packets"):
        extract.to_parquet(path, target, "tshark", FILTER)
    assert list(target.parent.iterdir()) == []


def test_a_reader_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(PacketidsError, match="scapy is no reader; there is native, tshark, auto"):
        extract.to_parquet(tmp_path / "a.pcap", tmp_path / "a.parquet", "scapy", FILTER)
