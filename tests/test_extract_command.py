"""``python -m packetids.extract`` as a person calls it: files, folders, streams, exit codes."""

import gzip
import importlib.util
import re
import shutil
import struct
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT, needs_tshark

needs_native = pytest.mark.skipif(
    importlib.util.find_spec("packetids.native.reader") is None, reason="no native reader yet"
)
READERS = ["tshark", *(pytest.param(name, marks=needs_native) for name in ("native", "auto"))]
SUMMARY = r"([\d,]+) packets in [\d.]+ s, [\d,]+ packets/s, ([\d,]+) octets of Parquet \((.*)\)\n"


def tool(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "packetids.extract", *map(str, arguments)],
        cwd=ROOT, input=stdin, capture_output=True, check=False,
    )  # fmt: skip


def summary(done: subprocess.CompletedProcess[bytes]) -> tuple[int, int, str]:
    """Packets, octets and readers of the one line on standard output."""
    found = re.fullmatch(SUMMARY, done.stdout.decode())
    assert found, (done.stdout, done.stderr)
    return int(found[1].replace(",", "")), int(found[2].replace(",", "")), found[3]


def refused(done: subprocess.CompletedProcess[bytes], status: int, *words: str) -> None:
    assert done.returncode == status and done.stdout == b"", (done.stdout, done.stderr)
    for word in ("python -m packetids.extract: error: ", *words):
        assert word in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_help_says_what_goes_in_and_what_statuses_come_out():
    done = tool("--help")

    assert done.returncode == 0
    for word in ("IN", "OUT", "--reader {native,tshark,auto}", "--filter", "--jobs", "exit status"):
        assert word in done.stdout.decode()


@needs_tshark
@pytest.mark.parametrize("reader", READERS[:2])
def test_a_file_a_gz_file_and_a_stream_give_the_same_octets(tiny_pcaps, tmp_path, reader):
    capture = tiny_pcaps[0]
    packed = tmp_path / "a.pcap.gz"
    packed.write_bytes(gzip.compress(capture.read_bytes()))
    out = tmp_path / "new" / "1.parquet"

    first = tool(capture, out, "--reader", reader)
    second = tool(packed, tmp_path / "2.parquet", "--reader", reader)
    third = tool("-", tmp_path / "3.parquet", "--reader", reader, stdin=capture.read_bytes())

    assert first.returncode == second.returncode == third.returncode == 0, third.stderr
    assert summary(first) == (pq.read_metadata(out).num_rows, out.stat().st_size, reader)
    assert (tmp_path / "2.parquet").read_bytes() == out.read_bytes()
    assert (tmp_path / "3.parquet").read_bytes() == out.read_bytes()


@needs_tshark
def test_a_filter_keeps_what_it_lets_through(tiny_pcaps, tmp_path):
    capture = next(p for p in tiny_pcaps if "OSScan" in p.name)
    everything = summary(tool(capture, tmp_path / "1.parquet", "--reader", "tshark"))[0]
    tool(capture, tmp_path / "2.parquet", "--reader", "tshark", "--filter", "tcp")

    ports = pq.read_table(tmp_path / "2.parquet")["tcp.srcport"]
    assert 0 < len(ports) < everything and ports.null_count == 0


@needs_tshark
def test_a_folder_keeps_its_tree_and_is_not_read_twice(tiny_pcaps, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deep/er").mkdir(parents=True)
    shutil.copy(tiny_pcaps[0], folder / "a.pcap")
    (folder / "a.pcapng").write_bytes(gzip.compress(tiny_pcaps[1].read_bytes()))
    shutil.copy(tiny_pcaps[2], folder / "deep/er/no_suffix")
    (folder / "notes.txt").write_text("not a capture")

    first = tool(folder, out, "--reader", "tshark", "--jobs", 2)
    again = tool(folder, out, "--reader", "tshark", "--jobs", 2)

    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert made == ["a.pcap.parquet", "a.pcapng.parquet", "deep/er/no_suffix.parquet"]
    rows = sum(pq.read_metadata(out / name).num_rows for name in made)
    assert summary(first)[0] == rows and summary(first)[2] == "3 captures: 3 tshark"
    assert summary(again)[0] == 0 and again.stdout.endswith(b"3 of them read before)\n")
    assert (first.returncode, again.returncode) == (0, 0)


@needs_tshark
def test_damage_is_told_and_kept_only_when_asked_for(tiny_pcaps, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    cut = folder / "cut.pcap"
    cut.write_bytes(tiny_pcaps[0].read_bytes()[:-10])
    out = tmp_path / "cut.parquet"

    refused(tool(cut, out, "--reader", "tshark"), 1, str(cut), "cut short")
    refused(tool("-", out, "--reader", "tshark", stdin=cut.read_bytes()), 1, "<stdin>", "cut short")
    assert not out.exists()
    kept = tool(cut, out, "--reader", "tshark", "--keep-damaged")
    assert kept.returncode == 1 and b"damaged, kept what came before" in kept.stderr
    assert summary(kept)[0] == pq.read_metadata(out).num_rows > 0
    assert b"cut short" in pq.read_metadata(out).metadata[b"packetids.damage"]

    shutil.copy(tiny_pcaps[0], folder / "whole.pcap")
    some = tool(folder, tmp_path / "out", "--reader", "tshark")
    assert some.returncode == 1 and b"cut.pcap: TShark stopped" in some.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["whole.pcap.parquet"]


@needs_tshark
@pytest.mark.parametrize(
    "reader",
    [
        "tshark",
        pytest.param("native", marks=needs_native),
        pytest.param("auto", marks=needs_native),
    ],
)
def test_bad_input_is_named(tmp_path, reader):
    (tmp_path / "empty").mkdir()
    (tmp_path / "0.pcap").touch()
    rest = (tmp_path / "o", "--reader", reader)

    refused(tool(tmp_path / "nowhere.pcap", *rest), 1, "nowhere.pcap", "No such file")
    refused(tool(tmp_path / "0.pcap", *rest), 1, "0.pcap", "0 octets")
    refused(tool("-", *rest), 1, "0 octets")
    refused(tool(tmp_path / "empty", *rest), 1, "empty: no capture found")
    assert not (tmp_path / "o").exists()


def test_wrong_usage_is_status_2(tmp_path):
    (tmp_path / "a.pcap").touch()
    for arguments in (
        [],
        ["a.pcap"],
        ["a.pcap", "o", "--reader", "scapy"],
        ["a.pcap", "o", "--jobs", "0"],
        [tmp_path / "a.pcap", tmp_path],
        [tmp_path, tmp_path / "a.pcap"],
        [tmp_path / "a.pcap", tmp_path / "a.pcap"],
    ):
        refused(tool(*arguments), 2)
    assert (tmp_path / "a.pcap").stat().st_size == 0


@needs_native
@needs_tshark
def test_auto_gives_tshark_what_only_it_reads(tiny_pcaps, tmp_path):
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 105)  # IEEE 802.11
    odd = header + struct.pack("<IIII", 1, 0, 10, 10) + bytes([0xD4, 0]) + bytes(8)

    plain = tool(tiny_pcaps[0], tmp_path / "1.parquet")
    other = tool("-", tmp_path / "2.parquet", stdin=odd)

    assert summary(plain)[2] == "native"
    assert (other.returncode, summary(other)[0]) == (0, 1)
    assert re.fullmatch(r"tshark: .*105.*", summary(other)[2])
