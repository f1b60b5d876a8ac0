"""Bring the dataset's captures into reach: the folder `captures` -> data/capture/captures.csv.

Ge et al. 2019, section IV-B: "We started with the collection of the PCAP files". Embedded captures
are unpacked below data/capture and checked against the SHA-256 in their manifest; the captures of
a download (BoT-IoT) are listed where they lie. Tasks and trials of params.yaml that no capture
serves are refused here, before hours of work.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from packetids import needs
from packetids.capture import listing
from packetids.core import classes, command, settings

CAPTURES = Path("data/capture")

log = logging.getLogger("capture")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    dataset: settings.Dataset
    captures: str
    tasks: list[str]
    trials: list[str]


def main(config: Config) -> None:
    """Unpack or place, check and list."""
    folder, dataset = Path(config.captures), config.dataset
    listing.check_recorded_by(folder, dataset.name, dataset.recorded_by)
    found = listing.unpack(folder, CAPTURES) if dataset.recorded_by else listing.place(folder)
    there = {capture.subcategory for capture in found} | {classes.NORMAL}  # which any may hold
    needs.check(there, config.tasks, config.trials, folder, "capture")
    listing.write_listing(CAPTURES, found)
    octets = sum(capture.octets for capture in found)
    log.info("%s: %d captures, %.1f MB", dataset.name, len(found), octets / 1e6)


if __name__ == "__main__":
    command.run(main, Config)
