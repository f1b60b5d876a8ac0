"""Bring MLflow in line with the result files: results, models -> mlflow.db, results/track/runs.csv.

Every training, trial and grid candidate is one run. Run it again at any time
(``python -m stages.track``): what is right stays, what is missing is logged.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packetids import completeness
from packetids.core import atomic, command, settings
from packetids.protocol import repeats
from packetids.results import left_out
from packetids.runs import mlflow_runs, record

RESULTS = Path("results")
MODELS = Path("models")
SCORES = Path("results/evaluate/scores.csv")
RUNS = Path("results/track/runs.csv")

log = logging.getLogger("track")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    dataset: settings.Dataset
    svc: settings.Svc
    seed: int
    tasks: list[str]
    trials: list[str]
    protocols: list[str]
    repeats: list[int]


def main(config: Config) -> None:
    """Log every run that params.yaml lists; others may be on disk still."""
    scores = pd.read_csv(SCORES)
    folders = [Path("train") / task for task in config.tasks]
    folders += [Path("sweep") / trial for trial in config.trials]
    again = repeats.listed(
        config.seed, config.tasks, config.trials, config.protocols, config.repeats
    )
    folders += [Path("repeat") / one.name for one in again]
    if not left_out.svc():
        names = [record.svc_grid(c) for c in config.svc.grid_c]
        names += [record.svc_sample(packets) for packets in config.svc.sample_packets]
        folders += [Path("svc") / name for name in names]
    synced = mlflow_runs.sync([result(folder, scores, config.dataset) for folder in folders])
    atomic.write_csv(RUNS, synced)
    log.info("%d runs are in %s; look at them with make ui", len(synced), mlflow_runs.STORE)


def result(folder: Path, scores: pd.DataFrame, dataset: settings.Dataset) -> mlflow_runs.Result:
    """Collect what one run left; `folder` is ``<stage>/<name>``."""
    run = json.loads((RESULTS / folder / record.RUN).read_text(encoding="utf-8"))
    stage, name = folder.parts
    tested = scores[(scores["stage"] == stage) & (scores["name"] == name)]
    tests = {f"test_{row.metric}": float(row.value) for row in tested.itertuples()}
    history = RESULTS / folder / record.HISTORY
    return mlflow_runs.Result(
        stage=stage,
        name=name,
        key=run["key"],
        params=mlflow_runs.flatten(run["params"] | {"dataset": dataset.name}),
        metrics=run["metrics"] | tests,
        history=pd.read_csv(history) if history.exists() else None,
        model=MODELS / folder,
        notice=completeness.notice(dataset),
    )


if __name__ == "__main__":
    command.run(main, Config)
