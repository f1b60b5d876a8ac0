"""What a run leaves in its results folder and beside its model, and the key that identifies it."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from packetids.core import atomic

# What a training leaves in its results folder, and beside its model.
RUN = "run.json"


HISTORY = "history.csv"


RUNTIME = "runtime.json"


ENCODER = "encoder.json"


CLASSES = "classes.json"  # names of the labels 0, 1, …


def svc_grid(c: float) -> str:
    """Name the support vector run of one candidate of the grid search."""
    return f"grid_{c:g}"


def svc_sample(packets: int) -> str:
    """Name the support vector run on a sample of `packets` rows."""
    return f"sample_{packets}"


def write_run(
    folder: Path,
    stage: str,
    name: str,
    key: str,
    params: dict[str, Any],
    metrics: dict[str, float],
) -> None:
    """Write ``run.json``: what MLflow logs of a run, and the key that identifies it."""
    values = {"stage": stage, "name": name, "key": key, "params": params, "metrics": metrics}
    atomic.write_json(folder / RUN, values)


def run_key(stage: str, name: str, settings: Any, seed: int, inputs: list[Path]) -> str:
    """Hash what produces a run: settings, seed and the bytes of the inputs; 16 digits.

    The same work has the same key, anything else another.
    """
    digest = hashlib.sha256(json.dumps([stage, name, asdict(settings), seed]).encode())
    for path in inputs:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]
