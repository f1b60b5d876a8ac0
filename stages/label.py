"""Label every packet: data/extract -> data/label, results/label.

Ge et al. 2019, section IV-B, "Label mapping": by the bots' addresses (``label=bot_address``); or by
the dataset's own flow records (``label=flows``), which is refused where records of too many packets
of bots are missing. ``counts.csv`` has the packets of each capture and class, ``table-1.csv``
stands beside the paper's Table I, ``report.csv`` compares the two rules where flow records are
there, ``flows.json`` says which were read and what part of the dataset they are, ``coverage.csv``
how many packets of bots none of them holds, ``part.json`` how much of the paper's dataset this is.
"""

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from packetids import completeness
from packetids.capture import listing
from packetids.core import atomic, classes, command, parquet, settings
from packetids.core.errors import PacketidsError
from packetids.label import agreement, flow_coverage, flow_index, flow_source, rules

CAPTURES = Path("data/capture")
FIELDS = Path("data/extract")
LABELLED = Path("data/label")
RESULTS = Path("results/label")

log = logging.getLogger("label")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    dataset: settings.Dataset
    captures: str
    label: settings.Label


def main(config: Config) -> None:
    """Label each capture and count its packets."""
    p = config.label
    chosen, records = load_flows(Path(config.captures), p, config.dataset.is_bot_iot)
    report = agreement.Agreement(p.bots, p.bots_ipv6)
    listed = listing.listed(CAPTURES)
    rows = []
    coverage = []
    for capture in listed:
        counted, held = label_capture(capture, records, report, p)
        rows += [(capture.name, key, packets) for key, packets in counted.items()]
        coverage.append(held)
    write_coverage(coverage, chosen, records, p)
    counts = pd.DataFrame(rows, columns=["capture", "class", "packets"])
    try:
        if records is not None:
            flow_coverage.refuse(coverage, p, chosen, records)
        refuse_no_attack(counts, listed, p)
    except PacketidsError:
        withdraw(listed)
        raise
    atomic.write_csv(RESULTS / "counts.csv", counts)
    atomic.write_csv(RESULTS / "report.csv", report.table(0 if records is None else records.files))
    damaged = [one.name for one in listed if parquet.damage(FIELDS / f"{one.name}.parquet")]
    found = completeness.measure(counts, config.dataset.is_bot_iot, damaged)
    atomic.write_json(completeness.PATH, found)
    atomic.write_csv(RESULTS / "table-1.csv", completeness.table(found))
    by_class = counts.groupby("class")["packets"].sum()
    log.info(
        "%d packets, %d of attacks", by_class.sum(), by_class.drop("Normal", errors="ignore").sum()
    )
    for line in completeness.lines(found):
        log.log(logging.WARNING if found["differs"] else logging.INFO, line)


def load_flows(
    folder: Path, p: settings.Label, is_bot_iot: bool
) -> tuple[flow_source.Chosen, flow_index.Flows | None]:
    """Read the flow records below the captures folder, if there are any, and say what was found."""
    try:
        chosen = flow_source.choose(folder, p.flow_sources, is_bot_iot)
        records = flow_index.read(chosen.layouts) if chosen.layouts else None
    except PacketidsError as error:
        if p.rule == "flows":
            raise
        log.warning("flow records are left out of report.csv: %s", error)
        return flow_source.none(folder, f"they cannot be read: {error}"), None
    for line in chosen.aside_lines():
        log.warning("%s", line)
    if records is None:
        if p.rule == "flows":
            raise PacketidsError(
                f"{folder}: label=flows needs the dataset's flow records as CSV below it, and "
                f"there is none of {', '.join(p.flow_sources)}{chosen.aside_in_words()}. Put them "
                "there, or set label: bot_address in params.yaml."
            )
        log.info("no flow records below %s: report.csv has the bot_address side only", folder)
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


def write_coverage(
    coverage: list[flow_coverage.Held],
    chosen: flow_source.Chosen,
    records: flow_index.Flows | None,
    p: settings.Label,
) -> None:
    """Write which flow records were read, and how many packets of bots none of them holds."""
    atomic.write_csv(RESULTS / "coverage.csv", flow_coverage.table(coverage, records is not None))
    told = chosen.as_json() | {"flows": 0, "unmatched": {}, "coverage": None}
    if records is not None:
        every = flow_coverage.total(coverage)
        told["flows"] = len(records)
        told["unmatched"] = dict(records.unmatched.most_common(20))
        told["coverage"] = {
            "packets": every.packets,
            "bot_packets": every.bot_packets,
            "bot_packets_without_flow": every.without_flow,
            "share": round(every.share, 6),
        }
        become = "report.csv compares the two rules on the other packets"
        if p.rule == "flows":
            become = {
                "Normal": "label=flows calls them Normal",
                "bot_address": "they are labelled by address, the others by flows: a mixture",
            }[p.uncovered]
        log.log(
            logging.WARNING if every.without_flow else logging.INFO,
            "%s%s", flow_coverage.summary(coverage), f": {become}" if every.without_flow else "",
        )  # fmt: skip
        if every.without_flow:
            log.warning("most in %s", flow_coverage.worst(coverage))
    atomic.write_json(RESULTS / "flows.json", told)


def withdraw(listed: list[listing.Capture]) -> None:
    """Remove labels that were refused, so that nobody takes them for right ones."""
    for capture in listed:
        (LABELLED / f"{capture.name}.parquet").unlink(missing_ok=True)
    for name in (
        "counts.csv",
        "report.csv",
        completeness.PATH.name,
        "table-1.csv",
    ):  # of an earlier run
        (RESULTS / name).unlink(missing_ok=True)


def label_capture(
    capture: listing.Capture,
    records: flow_index.Flows | None,
    report: agreement.Agreement,
    p: settings.Label,
) -> tuple[dict[str, int], flow_coverage.Held]:
    """Label one capture, a row group at a time; count its packets of each class and those held."""
    subcategory = classes.BY_KEY[capture.subcategory]
    normal = classes.KEYS.index(classes.NORMAL)
    total = np.zeros(len(classes.KEYS), np.int64)
    source = FIELDS / f"{capture.name}.parquet"
    span = span_us(source)
    index = None if records is None else records.during(*span, round(p.tolerance_s * 1e6))
    held = flow_coverage.Held(
        capture.name, capture.subcategory, span, None if index is None else len(index)
    )
    with atomic.replacing(LABELLED / f"{capture.name}.parquet") as out, ExitStack() as stack:
        writer = None
        for packets in parquet.groups(source):
            ends = rules.ends(packets)
            found = by_address = rules.by_bot_address(ends, subcategory, p.bots, p.endpoint)
            if index is None:
                held.add(ends, None, p)
                report.add(capture.subcategory, packets, ends, by_address)
            else:
                by_flows, disagree = index.classify(packets, ends)
                uncovered = by_flows == flow_index.UNCOVERED
                held.add(ends, uncovered, p)
                report.add(
                    capture.subcategory, packets, ends, by_address, by_flows, uncovered, disagree
                )
                if p.rule == "flows":
                    instead = by_address if p.uncovered == "bot_address" else normal
                    found = np.where(uncovered, instead, by_flows)
            total += np.bincount(found, minlength=len(classes.KEYS))
            labelled = rules.append(packets, capture.name, found)
            if writer is None:
                writer = stack.enter_context(parquet.writer(out, labelled.schema))
            writer.write_table(labelled)
        if writer is None:
            raise PacketidsError(f"{source} holds no packet. Make it anew: dvc repro -f extract.")
    counted = dict(zip(classes.KEYS, map(int, total), strict=True))
    always = {capture.subcategory, classes.NORMAL}
    return {key: n for key, n in counted.items() if n or key in always}, held


def span_us(source: Path) -> tuple[int, int]:
    """Tell the first and last time of a capture's packets, in microseconds since 1970."""
    first, last = [], []
    for packets in parquet.groups(source, ["frame.time_epoch"]):
        times = pc.min_max(packets[0].cast(pa.int64()))
        if times["min"].is_valid:
            first.append(times["min"].as_py() // 1000)
            last.append(times["max"].as_py() // 1000)
    return (min(first), max(last)) if first else (0, 0)


def refuse_no_attack(
    counts: pd.DataFrame, listed: list[listing.Capture], p: settings.Label
) -> None:
    """Stop where no packet in a subcategory's captures is of that subcategory."""
    place = {capture.name: capture.subcategory for capture in listed}
    counts = counts.assign(place=counts["capture"].map(place))
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


if __name__ == "__main__":
    command.run(main, Config)
