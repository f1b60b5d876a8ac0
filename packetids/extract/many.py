"""Packet fields of many captures, a Parquet file each; what is there already is not read again.

A Parquet file holds, in its own metadata, the key of what made it: the capture's identity, the
reader, the display filter and the code. If all are still the same, so are the bytes that a fresh
run would write, and the file stays.

The code is known by the hash of the sources that decide what is in a file (`_code`) and not by a
number raised by hand, because a number can be forgotten and then stale rows stay without a word; an
edited comment costs another reading, and that costs time only. TShark's version counts, too. The
versions of Python, numba and pyarrow do not: they do not change what is read.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from packetids import compute, extract, sources
from packetids.capture import recognise
from packetids.capture.listing import Capture
from packetids.core import atomic, settings
from packetids.core.errors import PacketidsError
from packetids.extract import compiled, job
from packetids.extract.job import KEY, Job, Outcome
from packetids.extract.progress import Progress

# Modules whose sources, with all that they import, decide what is in a Parquet file.
WRITER = "extract/writer.py"
OF_READER: dict[str, tuple[str, ...]] = {
    extract.NATIVE: ("native/reader.py",),
    extract.TSHARK: ("extract/tshark.py",),
    extract.AUTO: ("native/reader.py", "extract/tshark.py"),
}

log = logging.getLogger("extract")


def extract_all(
    captures: Iterable[Capture],
    folder: Path,
    p: settings.Extract,
    where: settings.Compute,
) -> list[Outcome]:
    """Extract each capture to ``<folder>/<name>.parquet``, and go on where one cannot be read.

    A Parquet file of other content is removed before its capture is read, so that a file that is
    there is right, whenever the work is interrupted. What is no Parquet file stays, and its capture
    is not read. With ``p.keep_damaged`` a damaged capture's Parquet file holds what comes before
    the damage, which the outcome's ``error`` and the file's metadata tell.

    Returns
    -------
    list of Outcome
        In the order of `captures`.
    """
    outcomes: dict[Capture, Outcome] = {}
    jobs = []
    captures = list(captures)
    for capture in captures:
        target = folder / f"{capture.name}.parquet"
        key = _key(capture, p)
        if why := recognise.not_replaceable(target):
            error = f"{recognise.printable(target)} {why}. It is not replaced: take it away."
            outcomes[capture] = Outcome(capture, None, error=error)
        elif reading := _there(target, key, p.keep_damaged):
            outcomes[capture] = Outcome(capture, reading, error=reading.damage)
        else:
            target.unlink(missing_ok=True)
            jobs.append(Job(capture, target, p.reader, p.display_filter, key, p.keep_damaged))
    there = list(outcomes.values())
    log.info(
        "%d captures to read, %d were read before",
        len(jobs),
        sum(bool(one.reading) for one in there),
    )
    for one in there:
        if one.error:
            log.error("%s", one.error)
    if jobs and p.reader != extract.TSHARK:
        where = compute.enough(sum(one.capture.octets for one in jobs), where)
        # Here, so that the workers find the kernels and need not each compile.
        compiled.ready(log, elsewhere=len(jobs) > 1 and where.workers != 1)
    jobs.sort(key=lambda one: -one.capture.octets)  # the longest first, so that all end together
    with Progress(len(jobs), sum(one.capture.octets for one in jobs), log) as progress:
        for _, outcome in compute.completed(job.run, jobs, where):
            outcomes[outcome.capture] = outcome
            progress.add(outcome.capture.octets, outcome.packets, outcome.compiled_s)
            if outcome.error:
                log.error("%s", outcome.error)
            elif outcome.reading and outcome.reading.reason:
                where_read = recognise.printable(outcome.capture.path)
                log.info("%s: read by TShark: %s", where_read, outcome.reading.reason)
    reasons = Counter(
        outcome.reading.reason for outcome in outcomes.values() if outcome.reading is not None
    )
    for reason, count in sorted(reasons.items()):
        if reason:
            log.info("read by TShark: %d captures: %s", count, reason)
    return [outcomes[capture] for capture in captures]


def prune(captures: Iterable[Capture], folder: Path) -> None:
    """Remove from `folder` what no capture has: Parquet files and what a killed run left."""
    expected = {folder / f"{capture.name}.parquet" for capture in captures}
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before the folder
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.suffix == atomic.PART or (path.suffix == ".parquet" and path not in expected):
            path.unlink()


def strays(captures: Iterable[Capture], folder: Path) -> list[Path]:
    """List the Parquet files below `folder` that were made here, and of none of `captures`."""
    expected = {folder / f"{capture.name}.parquet" for capture in captures}
    found = sorted(set(folder.rglob("*.parquet")) - expected)
    return [path for path in found if KEY in _told(path)[0]]


def _key(capture: Capture, p: settings.Extract) -> str:
    known = {
        "capture": capture.identity,
        "octets": capture.octets,
        "reader": p.reader,
        "display_filter": p.display_filter,
        "code": _code(p.reader),
    }
    if p.reader != extract.NATIVE:
        known["tshark"] = _tshark_version(p.reader)
    return json.dumps(known)


@cache
def _code(reader: str) -> str:
    """Hash the sources that decide what a Parquet file of `reader` holds."""
    modules = [sources.PACKAGE / name for name in (WRITER, *OF_READER[reader])]
    return sources.digest(set().union(*map(sources.reachable, modules)))


@cache
def _tshark_version(reader: str) -> str:
    from packetids.extract import tshark

    try:
        return tshark.version()
    except PacketidsError:
        if reader == extract.AUTO:  # it may not be needed
            return ""
        raise


def _there(target: Path, key: str, keep_damaged: bool) -> extract.Reading | None:
    """Return how `target` was read, if it exists, is whole and has this `key`."""
    metadata, packets = _told(target)
    damage = metadata.get(extract.DAMAGE, "")
    if metadata.get(KEY) != key or (damage and not keep_damaged):
        return None
    return extract.Reading(metadata[extract.READ_BY], metadata[extract.REASON], packets, damage)


def _told(target: Path) -> tuple[dict[str, str], int]:
    """Return a Parquet file's metadata and rows; nothing of what is no whole Parquet file."""
    try:
        found = pq.read_metadata(target.absolute())  # "a:b/c" is taken for a URI
    except (OSError, pa.ArrowInvalid):
        return {}, 0
    metadata = found.metadata or {}
    return {name.decode(): value.decode("utf-8", "replace") for name, value in metadata.items()}, (
        found.num_rows
    )
