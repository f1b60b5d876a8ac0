"""Labels of many captures, each by itself; what is counted is added up in the listing's order.

So no output depends on how many workers there are, or which of them ends first.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids import compute
from packetids.capture.listing import Capture
from packetids.core import atomic, settings
from packetids.core.errors import PacketidsError
from packetids.label import agreement, flow_coverage, flow_index, flow_source, job
from packetids.label.job import Job, Labelled

FLOWS = ".flows-"  # start of the folder of flow records, beside the labels while they are made

log = logging.getLogger("label")


@dataclass(frozen=True)
class Counted:
    """What the packets of all captures are, in the order of the listing."""

    packets: pd.DataFrame  # a row a capture and class
    held: list[flow_coverage.Held]  # of each capture
    report: agreement.Agreement


@contextmanager
def flow_records(
    captures: Path, labelled: Path, p: settings.Label, is_bot_iot: bool
) -> Iterator[tuple[flow_source.Chosen, flow_index.Flows | None, Path | None]]:
    """Read the flow records below `captures`, if there are any, and say what was found.

    They lie in a folder in `labelled`, where the workers of a cluster find them too, until the
    block ends. What a killed run left there is removed.

    Raises
    ------
    PacketidsError
        If ``label=flows`` needs them and they are missing or cannot be read.
    """
    remove_remains(labelled)
    labelled.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=FLOWS, dir=labelled, ignore_cleanup_errors=True
    ) as named:
        folder = Path(named)
        chosen, records = _read_flow_records(captures, folder, p, is_bot_iot)
        yield chosen, records, None if records is None else folder


def _read_flow_records(
    captures: Path, folder: Path, p: settings.Label, is_bot_iot: bool
) -> tuple[flow_source.Chosen, flow_index.Flows | None]:
    try:
        chosen = flow_source.choose(captures, p.flow_sources, is_bot_iot)
        records = flow_index.store(chosen.layouts, folder) if chosen.layouts else None
    except PacketidsError as error:
        if p.rule == "flows":
            raise
        log.warning("flow records are left out of report.csv: %s", error)
        return flow_source.none(captures, f"they cannot be read: {error}"), None
    for line in chosen.aside_lines():
        log.warning("%s", line)
    if records is None:
        if p.rule == "flows":
            raise PacketidsError(
                f"{captures}: label=flows needs the dataset's flow records as CSV below it, and "
                f"there is none of {', '.join(p.flow_sources)}{chosen.aside_in_words()}. Put them "
                "there, or set label: bot_address in params.yaml."
            )
        log.info("no flow records below %s: report.csv has the bot_address side only", captures)
        return chosen, None
    chosen = chosen.counted(records.rows)
    log.log(
        logging.WARNING if chosen.is_part else logging.INFO,
        "flow records%s: %s, %s; %s",
        ", a part of the dataset" if chosen.is_part else "",
        chosen.source, chosen.amount(), chosen.why,
    )  # fmt: skip
    for why, count in records.unmatched.most_common(5):
        log.warning("%d flow records can match no packet: %s", count, why)
    return chosen, records


def label_all(
    captures: list[Capture],
    fields: Path,
    labelled: Path,
    flows: Path | None,
    p: settings.Label,
    where: settings.Compute,
) -> Counted:
    """Label each capture of `fields` to ``<labelled>/<name>.parquet``, and count its packets.

    Raises
    ------
    PacketidsError
        If a capture cannot be read; the others are tried too, so that all such are named.
    """
    jobs = [
        Job(one, fields / f"{one.name}.parquet", labelled / f"{one.name}.parquet", flows, p)
        for one in captures
    ]
    jobs.sort(key=lambda one: -one.capture.octets)  # the longest first, so that all end together
    where = compute.enough(sum(one.octets for one in captures), where)
    done: dict[str, Labelled] = {}
    failed: dict[str, str] = {}
    for i, outcome in compute.completed(job.run, jobs, where, advice="run again"):
        name = jobs[i].capture.name
        if isinstance(outcome, Labelled):
            done[name] = outcome
        else:
            failed[name] = outcome
            log.error("%s: %s", name, outcome)
    _remove_parts(labelled)  # of workers that a cluster lost; others did their work
    if failed:
        first = next(failed[one.name] for one in captures if one.name in failed)
        several = f"{len(failed)} of {len(captures)} captures could not be labelled. The first: "
        raise PacketidsError(f"{several if len(failed) > 1 else ''}{first}")
    report = agreement.Agreement(p.bots, p.bots_ipv6)
    rows = []
    for capture in captures:
        report.merge(done[capture.name].report)
        counted = done[capture.name].counted()
        rows += [(capture.name, key, packets) for key, packets in counted.items()]
    return Counted(
        pd.DataFrame(rows, columns=["capture", "class", "packets"]),
        [done[capture.name].held for capture in captures],
        report,
    )


def remove_remains(labelled: Path) -> None:
    """Remove from `labelled` what a killed run left that is no labelled capture."""
    for folder in labelled.glob(f"{FLOWS}*"):
        shutil.rmtree(folder, ignore_errors=True)
    _remove_parts(labelled)


def _remove_parts(labelled: Path) -> None:
    for part in labelled.rglob(f"*{atomic.PART}"):
        part.unlink(missing_ok=True)


def refuse_no_attack(counted: Counted, captures: list[Capture], p: settings.Label) -> None:
    """Stop where no packet in a subcategory's captures is of that subcategory."""
    place = {capture.name: capture.subcategory for capture in captures}
    counts = counted.packets.assign(place=counted.packets["capture"].map(place))
    for key, rows in counts.groupby("place"):
        if rows[rows["class"] == key]["packets"].sum():
            continue
        packets = rows["packets"].sum()
        if p.rule == "bot_address":
            raise PacketidsError(
                f"label.bots: none of {', '.join(p.bots)} sent or received any of the "
                f"{packets} packets in the captures of {key}: 0 % attack. "
                "Correct the addresses in conf/label/."
            )
        raise PacketidsError(
            f"label=flows: no flow record of {key} holds any of the {packets} packets in its "
            "captures: 0 % attack. The CSV files of that time are missing, or their times differ: "
            "see results/label/coverage.csv and flows.json, label.tolerance_s, or set label: "
            "bot_address."
        )
