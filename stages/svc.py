"""Train the support vector baseline: data/preprocess -> results/svc, models/svc.

Ge et al. 2019, section IV-F and Table VI: a grid over C by cross-validation on the smallest
sample, then the best C on three sample sizes. It draws from the whole processed dataset, whatever
tasks there are; where a class of the multi-class task has no row, left_out.txt says so instead.
"""

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from packetids import metrics
from packetids.core import atomic, classes, command, settings
from packetids.learn import task_rows
from packetids.results import left_out
from packetids.runs import record
from packetids.svc import linear, samples

MODELS = Path("models/svc")
RESULTS = Path("results/svc")
LEFT_OUT = (left_out.SVC, MODELS / left_out.SVC.name)

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
    best = search(task, config)
    for packets in config.svc.sample_packets:
        measure(task, config, packets, best)


def leave_out(missing: list[str]) -> None:
    """Say in place of results and models why there are none."""
    why = f"The support vector baseline needs every class, and no row is of {', '.join(missing)}."
    for path in LEFT_OUT:
        atomic.write_text(path, why + "\n")
    log.warning(why)


def search(task: task_rows.Rows, config: Config) -> float:
    """Choose C by cross-validation; write grid.csv and a run a candidate."""
    p = config.svc
    sample = linear.draw(
        task.table, task.target, task.well_known_ports, p.grid_packets, p, config.seed
    )
    weights = linear.class_weights(sample, len(task.classes))
    start = time.perf_counter()
    candidates, fitted = linear.grid_search(sample, p, weights, config.seed)
    grid_s = time.perf_counter() - start
    best = linear.best_c(candidates)
    atomic.write_csv(RESULTS / "grid.csv", candidates)
    atomic.write_json(RESULTS / "grid_runtime.json", {"grid_s": grid_s})
    for values, model in zip(candidates.to_dict("records"), fitted, strict=True):
        c = values.pop("c")
        name = record.svc_grid(c)
        predicted = model.predict(sample.test[0])
        scores = metrics.summary(sample.test[1], predicted, task.classes)
        write(config, task, name, c, sample, model, values | scores_of_test(scores))
    log.info("best C %g, in %.1f s", best, grid_s)
    return best


def measure(task: task_rows.Rows, config: Config, packets: int, c: float) -> None:
    """Train and test on a sample of `packets` rows."""
    p = config.svc
    sample = linear.draw(task.table, task.target, task.well_known_ports, packets, p, config.seed)
    weights = linear.class_weights(sample, len(task.classes))
    model = linear.estimator(p, c, weights, config.seed)
    predicted, runtime_s = linear.fit_and_test(sample, model)
    scores = metrics.summary(sample.test[1], predicted, task.classes)
    name = record.svc_sample(packets)
    write(config, task, name, c, sample, model, scores_of_test(scores))
    atomic.write_json(RESULTS / name / "runtime.json", {"runtime_s": runtime_s})
    log.info("%d packets: accuracy %.4f in %.1f s", packets, scores["accuracy"], runtime_s)


def scores_of_test(scores: dict[str, float]) -> dict[str, float]:
    """Say that scores are of the test part."""
    return {f"test_{name}": value for name, value in scores.items()}


def write(
    config: Config,
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
        key=record.run_key("svc", name, config.svc, config.seed, inputs),
        params={
            "svc": asdict(config.svc),
            "seed": config.seed,
            "c": c,
            "inputs": sample.train[0].shape[1],
            "train_rows": len(sample.train[1]),
            "test_rows": len(sample.test[1]),
            "class_size": {n: int(size) for n, size in zip(task.classes, sizes, strict=True)},
        },
        metrics=scores | {"converged": float(linear.converged(model, config.svc.iterations_max))},
    )


if __name__ == "__main__":
    command.run(main, Config)
