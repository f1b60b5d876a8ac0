"""Look for what makes a score too good: data/preprocess, data/split -> results/audit.

On the multi-class task: equal rows across folds, labels that contradict each other, fields that
tell the capture, single features, features left out, and what each class hangs on.
``python -m stages.audit``
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids.audit import rows, shortcuts
from packetids.core import atomic, command, parquet
from packetids.core.classes import MULTICLASS
from packetids.core.columns import FEATURES
from packetids.datasheet import conflicts
from packetids.learn import task_rows
from packetids.protocol import folds

RESULTS = Path("results/audit")
TABLES = {
    "duplicates": rows.DUPLICATES,
    "fields": rows.FIELDS,
    "conflicts": conflicts.COLUMNS,
    "single": shortcuts.SINGLE,
    "ablations": shortcuts.ABLATIONS,
    "importance": shortcuts.IMPORTANCE,
}

log = logging.getLogger("audit")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    seed: int
    tasks: list[str]
    protocols: list[str]


def main(config: Config) -> None:
    """Write all tables, without rows if the multi-class task is not among the tasks."""
    made = audit(config) if MULTICLASS in config.tasks else {}
    for name, columns in TABLES.items():
        table = made.get(name, pd.DataFrame(columns=columns))
        atomic.write_csv(RESULTS / f"{name}.csv", table.round(9))
    log.info("%d tables in %s", len(made), RESULTS)


def audit(config: Config) -> dict[str, pd.DataFrame]:
    """Make the tables."""
    task = task_rows.load_task(MULTICLASS)
    dealt = folds.load(task, config.protocols)
    table = parquet.read(task_rows.FEATURES_TABLE, [*FEATURES, "class", "capture"]).to_pandas()
    table = table.iloc[task.row].reset_index(drop=True)  # `split` may have dropped duplicates
    found = {
        "duplicates": rows.duplicates(task, dealt),
        "fields": rows.fields(task.table, table["capture"]),
        "conflicts": conflicts.table(table),
        "single": shortcuts.single(task, dealt, config.seed),
        "ablations": shortcuts.ablations(task, dealt, config.seed),
    }
    if dealt:
        found["importance"] = shortcuts.importance(task, dealt[0], config.seed)
    return found


if __name__ == "__main__":
    command.run(main, Config)
