"""Make features of fields and drop duplicates: data/sample -> data/preprocess, results/preprocess.

Ge et al. 2019, section IV-C; the counts are Table II.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids.core import atomic, classes, command, settings
from packetids.features import preprocess

SAMPLED = Path("data/sample/packets.parquet")
FEATURES = Path("data/preprocess/features.parquet")
FITTED = Path("data/preprocess/fitted.json")
COUNTS = Path("results/preprocess/counts.csv")
CONFLICTS = Path("results/preprocess/conflicts.json")

log = logging.getLogger("preprocess")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    preprocess: settings.Preprocess


def main(config: Config) -> None:
    """Build the features table."""
    p = config.preprocess
    before, fitted = preprocess.read(SAMPLED, p.well_known_ports)
    conflicting = preprocess.conflicts(before)
    kept = preprocess.kept(before, p.duplicates)

    fitted.save(FITTED)
    preprocess.write(FEATURES, before, kept)
    after = before["class"][kept]
    counts = pd.DataFrame(
        {
            "before": before["class"].value_counts().reindex(list(classes.KEYS), fill_value=0),
            "after": after.value_counts().reindex(list(classes.KEYS), fill_value=0),
        }
    )
    atomic.write_csv(COUNTS, counts.rename_axis("class").reset_index())
    atomic.write_json(CONFLICTS, {"rows": len(before), "conflicting_rows": conflicting})
    log.info(
        "%d rows, %d kept; %d rows look like a row of another class",
        len(before),
        len(after),
        conflicting,
    )


if __name__ == "__main__":
    command.run(main, Config)
