"""Flow records as CSV files: which dialect a file is in, and its rows as columns.

BoT-IoT comes with CSV files that its authors made with Argus. Files of several dialects are about,
and all are read by the names of their columns, never by position:

- ``entire``: 35 columns, a header (the Kaggle copy, whose last name ends in a space) or none, then
  with a file of names beside it;
- ``five_percent``: the same and more columns with a header, ports of ARP are ``-1``;
- ``ground_truth``: ``;`` between columns, control bytes, ``subsubcategory`` for ``subcategory``.

Ports may be decimal, hexadecimal, floats (``40307.0``), service names or empty. Files go through
spreadsheets and other systems before they get here, so a file may also be compressed, whatever its
name says; end its lines as any system does; be in UTF-16; separate columns by ``,``, ``;`` or tab;
have decimal commas; and repeat its header. What cannot be read is refused with its
file and row.
"""

import bz2
import csv
import gzip
import io
import itertools
import lzma
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from packetids.core import classes
from packetids.core.errors import PacketidsError

ENTIRE, GROUND_TRUTH, FIVE_PERCENT = "entire", "ground_truth", "five_percent"
SOURCES = (ENTIRE, GROUND_TRUTH, FIVE_PERCENT)
TEN_BEST, NAMES = "ten_best", "names"  # files of the dataset that hold no times, or no flows

NEEDED = (
    "stime", "ltime", "proto", "saddr", "sport", "daddr", "dport", "category", "subcategory",
)  # fmt: skip
_ADDED = {"flgs_number", "proto_number", "state_number", "tnbpsrcip"}  # to the 5 % files
SUFFIXES = (".csv", ".csv.xz", ".csv.gz", ".csv.bz2")
DELIMITERS = ",;\t"
BLOCK_BYTES = 8 << 20
HEAD_BYTES = 4 << 20  # of a file are read to recognise it and to estimate its rows
FIRST_CHARACTERS = 1 << 16  # hold the first rows
BEGIN_ROWS = 10  # tell one file of the dataset from another
SECONDS_MAX = 1e10  # since 1970; larger numbers are milliseconds or less

# Argus' names of protocols, by number (IANA); ARP has no number there.
ARP, TCP, UDP, IPV6_ICMP = 256, 6, 17, 58
PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ipnip": 4, "tcp": TCP, "udp": UDP, "ipv6": 41, "gre": 47, "esp": 50,
    "ah": 51, "ipv6-icmp": IPV6_ICMP, "icmp6": IPV6_ICMP, "ospf": 89, "pim": 103, "sctp": 132,
    "arp": ARP,
}  # fmt: skip

# Service names in BoT-IoT's ground truth in place of numbers, and the usual ones (RFC 6335).
SERVICES = {
    "xinetd": 9098, "nut": 3493, "login": 513, "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23,
    "smtp": 25, "domain": 53, "bootps": 67, "bootpc": 68, "tftp": 69, "http": 80, "www": 80,
    "sunrpc": 111, "ntp": 123, "netbios-ns": 137, "netbios-dgm": 138, "netbios-ssn": 139,
    "snmp": 161, "https": 443, "microsoft-ds": 445, "shell": 514, "mysql": 3306, "mdns": 5353,
    "postgresql": 5432, "http-alt": 8080, "secure-mqtt": 8883, "mqtt": 1883,
}  # fmt: skip

# The CSVs' spellings of a subcategory, below each category, in lower case with "_" for " " and "-".
_SPELLINGS = {
    ("ddos", "http"): "DDoS_HTTP", ("ddos", "tcp"): "DDoS_TCP", ("ddos", "udp"): "DDoS_UDP",
    ("dos", "http"): "DoS_HTTP", ("dos", "tcp"): "DoS_TCP", ("dos", "udp"): "DoS_UDP",
    ("reconnaissance", "service_scan"): "Service_Scan",
    ("reconnaissance", "service"): "Service_Scan",
    ("reconnaissance", "os_fingerprint"): "OS_Fingerprint",
    ("reconnaissance", "os_fingerprinting"): "OS_Fingerprint",
    ("reconnaissance", "os_scan"): "OS_Fingerprint",
    ("reconnaissance", "os"): "OS_Fingerprint",
    ("theft", "keylogging"): "Keylogging",
    ("theft", "data_exfiltration"): "Data_Exfiltration",
    ("theft", "data_theft"): "Data_Exfiltration",
}  # fmt: skip

# What a compressed file begins with; of archives none is unpacked here.
_COMPRESSED: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open, b"BZh": bz2.open,
}  # fmt: skip
_ARCHIVES = {
    b"PK\x03\x04": "a zip archive or an Excel workbook", b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive", b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\x04\x22\x4d\x18": "compressed by lz4",
}  # fmt: skip
_READ_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error, UnicodeError)
_DO = "Fetch the file again, or take it out of the captures folder."
_SECONDS = re.compile(rb"\d+(\.\d*)?")
_AROUND = ' \t"'  # of a value: what some exports leave around it


class Aside(NamedTuple):
    """A file that is left aside, and why."""

    path: Path
    why: str


@dataclass(frozen=True)
class Layout:
    """What kind of CSV file a file is, and where its columns are."""

    path: Path
    source: str  # one of SOURCES, TEN_BEST or NAMES
    delimiter: str
    columns: int
    header: bool
    positions: dict[str, int]  # of NEEDED
    encoding: str
    rows: int  # about; exact for a file of at most HEAD_BYTES
    begin: tuple[tuple[str, ...], ...]  # the first rows, but for how they are written


@dataclass(frozen=True)
class Block:
    """Some rows as columns; texts are distinct ones, and of each row a position among them."""

    texts: dict[str, list[str]]  # of proto, saddr, daddr, sport and dport
    code: dict[str, np.ndarray]
    protocol: np.ndarray  # int32, -1 where unknown
    source_port: np.ndarray  # int32, -1 where unknown
    destination_port: np.ndarray
    start_us: np.ndarray  # int64, since 1970-01-01 UTC
    end_us: np.ndarray
    class_number: np.ndarray  # int8, position in classes.KEYS

    def why_unmatched(self, i: int) -> str:
        """Explain why no packet can match row `i` of this block."""
        if self.protocol[i] < 0:
            return f"protocol {self.texts['proto'][self.code['proto'][i]]!r}"
        if self.protocol[i] in (TCP, UDP):
            for name, port in (("sport", self.source_port), ("dport", self.destination_port)):
                if port[i] < 0:
                    return f"port {self.texts[name][self.code[name][i]]!r}"
        return "address"


def shown(path: Path) -> str:
    """Write a path so that any stream and file takes it: a name need not be UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_utf_8(path: Path) -> bool:
    """Check whether a name is UTF-8, as DVC needs."""
    return shown(path) == str(path)


def find(folder: Path) -> tuple[list[Path], list[Aside]]:
    """List the CSV files below `folder`, sorted, and what may be meant to be one and is not read.

    Linked folders are not entered: neither does DVC, which must see what a result depends on.
    """
    found: list[Path] = []
    aside: list[Aside] = []

    def not_listed(error: OSError) -> None:
        aside.append(Aside(Path(error.filename), f"it cannot be listed: {error.strerror}"))

    for top, folders, names in os.walk(folder, onerror=not_listed):
        for name in folders:
            path = Path(top, name)
            if path.is_symlink() and any(".csv" in p.name.lower() for p in path.rglob("*")):
                aside.append(Aside(path, "linked folders are not read; put the folder itself here"))
        for name in names:
            path, lower = Path(top, name), name.lower()
            if name.startswith(".") or ".csv" not in lower:
                continue
            if not lower.endswith(SUFFIXES):
                aside.append(Aside(path, f"only names in {', '.join(SUFFIXES)} are read"))
            elif path.is_file():
                found.append(path)
            else:
                aside.append(Aside(path, "it leads to no file"))
    return sorted(found), sorted(aside)


def layout(path: Path) -> Layout:
    """Recognise the dialect of the CSV file `path` by its first rows.

    Raises
    ------
    PacketidsError
        If it cannot be read, or is no file of flows in a known dialect.
    """
    text, encoding, share = _head(path)
    delimiter = _delimiter(text)
    rows = _first_rows(text, delimiter)
    if not rows:
        raise _unknown(path, "it is empty")
    names = _names(rows[0])
    header = {"saddr", "daddr"} <= set(names)
    lines = sum(1 for line in io.StringIO(text, newline=None) if line.strip())
    about = round((lines - header) / share)
    if header:
        source = NAMES if len(rows) == 1 else _source(path, names, delimiter)
        if source in (NAMES, TEN_BEST):
            return Layout(path, source, delimiter, len(names), True, {}, encoding, about, ())
    elif any(_is_time(_number_text(value)) for value in rows[0]):
        names = _names_beside(path, len(rows[0]))
        source = _source(path, names, delimiter)
    else:
        raise _unknown(path, f"its first row is {_quoted(rows[0], delimiter)}")
    if missing := [name for name in NEEDED if name not in names]:
        raise _unknown(path, f"its columns lack {', '.join(missing)}")
    positions = {name: names.index(name) for name in NEEDED}
    begin = tuple(_comparable(row, positions) for row in rows[header : header + BEGIN_ROWS])
    return Layout(
        path, source, delimiter, len(names), header, positions, encoding, about, begin
    )  # fmt: skip


def blocks(one: Layout) -> Iterator[Block]:
    """Read the rows of a file, a block at a time; rows that repeat the header are left out.

    Raises
    ------
    PacketidsError
        If a row does not fit: says the file, the row, what was needed and what was there.
    """
    number = 1
    for batch in _batches(one):
        yield _decode(one, batch, number)
        number += batch.num_rows


def class_of(category: str, subcategory: str) -> str | None:
    """Return the class of `classes.KEYS` for BoT-IoT's pair of labels; None if it is none."""
    words = tuple(
        text.strip().lower().replace(" ", "_").replace("-", "_") for text in (category, subcategory)
    )
    return classes.NORMAL if words[0] == "normal" else _SPELLINGS.get(words)  # type: ignore[arg-type]


def port_of(text: str) -> int | None:
    """Read a port: decimal, hexadecimal, float or service name; None if it is none of these."""
    text = text.strip().lower()
    try:
        if text.isdecimal():
            number = int(text)
        else:
            number = int(text, 16) if text[:2] == "0x" else int(float(text.replace(",", ".")))
    except (ValueError, OverflowError):
        return SERVICES.get(text)
    return number if 0 <= number <= 0xFFFF else None


def protocol_of(text: str) -> int | None:
    """Read a protocol: Argus' name or IANA's number; None if it is none that packets show."""
    text = text.strip().lower()
    if text.isdecimal():
        return int(text) if int(text) <= 0xFF else None
    return PROTOCOLS.get(text)


def _decode(one: Layout, batch: pa.RecordBatch, first: int) -> Block:
    data = np.asarray(_is_data(batch.column("stime")))
    records = first + np.flatnonzero(data)
    if len(records) < batch.num_rows:
        batch = batch.filter(pa.array(data))
    start = _microseconds(one, batch.column("stime"), "stime", records)
    end = np.maximum(start, _microseconds(one, batch.column("ltime"), "ltime", records))
    class_number = _labels(one, batch, records)
    texts, code = {}, {}
    for name in ("proto", "saddr", "daddr", "sport", "dport"):
        texts[name], code[name] = _distinct(batch.column(name))
        for i, text in enumerate(texts[name]):
            if "\0" in text:
                at = records[np.flatnonzero(code[name] == i)[0]]
                raise _refused(one, at, f"{name} needs a text, and is {text[:40]!r}")
    protocol = _lookup(texts["proto"], protocol_of)[code["proto"]]
    source, destination = (_lookup(texts[name], port_of)[code[name]] for name in ("sport", "dport"))
    return Block(texts, code, protocol, source, destination, start, end, class_number)


def _lookup(texts: list[str], meaning: Callable[[str], int | None]) -> np.ndarray:
    values = (meaning(text) for text in texts)
    return np.array([-1 if value is None else value for value in values] + [-1], np.int32)


def _distinct(column: pa.Array) -> tuple[list[str], np.ndarray]:
    """Return the distinct texts of a column, and of each row its position among them."""
    encoded = column.dictionary_encode()
    texts = [
        value.decode("utf-8", "replace").strip(_AROUND) for value in encoded.dictionary.to_pylist()
    ]
    return texts, np.asarray(encoded.indices)


def _is_data(stime: pa.Array) -> pa.Array:
    """Mark the rows that are data; some exports repeat the header, after a byte order mark."""
    return pc.invert(pc.match_substring_regex(stime, r'(?i)^(\xEF\xBB\xBF)?[\s"]*stime[\s"]*$'))


def _microseconds(one: Layout, column: pa.Array, name: str, records: np.ndarray) -> np.ndarray:
    """Read seconds with their decimals; a double holds microseconds of this century exactly.

    An exponent is the mark of a spreadsheet that rounded the number.
    """
    try:
        texts = pc.ascii_trim(column.cast(pa.string()), characters=_AROUND)
        texts = pc.replace_substring(texts, pattern=",", replacement=".")
        seconds = np.asarray(texts.cast(pa.float64()))
        rounded = pc.or_(pc.match_substring(texts, "e"), pc.match_substring(texts, "E"))
        bad = np.flatnonzero(np.asarray(rounded) | ~(seconds < SECONDS_MAX))
    except pa.ArrowInvalid:
        values = (value.strip(_AROUND.encode()).replace(b",", b".") for value in column.to_pylist())
        bad = np.array([i for i, v in enumerate(values) if not _SECONDS.fullmatch(v)] or [0])
    if len(bad):
        found = column[int(bad[0])].as_py().decode("utf-8", "replace")
        raise _refused(
            one, records[bad[0]],
            f"{name} needs seconds since 1970 with all their digits, such as 1526344121.188091, "
            f"and is {found[:40]!r}",
        )  # fmt: skip
    return np.rint(seconds * 1e6).astype(np.int64)


def _labels(one: Layout, batch: pa.RecordBatch, records: np.ndarray) -> np.ndarray:
    categories, category = _distinct(batch.column("category"))
    subcategories, subcategory = _distinct(batch.column("subcategory"))
    pair = category.astype(np.int64) * len(subcategories) + subcategory
    distinct, first, place = np.unique(pair, return_index=True, return_inverse=True)
    values = []
    for value, row in zip(distinct, first, strict=True):
        words = categories[value // len(subcategories)], subcategories[value % len(subcategories)]
        key = class_of(*words)
        if key is None:
            known = ", ".join(f"{e.category}/{e.subcategory}" for e in classes.SUBCATEGORIES)
            raise _refused(
                one, records[row],
                f"category and subcategory need one of {known}, and are {words[0][:40]!r} and "
                f"{words[1][:40]!r}",
            )  # fmt: skip
        values.append(classes.KEYS.index(key))
    return np.array(values, np.int8)[place] if values else np.empty(0, np.int8)


def _batches(one: Layout) -> Iterator[pa.RecordBatch]:
    every = [str(position) for position in range(one.columns)]
    needed = {str(position): name for name, position in one.positions.items()}
    try:
        with _unpacked(one.path) as (_, stream):
            reader = pa.csv.open_csv(
                stream,
                read_options=pa.csv.ReadOptions(
                    column_names=every, block_size=BLOCK_BYTES, encoding=one.encoding
                ),
                parse_options=pa.csv.ParseOptions(
                    delimiter=one.delimiter, newlines_in_values=True
                ),
                convert_options=pa.csv.ConvertOptions(
                    include_columns=list(needed),
                    column_types=dict.fromkeys(needed, pa.binary()),
                    strings_can_be_null=False,
                    check_utf8=False,
                ),
            )  # fmt: skip
            for batch in reader:
                yield batch.rename_columns([needed[name] for name in batch.schema.names])
    except (pa.ArrowInvalid, *_READ_ERRORS) as error:
        raise PacketidsError(_misfit(one, error)) from None


def _misfit(one: Layout, error: Exception) -> str:
    """Find the row that is to blame; the fast reader does not always say."""
    last = 0
    try:
        for number, row in _numbered(one):
            if len(row) != one.columns:
                return (
                    f"{shown(one.path)}: row {number} needs {one.columns} columns and has "
                    f"{len(row)}: {_quoted(row, one.delimiter)}. {_DO}"
                )
            last = number
    except (csv.Error, *_READ_ERRORS) as found:
        error = found
    return (
        f"{shown(one.path)}: row {last + 1}: needs whole CSV data of {one.columns} columns, and "
        f"cannot be read: {error}. {_DO}"
    )


def _numbered(one: Layout) -> Iterator[tuple[int, list[str]]]:
    """Read rows slowly, each with the line of the file that it ends in; not empty lines."""
    encoding = "latin-1" if one.encoding == "utf8" else one.encoding
    with _unpacked(one.path) as (_, stream):
        rows = csv.reader(io.TextIOWrapper(stream, encoding, newline=""), delimiter=one.delimiter)
        for row in rows:
            if row:
                yield rows.line_num, row


def _refused(one: Layout, record: int, why: str) -> PacketidsError:
    """Describe what is wrong with the `record`-th row that is not empty."""
    number = int(record)
    with suppress(csv.Error, *_READ_ERRORS):
        number, _ = next(itertools.islice(_numbered(one), number - 1, None), (number, []))
    return PacketidsError(f"{shown(one.path)}: row {number}: {why}. {_DO}")


@contextmanager
def _unpacked(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Open `path` and what it holds, unpacked: what a file begins with counts, not its name."""
    with path.open("rb") as raw:
        begin = raw.read(max(map(len, _COMPRESSED)))
        raw.seek(0)
        opener = next((o for magic, o in _COMPRESSED.items() if begin.startswith(magic)), None)
        if opener is None:
            yield raw, raw
            return
        with opener(raw, "rb") as stream:
            yield raw, stream


def _head(path: Path) -> tuple[str, str, float]:
    """Read the text that a file begins with, its encoding, and which share of the file it is."""
    try:
        with _unpacked(path) as (raw, stream):
            block = stream.read(HEAD_BYTES)
            whole = not stream.read(1)
            share = 1.0 if whole else min(raw.tell() / path.stat().st_size, 1.0)
    except _READ_ERRORS as error:
        raise PacketidsError(
            f"{shown(path)}: cannot be read: {error}. If it is damaged or cut short, fetch it "
            "again, or take it out of the captures folder."
        ) from None
    for magic, kind in _ARCHIVES.items():
        if block.startswith(magic):
            raise PacketidsError(
                f"{shown(path)}: it is {kind}, which is not read here. Unpack it, or take it out "
                "of the captures folder."
            )
    encoding = _encoding(block)
    return block.decode("utf-8-sig" if encoding == "utf8" else encoding, "replace"), encoding, share


def _encoding(begin: bytes) -> str:
    """Detect UTF-16 and UTF-32 by their byte order mark or by the zero bytes of plain text."""
    if begin.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    even, odd = set(begin[:8:2]), set(begin[1:8:2])
    if odd == {0} and 0 not in even:
        return "utf-16-le"
    return "utf-16-be" if even == {0} and 0 not in odd else "utf8"


def _delimiter(text: str) -> str:
    first_line = re.split(r"[\r\n]", text[:FIRST_CHARACTERS].lstrip(), maxsplit=1)[0]
    return max(DELIMITERS, key=first_line.count)


def _quoted(row: list[str], delimiter: str) -> str:
    text = delimiter.join(row)
    return repr(text[:80]) if text.isprintable() else f"{text[:16]!r} …"


def _first_rows(text: str, delimiter: str) -> list[list[str]]:
    lines = io.StringIO(text[:FIRST_CHARACTERS], newline="")
    rows = (row for row in csv.reader(lines, delimiter=delimiter) if any(map(str.strip, row)))
    return list(itertools.islice(rows, BEGIN_ROWS + 1))


def _source(path: Path, names: list[str], delimiter: str) -> str:
    if "stime" not in names and "pkseqid" in names:
        return TEN_BEST
    if _ADDED & set(names) or "5pc" in path.name.lower():
        return FIVE_PERCENT
    by_hand = delimiter == ";" and "pkseqid" not in names
    return GROUND_TRUTH if by_hand or {"dir", "record"} & set(names) else ENTIRE


def _comparable(row: list[str], positions: dict[str, int]) -> tuple[str, ...]:
    """Write a row so that copies of it agree: some went through pandas or a spreadsheet."""
    values = []
    for name in ("stime", "ltime", "proto", "saddr", "daddr"):
        text = row[positions[name]].strip(_AROUND).lower() if positions[name] < len(row) else ""
        values.append(repr(float(_number_text(text))) if _is_time(_number_text(text)) else text)
    return tuple(values)


def _names(row: list[str]) -> list[str]:
    names = [name.strip().strip(_AROUND).lower() for name in row]
    return ["subcategory" if name == "subsubcategory" else name for name in names]


def _names_beside(path: Path, columns: int) -> list[str]:
    """Find the file of names for a file without a header: a single row of names, beside it."""
    seen = []
    for other in sorted(path.parent.iterdir()):
        lower = other.name.lower()
        if other == path or "names" not in lower or not lower.endswith(SUFFIXES):
            continue
        text, _, _ = _head(other)
        names = _names((_first_rows(text, _delimiter(text)) or [[]])[0])
        if len(names) == columns:
            return names
        seen.append(f"{other.name} has {len(names)}")
    raise PacketidsError(
        f"{shown(path)}: row 1 is no header, so a file with the names of its {columns} columns is "
        f"needed beside it (UNSW_2018_IoT_Botnet_Dataset_Feature_Names.csv or data_names.csv); "
        f"{'; '.join(seen) or 'there is none'}. Put it there."
    )


def _number_text(text: str) -> str:
    return text.strip(_AROUND).replace(",", ".")


def _is_time(text: str) -> bool:
    try:
        return 1e8 < float(text) < SECONDS_MAX
    except ValueError:
        return False


def _unknown(path: Path, found: str) -> PacketidsError:
    return PacketidsError(
        f"{shown(path)}: row 1: a file of BoT-IoT's flows needs the columns {', '.join(NEEDED)}, "
        f"and {found}. Take the file out of the captures folder, or fetch it again."
    )
