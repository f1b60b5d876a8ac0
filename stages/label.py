"""Label every packet by the bots' addresses: data/extract -> data/label, results/label/counts.csv.

Ge et al. 2019, section IV-B, "Label mapping"; the counts are the paper's Table I.
"""

import logging
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd
import pyarrow.parquet as pq

from packetids import atomic, classes, command, label, settings
from packetids.errors import PacketidsError

FIELDS = Path("data/extract")
LABELLED = Path("data/label")
COUNTS = Path("results/label/counts.csv")

log = logging.getLogger("label")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    label: settings.Label


def main(config: Config) -> None:
    """Label each capture and count its packets."""
    p = config.label
    rows = []
    for path in sorted(FIELDS.rglob("*.parquet")):
        capture = path.relative_to(FIELDS).with_suffix("").as_posix()
        subcategory = classes.of_capture(PurePosixPath(capture))
        labelled = label.label(pq.read_table(path), capture, subcategory, p.bots, p.endpoint)
        atomic.write_parquet(LABELLED / f"{capture}.parquet", labelled)
        attacks = sum(key != classes.NORMAL for key in labelled["class"].to_pylist())
        rows += [
            (capture, subcategory.key, attacks),
            (capture, classes.NORMAL, labelled.num_rows - attacks),
        ]
    counts = pd.DataFrame(rows, columns=["capture", "class", "packets"])
    by_class = counts.groupby("class")["packets"].sum()
    for key, packets in by_class.items():
        if not packets and key != classes.NORMAL:
            everything = counts[counts["capture"].isin(counts[counts["class"] == key]["capture"])]
            raise PacketidsError(
                f"label.bots: none of {', '.join(p.bots)} sent or received any of the "
                f"{everything['packets'].sum()} packets in the captures of {key}: 0 % attack. "
                "Correct the addresses in conf/label/."
            )
    atomic.write_csv(COUNTS, counts)
    log.info("%d packets, %d of attacks", counts["packets"].sum(), by_class.drop("Normal").sum())


if __name__ == "__main__":
    command.run(main, Config)
