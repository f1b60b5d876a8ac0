"""MLflow beside DVC: result files are the truth, the MLflow store is the view to compare in.

A training may log live. `sync` then brings the store in line with the result files, whether they
were made here or restored from DVC's cache: each ``run.json`` has one active run, known by its
key (what produced it) and complete by its content (what came out). It can be called again at any
time and changes nothing that is right.
"""

import filecmp
import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"

import mlflow
import mlflow.pyfunc
from mlflow.entities import LifecycleStage, LoggedModel, LoggedModelStatus, Metric, Param, Run
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.tracking import MlflowClient

from packetids.runs import mlflow_store

STORE = "sqlite:///mlflow.db"
ARTIFACTS = Path("mlruns")
LOCK = Path(".mlflow.lock")
REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"
EXPERIMENTS = ("train", "sweep", "svc", "repeat")

KEY, CONTENT, CURRENT = "packetids.key", "packetids.content", "packetids.current"
LONGEST_PARAM = 6000  # characters MLflow takes
MODEL_FILES = ("MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt")
KIND = {"mlflow.experimentKind": "custom_model_development"}  # else the UI opens on GenAI traces

log = logging.getLogger("tracking")


@dataclass(frozen=True)
class Result:
    """One run as the result files tell it."""

    stage: str
    name: str
    key: str
    params: dict[str, str]
    metrics: dict[str, float]
    history: pd.DataFrame | None  # a row an epoch
    model: Path  # folder of a `classify.Classifier`
    notice: str

    @property
    def content(self) -> str:
        """Hash everything that is logged, the model's files by name and bytes."""
        told = [self.stage, self.name, self.params, self.metrics, self.notice]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
        if self.history is not None:
            digest.update(self.history.to_csv(index=False).encode())
        for path in sorted(self.model.iterdir()):
            digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()[:16]


def client() -> MlflowClient:
    """Open the store, made with its experiments if it is not there.

    Only one process makes it: SQLite stores that several processes create at once fail.

    Raises
    ------
    PacketidsError
        If it is locked, damaged, not writable, or of another version of MLflow.
    """
    with mlflow_store.in_words(STORE), mlflow_store.locked(LOCK):
        mlflow_store.prepare(STORE, ARTIFACTS, EXPERIMENTS)
        opened = MlflowClient(STORE)
        local = mlflow_store.file_of(STORE) is not None
        for name in EXPERIMENTS:
            experiment = opened.get_experiment_by_name(name)
            if experiment is None:
                place = (ARTIFACTS / name).resolve().as_uri() if local else None
                opened.create_experiment(name, artifact_location=place, tags=KIND)
            elif experiment.lifecycle_stage == LifecycleStage.DELETED:  # in MLflow's page
                opened.restore_experiment(experiment.experiment_id)
    return opened


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested settings: ``{"fnn": {"l1": 0.0}}`` to ``{"fnn.l1": "0.0"}``."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = str(value)[:LONGEST_PARAM]
    return flat


@contextmanager
def live(stage: str, name: str, key: str, params: dict[str, Any]) -> Iterator[Any]:
    """Open a run that can be watched; gives a function of (epoch, values).

    A run of the same key is replaced. If the block fails, the run is marked as failed; a killed
    process leaves it RUNNING, and the next `live` or `sync` of its key replaces it. A store that
    cannot be written costs the view and not the training: one warning, and nothing more is told.
    """
    telling = True

    def tell(what: Callable[[], Any]) -> Any:
        nonlocal telling
        if not telling:
            return None
        try:
            with mlflow_store.in_words(STORE):
                return what()
        except Exception as error:  # of whatever kind: hours of training are worth more
            telling = False
            log.warning(
                "MLflow does not show this training, which continues; stages.track logs its result "
                "later: %s", error
            )  # fmt: skip

    def begin() -> tuple[MlflowClient, str]:
        store = client()
        with mlflow_store.locked(LOCK):
            _delete(store, _active(store, stage, key))
            run = _create(store, stage, name, key)
        _log_params(store, run, flatten(params))
        return store, run.info.run_id

    store: Any
    store, run_id = tell(begin) or (None, None)

    def on_epoch(epoch: int, values: dict[str, float]) -> None:
        metrics = [Metric(metric, value, 0, epoch) for metric, value in values.items()]
        tell(lambda: store.log_batch(run_id, metrics=metrics))

    try:
        yield on_epoch
    except BaseException:
        tell(lambda: store.set_terminated(run_id, "FAILED"))
        raise
    tell(lambda: store.set_terminated(run_id, "FINISHED"))


def sync(results: list[Result]) -> pd.DataFrame:
    """Bring the store in line with `results`; runs of other settings stay, marked not current.

    Also the files of each model are looked at, and written again where they are missing.

    Returns
    -------
    DataFrame
        A row a run: stage, name, key, content. Sorted, and the same for the same results.

    Raises
    ------
    PacketidsError
        If the store or the artifacts cannot be written: what is logged so far stays.
    """
    store = client()
    if found := re.search("%[0-9a-fA-F]{2}", str(ARTIFACTS.resolve())):
        log.warning(
            "MLflow's load_model reads %s in a path as one letter and will not find the models of "
            "%s: rename the folder", found[0], ARTIFACTS.resolve()
        )  # fmt: skip
    with mlflow_store.in_words(STORE):
        for experiment in EXPERIMENTS:
            keys = {result.key for result in results if result.stage == experiment}
            for run in _active(store, experiment):
                if run.data.tags.get(KEY) not in keys:
                    store.set_tag(run.info.run_id, CURRENT, "no")
                    _mark_model(store, run)
        for result in results:
            with mlflow_store.locked(LOCK):  # for each alone, so that a training need not wait long
                _sync_one(store, result)
    return pd.DataFrame(
        [(r.stage, r.name, r.key, r.content) for r in results],
        columns=["stage", "name", "key", "content"],
    ).sort_values(["stage", "name"], ignore_index=True)


def _sync_one(store: MlflowClient, result: Result) -> None:
    runs = _active(store, result.stage, result.key)
    done = [
        run
        for run in runs
        if run.data.tags.get(CONTENT) == result.content
        and run.info.status == "FINISHED"
        and _model(store, run)
    ]
    if done:
        _delete(store, [run for run in runs if run is not done[0]])
        _restore_model(store, done[0], result.model)
        store.set_tag(done[0].info.run_id, CURRENT, "yes")
        return
    _delete(store, runs)
    run = _create(store, result.stage, result.name, result.key)
    run_id = run.info.run_id
    _log_params(store, run, result.params)
    metrics = [Metric(name, value, 0, 0) for name, value in result.metrics.items()]
    if result.history is not None:
        for row in result.history.to_dict("records"):
            epoch = int(row.pop("epoch"))
            metrics += [Metric(name, value, 0, epoch) for name, value in row.items()]
    for start in range(0, len(metrics), 1000):  # MLflow takes a thousand at once
        store.log_batch(run_id, metrics=metrics[start : start + 1000])
    _log_model(run_id, result.model)
    store.set_tag(run_id, "mlflow.note.content", result.notice)
    store.set_tag(run_id, CURRENT, "yes")
    store.set_terminated(run_id, "FINISHED")
    store.set_tag(run_id, CONTENT, result.content)  # last: a run cut short has no content


def _log_model(run_id: str, folder: Path) -> None:
    mlflow.set_tracking_uri(STORE)
    with mlflow.start_run(run_id=run_id):
        mlflow.pyfunc.log_model(name="model", **_pyfunc(folder))


def _restore_model(store: MlflowClient, run: Run, folder: Path) -> None:
    """Write the files of a run's model again where they are missing or damaged.

    The run and its model keep their identity, because people refer to it.
    """
    model = _model(store, run)
    assert model is not None, "only called for runs that have one"
    if not _has_files(model, folder):
        about = Model(
            artifact_path=model.artifact_location,
            run_id=run.info.run_id,
            model_uuid=model.model_id,
            model_id=model.model_id,
        )
        with tempfile.TemporaryDirectory() as scratch:
            mlflow.pyfunc.save_model(f"{scratch}/model", mlflow_model=about, **_pyfunc(folder))
            store.log_model_artifacts(model.model_id, f"{scratch}/model")
        log.info("%s: the missing files of its model in MLflow are restored", folder)
    if model.status != LoggedModelStatus.READY:
        store.finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def _mark_model(store: MlflowClient, run: Run) -> None:
    """Mark the model of a run whose result is no longer here as failed if its files are gone."""
    model = _model(store, run)
    if model is None:
        return
    status = LoggedModelStatus.READY if _has_files(model) else LoggedModelStatus.FAILED
    if model.status != status:
        store.finalize_logged_model(model.model_id, status)
    if status == LoggedModelStatus.FAILED:
        log.warning(
            "run %s (%s) is of earlier settings, and the files of its model are gone: its numbers "
            "stay, its model cannot be loaded", run.info.run_id, run.info.run_name
        )  # fmt: skip


def _model(store: MlflowClient, run: Run) -> LoggedModel | None:
    """Return the model that a run logged, if it was not deleted since."""
    outputs = run.outputs.model_outputs if run.outputs else []
    try:
        return store.get_logged_model(outputs[0].model_id) if outputs else None
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _has_files(model: LoggedModel, folder: Path | None = None) -> bool:
    """Check whether a model's files are where the store says, those of `folder` with its bytes.

    Files that a server keeps are the server's care.
    """
    place = mlflow_store.local_path(model.artifact_location)
    if place is None:
        return True
    if not all((place / name).is_file() and (place / name).stat().st_size for name in MODEL_FILES):
        return False
    if folder is None:
        return True
    names = [path.name for path in folder.iterdir()]
    same, _, _ = filecmp.cmpfiles(folder, place / "data" / folder.name, names, shallow=False)
    return len(same) == len(names)


def _pyfunc(folder: Path) -> dict[str, Any]:
    return {
        "loader_module": "packetids.classify",
        "data_path": str(folder),
        "pip_requirements": str(REQUIREMENTS),  # given, or MLflow loads the model to find out
    }


def _create(store: MlflowClient, stage: str, name: str, key: str) -> Run:
    return store.create_run(
        _experiment_id(store, stage), run_name=name, tags={KEY: key, "packetids.stage": stage}
    )


def _experiment_id(store: MlflowClient, stage: str) -> str:
    experiment = store.get_experiment_by_name(stage)
    assert experiment is not None, f"client() makes {stage}"
    return experiment.experiment_id


def _active(store: MlflowClient, stage: str, key: str | None = None) -> list[Run]:
    wanted = f"tags.`{KEY}` = '{key}'" if key else ""
    found: list[Run] = []
    token = None
    while True:
        page = store.search_runs([_experiment_id(store, stage)], wanted, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _delete(store: MlflowClient, runs: list[Run]) -> None:
    for run in runs:
        for output in run.outputs.model_outputs if run.outputs else []:
            store.delete_logged_model(output.model_id)
        store.delete_run(run.info.run_id)


def _log_params(store: MlflowClient, run: Run, params: dict[str, str]) -> None:
    store.log_batch(run.info.run_id, params=[Param(name, text) for name, text in params.items()])
