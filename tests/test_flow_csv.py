"""CSV files of flow records as people have them: every dialect and damage is read or named."""

import bz2
import gzip
import io
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from packetids.core.errors import PacketidsError
from packetids.label import flow_csv, flow_index, flow_source
from tests import flow_records
from tests.conftest import ROOT
from tests.flow_records import COLUMNS, FIVE_PERCENT

Change = Callable[[str, str], str]  # of a column's name and value
TIMES = ("stime", "ltime", "dur", "mean", "stddev", "sum", "min", "max", "rate", "srate", "drate")
NAMES_FILE = "UNSW_2018_IoT_Botnet_Dataset_Feature_Names.csv"


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    return flow_records.real()


@pytest.fixture(scope="module")
def right(records, tmp_path_factory) -> list[tuple]:
    """The flows of a plain file, which test_flows.py compares with a slow twin."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "data_1.csv").write_text(written(records))
    return read(folder)


def written(
    records: list[dict[str, str]],
    names: list[str] = COLUMNS,
    header: bool = True,
    delimiter: str = ",",
    end: str = "\n",
    change: Change = lambda name, value: value,
) -> str:
    lines = [delimiter.join(names)] if header else []
    for row in records:
        lines.append(delimiter.join(change(name, row.get(name, "7")) for name in names))
    return "".join(line + end for line in lines)


def read(folder: Path) -> list[tuple]:
    """The flows below a folder, as rows that do not depend on how the files are written."""
    chosen = flow_source.choose(folder, list(flow_csv.SOURCES), is_bot_iot=False)
    found = flow_index.read(chosen.layouts)
    assert not found.unmatched and found.rows == len(found)
    seen: dict[int, int] = {}  # keys are numbered as they come, a block at a time
    key = [seen.setdefault(number, len(seen)) for number in found.key.tolist()]
    columns = (found.start_us, found.end_us, found.class_number)
    return list(zip(key, *(column.tolist() for column in columns), strict=True))


def ground_truth(records: list[dict[str, str]], folder: Path) -> bytes:
    flow_records.ground_truth(folder, records)
    return (folder / "DoS_HTTP.csv").read_bytes()


ENDS = {"cr": b"\r", "crlf": b"\r\n", "lf": b"\n"}
PACKED = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("dialect", ["entire", "no_header", "five_percent", "ground_truth"])
def test_lines_end_as_any_system_ends_them(
    dialect, ends, packed, records, right, tmp_path, monkeypatch
):
    monkeypatch.setattr(flow_csv, "BLOCK_BYTES", 20_001)  # blocks end between CR and LF, too
    (tmp_path / "make").mkdir()
    octets = {
        "entire": lambda: written(records).encode(),
        "no_header": lambda: written(records, header=False).encode(),
        "five_percent": lambda: written(records, FIVE_PERCENT).encode(),
        "ground_truth": lambda: ground_truth(records, tmp_path / "make"),
    }[dialect]()
    folder = tmp_path / "CSV"
    folder.mkdir()
    if dialect == "no_header":
        names = ",".join(COLUMNS).encode() + b"\n"
        (folder / NAMES_FILE).write_bytes(names.replace(b"\n", ENDS[ends]))
    path = folder / f"data_1.csv{packed}"
    path.write_bytes(PACKED[packed](octets.replace(b"\n", ENDS[ends])))

    assert read(folder) == right


def decimal_comma(name: str, value: str) -> str:
    return value.replace(".", ",") if name in TIMES else value


def joined(*lines_and_ends: tuple[str, str]) -> str:
    return "".join(line + end for line, end in lines_and_ends)


READ_RIGHTLY = {
    "utf-8 with a mark": lambda rows: b"\xef\xbb\xbf" + written(rows).encode(),
    "utf-16": lambda rows: written(rows).encode("utf-16"),
    "utf-16, big end first": lambda rows: b"\xfe\xff" + written(rows).encode("utf-16-be"),
    "utf-16 without a mark": lambda rows: written(rows).encode("utf-16-le"),
    "utf-16, CR, gzip": lambda rows: gzip.compress(written(rows, end="\r").encode("utf-16")),
    "a spreadsheet's Unicode text": lambda rows: written(
        rows, delimiter="\t", end="\r\n", change=decimal_comma).encode("utf-16"),
    "semicolons and decimal commas": lambda rows: written(
        rows, delimiter=";", end="\r\n", change=decimal_comma).encode(),
    "quoted decimal commas": lambda rows: written(
        rows, change=lambda name, value: f'"{decimal_comma(name, value)}"').encode(),
    "a line end in quotes": lambda rows: written(
        rows, change=lambda name, value: '"a\r\nb"' if name == "flgs" else value).encode(),
    "blanks around": lambda rows: written(
        rows, change=lambda name, value: f" {value} ").encode(),
    "quotes behind blanks": lambda rows: written(
        rows, delimiter=", ", change=lambda name, value: f'"{value}"').encode(),
    "a header in capitals and quotes": lambda rows: (
        ",".join(f' "{name.upper()} "' for name in COLUMNS) + "\n" + written(rows, header=False)
    ).encode(),
    "mixed line ends": lambda rows: "".join(
        line + ("\n", "\r\n", "\r")[number % 3]
        for number, line in enumerate(written(rows).splitlines())).encode(),
    "empty lines": lambda rows: (
        "\n\r\n" + written(rows, end="\n\n") + "\r\n\n").encode(),
    "no line end at the end": lambda rows: written(rows).rstrip("\n").encode(),
    "joined files": lambda rows: b"".join(
        b"\xef\xbb\xbf" + written(some).encode() for some in (rows[:300], rows[300:])),
    "a column of row numbers": lambda rows: "".join(
        f"{number},{line}\n" for number, line in enumerate(written(rows).splitlines())).encode(),
    "protocols by number": lambda rows: written(
        rows, change=lambda name, value: {"tcp": "6", "udp": "17"}.get(value, value)).encode(),
}  # fmt: skip


@pytest.mark.parametrize("how", READ_RIGHTLY)
def test_what_spreadsheets_and_other_systems_make_is_read(how, records, right, tmp_path):
    (tmp_path / "data_1.csv").write_bytes(READ_RIGHTLY[how](records))

    assert read(tmp_path) == right


@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "a.csv.gz", "a.Csv.XZ", "x.csv/part-0.csv"])
@pytest.mark.parametrize("packed", PACKED)
def test_what_a_file_begins_with_counts_and_not_its_name(name, packed, records, right, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(PACKED[packed](written(records).encode()))

    assert read(tmp_path) == right


def test_a_name_need_not_be_utf_8(records, right, tmp_path):
    folder = os.fsencode(tmp_path)
    with open(folder + b"/caf\xe9_1.csv", "wb") as stream:
        stream.write(written(records, header=False).encode())
    with open(folder + b"/\xe9_names.csv", "wb") as stream:
        stream.write((";".join(COLUMNS) + "\n").encode())

    assert read(tmp_path) == right
    with open(folder + b"/\xe9mpty.csv", "wb"):
        pass
    with pytest.raises(PacketidsError, match=r"/\\xe9mpty.csv: row 1.*it is empty") as caught:
        read(tmp_path)
    str(caught.value).encode()  # any stream takes it


RECORDS = flow_records.real()
FIRST = RECORDS[0]["stime"]
LAST = len(RECORDS) + 1  # row of the last record: row 1 is the header

BROKEN = {
    "cut in a row": (lambda text: text.rsplit(",", 5)[0].encode(),
                     rf"row {LAST} needs 35 columns and has 30"),
    "zeros at the end": (lambda text: text.encode() + bytes(5000),
                          rf"row {LAST + 1} needs 35 columns"),
    "many zeros at the end": (lambda text: text.encode() + bytes(20 << 20),
                               rf"row {LAST + 1}: .*cannot"),
    "only zeros": (lambda text: bytes(5000), r"row 1: .*first row is '\\x00"),
    "a zero in a field": (lambda text: text.replace(",arp,", ",ar\0p,", 1).encode(),
                          r"row \d+: proto needs a text, and is 'ar\\x00p'"),
    "a quote that does not end": (lambda text: text.replace(",e,", ',"e,', 1).encode(),
                                  r"row \d+: .*cannot be read"),
    "cut in UTF-16": (lambda text: text.encode("utf-16")[:-1], rf"row {LAST}: .*truncated data"),
    "rounded by a spreadsheet": (lambda text: text.replace(FIRST, "1.79549E+09"),
                                 r"row 2: stime needs seconds.*all their digits.*1.79549E\+09"),
    "a date": (lambda text: text.replace(FIRST, "2026-11-24 04:19:05"),
               r"row 2: stime needs seconds.*'2026-11-24 04:19:05'"),
    "microseconds": (lambda text: text.replace(FIRST, FIRST.replace(".", "")),
                     r"row 2: stime needs seconds"),
    "a number only Python reads": (lambda text: text.replace(FIRST, FIRST.replace("17", "1_7", 1)),
                                   r"row 2: stime needs seconds.*'1_7"),
    "a time of other bytes": (
        lambda text: text.encode().replace(FIRST.encode(), b"\xe9"), r"row 2: stime needs"),
    "cells of nothing": (lambda text: text + "," * 34 + "\n",
                         rf"row {LAST + 1}: stime needs.*is ''"),
    "a line of blanks": (lambda text: text + "   \n",
                         rf"row {LAST + 1} needs 35 columns and has 1: '   '"),
    "below empty lines": (lambda text: "\n\n" + text.replace("\n", "\n\n", 5).rsplit(",", 5)[0],
                          rf"row {LAST + 7} needs 35 columns and has 30"),
    "a wrong word below empty lines": (
        lambda text: "\n\n" + text.replace("\n", "\n\n", 1).replace("Normal,Normal", "DoS,X", 1),
        r"row 5: category and subcategory.*'DoS' and 'X'"),
    "a wrong word below a long field": (
        lambda text: text.replace(",e,", ',"\n\n",', 1).replace(",Normal\n", ",Normal\nx,", 1),
        r"row 5 needs 35 columns and has 36"),
    "cut gzip": (lambda text: gzip.compress(text.encode())[:-3000], r"cannot be read: .*ended"),
    "no end of gzip": (lambda text: gzip.compress(text.encode())[:-4], r"cannot be read: .*ended"),
    "cut xz": (lambda text: lzma.compress(text.encode())[:-300], r"cannot be read: .*ended"),
    "cut bzip2": (lambda text: bz2.compress(text.encode())[:-300], r"cannot be read: .*ended"),
    "another byte in gzip": (lambda text: changed(gzip.compress(text.encode())),
                              r"cannot be read|row \d+ needs"),
    "another byte in xz": (lambda text: changed(lzma.compress(text.encode())),
                            r"cannot be read|row \d+ needs"),
    "a zip archive": (lambda text: zipped(text), "it is a zip archive.*Unpack it"),
    "a page": (lambda text: "<!DOCTYPE html>\n<html>", r"row 1: .*first row is '<!DOCTYPE html>'"),
    "empty lines only": (lambda text: "\n\n \n", r"row 1: .*it is empty"),
}  # fmt: skip


def changed(packed: bytes) -> bytes:
    middle = len(packed) // 2
    return packed[:middle] + bytes(255 - octet for octet in packed[middle : middle + 9]) + packed[
        middle + 9 :
    ]  # fmt: skip


def zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("data_1.csv", text)
    return packed.getvalue()


@pytest.mark.parametrize("head_bytes", [1 << 12, 1 << 22])
@pytest.mark.parametrize("how", BROKEN)
def test_what_cannot_be_read_is_named_with_its_row(how, head_bytes, records, tmp_path, monkeypatch):
    """Also where the damage lies behind what a file is recognised by."""
    monkeypatch.setattr(flow_csv, "HEAD_BYTES", head_bytes)
    make, said = BROKEN[how]
    broken = make(written(records))
    path = tmp_path / "data_1.csv"
    path.write_bytes(broken if isinstance(broken, bytes) else broken.encode())

    with pytest.raises(PacketidsError, match=said) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(f"{path}: ") and len(str(caught.value)) < 700


def test_a_file_that_gives_no_octets_is_named(tmp_path):
    (tmp_path / "data_1.csv").symlink_to("/proc/self/mem")

    with pytest.raises(PacketidsError, match="data_1.csv: cannot be read: .*Input/output error"):
        read(tmp_path)


def table(tmp_path: Path, *rows: str, name: str = "some.csv", header: bool = True) -> Path:
    path = tmp_path / name
    lines = [",".join(flow_csv.NEEDED)] if header else []
    path.write_text("\n".join([*lines, *rows]) + "\n")
    return path


GOOD = "1526344121.188091,1526344122.5,tcp,10.0.0.1,80,10.0.0.2,4000,DoS,TCP"


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("80", 80), ("40307.0", 40307), ("0", 0), ("65535", 65535), ("0x0303", 0x303),
        ("xinetd", 9098), ("nut", 3493), ("login", 513), (" 80 ", 80),
        ("40307,0", 40307), ("", None), ("-1", None), ("65536", None), ("nosuchname", None),
        ("inf", None), ("nan", None),
    ],
)  # fmt: skip
def test_ports(text, port):
    assert flow_csv.port_of(text) == port


@pytest.mark.parametrize(
    ("pair", "key"),
    [
        (("DDoS", "TCP"), "DDoS_TCP"), (("DoS", "TCP"), "DoS_TCP"),
        (("Reconnaissance", "Service_Scan"), "Service_Scan"),
        (("Reconnaissance", "OS Fingerprint"), "OS_Fingerprint"),
        (("Theft", "Data_exfiltration"), "Data_Exfiltration"),
        (("Theft", "Keylogging "), "Keylogging"),
        (("Normal", "Normal"), "Normal"), (("Normal", ""), "Normal"), (("DoS", "SCTP"), None),
    ],
)  # fmt: skip
def test_pairs_of_labels(pair, key):
    assert flow_csv.class_of(*pair) == key


def test_records_that_match_no_packet_are_counted_with_why(tmp_path):
    rows = [GOOD.replace("tcp", "llc"), GOOD.replace(",80,", ",gopher,"),
            GOOD.replace("10.0.0.2", "00:50:56:be:00:01"), GOOD.replace("tcp", "256"),
            GOOD.replace("tcp", "99999999999"), GOOD.replace("tcp", "²"),
            GOOD.replace(",80,", ",inf,"), GOOD]  # fmt: skip
    read = flow_index.read([flow_csv.layout(table(tmp_path, *rows))])

    assert len(read) == 1
    assert read.unmatched == {
        "protocol 'llc'": 1, "port 'gopher'": 1, "address": 1, "protocol '256'": 1,
        "protocol '99999999999'": 1, "protocol '²'": 1, "port 'inf'": 1,
    }  # fmt: skip
    assert read.rows == 8


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([GOOD, GOOD.replace("1526344121.188091", "now")], r"row 3: stime needs.*'now'"),
        ([GOOD, GOOD.replace("1526344122.5", "")], r"row 3: ltime needs.*is ''"),
        ([GOOD, "stime,ltime,proto,saddr,sport,daddr,dport,category,subcategory",
          GOOD.replace("DoS,TCP", "DoS,SCTP")], r"row 4: category.*'DoS' and 'SCTP'"),
        ([GOOD, GOOD, GOOD[:40]], r"row 4 needs 9 columns and has 4"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_named(rows, said, tmp_path, monkeypatch):
    monkeypatch.setattr(flow_csv, "BLOCK_BYTES", 200)
    path = table(tmp_path, *rows)

    with pytest.raises(PacketidsError, match=said) as caught:
        flow_index.read([flow_csv.layout(path)])
    assert str(path) in str(caught.value)


def test_a_file_of_something_else_is_named(tmp_path):
    for name, octets, said in (
        ("other.csv", b"a,b\n1,2\n", "row 1: a file of BoT-IoT's flows needs the columns stime"),
        ("empty.csv", b"", "it is empty"),
        ("cut.csv.xz", lzma.compress(b"stime,ltime\n" * 99)[:40], "cannot be read"),
        ("part.csv", b"stime,saddr,daddr\n1,2,3\n", "lack ltime, proto, sport"),
    ):
        path = tmp_path / name
        path.write_bytes(octets)
        with pytest.raises(PacketidsError, match=said) as caught:
            flow_csv.layout(path)
        assert str(path) in str(caught.value)


def test_a_file_without_header_needs_its_names(records, tmp_path):
    flow_records.entire(tmp_path, records)
    names = tmp_path / "UNSW_2018_IoT_Botnet_Dataset_Feature_Names.csv"
    names.write_text("pkSeqID,stime,saddr,daddr\n")
    with pytest.raises(PacketidsError, match="names of its 35 columns.*Feature_Names.csv has 4"):
        flow_source.choose(tmp_path, ["entire"], is_bot_iot=True)
    names.unlink()

    with pytest.raises(PacketidsError, match="Dataset_1.csv: row 1 is no header.*there is none"):
        flow_source.choose(tmp_path, ["entire"], is_bot_iot=True)


def test_a_file_that_is_cut_behind_its_head_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(flow_csv, "HEAD_BYTES", 4000)
    whole = (ROOT / "captures/tiny/flows/flows.csv.xz").read_bytes()
    path = tmp_path / "flows.csv.xz"
    path.write_bytes(whole[: len(whole) // 2])

    one = flow_csv.layout(path)
    with pytest.raises(PacketidsError, match=r"flows.csv.xz: row \d+: needs whole CSV data of 35"):
        flow_index.read([one])


@pytest.mark.parametrize("packed", ["", ".gz", ".xz"])
def test_rows_are_estimated_from_the_head(packed, records, tmp_path, monkeypatch):
    monkeypatch.setattr(flow_csv, "HEAD_BYTES", 1 << 20)
    random = np.random.default_rng(0)
    numbers = ("pkSeqID", "bytes", "seq", "dur", "mean", "rate", "srate", "drate")
    rows = [
        row | dict(zip(numbers, (f"{number:.6f}" for number in random.random(8)), strict=True))
        for row in records * 20
    ]
    path = tmp_path / "data_1.csv"
    path.write_bytes(PACKED[packed](written(rows).encode()))
    about = flow_csv.layout(path).rows

    assert about == pytest.approx(len(rows), rel=0.2)
    monkeypatch.setattr(flow_csv, "HEAD_BYTES", 1 << 24)
    assert flow_csv.layout(path).rows == len(rows)
    assert len(flow_index.read([flow_csv.layout(path)])) == len(rows)
