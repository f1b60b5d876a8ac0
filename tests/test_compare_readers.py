"""Two readers are compared cell by cell, and no difference passes unseen."""

import csv
import itertools
import lzma
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from packetids import compare_readers, extract
from packetids.core import fields
from packetids.core.errors import PacketidsError, Unsupported
from packetids.extract import tshark
from tests.conftest import needs_tshark


def batch_of(rows: int, **cells) -> pa.RecordBatch:
    """Rows whose frame.len counts up; `cells` replaces whole columns."""
    columns = {"frame.len": list(range(rows))} | {
        name.replace("_", "."): values for name, values in cells.items()
    }
    return pa.RecordBatch.from_arrays(
        [
            pa.array(columns.get(column.name, [None] * rows), column.type)
            for column in fields.schema()
        ],
        schema=fields.schema(),
    )


def reader_of(*parts):
    """A reader that gives the batches among `parts` and raises the error among them."""

    def read(capture, display_filter):
        for part in parts:
            if isinstance(part, Exception):
                raise part
            yield part

    return read


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures" / "one.pcap").write_bytes(b"read by no reader of this test")
    return tmp_path / "captures"


@pytest.fixture
def compared(folder, monkeypatch, capsys):
    """Compare two readers over the folder: (exit status, what was printed)."""

    def run(ours, theirs, *arguments):
        monkeypatch.setitem(extract.READERS, "ours", ours)
        monkeypatch.setitem(extract.READERS, "theirs", theirs)
        command = [str(folder), "--reader", "ours", "--reference", "theirs", *arguments]
        return compare_readers.main(command), capsys.readouterr().out

    return run


def test_batches_may_be_cut_differently(compared):
    whole = batch_of(10)
    ours = reader_of(whole.slice(0, 3), whole.slice(3, 0), whole.slice(3))
    theirs = reader_of(whole.slice(0, 7), whole.slice(7))

    status, said = compared(ours, theirs)

    assert status == 0
    assert "packets: 10" in said
    assert "cells: 260, equal: 260 (100.000000 %), different: 0" in said


@pytest.mark.parametrize(
    ("cells", "theirs", "cause"),
    [
        ({"tcp_len": [1, 2, 4]}, {"tcp_len": [1, 2, 3]}, "values differ: row 3: ours 4, theirs 3"),
        ({"tcp_len": [1, 2, None]}, {"tcp_len": [1, 2, 3]}, "ours null: row 3"),
        ({"tcp_len": [1, 2, 3]}, {"tcp_len": [1, None, 3]}, "theirs null: row 2"),
    ],
)
def test_one_spoilt_cell_is_named(compared, cells, theirs, cause):
    status, said = compared(reader_of(batch_of(3, **cells)), reader_of(batch_of(3, **theirs)))

    assert status == 1
    assert f"one.pcap: tcp.len: {cause}" in said
    assert "different: 1" in said


def test_floats_times_and_text_are_compared_exactly(compared):
    ours = batch_of(1, ip_src=["10.0.0.1"], **{"tcp_time_delta": [0.1]})
    names = fields.schema().names
    theirs = {name: ours.column(name) for name in names}
    theirs["frame.time_epoch"] = pa.array([1], fields.TIME)
    theirs["ip.src"] = pa.array(["10.0.0.2"]).dictionary_encode()
    theirs["tcp.time_delta"] = pa.array([0.1 + 2**-55], pa.float64())
    spoilt = pa.RecordBatch.from_arrays([theirs[name] for name in names], schema=fields.schema())

    status, said = compared(reader_of(ours), reader_of(spoilt))

    assert status == 1
    assert "frame.time_epoch: ours null: 1 cells" in said
    assert "ip.src: values differ: 1 cells" in said
    assert "different: 3" in said


@pytest.mark.parametrize("ours", [2, 4])
def test_missing_and_extra_rows_are_cells_that_differ(compared, ours):
    status, said = compared(reader_of(batch_of(ours)), reader_of(batch_of(3)))

    assert status == 1
    assert f"(file): rows differ: ours {ours}, theirs 3" in said
    assert "different: 26" in said


def test_rows_before_damage_are_compared(compared, folder):
    damaged = PacketidsError("cut")

    status, said = compared(reader_of(batch_of(2), damaged), reader_of(batch_of(2), damaged))
    assert status == 0
    assert "files both readers stopped in: 1" in said and "cells: 52, equal: 52" in said

    status, said = compared(reader_of(batch_of(2), damaged), reader_of(batch_of(2)))
    assert status == 1 and "only ours stopped: cut" in said

    status, said = compared(reader_of(batch_of(2)), reader_of(batch_of(2), damaged))
    assert status == 1 and "only theirs stopped: cut" in said

    status, said = compared(reader_of(KeyError("x")), reader_of(damaged))
    assert status == 1 and "ours crashed: KeyError: 'x'" in said


def test_what_is_not_supported_is_counted_apart(compared, tmp_path):
    unsupported = Unsupported("ERF is not read", "Use the tshark reader.", "one.pcap", 2)
    ours = reader_of(batch_of(1), unsupported)
    report = tmp_path / "report.csv"

    status, said = compared(ours, reader_of(batch_of(9)), "--report", str(report))

    assert status == 0
    assert "not supported: 1 files: ERF is not read" in said
    assert "cells: 0, equal: 0" in said
    with report.open() as stream:
        (row,) = csv.DictReader(stream)
    assert row["not_supported"] == "ERF is not read"
    assert row["capture"].endswith("one.pcap")


def test_captures_are_known_by_name_or_first_octets(folder):
    (folder / "deep").mkdir()
    (folder / "deep" / "trace").write_bytes(b"\x0a\x0d\x0d\x0a")
    (folder / "deep" / "readme.txt").write_bytes(b"no capture")
    (folder / "deep" / "empty").write_bytes(b"")

    (folder / "deep" / "no.pcap").symlink_to("nowhere")
    (folder / "deep" / "one.pcap.xz").write_bytes(lzma.compress(b"\x0a\x0d\x0d\x0a"))
    captures, left_out = compare_readers.find(folder)

    assert [path.name for path in captures] == ["trace", "one.pcap"]
    assert {file.path.name: file.is_wrong for file in left_out} == {
        "readme.txt": False, "empty": False, "no.pcap": True, "one.pcap.xz": True,
    }  # fmt: skip


def test_what_is_left_out_is_told_and_a_capture_that_is_missing_counts(folder, compared, capsys):
    same = reader_of(batch_of(3))
    (folder / "readme.txt").write_text("no capture")
    assert compared(same, same)[0] == 0

    (folder / "gone.pcap").symlink_to("nowhere")
    capsys.readouterr()
    status = compare_readers.main([str(folder), "--reader", "ours", "--reference", "theirs"])
    said = capsys.readouterr().err
    assert status == 1
    assert f"left out: {folder}/readme.txt: it begins with 6e 6f 20 63" in said
    assert f"left out: {folder}/gone.pcap: cannot be read (a link to nowhere" in said


def test_a_report_replaces_a_report_and_nothing_else(folder, compared, tmp_path, capsys):
    same = reader_of(batch_of(3))
    report = tmp_path / "report.csv"
    for _ in range(2):
        assert compared(same, same, "--report", str(report))[0] == 0
    (tmp_path / "empty").touch()
    assert compared(same, same, "--report", str(tmp_path / "empty"))[0] == 0
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for path in (folder / "one.pcap", tmp_path / "other.csv", tmp_path, Path("/dev/null")):
        with pytest.raises(SystemExit, match="2"):
            compared(same, same, "--report", str(path))
        assert "exists and is not a report of this tool" in capsys.readouterr().err
    assert (folder / "one.pcap").read_bytes() == b"read by no reader of this test"


def test_a_folder_without_captures_and_an_unknown_reader_are_refused(tmp_path):
    with pytest.raises(PacketidsError, match="no capture found"):
        compare_readers.main([str(tmp_path), "--reader", "tshark"])
    with pytest.raises(PacketidsError, match="scapy is no reader; there is"):
        compare_readers.main([str(tmp_path), "--reader", "scapy"])
    with pytest.raises(SystemExit, match="2"):
        compare_readers.main([str(tmp_path), "--jobs", "0"])


@needs_tshark
def test_tshark_agrees_with_itself_and_not_with_a_spoilt_copy(tmp_path, tiny_pcaps, monkeypatch):
    for path in tiny_pcaps[:2]:
        shutil.copy(path, tmp_path)
    assert compare_readers.main([str(tmp_path), "--reader", "tshark", "--jobs", "2"]) == 0

    def spoilt(capture, display_filter):
        for number, batch in zip(itertools.count(), tshark.read(capture, display_filter)):
            at = fields.NAMES.index("frame.len")
            lengths = batch.column(at).to_pylist()
            if number == 0:
                lengths[5] += 1
            columns = batch.columns
            columns[at] = pa.array(lengths, pa.uint32())
            yield pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    monkeypatch.setitem(extract.READERS, "spoilt", spoilt)
    found = compare_readers.compare(tmp_path / tiny_pcaps[0].name, "spoilt", "tshark")
    assert found.causes == {("frame.len", compare_readers.VALUES_DIFFER): 1}
    assert "row 6: ours" in found.examples[0]
