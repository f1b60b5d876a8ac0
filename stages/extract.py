"""Extract 25 fields of every packet: data/capture/captures.csv -> data/extract/**/*.parquet.

Ge et al. 2019, section IV-B, "Feature extraction". A capture whose Parquet file is there already
is not read again. results/extract/captures.csv tells which reader read each capture and why, and
what is damaged: with extract.keep_damaged such a capture counts up to the damage, else it stops the
stage.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids import extract
from packetids.capture import listing
from packetids.core import atomic, command, settings
from packetids.core.errors import PacketidsError
from packetids.extract import job, many, tshark

CAPTURES = Path("data/capture")
FIELDS = Path("data/extract")
REPORT = Path("results/extract/captures.csv")
RUNTIMES = Path("results/extract/runtimes.csv")

log = logging.getLogger("extract")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    extract: settings.Extract
    compute: settings.Compute


def main(config: Config) -> None:
    """Extract each capture; several at a time."""
    p = config.extract
    if p.reader == extract.TSHARK:
        found = tshark.version()
        log.info("TShark %s", found)
        if not found.startswith(tshark.REFERENCE_VERSION):
            log.warning(
                "the reference is TShark %s; %s may name or print fields differently",
                tshark.REFERENCE_VERSION,
                found,
            )
    work = listing.listed(CAPTURES)
    many.prune(work, FIELDS)
    outcomes = many.extract_all(work, FIELDS, p, config.compute)
    failed = [outcome for outcome in outcomes if outcome.reading is None]
    if failed:
        raise PacketidsError(
            f"{len(failed)} of {len(outcomes)} captures could not be read, and the others are "
            f"kept. The first: {failed[0].error}"
        )
    for outcome in outcomes:
        if not outcome.packets and outcome.error:
            raise PacketidsError(f"No packet comes before the damage: {outcome.error}")
        if not outcome.packets:
            raise PacketidsError(
                f"{outcome.capture.path}: no packet passed the filter {p.display_filter!r}. Take "
                "the capture out, or change extract.display_filter."
            )
    _report(outcomes)
    if damaged := [outcome for outcome in outcomes if outcome.error]:
        log.warning(
            "%d of %d captures are damaged and count up to the damage only, which every table will "
            "say: extract.keep_damaged is set. The first: %s",
            len(damaged), len(outcomes), damaged[0].error,
        )  # fmt: skip
    log.info("%d captures, %d packets", len(work), sum(outcome.packets for outcome in outcomes))


def _report(outcomes: list[job.Outcome]) -> None:
    """Write who read each capture; and how long it took, for those that this run read."""
    rows = [
        (one.capture.name, one.reading.reader, one.reading.reason, one.packets, one.reading.damage)
        for one in outcomes
        if one.reading
    ]
    columns = ["capture", "reader", "reason", "packets", "damage"]
    atomic.write_csv(REPORT, pd.DataFrame(rows, columns=columns))
    times = [
        (outcome.capture.name, outcome.capture.octets, outcome.packets, outcome.seconds)
        for outcome in outcomes
        if outcome.seconds
    ]
    atomic.write_csv(
        RUNTIMES, pd.DataFrame(times, columns=["capture", "octets", "packets", "runtime_s"])
    )


if __name__ == "__main__":
    command.run(main, Config)
