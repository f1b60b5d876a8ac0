"""Label every packet: data/extract -> data/label, results/label.

Ge et al. 2019, section IV-B, "Label mapping": by the bots' addresses (``label=bot_address``); or by
the dataset's own flow records (``label=flows``), which is refused where records of too many packets
of bots are missing. ``counts.csv`` has the packets of each capture and class, ``table-1.csv``
stands beside the paper's Table I, ``report.csv`` compares the two rules where flow records are
there, ``flows.json`` says which were read and what part of the dataset they are, ``coverage.csv``
how many packets of bots none of them holds, ``part.json`` how much of the paper's dataset this is.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from packetids import completeness
from packetids.capture import listing
from packetids.core import atomic, command, parquet, settings
from packetids.core.errors import PacketidsError
from packetids.label import flow_coverage, many

CAPTURES = Path("data/capture")
FIELDS = Path("data/extract")
LABELLED = Path("data/label")
RESULTS = Path("results/label")
COVERAGE = (RESULTS / "coverage.csv", RESULTS / "flows.json")
COUNTS = (
    RESULTS / "counts.csv", RESULTS / "report.csv", RESULTS / "table-1.csv", completeness.PATH
)  # fmt: skip

log = logging.getLogger("label")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    dataset: settings.Dataset
    captures: str
    label: settings.Label
    compute: settings.Compute


def main(config: Config) -> None:
    """Label each capture and count its packets; several at a time."""
    p, dataset = config.label, config.dataset
    listed = listing.listed(CAPTURES)
    with many.flow_records(Path(config.captures), LABELLED, p, dataset.is_bot_iot) as (
        chosen, records, folder,
    ):  # fmt: skip
        withdraw(listed, COUNTS + COVERAGE)
        counted = many.label_all(listed, FIELDS, LABELLED, folder, p, config.compute)
        table = flow_coverage.table(counted.held, records is not None)
        atomic.write_csv(RESULTS / "coverage.csv", table)
        told = flow_coverage.as_json(counted.held, chosen, records)
        atomic.write_json(RESULTS / "flows.json", told)
        try:
            if records is not None:
                flow_coverage.tell(counted.held, p)
                flow_coverage.refuse(counted.held, p, chosen, records)
            many.refuse_no_attack(counted, listed, p)
        except PacketidsError:
            withdraw(listed, COUNTS)
            raise
    report = counted.report.table(0 if records is None else records.files)
    atomic.write_csv(RESULTS / "counts.csv", counted.packets)
    atomic.write_csv(RESULTS / "report.csv", report)
    damaged = [one.name for one in listed if parquet.damage(FIELDS / f"{one.name}.parquet")]
    measured = completeness.measure(counted.packets, dataset.is_bot_iot, damaged)
    atomic.write_json(completeness.PATH, measured)
    atomic.write_csv(RESULTS / "table-1.csv", completeness.table(measured))
    by_class = counted.packets.groupby("class")["packets"].sum()
    log.info(
        "%d packets, %d of attacks", by_class.sum(), by_class.drop("Normal", errors="ignore").sum()
    )
    for line in completeness.lines(measured):
        log.log(logging.WARNING if measured["differs"] else logging.INFO, line)


def withdraw(listed: list[listing.Capture], results: tuple[Path, ...]) -> None:
    """Remove labels that are refused or of an earlier run, so that they are not used by mistake."""
    labels = (LABELLED / f"{capture.name}.parquet" for capture in listed)
    for path in (*labels, *results):
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    command.run(main, Config)
