"""A saved model classifies feature rows, by itself and out of MLflow."""

import json

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from sklearn.svm import LinearSVC

from packetids import classify
from packetids.core.columns import CATEGORICAL, FEATURES
from packetids.core.errors import PacketidsError
from packetids.fnn import network
from packetids.learn import encode
from packetids.runs import mlflow_runs, record
from packetids.svc import linear
from tests.test_fnn import P

NAMES = ["Normal", "DDoS_DoS"]


@pytest.fixture
def rows() -> pd.DataFrame:
    drawn = np.random.default_rng(2)
    table = pd.DataFrame({name: drawn.integers(0, 9, 60) for name in FEATURES})
    for name in CATEGORICAL:
        if name.endswith("port"):
            table[name] = "80"
    return table


@pytest.fixture(params=["fnn", "svc"])
def folder(request, rows, tmp_path):
    place = tmp_path / "model"
    encoder = encode.fit(rows, [80], "min_max")
    inputs, target = encoder.transform(rows), (np.arange(60) % 2).astype(np.int8)
    encoder.save(place / record.ENCODER)
    (place / record.CLASSES).write_text(json.dumps(NAMES))
    if request.param == "fnn":
        model = network.build(inputs.shape[1], 2, P)
        network.save(model, place)
        expected = network.predict(model, inputs).argmax(axis=1)
    else:
        model = LinearSVC(random_state=0).fit(inputs, target)
        linear.save(model, place)
        expected = model.predict(inputs)
    return place, [NAMES[label] for label in expected]


def test_rows_become_names_of_classes(folder, rows):
    place, expected = folder

    assert list(classify.Classifier(place).predict(rows)) == expected


def test_a_missing_column_is_named(folder, rows):
    with pytest.raises(PacketidsError, match=f"missing: {FEATURES[0]}"):
        classify.Classifier(folder[0]).predict(rows.drop(columns=FEATURES[0]))


def test_mlflow_loads_a_logged_model_and_it_answers_the_same(folder, rows, tmp_path, monkeypatch):
    place, expected = folder
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mlflow_runs, "STORE", f"sqlite:///{tmp_path}/mlflow.db")
    made = mlflow_runs.Result("train", "multiclass", "k", {}, {}, None, place, "made up")
    mlflow_runs.sync([made])
    (run,) = mlflow_runs._active(mlflow_runs.client(), "train")

    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")

    assert list(loaded.predict(rows)) == expected
