"""Label every packet: data/extract -> data/label, results/label.

Ge et al. 2019, section IV-B, "Label mapping": by the bots' addresses (``label=bot_address``); or by
the dataset's own flow records (``label=flows``). ``counts.csv`` has the packets
of each capture and class, ``table-1.csv`` stands beside the paper's Table I, ``report.csv``
compares the two rules where flow records are there, ``flows.json`` says what was found of them,
``part.json`` how much of the paper's dataset this is.
"""

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from packetids import (
    agreement,
    atomic,
    captures,
    classes,
    command,
    flows,
    label,
    parquet,
    part,
    settings,
)
from packetids.errors import PacketidsError

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
    check(p)
    records = load_flows(Path(config.captures), p)
    report = agreement.Agreement(p.bots, p.bots_ipv6)
    listed = captures.listed(CAPTURES)
    rows = []
    for capture in listed:
        counted = label_capture(capture, records, report, p)
        rows += [(capture.name, key, packets) for key, packets in counted.items()]
    counts = pd.DataFrame(rows, columns=["capture", "class", "packets"])
    refuse_no_attack(counts, listed, p)
    atomic.write_csv(RESULTS / "counts.csv", counts)
    atomic.write_csv(RESULTS / "report.csv", report.table(records.files if records else 0))
    damaged = [one.name for one in listed if parquet.damage(FIELDS / f"{one.name}.parquet")]
    found = part.measure(counts, config.dataset.is_bot_iot, damaged)
    atomic.write_json(part.PATH, found)
    atomic.write_csv(RESULTS / "table-1.csv", part.table(found))
    by_class = counts.groupby("class")["packets"].sum()
    log.info(
        "%d packets, %d of attacks", by_class.sum(), by_class.drop("Normal", errors="ignore").sum()
    )
    for line in part.lines(found):
        log.log(logging.WARNING if found["differs"] else logging.INFO, line)


def check(p: settings.Label) -> None:
    """Refuse settings that mean nothing."""
    for name, known in (
        ("rule", ("bot_address", "flows")),
        ("uncovered", ("Normal", "bot_address")),
    ):
        if getattr(p, name) not in known:
            raise PacketidsError(
                f"label.{name}: needs {' or '.join(known)}, found {getattr(p, name)!r}."
            )
    if not p.tolerance_s >= 0:
        raise PacketidsError(f"label.tolerance_s: needs 0 or more, found {p.tolerance_s}.")


def load_flows(folder: Path, p: settings.Label) -> flows.Flows | None:
    """Read the flow records below the captures folder, if there are any, and say what was found."""
    layouts: list[flows.Layout] = []
    try:
        source, layouts = flows.choose(flows.find(folder), p.flow_sources)
    except PacketidsError as error:
        if p.rule == "flows":
            raise
        log.warning("flow records are left out of report.csv: %s", error)
    if not layouts:
        if p.rule == "flows":
            raise PacketidsError(
                f"{folder}: label=flows needs the dataset's flow records as CSV below it, and "
                f"there is none of {', '.join(p.flow_sources)}. Put them there, or set label: "
                "bot_address in params.yaml."
            )
        log.info("no flow records below %s: report.csv has the bot_address side only", folder)
        atomic.write_json(RESULTS / "flows.json", {"source": None, "files": 0, "flows": 0})
        return None
    records = flows.read(layouts)
    log.info("%d flow records of %d files (%s)", len(records), records.files, source)
    for why, count in records.unmatched.most_common(5):
        log.warning("%d flow records can match no packet: %s", count, why)
    told = {"source": source, "files": records.files, "flows": len(records)}
    atomic.write_json(
        RESULTS / "flows.json", told | {"unmatched": dict(sorted(records.unmatched.items()))}
    )
    return records


def label_capture(
    capture: captures.Capture,
    records: flows.Flows | None,
    report: agreement.Agreement,
    p: settings.Label,
) -> dict[str, int]:
    """Label one capture, a row group at a time; count its packets of each class."""
    subcategory = classes.BY_KEY[capture.subcategory]
    normal = classes.KEYS.index(classes.NORMAL)
    total = np.zeros(len(classes.KEYS), np.int64)
    source = FIELDS / f"{capture.name}.parquet"
    index = records.during(*span_us(source), round(p.tolerance_s * 1e6)) if records else None
    with atomic.replacing(LABELLED / f"{capture.name}.parquet") as out, ExitStack() as stack:
        writer = None
        for packets in parquet.groups(source):
            ends = label.ends(packets)
            found = by_address = label.by_bot_address(ends, subcategory, p.bots, p.endpoint)
            if index is None:
                report.add(capture.subcategory, packets, ends, by_address)
            else:
                by_flows, disagree = index.classify(packets, ends)
                uncovered = by_flows == flows.UNCOVERED
                instead = by_address if p.uncovered == "bot_address" else normal
                by_flows = np.where(uncovered, instead, by_flows)
                report.add(
                    capture.subcategory, packets, ends, by_address, by_flows, uncovered, disagree
                )
                if p.rule == "flows":
                    found = by_flows
            total += np.bincount(found, minlength=len(classes.KEYS))
            labelled = label.append(packets, capture.name, found)
            if writer is None:
                writer = stack.enter_context(parquet.writer(out, labelled.schema))
            writer.write_table(labelled)
        if writer is None:
            raise PacketidsError(f"{source} holds no packet. Make it anew: dvc repro -f extract.")
    counted = dict(zip(classes.KEYS, map(int, total), strict=True))
    always = {capture.subcategory, classes.NORMAL}
    return {key: n for key, n in counted.items() if n or key in always}


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
    counts: pd.DataFrame, listed: list[captures.Capture], p: settings.Label
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
            "see results/label/flows.json, label.tolerance_s, or set label: bot_address."
        )


if __name__ == "__main__":
    command.run(main, Config)
