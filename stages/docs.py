"""Write what a newcomer sees first: results -> docs/results.md, docs/*.svg, a part of README.md.

Not a stage of dvc.yaml: a run with other settings must not rewrite committed pages. Run it as
`make docs` after `make repro`, and commit what it wrote together with dvc.lock.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from packetids import completeness
from packetids.core import atomic, command, settings
from packetids.results import figures, front, in_short, left_out, protocols

COMPARISON = Path("results/compare/comparison.csv")
README = Path("README.md")
PAGE = Path("docs/results.md")
PROTOCOLS = Path("docs/protocols.svg")
HEADLINE, MULTICLASS = Path("docs/headline.svg"), Path("docs/multiclass.svg")

log = logging.getLogger("docs")


@dataclass(frozen=True)
class Config:
    """What this script reads."""

    dataset: settings.Dataset
    seed: int
    tasks: list[str]
    trials: list[str]
    peers: list[str]


def main(config: Config) -> None:
    """Write the pages."""
    comparison = pd.read_csv(COMPARISON, dtype={"table": str, "row": str})
    dataset = config.dataset.name
    headline = front.headline(comparison)
    summary, titles = pd.read_csv(in_short.SCORE / "summary.csv"), protocols.titles(config.peers)
    said = in_short.of_run(titles, dataset)
    with plt.rc_context({"svg.fonttype": "none"}):  # text as text, in half the size
        figures.write_svg(front.dumbbells(headline, dataset), HEADLINE)
        drawn = figures.protocols(protocols.numbers(summary, titles), dataset)
        figures.write_svg(drawn, PROTOCOLS)
        figures.write_svg(front.heat_maps(front.matrices(comparison), dataset), MULTICLASS)
    table = front.headline_table(headline, dataset)
    notice = completeness.notice(config.dataset)
    without = left_out.reasons(config.tasks, config.trials)
    sweep = None if "sweep" in without else pd.read_csv("results/tables/sweep.csv")
    svc = None if "table-6" in without else pd.read_csv("results/tables/table-6.csv")
    atomic.write_text(
        PAGE,
        front.page(table, notice, config.seed, said, protocols.models(summary, titles), sweep, svc),
    )
    readme = README.read_text(encoding="utf-8")
    atomic.write_text(README, front.between_marks(readme, front.readme_block(table, said)))
    log.info("wrote %s, %s, %s, and the results in %s", PAGE, HEADLINE, MULTICLASS, README)


if __name__ == "__main__":
    command.run(main, Config)
