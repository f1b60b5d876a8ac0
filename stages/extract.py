"""Extract 25 fields of every packet: data/capture/captures.csv -> data/extract/**/*.parquet.

Ge et al. 2019, section IV-B, "Feature extraction".
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from joblib import Parallel, delayed

from packetids import captures, command, extract, settings, tshark
from packetids.errors import PacketidsError

CAPTURES = Path("data/capture")
FIELDS = Path("data/extract")

log = logging.getLogger("extract")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    extract: settings.Extract


def main(config: Config) -> None:
    """Extract each capture; several at a time."""
    p = config.extract
    if p.reader == "tshark":
        found = tshark.version()
        log.info("TShark %s", found)
        if not found.startswith(tshark.REFERENCE_VERSION):
            log.warning(
                "the reference is TShark %s; %s may name or print fields differently",
                tshark.REFERENCE_VERSION,
                found,
            )
    work = captures.listed(CAPTURES)
    packets = Parallel(n_jobs=p.workers)(
        delayed(extract.to_parquet)(
            capture.path, FIELDS / f"{capture.name}.parquet", p.reader, p.display_filter
        )
        for capture in work
    )
    for capture, count in zip(work, packets, strict=True):
        if not count:
            raise PacketidsError(
                f"{capture.path}: no packet passed the filter {p.display_filter!r}. Take the "
                "capture out, or change extract.display_filter."
            )
    log.info("%d captures, %d packets", len(work), sum(packets))


if __name__ == "__main__":
    command.run(main, Config)
