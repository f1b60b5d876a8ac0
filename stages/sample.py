"""Draw the paper's share of each class: data/unify -> data/sample, results/sample/counts.csv.

Ge et al. 2019, section IV-B, "Dataset extraction"; the counts are column "Before" of Table II.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids.core import atomic, classes, command, settings
from packetids.sample import draw

UNIFIED = Path("data/unify/packets.parquet")
SAMPLED = Path("data/sample/packets.parquet")
COUNTS = Path("results/sample/counts.csv")

log = logging.getLogger("sample")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    sample: settings.Sample
    seed: int


def main(config: Config) -> None:
    """Draw packets."""
    p = config.sample
    before, after = draw.sample(
        UNIFIED, SAMPLED, p.attack_packets_max, p.dataset_share, config.seed
    )
    rows = [(key, before[key], after[key]) for key in classes.KEYS]
    atomic.write_csv(COUNTS, pd.DataFrame(rows, columns=["class", "packets", "sampled"]))
    log.info("%d of %d packets", sum(after.values()), sum(before.values()))


if __name__ == "__main__":
    command.run(main, Config)
