"""``python -m packetids.extract`` as a person calls it: files, folders, streams, exit codes."""

import gzip
import importlib.util
import os
import re
import shutil
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT, needs_tshark
from tests.test_recognise import packed

needs_native = pytest.mark.skipif(
    importlib.util.find_spec("packetids.native.reader") is None, reason="no native reader yet"
)
READERS = ["tshark", *(pytest.param(name, marks=needs_native) for name in ("native", "auto"))]
SUMMARY = r"([\d,]+) packets in [\d.]+ s, [\d,]+ packets/s, ([\d,]+) bytes of Parquet \((.*)\)\n"


def tool(
    *arguments: object, stdin: bytes = b"", env: dict[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "packetids.extract", *map(str, arguments)],
        cwd=cwd, input=stdin, capture_output=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | (env or {}),
    )  # fmt: skip


def summary(done: subprocess.CompletedProcess[bytes]) -> tuple[int, int, str]:
    """Packets, bytes and readers of the one line on standard output."""
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


def test_damage_that_was_kept_is_told_again_and_never_passes_for_a_whole(tiny_pcaps, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "cut.pcap").write_bytes(tiny_pcaps[0].read_bytes()[:-10])
    shutil.copy(tiny_pcaps[0], folder / "whole.pcap")

    kept = [tool(folder, out, "--keep-damaged") for _ in range(2)]
    made = (out / "cut.pcap.parquet").stat()
    without = tool(folder, out)

    for done in kept:
        assert done.returncode == 1
        assert b"cut.pcap: cut short in frame 64, byte " in done.stderr
    assert summary(kept[1])[2].endswith("2 of them read before")
    assert made.st_size and without.returncode == 1
    assert [path.name for path in out.iterdir()] == ["whole.pcap.parquet"]


def test_damage_of_a_stream_is_told_of_the_stream(tiny_pcaps, tmp_path):
    cut = tiny_pcaps[0].read_bytes()[:-10]
    done = [tool("-", tmp_path / f"{i}", "--keep-damaged", stdin=cut) for i in range(2)]

    assert b"standard input: cut short in frame 64, byte " in done[0].stderr
    assert b".stdin." not in done[0].stderr + (tmp_path / "0").read_bytes()
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()


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
    refused(tool(tmp_path / "0.pcap", *rest), 1, "0.pcap", "0 bytes")
    refused(tool("-", *rest), 1, "0 bytes")
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


def untouched(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What of each file of a folder changes if it is written or replaced."""
    told = {path.name: path.lstat() for path in folder.iterdir()}
    return {name: (one.st_ino, one.st_mtime_ns, one.st_size) for name, one in told.items()}


class TestOutIsNeverWhatIsNoParquet:
    @pytest.fixture
    def folder(self, tiny_pcaps, tmp_path) -> Path:
        for name in ("a.pcap", "b.pcap", "c.pcap"):
            shutil.copy(tiny_pcaps[0], tmp_path / name)
        return tmp_path

    def test_several_captures_as_a_shell_gives_them(self, folder, tiny_pcaps):
        names = [folder / name for name in ("a.pcap", "b.pcap", "c.pcap")]

        refused(tool(*names[:2]), 2, "b.pcap, exists and is not a Parquet file", "a capture")
        refused(tool(*names), 2, "unrecognized arguments", "c.pcap", "name their folder")
        refused(tool(*names, "--reader", "native"), 2, "c.pcap", "name their folder")
        refused(tool("-", names[0], stdin=names[1].read_bytes()), 2, "name another Parquet file")
        assert {path.read_bytes() for path in names} == {tiny_pcaps[0].read_bytes()}

    def test_files_links_and_devices(self, folder):
        (folder / "notes.parquet").write_text("my notes")
        (folder / "link").symlink_to("b.pcap")
        (folder / "gone").symlink_to("nowhere")
        os.mkfifo(folder / "fifo")
        before = untouched(folder)

        for name, words in (
            ("notes.parquet", "exists and is not a Parquet file: it begins with 6d 79 20 6e"),
            ("link", "exists and is not a Parquet file"),
            ("gone", "is a link to nowhere, which is not there"),
            ("fifo", "is a FIFO"),
            ("/dev/null", "is a device"),
            ("a.pcap/o", "Not a directory"),
        ):
            refused(tool(folder / "a.pcap", folder / name), 2, words)
        refused(tool(folder, folder / "gone"), 2, "is a link to nowhere, which is not there")
        refused(tool(folder, "/dev/null"), 2, "is no folder")
        assert untouched(folder) == before

    def test_parquet_and_nothing_are_replaced(self, folder):
        for content in (b"", b"PAR1 cut short"):
            (folder / "o").write_bytes(content)
            assert tool(folder / "a.pcap", folder / "o").returncode == 0
            assert pq.read_metadata(folder / "o").num_rows == 64
        (folder / "link").symlink_to("o")
        os.truncate(folder / "o", 0)
        assert tool(folder / "b.pcap", folder / "link").returncode == 0
        assert (folder / "link").is_symlink() and pq.read_metadata(folder / "o").num_rows == 64

    def test_a_file_in_the_way_in_the_folder_stays_and_the_others_are_read(
        self, folder, tmp_path_factory
    ):
        out = tmp_path_factory.mktemp("out")
        (out / "b.pcap.parquet").mkdir(parents=True)
        (out / "a.pcap.parquet").write_bytes((folder / "a.pcap").read_bytes())

        done = tool(folder, out)

        assert done.returncode == 1 and b"Traceback" not in done.stderr
        assert b"a.pcap.parquet exists and is not a Parquet file" in done.stderr
        assert b"b.pcap.parquet is a folder" in done.stderr
        assert (out / "a.pcap.parquet").read_bytes() == (folder / "a.pcap").read_bytes()
        assert pq.read_metadata(out / "c.pcap.parquet").num_rows == 64
        assert summary(done)[2] == "3 captures: 1 native, 2 not read"


@needs_tshark
def test_every_capture_of_a_folder_is_found_and_every_other_file_named(tiny_pcaps, tmp_path):
    capture = tiny_pcaps[0].read_bytes()
    folder, out, far = tmp_path / "in", tmp_path / "out", tmp_path / "far"
    for path in (folder / "sub", far):
        path.mkdir(parents=True)
    plain = ["a.pcap", "A.PCAP", "d.pcap1", "e.cap", "sub/none", "-r", 'a, "b"\n.pcap']
    zipped = ["a.pcap.gz", "c.PCAP.GZ", "d.pcap2.gz", "e.dmp.gz"]
    for name in plain:
        (folder / name).write_bytes(capture)
    for name in zipped:
        (folder / name).write_bytes(packed(capture, "gzip"))
    (folder / "a.pcap.zst").write_bytes(packed(capture, "zstd"))
    (folder / "a.pcap.LZ4").write_bytes(packed(capture, "lz4"))
    (folder / "a.pcap.xz").write_bytes(packed(capture, "xz"))
    (folder / os.fsdecode(b"caf\xe9.pcap")).write_bytes(capture)
    (far / "b.pcap").write_bytes(capture)
    (folder / "linked").symlink_to(far)
    (folder / "up").symlink_to("..")
    (folder / "gone.pcap").symlink_to("nowhere")
    (folder / "page.pcap").write_text("hi\n")  # TShark takes this for one packet of an MP4 film
    (folder / "README.md").write_text("notes")
    os.mkfifo(folder / "fifo.pcap")

    done = tool(folder, out, "--jobs", 2)

    assert done.returncode == 1 and b"Traceback" not in done.stderr
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert found == sorted(
        f"{name}.parquet" for name in [*plain, *zipped, "a.pcap.zst", "a.pcap.LZ4", "linked/b.pcap"]
    )
    rows = {pq.read_metadata(path).num_rows for path in out.rglob("*.parquet")}
    assert rows == {64}
    said = done.stderr.decode().splitlines()
    for name, words in {
        "linked": f"a link to the folder {far}, looked into",
        "up": "a link back to",
        "gone.pcap": "cannot be read (a link to nowhere, which is not there)",
        "page.pcap": "begins with 68 69 0a",
        "README.md": "begins with 6e 6f 74 65",
        "fifo.pcap": "a FIFO",
        "a.pcap.xz": "packed by xz, which no reader reads",
        r"caf\xe9.pcap": "not UTF-8",
    }.items():
        (line,) = [line for line in said if line.partition(": ")[2].startswith(f"{folder}/{name}:")
                   or line.startswith(f"{folder}/{name}:")]  # fmt: skip
        assert words in line
    assert summary(done)[2] == "14 captures: 12 native, 2 tshark, 5 not read"
    native = tool(folder, tmp_path / "native", "--reader", "native")
    assert b"a.pcap.zst: it is packed by Zstandard, which only TShark reads" in native.stderr


@needs_tshark
@pytest.mark.skipif(
    shutil.which("editcap") is None, reason="needs editcap, which makes snoop files"
)
def test_only_captures_of_a_known_format_are_given_to_tshark(tiny_pcaps, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for form in ("snoop", "netmon2"):
        subprocess.run(["editcap", "-F", form, tiny_pcaps[0], folder / f"{form}.cap"], check=True)
    (tmp_path / "hi.pcap").write_text("hi\n")

    done = tool(folder, tmp_path / "out")

    assert done.returncode == 0
    assert summary(done)[0] == 128 and summary(done)[2] == "2 captures: 2 tshark"
    refused(tool(tmp_path / "hi.pcap", tmp_path / "o"), 1, "hi.pcap", "68 69 0a")
    assert not (tmp_path / "o").exists()


def test_a_parquet_file_whose_capture_is_gone_is_named_and_stays(tiny_pcaps, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.pcap", "sub/b.pcap"):
        shutil.copy(tiny_pcaps[0], folder / name)
    tool(folder, out)
    (folder / "sub/b.pcap").unlink()
    shutil.copy(out / "a.pcap.parquet", tmp_path / "mine.parquet")
    tool(folder / "a.pcap", out / "mine.parquet")  # has no key: the user's, not the folder's

    done = tool(folder, out)

    assert done.returncode == 0
    assert f"{out}/sub/b.pcap.parquet: was made from a capture that is not" in done.stderr.decode()
    assert b"mine" not in done.stderr and (out / "sub/b.pcap.parquet").exists()


def test_out_may_lie_in_the_folder_that_is_read(tiny_pcaps, tmp_path):
    shutil.copy(tiny_pcaps[0], tmp_path / "a.pcap")
    first, again = tool(tmp_path, tmp_path), tool(tmp_path, tmp_path)

    assert first.returncode == again.returncode == 0
    assert b"left out" not in again.stderr and b"was made from" not in again.stderr
    assert summary(again)[2] == "1 captures: 1 native, 1 of them read before"


class TestNamesThatAreOdd:
    def test_not_utf_8(self, tiny_pcaps, tmp_path):
        folder = tmp_path / os.fsdecode(b"caf\xe9")
        folder.mkdir()
        shutil.copy(tiny_pcaps[0], folder / "a.pcap")
        shutil.copy(tiny_pcaps[0], folder / os.fsdecode(b"\xe9.pcap"))

        some = tool(folder, tmp_path / "out")
        one = tool(folder / os.fsdecode(b"\xe9.pcap"), tmp_path / "o")
        assert some.returncode == 1 and rb"caf\xe9/\xe9.pcap: its name is not UTF-8" in some.stderr
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.pcap.parquet"]
        assert one.returncode == 0 and pq.read_metadata(tmp_path / "o").num_rows == 64

        (folder / os.fsdecode(b"\xe9.pcap")).write_bytes(tiny_pcaps[0].read_bytes()[:-10])
        for reader in ("native", "auto"):
            cut = tool(folder / os.fsdecode(b"\xe9.pcap"), tmp_path / "o", "--reader", reader,
                       "--keep-damaged")  # fmt: skip
            assert cut.returncode == 1 and rb"caf\xe9/\xe9.pcap: cut short" in cut.stderr
            told = pq.read_metadata(tmp_path / "o").metadata[b"packetids.damage"]
            assert rb"caf\xe9/\xe9.pcap: cut short in frame 64" in told
        for out in (folder / "o.parquet", folder):
            refused(tool(folder / "a.pcap", out), 2, r"caf\xe9", "is not UTF-8")

    @pytest.mark.parametrize("name", ["a:b", "s3:", "-o", "a b", 'q"u,', "file:"])
    def test_signs_that_mean_something_elsewhere(self, tiny_pcaps, tmp_path, name):
        (tmp_path / name).mkdir()
        shutil.copy(tiny_pcaps[0], tmp_path / name / "-")

        for reader in READERS[:1] if shutil.which("tshark") else []:
            done = tool(f"./{name}/-", f"./{name}/o", "--reader", reader, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            assert pq.ParquetFile((tmp_path / name / "o").open("rb")).metadata.num_rows == 64
        done = tool("--", name, f"{name}/out", cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    def test_names_as_long_as_they_may_be_and_longer(self, tiny_pcaps, tmp_path):
        folder = tmp_path / "in"
        folder.mkdir()
        shutil.copy(tiny_pcaps[0], folder / ("x" * 247))
        shutil.copy(tiny_pcaps[0], folder / ("y" * 248))

        done = tool(folder, tmp_path / "out")

        assert done.returncode == 1 and b"Traceback" not in done.stderr
        assert b"yyy.parquet" in done.stderr and b"File name too long" in done.stderr
        assert [path.name[0] for path in (tmp_path / "out").iterdir()] == ["x"]


class TestWhatTheSystemRefuses:
    """Every message has the path as it was given, and what the system says."""

    def test_where_no_file_can_be(self, tiny_pcaps, tmp_path):
        capture = tiny_pcaps[0]
        for arguments, words in (
            ((capture, "/proc/o.parquet"), "/proc/o.parquet: No such file or directory"),
            (("-", "/proc/o.parquet"), "/proc/o.parquet: No such file or directory"),
            ((capture.parent, "/proc/out"), "/proc/out: No such file or directory"),
            ((capture, "/proc/x/o.parquet"), "/proc/x: No such file or directory"),
            ((capture.parent, capture / "out"), "out: Not a directory"),
        ):
            done = tool(*arguments, stdin=capture.read_bytes())
            refused(done, 1, words)
            assert b"None" not in done.stderr and b".part" not in done.stderr

    def test_what_cannot_be_read(self, tiny_pcaps, tmp_path):
        """/proc/self/mem opens and then gives no byte, as a bad disk does."""
        for reader in ("native", "auto"):
            done = tool("/proc/self/mem", tmp_path / "o", "--reader", reader)
            refused(done, 1, "/proc/self/mem: it cannot be read any further (Input/output error)")
        done = subprocess.run(
            [sys.executable, "-m", "packetids.extract", "-", str(tmp_path / "o")],
            cwd=ROOT, stdin=os.open("/proc/self/mem", os.O_RDONLY), capture_output=True,
            check=False,
        )  # fmt: skip
        refused(done, 1, "standard input cannot be read (Input/output error)")
        closed = f"{sys.executable} -m packetids.extract - {tmp_path}/o <&-"
        done = subprocess.run(closed, shell=True, cwd=ROOT, capture_output=True, check=False)
        refused(done, 1, "standard input is closed")

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts a small disk")
    def test_a_disk_that_is_full_or_read_only(self, tiny_pcaps, tmp_path):
        (tmp_path / "disk").mkdir()
        big = tmp_path / "big.pcap"
        big.write_bytes(tiny_pcaps[0].read_bytes()[:24] + tiny_pcaps[0].read_bytes()[24:] * 400)
        for option, words in (("size=8k", "No space left on device"), ("ro", "Read-only")):
            script = f"""mount -t tmpfs -o {option} none {tmp_path}/disk || exit 9
            {sys.executable} -m packetids.extract {big} {tmp_path}/disk/o.parquet"""
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", script],
                cwd=ROOT,
                capture_output=True,
                check=False,
            )
            refused(done, 1, f"{tmp_path}/disk/o.parquet: {words}")


@needs_tshark
def test_a_fifo_is_read_like_standard_input(tiny_pcaps, tmp_path):
    """As a shell's <(zcat ...) gives it."""
    for reader in ("native", "auto", "tshark"):
        fifo = tmp_path / reader
        os.mkfifo(fifo)
        writer = threading.Thread(target=fifo.write_bytes, args=(tiny_pcaps[0].read_bytes(),))
        writer.start()
        done = tool(fifo, tmp_path / "o", "--reader", reader)
        writer.join()

        assert done.returncode == 0 and summary(done)[0] == 64, done.stderr


def test_the_time_to_compile_is_no_reading_time(tiny_pcaps, tmp_path):
    """Kernels are compiled once, before the workers start, and a line says so."""
    kept = {"NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    folder = tmp_path / "in"
    folder.mkdir()
    for path in tiny_pcaps[:2]:
        shutil.copy(path, folder)
    began = time.monotonic()
    first = tool(folder, tmp_path / "out", "--jobs", 2, env=kept)
    elapsed_s = time.monotonic() - began
    second = tool(folder, tmp_path / "again", "--jobs", 2, env=kept)

    line = b"compiling the packet kernels, once: about half a minute"
    assert line in first.stderr and line not in second.stderr
    told = re.search(
        r" in ([\d.]+) s, .* kernels compiled before that in ([\d.]+) s", first.stdout.decode()
    )
    assert told and float(told[1]) < float(told[2])
    assert float(told[1]) + float(told[2]) <= elapsed_s
    assert b"compiled" not in second.stdout


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
