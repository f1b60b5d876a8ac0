"""The check before hours of work: a table, and a status that says whether a run would work."""

import gzip
import lzma
import os
import shutil
import struct
import sys
from pathlib import Path

import pytest

from packetids import extract
from packetids.capture import recognise
from packetids.core import settings
from packetids.core.errors import PacketidsError
from packetids.extract import progress, tshark
from packetids.preflight import checks, walk
from tests import botiot, flow_records, quick
from tests.conftest import ROOT, needs_tshark
from tests.test_recognise import packed


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
    assert " 64 packets" in row(done, "captures of Keylogging")
    assert "IoT_Dataset_TCP_DoS__00001" in row(done, "captures of DoS_TCP")  # gap before 00046
    rows = f"about {len(flow_records.real()):,} rows"
    assert f"entire, without header: 2 files (of 74), {rows}" in row(done, "flow records")
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


def only(folder: Path, *tops: str) -> None:
    """Take all but some captures out of a download: each subcategory costs TShark a start."""
    for other in {"DDoS", "DoS", "Scan", "Theft"} - {*tops}:
        shutil.rmtree(folder / "PCAPs" / other)


@needs_tshark
@pytest.mark.parametrize("reader", ["native", "tshark"])
def test_damaged_captures_are_found_wherever_the_damage_is(tmp_path, reader):
    """Records that cannot be, a file that was cut short in its last bytes, packed or not."""
    folder = botiot.download(tmp_path / "BoT-IoT", flows=False)
    only(folder, "DoS")
    places = [
        folder / "PCAPs" / botiot.PLACES[key][0] for key in ("DoS_UDP", "DoS_TCP", "DoS_HTTP")
    ]
    whole = places[0].read_bytes()
    places[0].write_bytes(whole[:24] + struct.pack("<IIII", 0, 0, 1 << 30, 1 << 30) + whole[40:])
    cut = places[1].read_bytes()[:-1]
    places[1].write_bytes(cut)
    packed = places[2].with_name(places[2].name + ".gz")
    packed.write_bytes(gzip.compress(places[2].read_bytes())[:-20])
    places[2].unlink()

    done = run(folder, "tasks=[DoS_UDP,DoS_TCP,DoS_HTTP]", f"extract={reader}")

    assert done.returncode == 1 and "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    for name, *words in (
        (places[0].name, "frame 1, byte 24 of the file", str(1 << 30)),
        (places[1].name, "cut short in frame 64, byte ", "of the file"),
        (packed.name, "cut short in frame ", "of the unpacked capture", "gzip data are cut short"),
    ):
        (line,) = [line for line in lines if name in line and line.endswith("NO")]
        assert all(word in line for word in words), line


@needs_tshark
def test_damage_is_part_where_damaged_captures_are_kept(tmp_path):
    folder = botiot.download(tmp_path / "BoT-IoT", flows=False)
    only(folder, "DoS", "Scan", "Theft")
    path = folder / "PCAPs" / botiot.PLACES["DoS_UDP"][0]
    path.write_bytes(path.read_bytes()[:-1])

    done = run(folder, "tasks=[DoS_UDP]", "extract.keep_damaged=true", "extract=native")

    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if path.name in line]
    assert "cut short in frame 64" in line and "63 packets before it count" in line
    assert line.endswith("part")
    assert "1 files" in row(done, "captures of DoS_UDP") and " 63 packets" in done.stdout


def test_every_packet_is_counted_whatever_the_packing(tmp_path, tiny_pcaps):
    counted = {}
    for how in ("", "gzip", "xz", "bzip2", "zstd", "lz4"):
        path = tmp_path / f"a{how}"
        content = tiny_pcaps[0].read_bytes()
        path.write_bytes(packed(content, how) if how else content)
        item = walk.Walk(path, recognise.recognise(path).packing)
        counted[how] = walk.walk(item)
        path.write_bytes(path.read_bytes()[:-30])
        cut = walk.walk(item)
        assert path.name in cut.damage and cut.packets < 64, cut
        path.unlink()
        assert "No such file" in walk.walk(item).damage

    assert set(counted.values()) == {walk.Walked(64)}


def test_the_walk_shows_how_far_it_is(tmp_path, tiny_pcaps, monkeypatch, caplog):
    monkeypatch.setattr(progress, "EVERY_S", -1.0)
    caplog.set_level("INFO")
    told = checks.walk_all([walk.Walk(path) for path in tiny_pcaps[:3]], workers=1)

    assert told == [walk.Walked(64)] * 3
    assert [f"{n}/3 captures" in caplog.text for n in (1, 2, 3)] == [True] * 3


def test_walking_and_reading_agree(tmp_path, tiny_pcaps):
    """On what is damaged, where, and how many packets come before, wherever a capture is cut."""
    content = tiny_pcaps[0].read_bytes()
    path, target = tmp_path / "a.pcap", tmp_path / "a.parquet"
    for end in (*range(20, 200, 9), *range(len(content) - 100, len(content) + 1, 7)):
        path.write_bytes(content[:end])
        told = walk.walk(walk.Walk(path))
        read = extract.to_parquet(path, target, "native", "", keep_damaged=True)

        assert (told.packets, told.damage) == (read.packets, read.damage)


@needs_tshark
def test_everything_that_is_left_out_or_wrong_is_in_the_table(tmp_path):
    folder = botiot.download(tmp_path / "BoT-IoT", flows=False)
    only(folder, "DoS")
    top = folder / "PCAPs/DoS/DoS_TCP"
    capture = botiot.tiny("DoS_TCP")[1]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (top / "notes.docx").write_bytes(b"PK\3\4")
    (top / "more.docx").write_bytes(b"PK\3\4")
    (folder / "beside.pcap").write_bytes(capture)
    (top / "x.pcap.xz").write_bytes(lzma.compress(capture))
    (top / "link").symlink_to(elsewhere)
    (top / "gone.pcap").symlink_to("nowhere")
    (top / os.fsdecode(b"caf\xe9.pcap")).write_bytes(capture)
    (folder / "CSV").symlink_to(elsewhere)
    (top / "page.pcap").write_bytes(b"<html>")
    (top / "none.pcap").write_bytes(capture[:24])
    (top / "new\nline.pcap").write_bytes(b"")
    os.mkfifo(top / "fifo.pcap")
    shutil.copy(folder / "PCAPs" / botiot.PLACES["DoS_TCP"][0], f"{top}/1.gz")
    (top / "1.pcap").write_bytes(capture)

    done = run(folder, "tasks=[DoS_TCP]", "extract=native")

    assert done.returncode == 1 and "Traceback" not in done.stderr
    said = {
        line.split("/")[-1].split(" ")[0].rstrip(":,"): line for line in done.stdout.splitlines()
    }
    for name, words in {
        "more.docx": "a zip archive",
        "beside.pcap": "beside PCAPs/ and not in it",
    }.items():
        (line,) = [line for line in done.stdout.splitlines() if name in line]
        assert words in line and line.endswith("ok")
    assert "notes.docx" in done.stdout and "left out: 2" in done.stdout
    for name, words in {
        "x.pcap.xz": "packed by xz, which no reader reads. Unpack it",
        "DoS_TCP/link": "DVC does not look below such a link",
        "BoT-IoT/CSV": "DVC does not look below such a link",
        "gone.pcap": "a link to nowhere, which is not there",
        r"caf\xe9.pcap": "not UTF-8",
        "page.pcap": "3c 68 74 6d",
        "none.pcap": "no packet in it",
        r"new\nline.pcap": "empty",
        "fifo.pcap": "a FIFO",
        "1.pcap": "another capture of that name",
    }.items():
        (line,) = [line for line in done.stdout.splitlines() if name in line]
        assert words in line and line.endswith("NO"), (name, line, said)


@needs_tshark
@pytest.mark.parametrize(
    ("reader", "verdict"), [("native", "NO"), ("auto", "ok"), ("tshark", "ok")]
)
def test_zstandard_and_lz4_are_as_good_as_the_reader(tmp_path, reader, verdict):
    folder = botiot.download(tmp_path / "BoT-IoT", flows=False)
    only(folder, "DoS", "Scan", "Theft")
    path = folder / "PCAPs" / botiot.PLACES["DoS_UDP"][0]
    path.with_name(path.name + ".zst").write_bytes(packed(path.read_bytes(), "zstd"))
    path.unlink()

    done = run(folder, "tasks=[DoS_TCP]", f"extract={reader}")

    assert done.returncode == (verdict == "NO"), done.stdout + done.stderr
    if verdict == "NO":
        (line,) = [line for line in done.stdout.splitlines() if ".zst" in line]
        assert "only TShark reads" in line and line.endswith("NO")
    else:
        assert " 64 packets" in row(done, "captures of DoS_UDP")


def test_what_only_tshark_can_walk_is_told(tmp_path):
    erf = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 197) + bytes(26)
    (tmp_path / "erf.pcap").write_bytes(erf)
    told = walk.walk(walk.Walk(tmp_path / "erf.pcap"))

    assert told.packets == 0 and "not read natively" in told.unread and not told.damage
    for natively, verdict in ((True, checks.BAD), (False, checks.PART)):
        (found,) = checks.whole(tmp_path / "erf.pcap", told, natively=natively, keep_damaged=False)
        assert found.verdict == verdict and "erf.pcap" in found.found


def test_the_embedded_captures_pass():
    done = quick.run(ROOT, sys.executable, "-m", "stages.check", "extract=tshark")

    assert done.returncode == 0 and "80 files" in row(done, "captures  ")


@pytest.mark.parametrize(
    ("keep", "words"),
    [(100, ("frame ", "of the unpacked capture", "cannot be read any further")), (3, ("empty",))],
)
def test_damage_of_an_embedded_capture_is_found(tmp_path, keep, words):
    """In its packing, where a copy was cut short."""
    folder = Path(shutil.copytree(ROOT / "captures/tiny", tmp_path / "tiny"))
    path = min((folder / "PCAPs").rglob("*.xz"))
    octets = path.read_bytes()[: -40 if keep == 100 else 0]
    path.write_bytes(octets)
    done = quick.run(
        ROOT, sys.executable, "-m", "stages.check", "dataset=tiny", f"captures={folder}",
        "sample=tiny", "extract=native",
    )  # fmt: skip

    (line,) = [line for line in done.stdout.splitlines() if path.name in line]
    assert done.returncode == 1 and line.endswith("NO") and all(word in line for word in words)


def test_an_empty_folder_is_an_error(tmp_path):
    done = run(tmp_path)

    assert done.returncode == 1 and "no capture found" in done.stderr


@pytest.mark.parametrize("octets", [1, 500, 3000, 10**9])
@pytest.mark.parametrize("how", ["", "gzip", "lz4"])
def test_a_head_is_the_beginning_of_the_unpacked_capture(tiny_pcaps, tmp_path, octets, how):
    content = tiny_pcaps[0].read_bytes()
    path = tmp_path / "a"
    path.write_bytes(packed(content, how) if how else content)
    place = checks.Place(path, 0, recognise.recognise(path).packing)
    size = checks.copy_head(place, tmp_path / "head", octets)

    assert (tmp_path / "head").read_bytes() == content[:octets] and size == min(
        octets, len(content)
    )


def test_gaps_in_the_numbers_are_named(tmp_path):
    names = ["IoT_Dataset_OSScan__00001_20180521140502.pcap",
             "IoT_Dataset_OSScan__00004_20180521140702.pcap", "other.pcap"]  # fmt: skip

    assert checks.gaps([checks.Place(tmp_path / name, 1) for name in names]) == [
        "IoT_Dataset_OSScan__00002", "IoT_Dataset_OSScan__00003",
    ]  # fmt: skip


def test_a_reader_that_is_not_there(monkeypatch):
    def none():
        raise PacketidsError("TShark is not there")

    monkeypatch.setattr(tshark, "version", none)
    assert checks.reader(settings.Extract("tshark", "ip", False)).verdict == checks.BAD
    assert checks.reader(settings.Extract("auto", "ip", False)).verdict == checks.PART
    assert checks.reader(settings.Extract("native", "ip", False)).verdict == checks.OK


def test_too_little_disk_stops(monkeypatch):
    class Usage:
        free = 10**9

    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: Usage)

    assert checks.disk(10**9 / checks.COPIES - 1).verdict == checks.OK
    assert checks.disk(10**9 / checks.COPIES + 1).verdict == checks.BAD


def test_workers():
    assert checks.workers_of(3) == 3 and checks.workers_of(-1) >= 1
