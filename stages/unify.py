"""Bring all captures to one schema and one file: data/label -> data/unify/packets.parquet.

Ge et al. 2019, section IV-B, "Schema unifying".
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from packetids.core import command
from packetids.sample import unify

LABELLED = Path("data/label")
UNIFIED = Path("data/unify/packets.parquet")

log = logging.getLogger("unify")


@dataclass(frozen=True)
class Config:
    """Nothing: the stage reads no setting."""


def main(_: Config) -> None:
    """Stream every labelled capture into one file."""
    packets = unify.unify(sorted(LABELLED.rglob("*.parquet")), UNIFIED)
    log.info("%d packets, %.1f MB", packets, UNIFIED.stat().st_size / 1e6)


if __name__ == "__main__":
    command.run(main, Config)
