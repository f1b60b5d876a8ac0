"""Preflight check: report what of the dataset is there, and whether this machine can run it.

Every finding is a row of a table. Each capture is walked to its end, record by record, because a
capture that was cut short in a download would stop the run hours later. Rates are measured on the
first bytes of the user's own captures, by the reader that the settings choose.
"""

import logging
import os
import re
import shutil
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from packetids import completeness, compute, extract, needs
from packetids.capture import listing, recognise
from packetids.capture.recognise import printable
from packetids.core import classes, settings
from packetids.core.errors import PacketidsError
from packetids.extract import compiled, tshark
from packetids.extract.progress import Progress
from packetids.label import flow_coverage, flow_csv, flow_index, flow_source, rules
from packetids.preflight import walk
from packetids.preflight.walk import Walk, Walked

OK, PART, MISSING, BAD = "ok", "part", "missing", "NO"
HEAD_OCTETS = 4_000_000  # of the first capture of each subcategory are read to measure
# data/extract, data/label and data/unify hold about the same, and DVC's cache a copy of each.
COPIES = 6
START_OCTETS = 1000

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
    """What reading the head of a capture measured."""

    packets_per_s: float
    passing_share: float  # of all packets, through the display filter
    kept_octets_per_packet: float  # of the Parquet file
    attack_share: float  # of packets, by the bots' addresses
    packets: pa.Table


@dataclass(frozen=True)
class Place:
    """A capture file, and what it holds."""

    path: Path
    octets: int
    packing: str = recognise.PLAIN
    packets: int = 0


def placed(
    folder: Path, workers: int, *, packed: bool, natively: bool, keep_damaged: bool
) -> tuple[dict[str, list[Place]], list[Finding]]:
    """Sort the captures below `folder` by subcategory, each walked to its end.

    What does not fit, is damaged or is left out becomes a finding. `packed` captures are unpacked
    before they are read; `natively` says that there is no TShark for those that only it reads.
    """
    looked = listing.look(folder, packed=packed)
    rows = [Finding("capture", why, "a capture that can be placed", BAD) for why in looked.wrong]
    reads = []
    for one in looked.places:
        if not packed and (why := recognise.unread(one.file, natively=natively)):
            text = f"{printable(one.file.path)}: {why}."
            rows.append(Finding("capture", text, "a capture that the reader reads", BAD))
        else:
            reads.append(one)
    found: dict[str, list[Place]] = defaultdict(list)
    walks = walk_all([Walk(one.file.path, one.file.packing) for one in reads], workers)
    for one, walked in zip(reads, walks, strict=True):
        path, packing = one.file.path, one.file.packing
        rows += whole(path, walked, natively=natively, keep_damaged=keep_damaged)
        found[one.subcategory].append(Place(path, octets_of(path), packing, walked.packets))
    return found, rows + left_out(looked.left_out)


def walk_all(work: list[Walk], workers: int) -> list[Walked]:
    """Walk captures, some at a time, and show how far it is; results in the order of `work`."""
    if work:
        walk.prepare()
    octets = [octets_of(one.path) for one in work]
    order = sorted(range(len(work)), key=lambda i: -octets[i])  # so that all end together
    here = settings.Compute(backend="processes", workers=workers, scheduler="")
    where = compute.enough(sum(octets), here)
    walks: dict[int, Walked] = {}
    with Progress(len(work), sum(octets), log) as progress:
        for i, walked in compute.completed(walk.walk, [work[i] for i in order], where):
            walks[order[i]] = walked
            progress.add(octets[order[i]], walked.packets)
    return [walks[i] for i in range(len(work))]


def octets_of(path: Path) -> int:
    """Return a file's size; 0 if it is not there any more, which who reads it will say."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def whole(path: Path, walked: Walked, *, natively: bool, keep_damaged: bool) -> list[Finding]:
    """Report what is wrong with a capture's records, if anything is."""
    text = f"{printable(path)}: {walked.unread}"
    if walked.damage and keep_damaged:
        kept = f"{walked.packets:,} packets before it count: extract.keep_damaged is set"
        rows = [Finding("capture", walked.damage, kept, PART)]
    elif walked.damage:
        rows = [Finding("capture", walked.damage, "a whole capture, or extract.keep_damaged", BAD)]
    elif walked.unread and natively:
        rows = [Finding("capture", text, "a capture that the reader reads", BAD)]
    elif walked.unread:
        rows = [Finding("capture", text, "only TShark reads it: not walked to its end", PART)]
    else:
        rows = []
    if not walked.packets and not walked.unread and (not walked.damage or keep_damaged):
        text = f"{printable(path)}: no packet in it. Take it out of the captures folder."
        rows.append(Finding("capture", text, "a packet", BAD))
    return rows


def left_out(files: list[recognise.File]) -> list[Finding]:
    """Name the files that are no captures, those of one reason in one row."""
    names: dict[str, list[str]] = defaultdict(list)
    for file in files:
        names[file.why].append(printable(file.path))
    return [
        Finding(f"left out: {len(paths)}", ", ".join(paths), why, OK)
        for why, paths in names.items()
    ]


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
    place: Place, reader: str, display_filter: str, start_s: float, bots: list[str]
) -> Measured:
    """Extract the head of a capture and time it; `start_s` is what the reader needs to start.

    Raises
    ------
    PacketidsError
        If the head cannot be read, or holds no packet.
    """
    with tempfile.TemporaryDirectory() as folder:
        head, target = Path(folder) / "head", Path(folder) / "head.parquet"
        octets = copy_head(place, head, HEAD_OCTETS)
        began = time.perf_counter()
        # The head may end in a packet, which is no damage of the capture.
        extract.to_parquet(
            head, target, reader, display_filter, keep_damaged=True, named=printable(place.path)
        )
        seconds = time.perf_counter() - began
        rows = pq.read_table(target)
        packets = rows.num_rows
        if not packets:
            raise PacketidsError(
                f"{printable(place.path)}: no whole packet that passes {display_filter!r} in its "
                f"first {octets:,} bytes. Fetch it again, or take it out of the captures folder."
            )
        # Where the head is so short that the start is all there is, the rate is a lower bound.
        seconds = max(seconds - start_s, seconds / 10)
        attack = rules.is_attack(rules.ends(rows), bots, "either").mean()
        all_packets = max(walk.walk(Walk(head)).packets, packets)
        return Measured(
            packets / seconds,
            packets / all_packets,
            target.stat().st_size / packets,
            float(attack),
            rows,
        )


def start(place: Place, reader: str, display_filter: str) -> float:
    """Time the reader on next to nothing, the second time: what is made once is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        head, target = Path(folder) / "head", Path(folder) / "head.parquet"
        copy_head(place, head, START_OCTETS)
        for _ in range(2):
            began = time.perf_counter()
            extract.to_parquet(
                head, target, reader, display_filter, keep_damaged=True, named=printable(place.path)
            )
        return time.perf_counter() - began


def copy_head(place: Place, target: Path, octets: int) -> int:
    """Copy the first `octets` bytes of a capture, unpacked; count them."""
    with recognise.unpacked(place.path, place.packing) as source, target.open("wb") as out:
        while out.tell() < octets and (some := source.read(octets - out.tell())):
            out.write(some)
        return out.tell()


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
    listing.check_recorded_by(folder, dataset.name, dataset.recorded_by)
    tool = reader(reading)
    packed = bool(dataset.recorded_by)  # the embedded captures are
    only_native = reading.reader == extract.NATIVE
    found, rows = placed(
        folder,
        workers,
        packed=packed,
        natively=only_native or (reading.reader == extract.AUTO and tool.verdict != OK),
        keep_damaged=reading.keep_damaged,
    )
    rows.append(tool)
    files, paper = completeness.paper_counts()
    octets = sum(place.octets for places in found.values() for place in places)
    seconds = kept = 0.0
    start_s: float | None = None
    present = {*found, classes.NORMAL}  # normal packets may be in any capture
    lacks = {lack.name: lack for lack in needs.lacks(present, tasks, trials)}
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
        there_packets = sum(place.packets for place in places)
        text = f"{len(places)} files, {size / 1e6:,.1f} MB, {there_packets:,} packets"
        tried = [place for place in places if place.packets]
        if tool.verdict == OK and not packed and tried:
            try:
                how = reading.reader, reading.display_filter
                if start_s is None:
                    if reading.reader != extract.TSHARK:
                        compiled.ready(log)
                    start_s = start(tried[0], *how)
                # The middle file: a recording begins with a minute of normal traffic.
                walked = measure(tried[len(tried) // 2], *how, start_s, labels.bots)
            except (PacketidsError, *recognise.UNPACK_ERRORS) as error:
                text = recognise.words(error)
                rows.append(Finding("capture", text, "a capture that can be read", BAD))
                continue
            number = there_packets * walked.passing_share
            seconds += number / walked.packets_per_s
            packets[key] = number, number * walked.attack_share
            heads[key] = walked.packets
            kept += number * walked.kept_octets_per_packet
        missing = gaps(places)
        if missing:
            text += f"; not there: {', '.join(missing[:3])}{' …' if missing[3:] else ''}"
        rows.append(Finding(f"captures of {key}", text, wanted, PART if missing else OK))
    count = sum(map(len, found.values()))
    if dataset.is_bot_iot:
        verdict = OK if count == files else PART
        needed = f"{files} files in the paper; a part works, and is named on every table"
    else:
        verdict, needed = OK, ""
    rows.append(Finding("captures", f"{count} files, {octets / 1e6:,.1f} MB", needed, verdict))
    rows += groups(present, lacks)
    try:
        rows += flow_records(folder, dataset, labels, heads)
    except OSError as error:
        rows.append(Finding("flow records", str(error), "files that can be read", BAD))
    if packets:
        rows.append(sampling(packets, quotas))
        rows.append(disk(kept))
        at_once = workers_of(workers)
        text = f"about {_duration(seconds / at_once)} with {at_once} at a time"
        measured = f"{octets / max(seconds, 1e-9) / 1e6:.1f} MB/s each, measured here"
        rows.append(Finding("time of extraction", text, measured, OK))
    return rows


def reader(p: settings.Extract) -> Finding:
    """Report which program reads packets, and whether it is installed."""
    native = "native reader"
    try:
        found = f"TShark {tshark.version()}"
    except PacketidsError as error:
        verdict = BAD if p.reader == extract.TSHARK else PART if p.reader == extract.AUTO else OK
        text = str(error) if verdict == BAD else f"{native}; no TShark"
        return Finding("reader", text, f"extract.reader: {p.reader}", verdict)
    text = {extract.TSHARK: found, extract.NATIVE: native}.get(p.reader, f"{native}, {found}")
    return Finding("reader", text, f"extract.reader: {p.reader}", OK)


def flow_records(
    folder: Path, dataset: settings.Dataset, p: settings.Label, heads: dict[str, pa.Table]
) -> list[Finding]:
    """Report which flow records exist, what part of the dataset they are, and if they suffice."""
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
    text = f"{chosen.source}, {' and '.join(header)}: {chosen.amount()}, {size / 1e6:,.1f} MB"
    if chosen.aside:
        text += f"; {chosen.why}{chosen.aside_in_words()}"
    return Finding("flow records", text, needed, PART if chosen.is_part else OK)


def flows_of_heads(
    chosen: flow_source.Chosen, p: settings.Label, heads: dict[str, pa.Table]
) -> Finding:
    """Check whether label=flows could only be refused, by the captures' heads.

    All flow records are read for it, which takes some minutes for all of BoT-IoT's.
    """
    log.info("reading flow records: %s, %s", chosen.source, chosen.amount())
    records = flow_index.read(chosen.layouts)
    counted = []
    for key, packets in heads.items():
        times = pc.min_max(packets["frame.time_epoch"].cast(pa.int64()))
        span_us = times["min"].as_py() // 1000, times["max"].as_py() // 1000
        index = records.during(*span_us, round(p.tolerance_s * 1e6))
        ends = rules.ends(packets)
        found, _ = index.classify(packets, ends)
        held = flow_coverage.Held(f"a capture of {key}", key, span_us, len(index))
        held.add(ends, found == flow_index.UNCOVERED, p)
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


def groups(present: set[str], lacks: dict[str, needs.Lack]) -> list[Finding]:
    """Report the classes of the multi-class task that have no capture."""
    rows = []
    for group in needs.missing_groups(present):
        verdict, needed = MISSING, "Table VI needs one and is left out"
        if group in lacks:
            verdict, needed = BAD, f"params.yaml: {', '.join(lacks[group].needed_by)}"
        rows.append(Finding(f"class {group}", "no capture", needed, verdict))
    return rows


def sampling(packets: dict[str, tuple[float, float]], p: settings.Sample) -> Finding:
    """Check whether the quotas leave room for normal packets (`draw.normal_fraction`)."""
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
    cells = [heads]
    for one in rows:  # what a message quotes may hold line ends, or names that are not UTF-8
        cells.append((one.subject, printable(one.found), printable(one.needed), one.verdict))
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
