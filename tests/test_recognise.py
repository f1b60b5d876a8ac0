"""Files are judged by what they begin with, whatever they are called, and none is lost unsaid."""

import bz2
import gzip
import lzma
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from packetids.capture import recognise
from packetids.capture.recognise import Kind
from packetids.native.capture import pcap, pcapng
from tests.conftest import ROOT

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: reads as another user")


def packed(content: bytes, how: str) -> bytes:
    if how in ("zstd", "lz4"):
        out = pa.BufferOutputStream()
        with pa.CompressedOutputStream(out, how) as stream:
            stream.write(content)
        return out.getvalue().to_pybytes()
    return {"gzip": gzip, "xz": lzma, "bzip2": bz2}[how].compress(content)


@pytest.fixture
def capture(tiny_pcaps) -> bytes:
    return tiny_pcaps[0].read_bytes()


def by_name(found: recognise.Found, folder: Path) -> dict[str, Kind]:
    return {
        file.path.relative_to(folder).as_posix(): file.kind
        for file in [*found.captures, *found.left_out]
    }


def test_the_magic_numbers_are_the_native_readers():
    every = [number.to_bytes(4, order) for number in pcap.MAGICS for order in ("little", "big")]

    assert {*every, recognise.PCAPNG_MAGIC} == recognise.MAGICS
    assert all(pcap.recognises(magic) or pcapng.recognises(magic) for magic in recognise.MAGICS)
    assert not pcap.recognises(b"PAR1") and not pcapng.recognises(b"PAR1")


def test_the_module_loads_nothing_that_takes_time():
    code = (
        "import sys, packetids.capture.recognise;"
        "found = {'numba', 'numpy', 'pandas', 'pyarrow'} & set(sys.modules);"
        "sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name", ["x", "x.pcap", "X.PCAP", "x.pcap1", "x.dmp", "x.csv", ".x", "x.gz"]
)
@pytest.mark.parametrize(
    ("how", "packing"),
    [("", ""), ("gzip", "gzip"), ("xz", "xz"), ("bzip2", "bzip2"), ("zstd", "Zstandard"),
     ("lz4", "LZ4")],
)  # fmt: skip
def test_a_capture_is_one_under_any_name_in_any_packing(tmp_path, capture, name, how, packing):
    path = tmp_path / name
    path.write_bytes(packed(capture, how) if how else capture)

    file = recognise.recognise(path)
    assert (file.kind, file.packing, file.why) == (Kind.CAPTURE, packing, "")
    with recognise.unpacked(path, packing) as stream:
        assert stream.read() == capture


@pytest.mark.parametrize("magic", sorted(recognise.MAGICS))
def test_every_variant_of_pcap_and_pcapng_is_known(tmp_path, magic):
    (tmp_path / "a").write_bytes(magic + bytes(20))

    assert recognise.recognise(tmp_path / "a").kind is Kind.CAPTURE


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("a.pcap", True), ("A.PCAP", True), ("a.PcapNg", True), ("a.cap", True), ("a.dmp.gz", True),
        ("a.pcap.gz", True), ("a.PCAP.GZ", True), ("a.pcap1", True), ("a.pcap2.gz", True),
        ("a.pcap.zst", True), ("a.cap.lz4", True), ("a.pcap.xz", True), ("a.pcap.1", True),
        ("a.pcap_00001", True), ("a.pcap.bz2", True), ("a.pcap.zip", True), ("a.pcap.gz.gz", True),
        ("a.gz", False), ("pcap", False), ("a.pcap.txt", False), ("a.pcap.parquet", False),
        ("README", False), ("a.docx", False), ("flows.csv.xz", False), ("._a.pcap", False),
    ],
)  # fmt: skip
def test_a_name_that_claims_to_be_a_capture_is_a_fault_where_the_file_is_none(
    tmp_path, name, claims
):
    for content in (b"<html>", b"", gzip.compress(b"<html>"), b"\x1f\x8b\x08"):
        (tmp_path / name).write_bytes(content)
        file = recognise.recognise(tmp_path / name)

        assert file.kind is (Kind.PRETENDER if claims else Kind.OTHER)
        assert file.is_wrong == claims
        assert any(word in file.why for word in ("3c 68 74 6d", "empty", "cannot be unpacked"))


def test_what_is_no_regular_file_is_told_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo.pcap")
    (tmp_path / "gone.pcap").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        found = recognise.find(tmp_path, follow=True)

    told = {file.path.name: (file.kind, file.is_wrong, file.why) for file in found.left_out}
    assert told["fifo.pcap"] == (Kind.SPECIAL, True, "it is a FIFO, no regular file")
    assert told["socket"] == (Kind.SPECIAL, False, "it is a socket, no regular file")
    assert told["gone.pcap"][:2] == told["loop"][:2] == (Kind.UNREADABLE, True)
    assert "a link to nowhere, which is not there" in told["gone.pcap"][2]
    assert recognise.recognise(Path("/dev/null")).kind is Kind.SPECIAL


@needs_root
def test_files_and_folders_without_permission_are_named(tmp_path, capture):
    (tmp_path / "shut").mkdir()
    (tmp_path / "shut" / "a.pcap").write_bytes(capture)
    (tmp_path / "b.pcap").write_bytes(capture)
    (tmp_path / "c.pcap").write_bytes(capture)
    (tmp_path / "shut").chmod(0)
    (tmp_path / "b.pcap").chmod(0)
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:3]:  # pytest's own, and one of each xdist worker
        parent.chmod(0o755)
    code = (
        "import os, sys; from pathlib import Path; from packetids.capture import recognise;"
        "os.setuid(65534); found = recognise.find(Path(sys.argv[1]), follow=True);"
        "print([f.path.name for f in found.captures], *map(str, found.left_out), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.splitlines() == [
        "['c.pcap']",
        f"{tmp_path}/b.pcap: cannot be read (Permission denied)",
        f"{tmp_path}/shut: cannot be read (Permission denied)",
    ]


def test_linked_folders_are_followed_once_and_never_round_in_circles(tmp_path, capture):
    top = tmp_path / "top"
    (top / "real").mkdir(parents=True)
    (tmp_path / "other" / "deep").mkdir(parents=True)
    (top / "real" / "a.pcap").write_bytes(capture)
    (tmp_path / "other" / "deep" / "b.pcap").write_bytes(capture)
    (top / "1-again").symlink_to("real")
    (top / "2-other").symlink_to(tmp_path / "other")
    (top / "3-other").symlink_to(tmp_path / "other")
    (top / "4-up").symlink_to("..")
    (top / "5-self").symlink_to(top)
    (tmp_path / "other" / "back").symlink_to(top)
    (top / "a link.pcap").symlink_to("real/a.pcap")

    found = recognise.find(top, follow=True)

    assert by_name(found, top) == {
        "real/a.pcap": Kind.CAPTURE,
        "2-other/deep/b.pcap": Kind.CAPTURE,
        "1-again": Kind.TWIN,
        "3-other": Kind.TWIN,
        "4-up": Kind.TWIN,
        "5-self": Kind.TWIN,
        "2-other/back": Kind.TWIN,
        "a link.pcap": Kind.TWIN,
    }
    assert found.linked == [top / "2-other"]
    assert all(str(top) in str(file) for file in found.left_out)
    unfollowed = by_name(recognise.find(top, follow=False), top)
    assert unfollowed["2-other"] is Kind.LINKED and "2-other/deep/b.pcap" not in unfollowed


def test_a_link_to_a_capture_elsewhere_is_one_and_a_second_one_is_not(tmp_path, capture):
    (tmp_path / "far.bin").write_bytes(capture)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.pcap").symlink_to(tmp_path / "far.bin")
    (folder / "b.pcap").symlink_to(tmp_path / "far.bin")
    (folder / "c.pcap").write_bytes(capture)
    os.link(folder / "c.pcap", folder / "d.pcap")

    assert by_name(recognise.find(folder, follow=True), folder) == {
        "a.pcap": Kind.CAPTURE, "b.pcap": Kind.TWIN, "c.pcap": Kind.CAPTURE, "d.pcap": Kind.TWIN,
    }  # fmt: skip


def test_hidden_files_make_no_noise_unless_they_are_captures(tmp_path, capture):
    for name in (".gitignore", ".x.parquet.ab12.part", "a.pcap.dvc", ".DS_Store", "._a.pcap"):
        (tmp_path / name).write_bytes(b"text")
    (tmp_path / ".hidden").write_bytes(capture)
    for name in (".dvc/cache", ".git", "lost+found"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "copy").write_bytes(capture)

    found = recognise.find(tmp_path, follow=True)
    assert by_name(found, tmp_path) == {".hidden": Kind.CAPTURE}


@pytest.mark.parametrize("name", [b"caf\xe9.pcap", b"caf\xe9/a.pcap"])
def test_a_capture_whose_name_is_not_utf_8_is_left_out_in_words_that_print(tmp_path, capture, name):
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(capture)
    (tmp_path / os.fsdecode(b"\xe9.txt")).write_text("no capture")

    found = recognise.find(tmp_path, follow=True)

    assert found.captures == []
    kinds = {recognise.printable(file.path.name): file.kind for file in found.left_out}
    assert kinds == {os.fsdecode(name).split("/")[-1].replace("\udce9", r"\xe9"): Kind.ODD_NAME,
                     r"\xe9.txt": Kind.OTHER}  # fmt: skip
    for file in found.left_out:
        assert r"\xe9" in str(file)
        str(file).encode()


def test_a_link_with_a_name_that_is_utf_8_helps(tmp_path, capture):
    odd = tmp_path / os.fsdecode(b"caf\xe9.pcap")
    odd.write_bytes(capture)
    (tmp_path / "cafe.pcap").symlink_to(odd.name)

    found = recognise.find(tmp_path, follow=True)
    assert [file.path.name for file in found.captures] == ["cafe.pcap"]
    assert [file.kind for file in found.left_out] == [Kind.TWIN]


def test_a_name_prints_on_one_line():
    assert recognise.printable('a\n"b", c\t.pcap') == r'a\n"b", c\t.pcap'
    assert recognise.printable("ä.pcap") == "ä.pcap"


@pytest.mark.parametrize(
    ("content", "may"),
    [
        (None, True), (b"", True), (b"PAR1 ... PAR1", True), (b"PAR1 cut short", True),
        (b"\xd4\xc3\xb2\xa1", False), (b"notes", False), (gzip.compress(b"x", mtime=0), False),
    ],
)  # fmt: skip
def test_only_parquet_and_nothing_may_be_replaced(tmp_path, content, may):
    path = tmp_path / "out"
    if content is not None:
        path.write_bytes(content)

    assert (recognise.not_replaceable(path) == "") == may


def test_what_may_not_be_replaced_is_told(tmp_path, tiny_pcaps):
    shutil.copy(tiny_pcaps[0], tmp_path / "a.pcap")
    (tmp_path / "link").symlink_to("a.pcap")
    (tmp_path / "gone").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")

    assert "d4 c3 b2 a1 (a capture)" in recognise.not_replaceable(tmp_path / "a.pcap")
    assert "d4 c3 b2 a1 (a capture)" in recognise.not_replaceable(tmp_path / "link")
    assert "a link to nowhere" in recognise.not_replaceable(tmp_path / "gone")
    assert recognise.not_replaceable(tmp_path / "fifo") == "is a FIFO"
    assert recognise.not_replaceable(tmp_path) == "is a folder"
    assert recognise.not_replaceable(Path("/dev/null")) == "is a device"
    assert "Not a directory" in recognise.not_replaceable(tmp_path / "a.pcap" / "b")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("x.pcap", "x"), ("x.PCAP", "x"), ("x.pcapng", "x"), ("x.pcap.xz", "x"), ("x.cap.gz", "x"),
        ("x.PCAP.GZ", "x"), ("x.pcap1", "x.pcap1"), ("x.pcap2.gz", "x.pcap2"), ("x", "x"),
        ("x.y", "x.y"), (".pcap", ".pcap"), ("x.gz", "x"), (".gz", ".gz"),
    ],
)  # fmt: skip
def test_a_captures_short_name(name, short):
    assert recognise.without_suffixes(name) == short
