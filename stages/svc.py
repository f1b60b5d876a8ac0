"""Train the support vector baseline: data/preprocess -> results/svc, models/svc.

Ge et al. 2019, section IV-F and Table VI: a grid over C by cross-validation on the smallest
sample, then the best C on three sample sizes. It draws from the whole processed dataset, whatever
tasks there are; where a class of the multi-class task has no row, left_out.txt says so instead.
"""

import logging
from dataclasses import dataclass

from packetids.core import atomic, classes, command, settings
from packetids.learn import task_rows
from packetids.results import left_out
from packetids.svc import samples, training

LEFT_OUT = (left_out.SVC, training.MODELS / left_out.SVC.name)

log = logging.getLogger("svc")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    svc: settings.Svc
    seed: int


def main(config: Config) -> None:
    """Search the grid, then train on each sample size."""
    task = task_rows.load_rows(classes.MULTICLASS)
    if missing := samples.missing(task.target):
        leave_out(missing)
        return
    for path in LEFT_OUT:
        path.unlink(missing_ok=True)
    best = training.search(task, config.svc, config.seed)
    for packets in config.svc.sample_packets:
        training.measure(task, config.svc, config.seed, packets, best)


def leave_out(missing: list[str]) -> None:
    """Write why there are no results and models in their place."""
    why = f"The support vector baseline needs every class, and no row is of {', '.join(missing)}."
    for path in LEFT_OUT:
        atomic.write_text(path, why + "\n")
    log.warning(why)


if __name__ == "__main__":
    command.run(main, Config)
