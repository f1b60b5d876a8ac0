"""The dataset's own labels: Argus flow records as CSV, and the flow that each packet belongs to.

BoT-IoT comes with CSV files that its authors made with Argus and labelled by scenario; Ge et al.
2019 did not use them for labels. Files of several dialects are about, and all are read by the
names of their columns, never by position:

- ``entire``: 35 columns, a header (the Kaggle copy, whose last name ends in a space) or none, then
  with a file of names beside it;
- ``five_percent``: 46 columns with a header, ports of ARP are ``-1``;
- ``ground_truth``: ``;`` between columns, control bytes, ``subsubcategory`` for ``subcategory``.

Ports may be decimal, hexadecimal, floats (``40307.0``), service names or empty. A packet belongs to
a flow if protocol, addresses and ports agree in either direction, and the packet's time lies in
[stime, ltime], give or take a tolerance.

Memory: a flow is `OCTETS_PER_FLOW` octets, so a million flows are 25 MB; text is never kept.
"""

import csv
import gzip
import io
import ipaddress
import lzma
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from packetids import classes, label
from packetids.errors import PacketidsError

ENTIRE, GROUND_TRUTH, FIVE_PERCENT = "entire", "ground_truth", "five_percent"
SOURCES = (ENTIRE, GROUND_TRUTH, FIVE_PERCENT)
TEN_BEST, NAMES = "ten_best", "names"  # files of the dataset that hold no times, or no flows

NEEDED = (
    "stime", "ltime", "proto", "saddr", "sport", "daddr", "dport", "category", "subcategory",
)  # fmt: skip
SUFFIXES = (".csv", ".csv.xz", ".csv.gz")
BLOCK_OCTETS = 8 << 20
OCTETS_PER_FLOW = 25  # key 8, first time 8, last time 8, class 1
UNCOVERED = -1  # in place of a class: no flow holds the packet

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


@dataclass(frozen=True)
class Layout:
    """What kind of CSV file a file is, and where its columns are."""

    path: Path
    source: str  # one of SOURCES, TEN_BEST or NAMES
    delimiter: str
    columns: int
    header: bool
    positions: dict[str, int]  # of NEEDED


class Keys:
    """Numbers for five-tuples without direction, exact and small.

    Distinct addresses are few, so each pair of addresses with a protocol gets a number; the key is
    that number and the two ports, 64 bits. Ports count for TCP and UDP only.
    """

    ABSENT = np.uint64(2**64 - 1)

    def __init__(self) -> None:
        self._addresses: dict[str, int] = {}
        self._pairs: dict[int, int] = {}

    def of(
        self,
        names: list[str],
        source: np.ndarray,
        destination: np.ndarray,
        protocol: np.ndarray,
        source_port: np.ndarray,
        destination_port: np.ndarray,
        grow: bool,
    ) -> np.ndarray:
        """Give the key of each flow or packet; `ABSENT` where something is missing or unknown.

        Parameters
        ----------
        names : list of str
            Addresses; `source` and `destination` are positions in it, -1 for none.
        protocol, source_port, destination_port : numpy.ndarray of int32, shape (n,)
            -1 where unknown; ports are ignored but for TCP and UDP.
        grow : bool
            Give new addresses a number (flows); otherwise they have no key (packets).

        Returns
        -------
        numpy.ndarray of uint64, shape (n,)
        """
        number = np.array([self._address(name, grow) for name in names] + [-1], np.int64)
        one, other = number[source], number[destination]
        has_ports = (protocol == TCP) | (protocol == UDP)
        one_port = np.where(has_ports, source_port, 0).astype(np.int64)
        other_port = np.where(has_ports, destination_port, 0).astype(np.int64)
        swap = (one > other) | ((one == other) & (one_port > other_port))
        one, other = np.where(swap, other, one), np.where(swap, one, other)
        one_port, other_port = (
            np.where(swap, other_port, one_port),
            np.where(swap, one_port, other_port),
        )
        known = (one >= 0) & (protocol >= 0) & (one_port >= 0) & (other_port >= 0)
        triple = (protocol.astype(np.int64) << 52) | (one << 26) | other
        distinct, place = np.unique(triple[known], return_inverse=True)
        pairs = np.array([self._pair(int(value), grow) for value in distinct], np.int64)
        key = np.full(len(triple), self.ABSENT)
        pair = pairs[place] if len(pairs) else np.empty(0, np.int64)
        found = ((pair << 32) | (one_port[known] << 16) | other_port[known]).astype(np.uint64)
        key[known] = np.where(pair >= 0, found, self.ABSENT)
        return key

    def _address(self, name: str, grow: bool) -> int:
        try:
            name = ipaddress.ip_address(name).compressed
        except ValueError:  # an Ethernet address, or nothing
            return -1
        if grow:
            return self._addresses.setdefault(name, len(self._addresses))
        return self._addresses.get(name, -1)

    def _pair(self, triple: int, grow: bool) -> int:
        if grow:
            return self._pairs.setdefault(triple, len(self._pairs))
        return self._pairs.get(triple, -1)


@dataclass
class Flows:
    """Flow records as columns, in the order of the files."""

    source: str  # one of SOURCES
    files: int
    keys: Keys
    key: np.ndarray  # uint64
    start_us: np.ndarray  # int64, since 1970-01-01 UTC
    end_us: np.ndarray  # int64
    class_number: np.ndarray  # int8, position in classes.KEYS
    unmatched: Counter[str] = field(default_factory=Counter)  # rows that no packet can match, why

    def __len__(self) -> int:
        return len(self.key)

    def during(self, first_us: int, last_us: int, tolerance_us: int) -> "Index":
        """Make the flows findable that may hold a packet between two times."""
        overlaps = self.start_us <= last_us + tolerance_us
        overlaps &= self.end_us >= first_us - tolerance_us
        key, start = self.key[overlaps], self.start_us[overlaps]
        order = np.lexsort((start, key))
        key = key[order]
        distinct, first = np.unique(key, return_index=True)
        start, end = start[order], self.end_us[overlaps][order]
        bounds = np.append(first, len(key)).astype(np.int64)
        return Index(
            self.keys, distinct, bounds, start, end, _latest_end(bounds, end),
            self.class_number[overlaps][order], tolerance_us,
        )  # fmt: skip


@dataclass(frozen=True)
class Index:
    """Flows sorted by key and start."""

    keys: Keys
    distinct: np.ndarray  # uint64, keys in order
    bounds: np.ndarray  # int64: flows of key i are bounds[i] to bounds[i + 1]
    start_us: np.ndarray
    end_us: np.ndarray
    latest_end_us: np.ndarray  # of this flow and the earlier ones with its key
    class_number: np.ndarray
    tolerance_us: int

    def classify(self, packets: pa.Table, ends: label.Ends) -> tuple[np.ndarray, np.ndarray]:
        """Find the class of each packet's flow.

        Of the flows with the packet's five-tuple the nearest in time counts, if it is within the
        tolerance; inside [stime, ltime] the distance is 0. Of flows equally near that which began
        last counts; where they are of different classes, they disagree.

        Returns
        -------
        found : numpy.ndarray of int8, shape (n_packets,)
            Position in `classes.KEYS`, or `UNCOVERED`.
        disagree : numpy.ndarray of bool, shape (n_packets,)
        """
        key = packet_keys(packets, ends, self.keys)
        nanoseconds = packets["frame.time_epoch"].cast(pa.int64())
        has_time = np.asarray(pc.is_valid(nanoseconds))
        time_us = np.asarray(pc.fill_null(nanoseconds, 0)) // 1000
        key = np.where(has_time, key, Keys.ABSENT)
        found = np.full(len(key), UNCOVERED, np.int8)
        disagree = np.zeros(len(key), bool)
        if len(self.distinct):
            place = np.minimum(np.searchsorted(self.distinct, key), len(self.distinct) - 1)
            place = np.where(self.distinct[place] == key, place, -1)
            _nearest(
                place, time_us, self.bounds, self.start_us, self.end_us, self.latest_end_us,
                self.class_number, self.tolerance_us, found, disagree,
            )  # fmt: skip
        return found, disagree


def packet_keys(packets: pa.Table, ends: label.Ends, keys: Keys) -> np.ndarray:
    """Give the key of each packet: outer addresses, their protocol, and ports of TCP and UDP.

    An ICMP message quotes the packet that it is about, whose ports are in the UDP or TCP fields;
    the outer header's protocol says that they are not the message's own. TShark's fields do not
    name the protocol of an IPv6 packet: with one IPv6 header TCP and UDP show in their ports, and
    all else counts as ICMPv6, on the side of the flows too.
    """
    protocol = label.outer_numbers(packets["ip.proto"])
    tcp = _ports(packets, "tcp")
    udp = _ports(packets, "udp")
    over_ipv6 = np.where(
        ends.headers > 1, IPV6_ICMP, np.where(tcp[0] >= 0, TCP, np.where(udp[0] >= 0, UDP, 58))
    )
    protocol = np.select([ends.layer == label.IPV6, ends.layer == label.ARP],
                         [over_ipv6, np.full(len(protocol), ARP)], protocol)  # fmt: skip
    source_port = np.where(protocol == TCP, tcp[0], udp[0])
    destination_port = np.where(protocol == TCP, tcp[1], udp[1])
    return keys.of(
        ends.names, ends.source, ends.destination, protocol.astype(np.int32),
        source_port, destination_port, grow=False,
    )  # fmt: skip


def _ports(packets: pa.Table, protocol: str) -> tuple[np.ndarray, np.ndarray]:
    source, destination = (
        np.asarray(pc.fill_null(packets[f"{protocol}.{end}"].cast(pa.int32()), -1))
        for end in ("srcport", "dstport")
    )
    return source, destination


@numba.njit(cache=True)
def _latest_end(bounds: np.ndarray, end: np.ndarray) -> np.ndarray:
    latest = end.copy()
    for i in range(len(bounds) - 1):
        for j in range(bounds[i] + 1, bounds[i + 1]):
            latest[j] = max(latest[j], latest[j - 1])
    return latest


@numba.njit(cache=True)
def _nearest(  # type: ignore[no-untyped-def]
    place, time_us, bounds, start_us, end_us, latest_end_us, labels, tolerance_us, found, disagree
):
    for i in range(len(place)):
        if place[i] < 0:
            continue
        time, low = time_us[i], bounds[place[i]]
        # The last flow that begins at or before the latest time that counts.
        left, right = low, bounds[place[i] + 1]
        while left < right:
            middle = (left + right) // 2
            if start_us[middle] <= time + tolerance_us:
                left = middle + 1
            else:
                right = middle
        nearest = tolerance_us + 1
        j = left - 1
        # No flow at or before j ends later than latest_end_us[j], so once that is too far, all are.
        while j >= low and latest_end_us[j] >= time - min(nearest, tolerance_us):
            distance = max(start_us[j] - time, time - end_us[j], 0)
            if distance < nearest:
                nearest, found[i], disagree[i] = distance, labels[j], False
            elif distance == nearest and distance <= tolerance_us and labels[j] != found[i]:
                disagree[i] = True
            j -= 1


def find(folder: Path) -> list[Path]:
    """List the CSV files below `folder`, plain or compressed, sorted."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.name.lower().endswith(SUFFIXES) and path.is_file() and path.name[0] != "."
    )


def layout(path: Path) -> Layout:
    """Tell what kind of CSV file `path` is, from its first row.

    Raises
    ------
    PacketidsError
        If it is no file of flows in a known dialect.
    """
    first, more = _first_row(path)
    delimiter = ";" if first.count(";") > first.count(",") else ","
    row = next(csv.reader([first], delimiter=delimiter), [])
    names = first_names = _names(row)
    if {"saddr", "daddr"} <= set(names):
        if not more:
            return Layout(path, NAMES, delimiter, len(names), True, {})
        if "stime" not in names and "pkseqid" in names:
            return Layout(path, TEN_BEST, delimiter, len(names), True, {})
        if delimiter == ";":
            source = GROUND_TRUTH
        else:
            source = FIVE_PERCENT if "state_number" in names else ENTIRE
    elif not any(_is_time(value) for value in row):
        raise _unknown(path, f"its first row is {first[:80]!r}")
    else:
        names = _names_beside(path, len(row))
        source = ENTIRE
    if missing := [name for name in NEEDED if name not in names]:
        raise _unknown(path, f"its columns lack {', '.join(missing)}")
    header = {"saddr", "daddr"} <= set(first_names)
    return Layout(path, source, delimiter, len(names), header, {n: names.index(n) for n in NEEDED})


def choose(paths: Iterable[Path], preference: Sequence[str]) -> tuple[str, list[Layout]]:
    """Choose the files of one source: the first in `preference` that there is.

    The sources hold the same flows, so one is enough. Gives ("", []) where there are none.

    Raises
    ------
    PacketidsError
        If a file is of no known dialect, or `preference` names no source.
    """
    if unknown := [name for name in preference if name not in SOURCES]:
        raise PacketidsError(
            f"label.flow_sources: {unknown[0]} is no source; there is {', '.join(SOURCES)}."
        )
    layouts = [layout(path) for path in paths]
    for source in preference:
        if chosen := [one for one in layouts if one.source == source]:
            return source, chosen
    return "", []


def read(layouts: list[Layout]) -> Flows:
    """Read flow records, a block at a time; rows that repeat the header are left out.

    Raises
    ------
    PacketidsError
        If a row does not fit: says the file, the row, what was needed and what was there.
    """
    keys = Keys()
    parts: list[tuple[np.ndarray, ...]] = []
    unmatched: Counter[str] = Counter()
    for one in layouts:
        row = 1
        for batch in _batches(one):
            parts.append(_decode(one, batch, row, keys, unmatched))
            row += batch.num_rows
    key, start, end, class_number = (
        np.concatenate([np.empty(0, kind), *(part[position] for part in parts)])
        for position, kind in enumerate((np.uint64, np.int64, np.int64, np.int8))
    )
    source = layouts[0].source if layouts else ""
    return Flows(source, len(layouts), keys, key, start, end, class_number, unmatched)


def class_of(category: str, subcategory: str) -> str | None:
    """Map BoT-IoT's pair of labels to a class of `classes.KEYS`; None if it is none."""
    words = tuple(
        text.strip().lower().replace(" ", "_").replace("-", "_") for text in (category, subcategory)
    )
    return classes.NORMAL if words[0] == "normal" else _SPELLINGS.get(words)  # type: ignore[arg-type]


def port_of(text: str) -> int | None:
    """Read a port: decimal, hexadecimal, float or service name; None if it is none of these."""
    text = text.strip().lower()
    try:
        number = int(text, 16) if text.startswith("0x") else int(float(text))
    except ValueError:
        return SERVICES.get(text)
    return number if 0 <= number <= 0xFFFF else None


def protocol_of(text: str) -> int | None:
    """Read a protocol: Argus' name or IANA's number; None if it is none that packets show."""
    text = text.strip().lower()
    return int(text) if text.isdigit() else PROTOCOLS.get(text)


def _decode(
    one: Layout, batch: pa.RecordBatch, first_row: int, keys: Keys, unmatched: Counter[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    data = np.asarray(_is_data(batch.column("stime")))
    rows = first_row + np.flatnonzero(data)
    if len(rows) < batch.num_rows:
        batch = batch.filter(pa.array(data))
    start = _microseconds(one, batch.column("stime"), "stime", rows)
    end = np.maximum(start, _microseconds(one, batch.column("ltime"), "ltime", rows))
    labels = _labels(one, batch, rows)

    texts, code = {}, {}
    for name in ("proto", "saddr", "daddr", "sport", "dport"):
        texts[name], code[name] = _distinct(batch.column(name))
    names = texts["saddr"] + texts["daddr"]
    source, destination = code["saddr"], code["daddr"] + len(texts["saddr"])
    protocol = _lookup(texts["proto"], protocol_of)[code["proto"]]
    is_ipv6 = np.array([":" in name for name in names] + [False])[source]
    # As for packets: over IPv6 all but TCP and UDP is one protocol.
    protocol = np.where(
        is_ipv6 & (protocol != TCP) & (protocol != UDP) & (protocol >= 0), IPV6_ICMP, protocol
    )
    ports = tuple(_lookup(texts[name], port_of)[code[name]] for name in ("sport", "dport"))

    key = keys.of(names, source, destination, protocol, ports[0], ports[1], grow=True)
    if len(lost := np.flatnonzero(key == Keys.ABSENT)):
        _count_unmatched(lost, texts, code, protocol, ports, unmatched)
    kept = key != Keys.ABSENT
    return key[kept], start[kept], end[kept], labels[kept]


def _count_unmatched(lost, texts, code, protocol, ports, unmatched):  # type: ignore[no-untyped-def]
    for i in lost:
        if protocol[i] < 0:
            why = f"protocol {texts['proto'][code['proto'][i]]!r}"
        else:
            names = [texts[n][code[n][i]] for n, port in zip(("sport", "dport"), ports, strict=True)
                     if protocol[i] in (TCP, UDP) and port[i] < 0]  # fmt: skip
            why = f"port {names[0]!r}" if names else "address"
        unmatched[why] += 1


def _lookup(texts: list[str], meaning) -> np.ndarray:  # type: ignore[no-untyped-def]
    values = (meaning(text) for text in texts)
    return np.array([-1 if value is None else value for value in values] + [-1], np.int32)


def _distinct(column: pa.Array) -> tuple[list[str], np.ndarray]:
    """Give the distinct texts of a column, and of each row its position among them."""
    encoded = column.dictionary_encode()
    texts = [value.decode("utf-8", "replace").strip() for value in encoded.dictionary.to_pylist()]
    return texts, np.asarray(encoded.indices)


def _is_data(stime: pa.Array) -> pa.Array:
    """Tell rows from headers, which some exports repeat."""
    return pc.invert(pc.match_substring_regex(stime, r"(?i)^\s*stime\s*$"))


def _microseconds(one: Layout, column: pa.Array, name: str, rows: np.ndarray) -> np.ndarray:
    """Read seconds with their decimals; a double holds microseconds of this century exactly."""
    try:
        seconds = np.asarray(pc.ascii_trim_whitespace(column.cast(pa.string())).cast(pa.float64()))
        bad = np.flatnonzero(~np.isfinite(seconds))
    except pa.ArrowInvalid:
        bad = np.array([i for i, text in enumerate(column.to_pylist()) if not _is_time(text)])
    if len(bad):
        found = column[int(bad[0])].as_py().decode("utf-8", "replace")
        raise PacketidsError(
            f"{one.path}: row {rows[bad[0]]}: {name} needs seconds since 1970, such as "
            f"1526344121.188091, and is {found[:40]!r}. Fetch the file again, or take it out."
        )
    return np.rint(seconds * 1e6).astype(np.int64)


def _labels(one: Layout, batch: pa.RecordBatch, rows: np.ndarray) -> np.ndarray:
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
            raise PacketidsError(
                f"{one.path}: row {rows[row]}: category and subcategory need one of {known}, and "
                f"are {words[0]!r} and {words[1]!r}. Fetch the file again, or take it out."
            )
        values.append(classes.KEYS.index(key))
    return np.array(values, np.int8)[place] if values else np.empty(0, np.int8)


def _batches(one: Layout) -> Iterator[pa.RecordBatch]:
    every = [str(position) for position in range(one.columns)]
    needed = {str(position): name for name, position in one.positions.items()}
    try:
        with _open(one.path) as stream:
            reader = pa.csv.open_csv(
                stream,
                read_options=pa.csv.ReadOptions(column_names=every, block_size=BLOCK_OCTETS),
                parse_options=pa.csv.ParseOptions(delimiter=one.delimiter),
                convert_options=pa.csv.ConvertOptions(
                    include_columns=list(needed),
                    column_types=dict.fromkeys(needed, pa.binary()),
                    strings_can_be_null=False,
                    check_utf8=False,
                ),
            )
            for batch in reader:
                yield batch.rename_columns([needed[name] for name in batch.schema.names])
    except (pa.ArrowInvalid, lzma.LZMAError, EOFError, gzip.BadGzipFile) as error:
        raise PacketidsError(_misfit(one, error)) from None


def _misfit(one: Layout, error: Exception) -> str:
    """Find the row that is to blame; the fast reader does not always say."""
    do = "Fetch the file again, or take it out."
    try:
        with io.TextIOWrapper(_open(one.path), "latin-1", newline="") as text:
            for number, row in enumerate(csv.reader(text, delimiter=one.delimiter), 1):
                if row and len(row) != one.columns:
                    return (
                        f"{one.path}: row {number} needs {one.columns} columns and has {len(row)}: "
                        f"{one.delimiter.join(row)[:80]!r}. {do}"
                    )
    except (csv.Error, lzma.LZMAError, EOFError, gzip.BadGzipFile):
        pass
    return f"{one.path}: needs whole CSV data of {one.columns} columns: {error}. {do}"


def _open(path: Path) -> BinaryIO:
    opener = {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix.lower(), open)
    return opener(path, "rb")  # type: ignore[operator]


def _first_row(path: Path) -> tuple[str, bool]:
    """Read the first row, and whether there is another."""
    try:
        with _open(path) as stream:
            first = stream.readline(1 << 16)
            more = bool(stream.readline(1 << 16).strip())
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise _unknown(path, f"it cannot be read: {error}") from None
    if not first.strip():
        raise _unknown(path, "it is empty")
    return first.decode("utf-8-sig", "replace").strip("\r\n"), more


def _names(row: list[str]) -> list[str]:
    names = [name.strip().strip('"').lower() for name in row]
    return ["subcategory" if name == "subsubcategory" else name for name in names]


def _names_beside(path: Path, columns: int) -> list[str]:
    """Find the file of names for a file without a header: a single row of names, beside it."""
    seen = []
    for other in find(path.parent):
        if other == path or other.parent != path.parent or "names" not in other.name.lower():
            continue
        names = _names(next(csv.reader([_first_row(other)[0]]), []))
        if len(names) == columns:
            return names
        seen.append(f"{other.name} has {len(names)}")
    raise PacketidsError(
        f"{path}: row 1 is no header, so a file with the names of its {columns} columns is needed "
        f"beside it (UNSW_2018_IoT_Botnet_Dataset_Feature_Names.csv or data_names.csv); "
        f"{'; '.join(seen) or 'there is none'}. Put it there."
    )


def _is_time(text: str | bytes) -> bool:
    try:
        return np.isfinite(float(text)) and float(text) > 1e8
    except ValueError:
        return False


def _unknown(path: Path, found: str) -> PacketidsError:
    return PacketidsError(
        f"{path}: row 1: a file of BoT-IoT's flows needs the columns {', '.join(NEEDED)}, and "
        f"{found}. Take the file out of the captures folder."
    )
