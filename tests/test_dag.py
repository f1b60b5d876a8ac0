"""The whole DAG on the tiny capture, as a newcomer runs it: `dvc repro`, with real everything."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests import quick
from tests.conftest import needs_tshark

pytestmark = needs_tshark

# Timings are in files and columns of their own; all else must be the same from run to run.
TIMED = {
    "runtime.json",
    "grid_runtime.json",
    "runtimes.csv",
    "comparison.csv",
    "table-6.csv",
    "index.html",
}


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    """A workspace after one `dvc repro`."""
    folder = quick.workspace(tmp_path_factory.mktemp("dag") / "first")
    ran = quick.run(folder, "dvc", "repro")
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return folder


def outputs(folder: Path) -> dict[str, bytes]:
    paths = [p for top in ("data", "models", "results") for p in (folder / top).rglob("*")]
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(paths)
        if p.is_file() and p.name not in TIMED
    }


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new, 1))


def would_run(folder: Path) -> set[str]:
    """The stages that `dvc repro` would begin with, without running them."""
    said = quick.run(folder, "dvc", "status", "--json")
    assert said.returncode == 0, said.stderr
    return {name.split("@")[0] for name in json.loads(said.stdout)}


def test_every_table_and_figure_is_there(done):
    tables = {f"table-{n}.csv" for n in range(1, 7)}
    figures = {f"figure-{n}.{suffix}" for n in (1, 2, 3) for suffix in ("svg", "png")}

    assert tables <= {p.name for p in (done / "results/tables").iterdir()}
    assert figures <= {p.name for p in (done / "results/figures").iterdir()}
    page = (done / "results/report/index.html").read_text()
    assert "tiny test capture" in page and page.count("<img ") == 6


def test_counts_agree_with_the_captures_and_with_each_other(done):
    manifest = json.loads((done / "captures/tiny/manifest.json").read_text())
    one = pd.read_csv(done / "results/tables/table-1.csv").set_index("subcategory")
    two = pd.read_csv(done / "results/tables/table-2.csv").set_index("subcategory")
    four = pd.read_csv(done / "results/tables/table-4.csv")

    attacks = pd.DataFrame(manifest["captures"]).groupby("subcategory")["bot_packets"].sum()
    assert one.loc["Total", "packets_ours"] == manifest["totals"]["packets"]
    assert one.loc["DDoS over UDP", "packets_ours"] == attacks["DDoS_UDP"]
    assert one.loc["Normal", "packets_ours"] == manifest["totals"]["packets"] - attacks.sum()
    assert (two["before_ours"] >= two["after_ours"]).all()
    after = two["after_ours"]
    for row in four.itertuples():
        title = {"Service scan": "Service scanning"}.get(row.attack, row.attack)
        n_test = row.tn_ours + row.fp_ours + row.fn_ours + row.tp_ours
        assert n_test == -(-(after["Normal"] + after[title]) // 5)  # ceil(0.2 n)


def test_the_papers_numbers_stand_beside_ours(done):
    beside = pd.read_csv(done / "results/compare/comparison.csv", dtype={"table": str, "row": str})
    cell = beside[(beside["table"] == "1") & (beside["row"] == "Total")].iloc[0]

    assert cell["paper"] == 558761829 and cell["difference"] == cell["ours"] - 558761829
    assert beside[beside["table"].isin(["1", "2", "4", "5"])][["ours", "paper"]].notna().all(None)


def test_both_protocols_have_every_model(done):
    summary = pd.read_csv(done / "results/score/summary.csv")
    whole = summary[(summary["task"] == "multiclass") & (summary["part"] == "all")]
    units = whole.set_index(["protocol", "model"])["units"].to_dict()

    trials = {("paper", name): 1 for name in ("hidden_512", "dropout_0.2")}
    peers = {("paper", "majority"): 1, ("paper", "tree"): 1}
    strict = {("strict", name): 4 for name in ("fnn", "majority", "tree")}
    assert units == {("paper", "fnn"): 2} | trials | peers | strict
    features = pd.read_parquet(done / "data/preprocess/features.parquet", columns=["capture"])
    tested = pd.read_parquet(done / "data/evaluate/networks.parquet")
    strict_rows = tested[tested["protocol"] == "strict"]
    assert sorted(strict_rows["row"]) == list(range(len(features)))  # each row once
    rounds = features["capture"].str.split("/").str[2].to_numpy()[strict_rows["row"]]
    assert (rounds == strict_rows["fold"].astype(str)).all()


def test_every_claim_has_a_verdict_and_a_reason(done):
    claims = pd.read_csv(done / "results/claims/claims.csv")

    assert len(claims) > 250 and claims["verdict"].notna().all()
    assert "the paper contradicts itself" in set(claims["verdict"])
    page = (done / "results/report/index.html").read_text()
    assert page.index("In short") < page.index("Figure 1") and "simple models" in page


def test_a_second_repro_does_nothing(done):
    again = quick.run(done, "dvc", "repro")

    assert again.returncode == 0 and quick.stages_run(again) == []
    assert "up to date" in again.stdout


def test_dvc_draws_the_losses_and_the_sweep(done, tmp_path):
    drawn = quick.run(done, "dvc", "plots", "show", "--out", str(tmp_path))

    assert drawn.returncode == 0 and "failed" not in drawn.stderr, drawn.stderr
    page = (tmp_path / "index.html").read_text()
    losses = pd.read_csv(done / "results/train/multiclass/history.csv")["val_loss"]
    assert all(f"{loss}" in page for loss in losses) and "hidden_512" in page


def test_dvc_shows_the_scores_of_both_protocols(done):
    shown = json.loads(quick.run(done, "dvc", "metrics", "show", "--json").stdout)
    ((path, found),) = shown[""]["data"].items()

    summary = pd.read_csv(done / "results/score/summary.csv")
    whole = summary[(summary["task"] == "multiclass") & (summary["part"] == "all")]
    network = whole[whole["model"] == "fnn"].set_index("protocol")["f1_macro_mean"]
    assert path == "results/score/headline.json" and set(found["data"]) == {"paper", "strict"}
    for protocol, values in found["data"].items():
        assert values["fnn"] == round(network[protocol], 6) and set(values) == {"fnn", "best_peer"}


def test_mlflow_has_every_training_trial_and_candidate(done):
    code = (
        "from packetids.runs import mlflow_runs; import json; c = mlflow_runs.client();"
        "print(json.dumps({s: sorted((r.info.run_name, r.info.status, sorted(r.data.metrics))"
        " for r in mlflow_runs._active(c, s)) for s in mlflow_runs.EXPERIMENTS}))"
    )
    said = quick.run(done, sys.executable, "-c", code)
    stored = json.loads(said.stdout)
    params = yaml.safe_load((done / "params.yaml").read_text())

    assert [name for name, _, _ in stored["train"]] == sorted(params["tasks"])
    assert [name for name, _, _ in stored["sweep"]] == sorted(params["trials"])
    assert [name for name, _, _ in stored["repeat"]] == [
        "round_1", "round_2", "round_3", "round_4", "seed_1",
    ]  # fmt: skip
    assert [n for n, _, _ in stored["svc"]] == [
        "grid_0.1", "grid_1", "grid_10", "sample_300", "sample_400", "sample_500",
    ]  # fmt: skip
    assert {status for runs in stored.values() for _, status, _ in runs} == {"FINISHED"}
    for name, _, metrics in stored["train"] + stored["sweep"] + stored["repeat"]:
        assert {"loss", "val_loss", "test_accuracy"} <= set(metrics), name


@pytest.mark.parametrize(
    ("file", "old", "new", "first"),
    [
        ("conf/fnn/quick.yaml", "learning_rate: 0.001", "learning_rate: 0.002",
         {"train", "sweep", "repeat", "claims"}),
        ("conf/trial/dropout_0.2.yaml", "dropout: 0.2", "dropout: 0.3", {"sweep", "repeat"}),
        ("conf/fnn/paper.yaml", "learning_rate: 0.001", "learning_rate: 0.002", set()),
        ("conf/sample/tiny.yaml", "dataset_share: 0.8", "dataset_share: 0.7", {"sample", "claims"}),
        ("conf/svc/quick.yaml", "cv_folds: 2", "cv_folds: 3",
         {"split", "svc", "track", "compare", "claims"}),
        ("conf/peer/tree.yaml", "depth_max: 0", "depth_max: 9", {"peers", "plot", "report"}),
        ("packetids/score/pairs.py", "import numpy", "import  numpy", {"score"}),
        ("packetids/results/figures.py", "GREY", "GREY_", {"plot"}),
        ("packetids/split.py", "import numpy", "import  numpy", {"split"}),
        ("packetids/label/rules.py", "import numpy", "import  numpy", {"label"}),
        ("packetids/features/preprocess.py", "import numpy", "import  numpy", {"preprocess"}),
        ("packetids/native/layers/ipv4.py", "import numpy", "import  numpy", {"extract"}),
        ("packetids/metrics.py", "import numpy", "import  numpy",
         {"svc", "evaluate", "compare", "claims", "plot", "report"}),
        ("reference/paper.csv", "194417", "194418", {"label", "compare", "claims"}),
        ("params.yaml", "seed: 0", "seed: 1",
         {"sample", "split", "train", "sweep", "repeat", "peers", "audit", "svc", "evaluate",
          "score", "track", "report"}),
        ("params.yaml", "fnn: quick", "fnn: paper", {"train", "sweep", "repeat", "claims"}),
    ],
)  # fmt: skip
def test_an_edit_re_runs_what_reads_it_and_nothing_else(done, file, old, new, first):
    path = done / file
    before = path.read_text()
    edit(path, old, new)
    try:
        assert would_run(done) == first  # and nothing that another edit left
    finally:
        path.write_text(before)


def test_one_more_trial_runs_that_trial_and_what_follows(done):
    edit(done / "params.yaml", "- dropout_0.2", "- dropout_0.2\n- dropout_0.5")

    kept = outputs(done)
    ran = quick.run(done, "dvc", "repro")

    # The first stages look whether the dataset serves what is listed; no other output moves.
    looked = ["capture", "split"]
    after = {"evaluate", "score", "track", "compare", "claims", "plot", "report"}
    assert quick.stages_run(ran)[:2] == looked
    assert set(quick.stages_run(ran)[2:]) == {"sweep", "repeat"} | after
    for number, trial in enumerate(["hidden_512", "dropout_0.2"], 1):
        assert f"sweep: [{number}/3] {trial} is trained already" in ran.stderr
    assert "sweep: [3/3] dropout_0.5: validation accuracy" in ran.stderr
    edit(done / "params.yaml", "\n- dropout_0.5", "")
    again = quick.run(done, "dvc", "repro")
    assert again.returncode == 0, again.stderr
    assert outputs(done) == kept


def test_a_changed_model_is_trained_again_and_no_other(done):
    kept = outputs(done)
    with (done / "models/train/DoS_UDP/weights.npz").open("ab") as weights:
        weights.write(b"more")
    again = quick.run(done, "dvc", "repro")

    assert again.returncode == 0
    # The model comes back as it was, so nothing is evaluated; only its time is another.
    assert quick.stages_run(again) == ["train", "track", "compare", "claims", "plot", "report"]
    assert again.stderr.count("is trained already") == 10
    assert "DoS_UDP: validation accuracy" in again.stderr
    assert outputs(done) == kept


def test_make_repro_ends_with_the_scores(done):
    again = quick.run(done, sys.executable, "-m", "packetids.repro")

    assert again.returncode == 0 and "Every output is up to date." in again.stdout
    scores = json.loads((done / "results/evaluate/metrics.json").read_text())
    (row,) = [line for line in again.stdout.splitlines() if "Multi-class" in line]
    assert f"{scores['multiclass']['accuracy']:.4f}" in row.split()
    assert "ours: tiny; paper: BoT-IoT" in again.stdout


def test_an_outcome_deleted_by_hand_comes_back_without_work(done):
    kept = outputs(done)
    for path in (done / "results/tables").iterdir():
        path.unlink()
    again = quick.run(done, "dvc", "repro")

    assert again.returncode == 0 and quick.stages_run(again) == []
    assert outputs(done) == kept


def test_two_runs_give_the_same_bytes(done, tmp_path):
    """In another folder: all stages up to some trainings. The last ones, again in this one."""
    tasks = ["multiclass", "DoS_UDP"]
    other = quick.workspace(tmp_path / "second", tasks=tasks, trials=["hidden_512"])
    stages = ["train", "sweep", "repeat", "svc"]
    ran = quick.run(other, "dvc", "repro", *stages)
    assert ran.returncode == 0, ran.stderr[-3000:]
    first, second = outputs(done), outputs(other)
    del second["results/split/counts.csv"]  # which lists all tasks

    made = {"data/extract", "data/split", "models/train", "models/sweep", "results/svc"}
    assert made <= {"/".join(name.split("/")[:2]) for name in second}
    assert [name for name in second if first[name] != second[name]] == []

    comparison = done / "results/compare/comparison.csv"
    numbers = [pd.read_csv(comparison).query("column != 'runtime_min'")]
    for stage in ("peers", "audit", "evaluate", "score", "compare", "claims", "plot", "report"):
        again = quick.run(done, "dvc", "repro", "--single-item", "--force", stage)
        assert again.returncode == 0, again.stderr[-3000:]
    numbers.append(pd.read_csv(comparison).query("column != 'runtime_min'"))
    pd.testing.assert_frame_equal(*numbers)
    assert outputs(done) == first


def test_kill_9_in_training_then_repro_ends_right(done):
    """A killed process tree leaves nothing that looks finished; the next repro makes it whole."""
    kept = outputs(done)
    edit(done / "conf/fnn/quick.yaml", "epochs_max: 3", "epochs_max: 400000")
    edit(done / "conf/fnn/quick.yaml", "patience_epochs: 5", "patience_epochs: 400000")
    with subprocess.Popen(
        ["dvc", "repro", "--single-item", "train"],
        cwd=done, env=quick.environment(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 120
        while (
            time.monotonic() < deadline
            and "Running stage" not in process.stdout.readline().decode()
        ):
            pass
        time.sleep(8)  # past the imports, into the epochs
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
    assert not (done / "models/train/multiclass/weights.npz").exists()
    edit(done / "conf/fnn/quick.yaml", "epochs_max: 400000", "epochs_max: 3")
    edit(done / "conf/fnn/quick.yaml", "patience_epochs: 400000", "patience_epochs: 5")
    again = quick.run(done, "dvc", "repro")

    assert again.returncode == 0, again.stderr[-2000:]
    assert outputs(done) == kept
