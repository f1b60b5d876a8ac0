"""A smaller run ends well with what there is, or the first stage says in words what it lacks.

Few tasks, none, no trial, a dataset without some subcategories: each through `dvc repro`.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from packetids import needs
from packetids.core import classes, settings
from packetids.core.errors import PacketidsError
from packetids.svc import samples
from tests import quick
from tests.conftest import ROOT

SVC_RUNS = ["grid_0.1", "grid_1", "grid_10", "sample_300", "sample_400", "sample_500"]


def repro(folder: Path, **choices) -> list[str]:
    """Run the whole DAG with `choices`, and the notebook after it; list the stages that ran."""
    quick.choose(folder, **choices)
    done = quick.run(folder, "dvc", "repro")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return quick.stages_run(done)


def refused(folder: Path, **choices) -> str:
    """Run the whole DAG with `choices`, which only the first stage sees; give its message."""
    quick.choose(folder, **choices)
    done = quick.run(folder, "dvc", "repro")
    assert done.returncode != 0 and quick.stages_run(done) == ["capture"], done.stdout
    assert "Traceback" not in done.stderr
    return next(line for line in done.stderr.splitlines() if "error: " in line)


def shown(folder: Path) -> tuple[set[str], set[str]]:
    """Give the tables and the figures that were made; each is on the page if it is there."""
    tables = {path.stem for path in (folder / "results/tables").glob("*.csv")}
    figures = {path.stem for path in (folder / "results/figures").glob("*.svg")}
    page = (folder / "results/report/index.html").read_text()
    assert page.count("<img ") == len(figures)
    return tables, figures


def left_out(folder: Path) -> dict[str, str]:
    """Give the page's sentences on what was left out, by the first word or two of the title."""
    page = (folder / "results/report/index.html").read_text()
    if "Left out of this run" not in page:
        return {}
    items = page.split("<h2>Left out of this run</h2>")[1].split("</ul>")[0].split("<li>")[1:]
    sentences = [item.removesuffix("</li>").split(". ", 1) for item in items]
    return {title.split(":")[0]: sentence for title, sentence in sentences}


PROTOCOLS = {
    "All models on the multi-class task, under both protocols",
    "In operation",
    "One feature alone",
    "Simple models",
    "All features without some",
    "The same models under two protocols",
}


def tracked(folder: Path, stage: str) -> list[str]:
    """List the runs that MLflow was brought in line with."""
    runs = pd.read_csv(folder / "results/track/runs.csv")
    return runs[runs["stage"] == stage]["name"].tolist()


def notebook(folder: Path, monkeypatch) -> None:
    """Run the notebook's cells on what there is; Jupyter's `display` only has to take a table."""
    monkeypatch.chdir(folder)
    namespace: dict = {"display": pd.DataFrame}
    for cell in json.loads((ROOT / "notebooks/results.ipynb").read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), namespace)  # noqa: S102


class TestThroughDvc:
    """One workspace: a dataset without keylogging, and then without all information theft."""

    @pytest.fixture(scope="class")
    def work(self, tmp_path_factory) -> Path:
        folder = quick.workspace(tmp_path_factory.mktemp("smaller") / "work")
        quick.take_out(folder, "Keylogging")
        return folder

    def test_a_subcategory_that_a_task_needs_is_refused_by_the_first_stage(self, work):
        said = refused(work)

        assert "captures/tiny: no capture of Keylogging, which" in said
        assert said.endswith("params.yaml: task Keylogging.")

    def test_the_multi_class_task_alone_without_a_subcategory(self, work, monkeypatch):
        conf = work / "conf/split/paper.yaml"
        text = conf.read_text()
        conf.write_text(text.replace("duplicates: keep", "duplicates: drop"))
        ran = repro(work, tasks=["multiclass"], trials=[])
        conf.write_text(text)

        assert {"train", "svc", "report"} <= set(ran)
        twelve = pd.read_csv(work / "results/audit/duplicates.csv").query(
            "features == 'all twelve'"
        )
        assert len(twelve) > 1 and not twelve["same_label_share"].any()
        tables = {f"table-{n}" for n in (1, 2, 3, 5, 6)}
        assert shown(work) == (tables, {"figure-1", "figure-2", "protocols", "training-curves"})
        assert set(left_out(work)) == {"Table IV", "Figure 3", "Sweep"}
        assert (tracked(work, "train"), tracked(work, "svc")) == (["multiclass"], SVC_RUNS)
        two = pd.read_csv(work / "results/tables/table-2.csv").set_index("subcategory")
        assert two.loc["Keylogging", "after_ours"] == 0 < two.loc["Data exfiltration", "after_ours"]
        notebook(work, monkeypatch)

    def test_a_trial_and_a_binary_task_without_the_multi_class_task(self, work, monkeypatch):
        ran = repro(work, tasks=["DoS_TCP"], trials=["hidden_512"])

        assert {"train", "sweep"} <= set(ran)
        assert "svc" not in ran  # it does not depend on what is trained
        tables = {"sweep"} | {f"table-{n}" for n in (1, 2, 3, 4, 6)}
        assert shown(work)[0] == tables and "sweep" in shown(work)[1]
        assert set(left_out(work)) == {"Table V", *PROTOCOLS}
        assert pd.read_csv(work / "results/tables/sweep.csv")["name"].tolist() == ["hidden_512"]
        assert tracked(work, "train") + tracked(work, "sweep") == ["DoS_TCP", "hidden_512"]
        assert set(json.loads((work / "results/evaluate/metrics.json").read_text())) == {"DoS_TCP"}
        notebook(work, monkeypatch)
        other = work / "results/svc/sample_999"  # left by `python -m stages.svc` with other sizes
        shutil.copytree(work / "results/svc/sample_300", other)
        again = quick.run(work, sys.executable, "-m", "stages.track")
        shutil.rmtree(other)
        assert again.returncode == 0 and tracked(work, "svc") == SVC_RUNS

    def test_a_baseline_that_does_not_fit_is_refused_before_training(self, work):
        conf = work / "conf/svc/quick.yaml"
        text = conf.read_text()
        conf.write_text(text.replace("sample_packets: [300", "sample_packets: [30000"))
        done = quick.run(work, "dvc", "repro")
        conf.write_text(text)

        assert done.returncode != 0 and quick.stages_run(done) == ["split"]
        assert "a sample of 30000 packets needs as many rows" in done.stderr
        assert "conf/svc/" in done.stderr and "Traceback" not in done.stderr

    def test_a_class_that_tasks_and_trials_need_is_refused_by_the_first_stage(self, work):
        quick.take_out(work, "Data_Exfiltration")
        said = refused(work, tasks=["multiclass", "DoS_TCP", "Keylogging"], trials=["hidden_512"])
        assert "no capture of Keylogging, Theft, which" in said
        assert said.endswith("yaml: task Keylogging, task multiclass, all trials.")
        said = refused(work, tasks=["DoS_TCP"])
        assert "no capture of Theft" in said and said.endswith("yaml: all trials.")

    def test_one_binary_task_of_a_dataset_without_a_whole_class(self, work, monkeypatch):
        ran = repro(work, tasks=["DoS_TCP"], trials=[])

        assert {"train", "svc", "report"} <= set(ran)
        assert shown(work) == (
            {"table-1", "table-2", "table-3", "table-4"},
            {"figure-1", "figure-2", "figure-3", "training-curves"},
        )
        why = left_out(work)
        assert set(why) == {
            *PROTOCOLS,
            "Table V",
            "Table VI",
            "Sweep",
            "Grid search of the support vector baseline",
        }
        assert "no row is of Theft" in why["Table VI"]
        one = pd.read_csv(work / "results/tables/table-1.csv").set_index("subcategory")
        assert one.loc["Keylogging", "packets_ours"] == 0
        four = pd.read_csv(work / "results/tables/table-4.csv").set_index("attack")
        assert four["tp_ours"].notna().tolist() == [key == "DoS_TCP" for key in classes.ATTACKS]
        assert (tracked(work, "train"), tracked(work, "svc")) == (["DoS_TCP"], [])
        notebook(work, monkeypatch)

    def test_no_task_and_no_trial(self, work, monkeypatch):
        ran = repro(work, tasks=[], trials=[])

        assert list((work / "models/train").iterdir()) == []  # the binary task's model is removed
        began = {"capture", "split", "train", "sweep", "repeat", "peers", "audit"}
        after = {"evaluate", "score", "track", "compare", "claims", "plot", "report"}
        assert set(ran) == began | after
        assert shown(work) == ({"table-1", "table-2", "table-3"}, {"figure-1"})
        assert "params.yaml lists no task." in left_out(work)["Figure 2"]
        assert pd.read_csv(work / "results/evaluate/scores.csv").empty
        assert json.loads((work / "results/evaluate/metrics.json").read_text()) == {}
        assert pd.read_csv(work / "results/track/runs.csv").empty
        notebook(work, monkeypatch)
        again = quick.run(work, "dvc", "repro")
        assert again.returncode == 0 and quick.stages_run(again) == []

    def test_rows_that_a_task_needs_are_looked_for_before_training(self, work):
        """Captures may be there and their rows not: dropped as duplicates, or labelled Normal."""
        done = quick.run(work, sys.executable, "-m", "stages.split", "tasks=[DoS_TCP,Keylogging]")

        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert "features.parquet: no row of Keylogging, which params.yaml needs" in done.stderr


def test_what_is_needed_by_whom():
    there = {"DoS_TCP", "Keylogging", "OS_Fingerprint", classes.NORMAL}

    assert needs.lacks(there, ["multiclass", "DoS_TCP", "Keylogging"], ["l1_1e-5"]) == []
    assert needs.lacks({"DoS_TCP"}, [], []) == []
    without = there - {"Keylogging", classes.NORMAL}
    assert needs.lacks(without, ["DoS_TCP", "Keylogging"], ["l1_1e-5"]) == [
        needs.Lack("Keylogging", ("task Keylogging",)),
        needs.Lack(classes.NORMAL, ("task DoS_TCP", "task Keylogging", "all trials")),
        needs.Lack(classes.THEFT, ("all trials",)),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sample_packets": [500, 501]}, "sample of 501 packets needs as many rows.* has 500"),
        ({"grid_packets": 501}, "sample of 501 packets needs as many rows"),
        ({"grid_packets": 1}, "a sample of 1 packets has 0 training rows.* has 4 classes"),
        ({"sample_packets": [20]}, "sample of 20 packets left no training row of Theft.* 2 rows"),
        ({"cv_folds": 300}, "cv_folds: 300 folds need as many training rows.* 1[0-9][0-9] at most"),
    ],
)
def test_a_baseline_that_does_not_fit_the_rows(changes, said):
    target = np.repeat(np.array([0, 1, 2, 3], np.int8), [200, 200, 98, 2])
    fits = dict(estimator="LinearSVC", iterations_max=10, grid_c=[1.0], grid_packets=500,
                cv_folds=5, sample_packets=[500], test_share=0.2, workers=1)  # fmt: skip

    samples.check(target, settings.Svc(**fits), 0)
    with pytest.raises(PacketidsError, match=said):
        samples.check(target, settings.Svc(**fits | changes), 0)
