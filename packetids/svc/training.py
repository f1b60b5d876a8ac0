"""The baseline's trainings, from rows to files: a grid over C, and one sample size at a time."""

import logging
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from packetids import metrics
from packetids.core import atomic, settings
from packetids.learn import task_rows
from packetids.runs import record
from packetids.svc import linear

MODELS = Path("models/svc")
RESULTS = Path("results/svc")

log = logging.getLogger("svc")


def search(task: task_rows.Rows, p: settings.Svc, seed: int) -> float:
    """Choose C by cross-validation; write grid.csv and a run a candidate."""
    sample = linear.draw(task.table, task.target, task.well_known_ports, p.grid_packets, p, seed)
    weights = linear.class_weights(sample, len(task.classes))
    start = time.perf_counter()
    candidates, fitted = linear.grid_search(sample, p, weights, seed)
    grid_s = time.perf_counter() - start
    best = linear.best_c(candidates)
    atomic.write_csv(RESULTS / "grid.csv", candidates)
    atomic.write_json(RESULTS / "grid_runtime.json", {"grid_s": grid_s})
    for values, model in zip(candidates.to_dict("records"), fitted, strict=True):
        c = values.pop("c")
        name = record.svc_grid(c)
        predicted = model.predict(sample.test[0])
        scores = metrics.summary(sample.test[1], predicted, task.classes)
        write(p, seed, task, name, c, sample, model, values | scores_of_test(scores))
    log.info("best C %g, in %.1f s", best, grid_s)
    return best


def measure(task: task_rows.Rows, p: settings.Svc, seed: int, packets: int, c: float) -> None:
    """Train and test on a sample of `packets` rows."""
    sample = linear.draw(task.table, task.target, task.well_known_ports, packets, p, seed)
    weights = linear.class_weights(sample, len(task.classes))
    model = linear.estimator(p, c, weights, seed)
    predicted, runtime_s = linear.fit_and_test(sample, model)
    scores = metrics.summary(sample.test[1], predicted, task.classes)
    name = record.svc_sample(packets)
    write(p, seed, task, name, c, sample, model, scores_of_test(scores))
    atomic.write_json(RESULTS / name / "runtime.json", {"runtime_s": runtime_s})
    log.info("%d packets: accuracy %.4f in %.1f s", packets, scores["accuracy"], runtime_s)


def scores_of_test(scores: dict[str, float]) -> dict[str, float]:
    """State that scores are of the test part."""
    return {f"test_{name}": value for name, value in scores.items()}


def write(
    p: settings.Svc,
    seed: int,
    task: task_rows.Rows,
    name: str,
    c: float,
    sample: linear.Sample,
    model: linear.Model,
    scores: dict[str, float],
) -> None:
    """Write one run's model and run.json."""
    linear.save(model, MODELS / name)
    sample.encoder.save(MODELS / name / record.ENCODER)
    atomic.write_json(MODELS / name / record.CLASSES, task.classes)
    sizes = np.bincount(sample.train[1], minlength=len(task.classes))
    inputs = [task_rows.FEATURES_TABLE]
    record.write_run(
        RESULTS / name,
        stage="svc",
        name=name,
        key=record.run_key("svc", name, p, seed, inputs),
        params={
            "svc": asdict(p),
            "seed": seed,
            "c": c,
            "inputs": sample.train[0].shape[1],
            "train_rows": len(sample.train[1]),
            "test_rows": len(sample.test[1]),
            "class_size": {n: int(size) for n, size in zip(task.classes, sizes, strict=True)},
        },
        metrics=scores | {"converged": float(linear.converged(model, p.iterations_max))},
    )
