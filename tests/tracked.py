"""A small repository whose results can be tracked: settings, one real model, its result files."""

import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from sklearn.svm import LinearSVC

from packetids.core.columns import CATEGORICAL, FEATURES
from packetids.learn import encode
from packetids.runs import record
from packetids.svc import linear
from tests import started

ROOT = Path(__file__).parents[1]
CLASSES = ["Normal", "DDoS_DoS"]
LOAD = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
for run in mlflow.search_runs(search_all_experiments=True, output_format="list"):
    (output,) = run.outputs.model_outputs
    for uri in f"runs:/{run.info.run_id}/model", f"models:/{output.model_id}":
        print(uri, mlflow.pyfunc.load_model(uri).metadata.run_id == run.info.run_id)
"""


def repository(folder: Path) -> Path:
    """Make `folder` a repository in which one task was trained."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    chosen = yaml.safe_load((ROOT / "params.yaml").read_text())
    chosen |= {"tasks": ["multiclass"], "trials": [], "protocols": ["paper"], "repeats": []}
    (folder / "params.yaml").write_text(yaml.safe_dump(chosen))
    model = folder / "models/train/multiclass"
    drawn = np.random.default_rng(2)
    rows = pd.DataFrame({name: drawn.integers(0, 9, 60) for name in FEATURES})
    rows[[name for name in CATEGORICAL if name.endswith("port")]] = "80"
    encoder = encode.fit(rows, [80], "min_max")
    encoder.save(model / record.ENCODER)
    labels = np.arange(60) % 2
    linear.save(LinearSVC(random_state=0).fit(encoder.transform(rows), labels), model)
    (model / record.CLASSES).write_text(json.dumps(CLASSES))
    results = folder / "results"
    (results / "label").mkdir(parents=True)
    (results / "label/part.json").write_text('{"is_bot_iot": false, "damaged": []}')
    (results / "svc").mkdir()
    (results / "svc/left_out.txt").write_text("The baseline was not trained here.\n")
    (results / "evaluate").mkdir()
    (results / "evaluate/scores.csv").write_text(
        "stage,name,metric,value\ntrain,multiclass,accuracy,0.5\n"
    )
    record.write_run(
        results / "train/multiclass", "train", "multiclass", "k1", {"seed": 0}, {"epochs": 2.0}
    )
    return folder


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in `folder` with this code."""
    return started.python(folder, list(arguments), os.environ | {"PYTHONPATH": str(ROOT)})


def track(folder: Path) -> str:
    """Run the stage, which must end well; give what it said."""
    done = python(folder, "-m", "stages.track")
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def load_all(folder: Path, uri: str = "sqlite:///mlflow.db") -> list[str]:
    """Load the model of every run with plain MLflow calls in `folder`; give the addresses."""
    done = python(folder, "-c", LOAD, uri)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines and all(right == "True" for _, right in lines), lines
    return [uri for uri, _ in lines]


def values_with(folder: Path, text: str) -> list[str]:
    """List the columns of the store that hold `text` anywhere in a value."""
    found = []
    with sqlite3.connect(folder / "mlflow.db") as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for column in connection.execute(f"PRAGMA table_info('{table}')").fetchall():
                query = f'SELECT 1 FROM "{table}" WHERE instr("{column[1]}", ?)'
                if connection.execute(query, (text,)).fetchone():
                    found.append(f"{table}.{column[1]}")
    return found


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Give time and bytes of every file below `folder`."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
