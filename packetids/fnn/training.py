"""One training from rows to files."""

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from packetids.core import atomic, seeds, settings
from packetids.fnn import network
from packetids.learn import balance, encode, task_rows
from packetids.runs import record


@dataclass(frozen=True)
class Best:
    """The epoch whose weights were kept."""

    epoch: int
    accuracy: float  # on the validation fold
    loss: float


def train_and_save(
    task: task_rows.Task,
    p: settings.Fnn,
    seed: int,
    stage: str,
    name: str,
    key: str,
    model_folder: Path,
    result_folder: Path,
    live: bool,
) -> Best:
    """Train on a task's train fold, stop early on its validation fold, and write everything.

    ``model_folder`` receives architecture, weights, encoder and the names of the classes: what
    `classify` needs for new packets. ``result_folder`` receives history.csv, run.json and, apart
    because it differs from run to run, runtime.json. `key` is that of `record.run_key`.
    """
    train_table, train_target = task.part("train")
    validation_table, validation_target = task.part("validation")
    encoder = encode.fit(train_table, task.well_known_ports, p.scaling)

    # The first weights and the order of batches depend on the seed alone, not on the trial, so
    # that trials differ in what they change only.
    network.deterministic(seed, task.name)
    model = network.build(len(encoder.names), len(task.classes), p)
    weights = balance.class_weights(train_target, len(task.classes), p.class_weights)

    with _watched(live, stage, name, key, p, seed) as on_epoch:
        history, runtime_s = network.train(
            model,
            (encoder.code(train_table), train_target),
            (encoder.code(validation_table), validation_target),
            p,
            weights,
            seeds.generator(seed, f"fnn/{task.name}/order"),
            on_epoch,
        )
    kept = history.loc[history["val_loss"].idxmin()]
    best = Best(int(kept["epoch"]), float(kept["val_accuracy"]), float(kept["val_loss"]))

    network.save(model, model_folder)
    encoder.save(model_folder / record.ENCODER)
    atomic.write_json(model_folder / record.CLASSES, task.classes)
    atomic.write_csv(result_folder / record.HISTORY, history)
    record.write_run(
        result_folder,
        stage=stage,
        name=name,
        key=key,
        params={
            "fnn": asdict(p),
            "seed": seed,
            "task": task.name,
            "inputs": len(encoder.names),
            "weights": model.count_params(),
            "train_rows": len(train_target),
            "class_weights": weights,
        },
        metrics={
            "best_epoch": best.epoch,
            "epochs": len(history),
            "best_val_accuracy": best.accuracy,
            "best_val_loss": best.loss,
        },
    )
    atomic.write_json(
        result_folder / record.RUNTIME, {"train_s": runtime_s, "epochs": len(history)}
    )
    return best


def _watched(live: bool, stage: str, name: str, key: str, p: settings.Fnn, seed: int):  # type: ignore[no-untyped-def]
    if not live:
        return nullcontext()
    from packetids.runs import mlflow_runs

    return mlflow_runs.live(stage, name, key, {"fnn": asdict(p), "seed": seed})
