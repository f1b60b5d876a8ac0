"""MLflow says what the result files say: one active run a result, whatever happened before."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from packetids.runs import mlflow_runs

ROOT = Path(__file__).parents[1]


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty place for a store."""
    monkeypatch.chdir(tmp_path)
    # MLflow keeps one open store a process and address, so each test needs an address of its own.
    monkeypatch.setattr(mlflow_runs, "STORE", f"sqlite:///{tmp_path}/mlflow.db")
    return tmp_path


def result(folder: Path, key: str = "k1", accuracy: float = 0.5) -> mlflow_runs.Result:
    model = folder / "model"
    model.mkdir(exist_ok=True)
    (model / "encoder.json").write_text("{}")
    history = pd.DataFrame({"epoch": [1, 2], "loss": [0.9, 0.4]})
    return mlflow_runs.Result(
        "train", "multiclass", key, {"fnn.l1": "0.0"}, {"test_accuracy": accuracy}, history,
        model, "made from a test",
    )  # fmt: skip


def runs(stage: str = "train"):
    return mlflow_runs._active(mlflow_runs.client(), stage)


def test_a_result_becomes_a_run_with_parameters_curves_and_artifacts(store):
    mlflow_runs.sync([result(store)])
    (run,) = runs()
    client = mlflow_runs.client()

    assert run.info.status == "FINISHED" and run.info.run_name == "multiclass"
    assert run.data.params == {"fnn.l1": "0.0"}
    assert run.data.metrics == {"test_accuracy": 0.5, "loss": 0.4}
    curve = client.get_metric_history(run.info.run_id, "loss")
    assert [(m.step, m.value) for m in curve] == [(1, 0.9), (2, 0.4)]
    (model,) = client.search_logged_models([run.info.experiment_id])
    assert model.source_run_id == run.info.run_id
    files = {Path(a.path).name for a in client.list_logged_model_artifacts(model.model_id)}
    assert {"MLmodel", "requirements.txt", "data"} <= files
    assert run.data.tags["mlflow.note.content"] == "made from a test"


def test_syncing_again_changes_nothing(store):
    first = mlflow_runs.sync([result(store)])
    before = [run.info.run_id for run in runs()]
    again = mlflow_runs.sync([result(store)])

    assert [run.info.run_id for run in runs()] == before
    pd.testing.assert_frame_equal(first, again)


def test_another_outcome_of_the_same_work_replaces_its_run(store):
    mlflow_runs.sync([result(store)])
    mlflow_runs.sync([result(store, accuracy=0.75)])

    (run,) = runs()
    assert run.data.metrics["test_accuracy"] == 0.75
    models = mlflow_runs.client().search_logged_models([run.info.experiment_id])
    assert [model.source_run_id for model in models] == [run.info.run_id]


def test_runs_of_other_settings_stay_to_compare_and_are_marked(store):
    mlflow_runs.sync([result(store, "k1")])
    mlflow_runs.sync([result(store, "k2")])

    marked = {run.data.tags[mlflow_runs.KEY]: run.data.tags[mlflow_runs.CURRENT] for run in runs()}
    assert marked == {"k1": "no", "k2": "yes"}


def test_a_live_run_shows_its_epochs_and_is_completed_by_sync(store):
    with mlflow_runs.live("train", "multiclass", "k1", {"fnn": {"l1": 0.0}}) as on_epoch:
        on_epoch(1, {"loss": 0.9})
        (run,) = runs()
        assert run.info.status == "RUNNING" and run.data.metrics == {"loss": 0.9}
    mlflow_runs.sync([result(store)])

    (run,) = runs()
    assert run.info.status == "FINISHED" and run.data.metrics["test_accuracy"] == 0.5


def test_a_failed_training_leaves_a_failed_run_that_the_next_replaces(store):
    with pytest.raises(RuntimeError), mlflow_runs.live("train", "multiclass", "k1", {}):
        raise RuntimeError
    assert [run.info.status for run in runs()] == ["FAILED"]

    with mlflow_runs.live("train", "multiclass", "k1", {}):
        pass
    assert [run.info.status for run in runs()] == ["FINISHED"]


KILLED = """
from packetids.runs import mlflow_runs
import time
with mlflow_runs.live("train", "multiclass", "k1", {}) as on_epoch:
    on_epoch(1, {"loss": 1.0})
    print("running", flush=True)
    time.sleep(60)
"""


def test_a_killed_training_leaves_no_second_run(store):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout.readline() == b"running\n"
        process.send_signal(signal.SIGKILL)
    assert [run.info.status for run in runs()] == ["RUNNING"]
    mlflow_runs.sync([result(store)])

    assert [run.info.status for run in runs()] == ["FINISHED"]


def test_processes_that_make_the_store_at_once_all_succeed(store):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    code = "from packetids.runs import mlflow_runs; mlflow_runs.client()"
    processes = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(3)]

    deadline = time.monotonic() + 120
    assert [p.wait(max(1, deadline - time.monotonic())) for p in processes] == [0, 0, 0]
    assert {e.name for e in mlflow_runs.client().search_experiments()} >= set(
        mlflow_runs.EXPERIMENTS
    )


def test_telemetry_is_off():
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert "analytics = false" in (ROOT / ".dvc/config").read_text()
