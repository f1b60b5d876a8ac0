"""Judge the paper's numbers and sentences: results, reference/paper.csv -> results/claims.

One row a claim: the paper's number, what follows from its own counts, ours under both protocols
with intervals, and a verdict. ``python -m stages.claims``
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from packetids import completeness
from packetids.claims import judge, measured, page
from packetids.core import atomic, command, settings
from packetids.results import compare

RESULTS = Path("results/claims")

log = logging.getLogger("claims")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    dataset: settings.Dataset
    label: settings.Label
    sample: settings.Sample
    preprocess: settings.Preprocess
    split: settings.Split
    fnn: settings.Fnn
    svc: settings.Svc


def main(config: Config) -> None:
    """Write the table, and as a page what it sums up to."""
    p = config
    chosen = judge.choices(p.label, p.sample, p.preprocess, p.split, p.fnn, p.svc)
    is_bot_iot = p.dataset.is_bot_iot
    table = judge.table(
        compare.read_paper(), measured.values(), measured.trials(), chosen, is_bot_iot
    ).assign(dataset=p.dataset.name, command="python -m stages.claims")
    atomic.write_csv(RESULTS / "claims.csv", table.round(9))
    atomic.write_text(RESULTS / "claims.md", page.page(table, completeness.notice(p.dataset)))
    told = ", ".join(f"{n} {verdict}" for verdict, n in table["verdict"].value_counts().items())
    log.info("%d claims: %s", len(table), told)


if __name__ == "__main__":
    command.run(main, Config)
