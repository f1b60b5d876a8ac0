"""Several trainings in one process, in which TensorFlow starts once; what is trained already stays.

A training writes ``made.json`` last: the key of its settings, seed and inputs, the hash of the code
and those of its files. If all are still the same, so are the bytes that a fresh training would
write. So an interrupted sweep goes on where it was, and one more trial costs that trial only.
"""

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from packetids import sources
from packetids.core import atomic, settings
from packetids.learn import task_rows
from packetids.protocol import folds
from packetids.runs import record

MODELS, RESULTS = Path("models"), Path("results")
MADE = "made.json"


@dataclass(frozen=True)
class Training:
    """A network to train, by the name of its run."""

    name: str
    task: str
    fnn: settings.Fnn
    seed: int
    fold: str = folds.RANDOM  # or the round that is left out


def train_all(stage: str, listed: list[Training], live: bool) -> None:
    """Train all that is `listed` and not trained already, and remove the folders of all else.

    A training has the folder ``<stage>/<name>`` in `MODELS` and in `RESULTS`. Both are emptied
    before it begins, so that a model that is there is right, whenever the work is interrupted.
    """
    log = logging.getLogger(stage)
    for top in (MODELS / stage, RESULTS / stage):
        top.mkdir(parents=True, exist_ok=True)  # which stays empty without a training
        for folder in top.iterdir():
            if folder.is_dir() and folder.name not in {one.name for one in listed}:
                shutil.rmtree(folder)
    for number, one in enumerate(listed, 1):
        model_folder, result_folder = MODELS / stage / one.name, RESULTS / stage / one.name
        inputs = [task_rows.FEATURES_TABLE, task_rows.FOLDS / f"{one.task}.parquet"]
        if one.fold != folds.RANDOM:
            inputs.append(folds.ROUNDS)
        key = record.run_key(stage, one.name, one.fnn, one.seed, inputs)
        if _read(result_folder / MADE) == _made(key, model_folder, result_folder):
            log.info("[%d/%d] %s is trained already", number, len(listed), one.name)
            continue
        for folder in (model_folder, result_folder):
            shutil.rmtree(folder, ignore_errors=True)
        from packetids.fnn import training  # TensorFlow, which takes seconds to start

        best = training.train_and_save(
            _task(one.task, one.fold), one.fnn, one.seed, stage, one.name, key, model_folder,
            result_folder, live,
        )  # fmt: skip
        atomic.write_json(result_folder / MADE, _made(key, model_folder, result_folder))
        log.info(
            "[%d/%d] %s: validation accuracy %.5f after epoch %d",
            number, len(listed), one.name, best.accuracy, best.epoch,
        )  # fmt: skip


@lru_cache(maxsize=1)
def _task(name: str, fold: str) -> task_rows.Task:
    return folds.load_task(name, fold)


def _made(key: str, *folders: Path) -> dict[str, Any]:
    """Describe what lies in `folders` and what made it; times differ and are no part of it."""
    files = sorted(
        path
        for folder in folders
        for path in folder.glob("*")
        if path.name not in (MADE, record.RUNTIME)
    )
    hashes = {path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {"key": key, "code": _code(), "files": hashes}


@cache
def _code() -> str:
    return sources.digest(sources.reachable(sources.PACKAGE / "fnn/training.py"))


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none, or of a process that was killed
        return None
