"""Unpack the dataset's captures: captures/<dataset>/PCAPs/**/*.pcap.xz -> data/capture/**/*.pcap.

Ge et al. 2019, section IV-B: "We started with the collection of the PCAP files". Each capture is
checked against the SHA-256 in the dataset's manifest, and listed in data/capture/captures.csv.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from packetids import captures, command, settings

CAPTURES = Path("data/capture")

log = logging.getLogger("capture")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    dataset: settings.Dataset


def main(config: Config) -> None:
    """Unpack, check and list."""
    unpacked = captures.unpack(Path(config.dataset.captures), CAPTURES)
    captures.write_listing(CAPTURES, unpacked)
    octets = sum(capture.octets for capture in unpacked)
    log.info("%s: %d captures, %.1f MB", config.dataset.name, len(unpacked), octets / 1e6)


if __name__ == "__main__":
    command.run(main, Config)
