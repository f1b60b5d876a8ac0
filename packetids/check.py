"""Before hours of work: what of the dataset is there, and can this machine do it?

Every finding is a row of a table. Rates are measured on the first octets of the user's own
captures, by the reader that the settings choose.
"""

import logging
import lzma
import os
import re
import shutil
import struct
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from packetids import (
    captures,
    classes,
    extract,
    flow_coverage,
    flow_csv,
    flow_source,
    flows,
    label,
    needs,
    part,
    settings,
    tshark,
)
from packetids.errors import PacketidsError

OK, PART, MISSING, BAD = "ok", "part", "missing", "NO"
HEAD_OCTETS = 4_000_000  # of the first capture of each subcategory are read to measure
# data/extract, data/label and data/unify hold about the same, and DVC's cache a copy of each.
COPIES = 6
log = logging.getLogger("check")

_NUMBERED = re.compile(r"(?P<prefix>.+__)(?P<number>\d+)_\d{14}\.")


@dataclass(frozen=True)
class Finding:
    """One row of the table."""

    subject: str
    found: str
    needed: str
    verdict: str  # OK, PART, MISSING or BAD; only BAD stops a run


@dataclass(frozen=True)
class Measured:
    """What reading the head of a capture told."""

    octets_per_s: float
    octets_per_packet: float  # of the capture
    kept_octets_per_packet: float  # of the Parquet file
    attack_share: float  # of packets, by the bots' addresses
    packets: pa.Table


@dataclass(frozen=True)
class Place:
    """A capture file, and where it belongs."""

    path: Path
    octets: int


def placed(folder: Path) -> tuple[dict[str, list[Place]], list[Finding]]:
    """Sort the captures below `folder` by subcategory; what does not fit becomes a finding."""
    top = folder / "PCAPs" if (folder / "PCAPs").is_dir() else folder
    found: dict[str, list[Place]] = defaultdict(list)
    bad = []
    seen: dict[str, Path] = {}
    for path in captures.find(top):
        try:
            key = classes.of_capture(path.relative_to(top)).key
            captures.check_begin(path)
            if path.name in seen and not path.name.endswith(".xz"):
                raise PacketidsError(f"{path}: there is another of that name, {seen[path.name]}.")
        except PacketidsError as error:
            bad.append(Finding("capture", str(error), "a capture that can be placed", BAD))
            continue
        seen[path.name] = path
        found[key].append(Place(path, path.stat().st_size))
    return found, bad


def gaps(places: list[Place]) -> list[str]:
    """Name missing numbers: dumpcap counts the files of a recording from 00001."""
    numbers: dict[tuple[Path, str], set[int]] = defaultdict(set)
    for place in places:
        if match := _NUMBERED.match(place.path.name):
            numbers[place.path.parent, match["prefix"]].add(int(match["number"]))
    return [
        f"{prefix}{number:05d}"
        for (_, prefix), seen in sorted(numbers.items())
        for number in sorted(set(range(1, max(seen))) - seen)
    ]


def measure(
    path: Path, reader: str, display_filter: str, start_s: float, bots: list[str]
) -> Measured:
    """Extract the head of a capture and time it; `start_s` is what the reader needs to start.

    Raises
    ------
    PacketidsError
        If the head cannot be read, or holds no packet.
    """
    with tempfile.TemporaryDirectory() as folder:
        head, target = Path(folder) / path.name, Path(folder) / "head.parquet"
        octets = copy_head(path, head, HEAD_OCTETS)
        began = time.perf_counter()
        extract.to_parquet(head, target, reader, display_filter)
        seconds = time.perf_counter() - began
        rows = pq.read_table(target)
        packets = rows.num_rows
        if not packets:
            raise PacketidsError(
                f"{path}: no whole packet that passes {display_filter!r} in its first "
                f"{octets:,} octets. Fetch it again, or take it out of the captures folder."
            )
        # Where the head is so short that the start is all there is, the rate is a lower bound.
        seconds = max(seconds - start_s, seconds / 10)
        attack = label.is_attack(label.ends(rows), bots, "either").mean()
        return Measured(
            octets / seconds, octets / packets, target.stat().st_size / packets, float(attack),
            rows,
        )  # fmt: skip


def start(path: Path, reader: str, display_filter: str) -> float:
    """Time the reader on next to nothing, the second time: what is made once is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        head, target = Path(folder) / path.name, Path(folder) / "head.parquet"
        copy_head(path, head, 1000)
        for _ in range(2):
            began = time.perf_counter()
            extract.to_parquet(head, target, reader, display_filter)
        return time.perf_counter() - began


def copy_head(path: Path, target: Path, octets: int) -> int:
    """Copy whole records of a pcap or pcapng file, about `octets` of them; count the octets."""
    with _open(path) as source, target.open("wb") as out:
        for record in _records(source):
            out.write(record)
            if out.tell() >= octets:
                break
        return out.tell()


def _records(source: BinaryIO) -> Iterator[bytes]:
    """Give the file header of a pcap and then record by record, or the blocks of a pcapng."""
    begin = source.read(4)
    if begin == b"\x0a\x0d\x0d\x0a":
        head = begin + source.read(8)
        order = "<" if head[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
        while len(head) >= 8:
            length = struct.unpack_from(order + "I", head, 4)[0]
            block = head + source.read(max(length - len(head), 0))
            if len(block) < length or length < 12:
                return
            yield block
            head = source.read(8)
        return
    order = ">" if begin[:1] in (b"\xa1",) else "<"
    yield begin + source.read(20)
    extra = 8 if begin in (b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34") else 0
    while len(head := source.read(16 + extra)) == 16 + extra:
        kept = struct.unpack_from(order + "I", head, 8)[0]
        data = source.read(kept)
        if len(data) < kept:
            return
        yield head + data


def _open(path: Path) -> BinaryIO:
    return lzma.open(path, "rb") if path.suffix == ".xz" else path.open("rb")  # type: ignore[return-value]


def findings(
    folder: Path,
    dataset: settings.Dataset,
    reading: settings.Extract,
    workers: int,
    labels: settings.Label,
    quotas: settings.Sample,
    tasks: list[str],
    trials: list[str],
) -> list[Finding]:
    """Look at everything; a row each.

    Raises
    ------
    PacketidsError
        If there is no capture at all, or the folder is not of the chosen dataset.
    """
    captures.check_recorded_by(folder, dataset.name, dataset.recorded_by)
    found, rows = placed(folder)
    tool = reader(reading)
    rows.append(tool)
    files, paper = part.paper_counts()
    octets = sum(place.octets for places in found.values() for place in places)
    seconds = kept = 0.0
    start_s: float | None = None
    there = {*found, classes.NORMAL}  # normal packets may be in any capture
    lacks = {lack.name: lack for lack in needs.lacks(there, tasks, trials)}
    packets: dict[str, tuple[float, float]] = {}  # all and of attacks, about
    heads: dict[str, pa.Table] = {}  # packets of one capture of each subcategory
    for key in classes.ATTACKS:
        places = found.get(key, [])
        wanted = f"{paper[key]:,} packets of it in Table I" if dataset.is_bot_iot else ""
        if not places:
            verdict = BAD if key in lacks else MISSING
            because = f" (params.yaml: {', '.join(lacks[key].needed_by)})" if verdict == BAD else ""
            rows.append(Finding(f"captures of {key}", "none", wanted + because, verdict))
            continue
        size = sum(place.octets for place in places)
        said = f"{len(places)} files, {size / 1e6:,.1f} MB"
        if tool.verdict == OK and not any(p.path.suffix == ".xz" for p in places):
            try:
                how = reading.reader, reading.display_filter
                start_s = start(places[0].path, *how) if start_s is None else start_s
                # The middle file: a recording begins with a minute of normal traffic.
                told = measure(places[len(places) // 2].path, *how, start_s, labels.bots)
            except PacketidsError as error:
                rows.append(Finding("capture", str(error), "a capture that can be read", BAD))
                continue
            said += f", about {size / told.octets_per_packet:,.0f} packets"
            seconds += size / told.octets_per_s
            number = size / told.octets_per_packet
            packets[key] = number, number * told.attack_share
            heads[key] = told.packets
            kept += number * told.kept_octets_per_packet
        missing = gaps(places)
        if missing:
            said += f"; not there: {', '.join(missing[:3])}{' …' if missing[3:] else ''}"
        rows.append(Finding(f"captures of {key}", said, wanted, PART if missing else OK))
    count = sum(map(len, found.values()))
    if dataset.is_bot_iot:
        verdict = OK if count == files else PART
        needed = f"{files} files in the paper; a part works, and is named on every table"
    else:
        verdict, needed = OK, ""
    rows.append(Finding("captures", f"{count} files, {octets / 1e6:,.1f} MB", needed, verdict))
    rows += groups(there, lacks)
    rows += flow_records(folder, dataset, labels, heads)
    if packets:
        rows.append(sampling(packets, quotas))
        rows.append(disk(kept))
        said = f"about {_duration(seconds / workers)} with {workers} at a time"
        measured = f"{octets / max(seconds, 1e-9) / 1e6:.1f} MB/s each, measured here"
        rows.append(Finding("time of extraction", said, measured, OK))
    return rows


def reader(p: settings.Extract) -> Finding:
    """Tell which program reads packets, and whether it is there."""
    native = "native reader"
    try:
        found = f"TShark {tshark.version()}"
    except PacketidsError as error:
        verdict = BAD if p.reader == extract.TSHARK else PART if p.reader == extract.AUTO else OK
        said = str(error) if verdict == BAD else f"{native}; no TShark"
        return Finding("reader", said, f"extract.reader: {p.reader}", verdict)
    said = {extract.TSHARK: found, extract.NATIVE: native}.get(p.reader, f"{native}, {found}")
    return Finding("reader", said, f"extract.reader: {p.reader}", OK)


def flow_records(
    folder: Path, dataset: settings.Dataset, p: settings.Label, heads: dict[str, pa.Table]
) -> list[Finding]:
    """Tell which flow records there are, what part of the dataset's, and whether they would do."""
    must = p.rule == "flows"
    needed = "CSV files; label=flows needs them" if must else "CSV files; for label/report.csv only"
    try:
        chosen = flow_source.choose(folder, p.flow_sources, dataset.is_bot_iot)
        rows = [_flow_files(chosen, needed, BAD if must else MISSING)]
        rows += [
            Finding(
                "flow records", f"{flow_csv.shown(path)}: not a UTF-8 name", "DVC needs it", BAD
            )
            for path in [*(one.path for one in chosen.layouts), *(one.path for one in chosen.aside)]
            if not flow_csv.is_utf_8(path)
        ]
        if must and chosen.layouts and heads:
            rows.append(flows_of_heads(chosen, p, heads))
    except PacketidsError as error:
        return [Finding("flow records", str(error), needed, BAD if must else PART)]
    return rows


def _flow_files(chosen: flow_source.Chosen, needed: str, if_none: str) -> Finding:
    if not chosen.layouts:
        return Finding("flow records", f"none{chosen.aside_in_words()}", needed, if_none)
    size = sum(one.path.stat().st_size for one in chosen.layouts)
    header = sorted({"with header" if one.header else "without header" for one in chosen.layouts})
    said = f"{chosen.source}, {' and '.join(header)}: {chosen.amount()}, {size / 1e6:,.1f} MB"
    if chosen.aside:
        said += f"; {chosen.why}{chosen.aside_in_words()}"
    return Finding("flow records", said, needed, PART if chosen.is_part else OK)


def flows_of_heads(
    chosen: flow_source.Chosen, p: settings.Label, heads: dict[str, pa.Table]
) -> Finding:
    """Tell whether label=flows could only be refused, by the captures' heads.

    All flow records are read for it, which takes some minutes for all of BoT-IoT's.
    """
    log.info("reading flow records: %s, %s", chosen.source, chosen.amount())
    records = flows.read(chosen.layouts)
    counted = []
    for key, packets in heads.items():
        times = pc.min_max(packets["frame.time_epoch"].cast(pa.int64()))
        span_us = times["min"].as_py() // 1000, times["max"].as_py() // 1000
        index = records.during(*span_us, round(p.tolerance_s * 1e6))
        ends = label.ends(packets)
        found, _ = index.classify(packets, ends)
        held = flow_coverage.Held(f"a capture of {key}", key, span_us, len(index))
        held.add(ends, found == flows.UNCOVERED, p)
        counted.append(held)
    above = flow_coverage.over(counted, p.uncovered_share_max)
    # Few packets in a head are no proof: their class may have less.
    refused = p.uncovered == "Normal" and any(held in counted for held in above)
    verdict = BAD if refused else PART if above else OK
    because = f". {flow_coverage.causes(counted, chosen, records)}" if above else ""
    return Finding(
        "packets by flows", f"in the captures' heads, {flow_coverage.summary(counted)}{because}",
        f"at most {p.uncovered_share_max:g} of them (label.uncovered_share_max)", verdict,
    )  # fmt: skip


def disk(extracted_octets: float) -> Finding:
    """Compare the free disk with what the stages before sampling will write."""
    free, needed = shutil.disk_usage(".").free, extracted_octets * COPIES
    return Finding(
        "disk", f"{free / 1e9:,.1f} GB free",
        f"about {needed / 1e9:,.2f} GB: data/extract, label, unify, each in DVC's cache too",
        OK if free > needed else BAD,
    )  # fmt: skip


def groups(there: set[str], lacks: dict[str, needs.Lack]) -> list[Finding]:
    """Tell which classes of the multi-class task have no capture at all."""
    rows = []
    for group in needs.missing_groups(there):
        verdict, needed = MISSING, "Table VI needs one and is left out"
        if group in lacks:
            verdict, needed = BAD, f"params.yaml: {', '.join(lacks[group].needed_by)}"
        rows.append(Finding(f"class {group}", "no capture", needed, verdict))
    return rows


def sampling(packets: dict[str, tuple[float, float]], p: settings.Sample) -> Finding:
    """Tell whether the quotas leave room for normal packets, as `sample.normal_fraction` needs."""
    attacks = sum(min(attack, p.attack_packets_max) for _, attack in packets.values())
    room = p.dataset_share * sum(total for total, _ in packets.values())
    return Finding(
        "sample",
        f"about {attacks:,.0f} attack packets kept; {p.dataset_share:g} of all is {room:,.0f}",
        "more of all than attacks kept; sample: part fits a part",
        OK if room > attacks else BAD,
    )


def workers_of(workers: int) -> int:
    """Read -1 as the machine's cores, as joblib does."""
    return (os.cpu_count() or 1) if workers < 0 else workers


def table(rows: list[Finding]) -> str:
    """Write findings as a table of text."""
    heads = ("", "found", "needed, or the paper's", "")
    cells = [heads, *((row.subject, row.found, row.needed, row.verdict) for row in rows)]
    widths = [min(max(len(row[i]) for row in cells), 64) for i in range(3)]
    lines = []
    for row in cells:
        fitted = [text.ljust(width) for text, width in zip(row[:3], widths, strict=True)]
        lines.append("  ".join([*fitted, row[3]]).rstrip())
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
