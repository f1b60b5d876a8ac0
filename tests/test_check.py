"""The check before hours of work: a table, and a status that says whether a run would work."""

import shutil
import struct
import sys
from pathlib import Path

import pytest

from packetids import check, tshark
from packetids.errors import PacketidsError
from tests import botiot, naive, quick
from tests.conftest import ROOT, needs_tshark


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return botiot.download(tmp_path_factory.mktemp("disk") / "BoT-IoT")


def run(place: Path, *arguments: str):
    return quick.run(
        ROOT, sys.executable, "-m", "stages.check", "dataset=bot_iot", f"captures={place}",
        "extract=tshark", "sample=part", *arguments,
    )  # fmt: skip


def row(done, subject: str) -> str:
    return next(line for line in done.stdout.splitlines() if line.startswith(subject))


@needs_tshark
def test_a_part_of_the_dataset_would_run(place):
    before = botiot.snapshot(place)
    done = run(place)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{botiot.COUNT} files" in row(done, "captures  ") and "344" in row(done, "captures  ")
    assert row(done, "captures  ").endswith("part")
    assert "2 files" in row(done, "captures of DDoS_TCP") and "95,643,746" in done.stdout
    assert "about 64 packets" in row(done, "captures of Keylogging")
    assert "IoT_Dataset_TCP_DoS__00001" in row(done, "captures of DoS_TCP")  # gap before 00046
    assert "entire, without header: 2 files (of 74), about 872 rows" in row(done, "flow records")
    assert row(done, "flow records").endswith("part")
    assert tshark.version() in row(done, "reader")
    assert "GB free" in row(done, "disk") and "MB/s" in row(done, "time")
    assert botiot.snapshot(place) == before


@needs_tshark
def test_every_problem_is_listed_and_the_status_is_1(place, tmp_path):
    folder = Path(shutil.copytree(place, tmp_path / "BoT-IoT"))
    for gone in ("DDoS", "Theft/Keylogging"):
        shutil.rmtree(folder / "PCAPs" / gone)
    shutil.rmtree(folder / "CSV")
    (folder / "PCAPs/DoS/page.pcap").write_bytes(b"<html>")
    done = run(folder, "label=flows", "tasks=[multiclass,Keylogging]")

    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert row(done, "captures of Keylogging").endswith("NO")
    assert row(done, "flow records").endswith("NO") and "page.pcap" in done.stdout
    assert "a run would not work: 3 of" in done.stderr


@needs_tshark
def test_a_subcategory_that_no_task_needs_may_be_missing(tmp_path):
    folder = botiot.download(tmp_path / "BoT-IoT", flows=False)
    for gone in ("Theft/Keylogging", "Scan/OS", "DDoS"):
        shutil.rmtree(folder / "PCAPs" / gone)
    done = run(folder, "tasks=[multiclass,DoS_TCP]")

    assert done.returncode == 0 and row(done, "captures of Keylogging").endswith("missing")
    assert row(done, "flow records").endswith("missing")
    shutil.rmtree(folder / "PCAPs/Theft")
    less = run(folder, "tasks=[multiclass,DoS_TCP]", "sample=paper")
    assert less.returncode == 1 and row(less, "class Theft").endswith("NO")
    assert row(less, "sample").endswith("NO")  # 2 % of so little holds no normal packet
    assert "task multiclass, all trials" in row(less, "class Theft")
    binary = run(folder, "tasks=[DoS_TCP]", "trials=[]")
    assert binary.returncode == 0 and row(binary, "class Theft").endswith("missing")


@needs_tshark
def test_a_capture_that_the_reader_cannot_read_is_named(place, tmp_path):
    folder = Path(shutil.copytree(place, tmp_path / "BoT-IoT"))
    for other in ("DDoS", "Scan", "Theft"):
        shutil.rmtree(folder / "PCAPs" / other)
    path = folder / "PCAPs" / botiot.PLACES["DoS_UDP"][0]
    whole = path.read_bytes()
    path.write_bytes(whole[:24] + struct.pack("<IIII", 0, 0, 1 << 30, 1 << 30) + whole[40:])
    done = run(folder, "tasks=[DoS_UDP]")

    assert done.returncode == 1 and path.name in done.stdout
    assert "no whole packet" in done.stdout


def test_the_embedded_captures_pass():
    done = quick.run(ROOT, sys.executable, "-m", "stages.check", "extract=tshark")

    assert done.returncode == 0 and "40 files" in row(done, "captures  ")


def test_an_empty_folder_is_an_error(tmp_path):
    done = run(tmp_path)

    assert done.returncode == 1 and "no capture found" in done.stderr


@pytest.mark.parametrize("octets", [1, 500, 3000, 10**9])
def test_a_head_is_whole_records_of_a_capture(tiny_pcaps, tmp_path, octets):
    for path in tiny_pcaps[::7]:
        size = check.copy_head(path, tmp_path / "head.pcap", octets)
        kept = naive.pcap_packets(tmp_path / "head.pcap")

        assert size == (tmp_path / "head.pcap").stat().st_size
        assert size >= min(octets, path.stat().st_size)
        assert kept == naive.pcap_packets(path)[: len(kept)]


def test_a_head_of_a_pcapng_is_whole_blocks(tmp_path):
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    interface = struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20)
    packet = struct.pack("<IIIIIIII", 6, 36, 0, 0, 0, 4, 4, 0) + struct.pack("<I", 36)
    path, head = tmp_path / "a.pcapng", tmp_path / "head"
    path.write_bytes(section + interface + packet * 3 + packet[:20])

    check.copy_head(path, head, 60)
    assert head.read_bytes() == section + interface + packet
    check.copy_head(path, head, 10**6)
    assert head.read_bytes() == section + interface + packet * 3


def test_gaps_in_the_numbers_are_named(tmp_path):
    names = ["IoT_Dataset_OSScan__00001_20180521140502.pcap",
             "IoT_Dataset_OSScan__00004_20180521140702.pcap", "other.pcap"]  # fmt: skip

    assert check.gaps([check.Place(tmp_path / name, 1) for name in names]) == [
        "IoT_Dataset_OSScan__00002", "IoT_Dataset_OSScan__00003",
    ]  # fmt: skip


def test_a_reader_that_is_not_there(monkeypatch):
    from packetids import settings

    def none():
        raise PacketidsError("TShark is not there")

    monkeypatch.setattr(tshark, "version", none)
    assert check.reader(settings.Extract("tshark", "ip")).verdict == check.BAD
    assert check.reader(settings.Extract("auto", "ip")).verdict == check.PART
    assert check.reader(settings.Extract("native", "ip")).verdict == check.OK


def test_too_little_disk_stops(monkeypatch):
    class Usage:
        free = 10**9

    monkeypatch.setattr(check.shutil, "disk_usage", lambda _: Usage)

    assert check.disk(10**9 / check.COPIES - 1).verdict == check.OK
    assert check.disk(10**9 / check.COPIES + 1).verdict == check.BAD


def test_workers():
    assert check.workers_of(3) == 3 and check.workers_of(-1) >= 1
