"""Captures are labelled one by one, anywhere: same bytes, and each that cannot be is named."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from distributed import Client, LocalCluster

from packetids.capture import listing
from packetids.core import settings
from packetids.core.errors import PacketidsError
from packetids.label import flow_csv, flow_index, flow_source, job, many
from tests import flow_records, quick
from tests.conftest import ROOT
from tests.test_compute import LOOPBACK

PROCESSES = settings.Compute(backend="processes", workers=2, scheduler="")
OUTPUTS = ("data/label", "results/label")
FLOWS = "captures/tiny/flows"


@pytest.fixture(scope="module")
def extracted(tmp_path_factory) -> Path:
    work = quick.workspace(tmp_path_factory.mktemp("work") / "repository")
    for name in ("capture", "extract"):
        done = quick.run(work, sys.executable, "-m", f"stages.{name}")
        assert done.returncode == 0, done.stderr
    return work


@pytest.fixture
def work(extracted, monkeypatch) -> Iterator[Path]:
    """A workspace of extracted captures, not labelled yet, and the present folder."""
    for made in OUTPUTS:
        shutil.rmtree(extracted / made, ignore_errors=True)
    monkeypatch.chdir(extracted)
    yield extracted


@pytest.fixture
def no_flows(work) -> Iterator[Path]:
    (work / FLOWS).rename(work / "aside")
    yield work
    (work / "aside").rename(work / FLOWS)


@pytest.fixture
def cluster(work) -> Iterator[LocalCluster]:
    """Workers that run in the workspace."""
    with LocalCluster(n_workers=2, threads_per_worker=1, **LOOPBACK) as made:
        yield made


def label(work: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    done = quick.run(work, sys.executable, "-m", "stages.label", *overrides)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def made(work: Path, *overrides: str) -> dict[str, bytes]:
    """Label, and take away what came out."""
    done = label(work, *overrides)
    assert done.returncode == 0, done.stderr
    found = {}
    for folder in OUTPUTS:
        for path in (work / folder).rglob("*"):
            if path.is_file():
                found[str(path.relative_to(work))] = path.read_bytes()
        shutil.rmtree(work / folder)
    return found


def on(cluster: LocalCluster) -> tuple[str, str]:
    return "compute=dask", f"compute.scheduler={cluster.scheduler_address}"


def have_labelled(client: Client) -> list[bool]:
    """Tell of each worker; not by a function of this module, which imports `job` itself."""
    return list(client.run(lambda: "packetids.label.job" in __import__("sys").modules).values())


@pytest.mark.parametrize(
    "overrides", [(), ("label=flows",), ("label=flows", "label.uncovered=bot_address")]
)
def test_any_number_of_workers_and_a_cluster_give_the_same_bytes(overrides, work, cluster):
    alone = made(work, "compute.workers=1", *overrides)

    assert len(alone) == 40 + 6  # captures, and tables
    assert made(work, "compute.workers=2", *overrides) == alone
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        assert have_labelled(client) == [False, False]
        assert made(work, *on(cluster), *overrides) == alone
        assert have_labelled(client) == [True, True]


def test_without_flow_records_too(no_flows, cluster):
    alone = made(no_flows, "compute.workers=1")

    assert b"bot_dns,Total" in alone["results/label/report.csv"]
    assert made(no_flows, "compute.workers=2") == alone
    assert made(no_flows, *on(cluster)) == alone


def test_a_cluster_that_does_not_answer_is_refused_and_nothing_looks_labelled(work):
    assert label(work).returncode == 0
    done = label(work, "compute=dask", "compute.scheduler=wrong://127.0.0.1:1")

    assert done.returncode == 1 and "no Dask scheduler answers at 'wrong:" in done.stderr
    assert [path for folder in OUTPUTS for path in (work / folder).rglob("*.*")] == []


@pytest.fixture
def damaged(work) -> Iterator[list[listing.Capture]]:
    """Two extracted captures that are cut short: not the first ones of the listing."""
    chosen = [listing.listed(Path("data/capture"))[place] for place in (7, 23)]
    whole = {Path("data/extract") / f"{one.name}.parquet": b"" for one in chosen}
    for path in whole:
        whole[path] = path.read_bytes()
        path.write_bytes(whole[path][:-100])
    yield chosen
    for path, octets in whole.items():
        path.write_bytes(octets)


@pytest.mark.parametrize("workers", [1, 2])
def test_captures_that_cannot_be_read_are_named_among_good_ones(workers, damaged, work):
    done = label(work, f"compute.workers={workers}")

    assert done.returncode == 1
    first, second = (f"data/extract/{one.name}.parquet: no whole Parquet file" for one in damaged)
    *_, last = done.stderr.strip().splitlines()
    assert f"error: 2 of 40 captures could not be labelled. The first: {first}" in last
    assert f"{damaged[1].name}: {second}" in done.stderr
    labels = {path.relative_to(work / "data/label") for path in work.glob("data/label/**/*.*")}
    expected = {Path(f"{one.name}.parquet") for one in listing.listed(work / "data/capture")}
    assert labels == expected - {Path(f"{one.name}.parquet") for one in damaged}
    assert not list((work / "results/label").glob("*"))


def test_a_single_one_is_named_alone(damaged, work):
    path = work / "data/extract" / f"{damaged[0].name}.parquet"
    kept = path.read_bytes()
    path.write_bytes((work / "data/extract" / f"{damaged[1].name}.parquet").read_bytes())
    try:
        shutil.copyfile(
            next(work.glob("data/extract/DoS/DoS_TCP/**/*.parquet")), path
        )  # a whole one again
        done = label(work)
    finally:
        path.write_bytes(kept)

    assert done.returncode == 1 and "captures could not be labelled" not in done.stderr
    assert f"label: error: data/extract/{damaged[1].name}.parquet: no whole" in done.stderr


def test_what_killed_runs_and_workers_left_is_removed(work):
    fresh = made(work)
    for folder in (".flows-killed", "DoS/DoS_TCP"):
        (work / "data/label" / folder).mkdir(parents=True)
    (work / "data/label/.flows-killed/key").write_bytes(bytes(100))
    (work / "data/label/DoS/DoS_TCP/.x.parquet.0123456789ab.part").write_bytes(b"half")

    assert made(work) == fresh


def test_a_worker_killed_in_the_middle_changes_nothing(work, cluster):
    expected = made(work, "label=flows", "compute.workers=1")
    victim = next(iter(cluster.workers.values())).pid

    def kill() -> None:
        while len(list((work / "data/label").rglob("*.parquet"))) < 3:
            time.sleep(0.005)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = made(work, "label=flows", *on(cluster))
    killer.join()

    assert found == expected
    assert victim not in {nanny.pid for nanny in cluster.workers.values()}


def test_flow_records_are_on_disk_once_and_no_job_carries_them(tmp_path):
    (tmp_path / "csv").mkdir()
    records = flow_records.real()
    flow_records.entire(tmp_path / "csv", [row | {"proto": "llc"} for row in records[:9]])
    layouts = [flow_csv.layout(path) for path in sorted((tmp_path / "csv").glob("*_[12].csv"))]
    p = settings.Label("flows", ["192.168.100.147"], "either", [], ["entire"], 0.0, "Normal", 0.01)
    none = flow_index.store(layouts, tmp_path)
    assert len(none) == 0 and none.rows == 9 and len(none.during(0, 2**60, 0)) == 0

    flow_records.entire(tmp_path / "csv", records)
    read, stored = flow_index.read(layouts), flow_index.store(layouts, tmp_path)
    assert len(read) == len(records) == stored.rows
    for name in flow_index.COLUMNS:
        assert np.array_equal(getattr(read, name), getattr(stored, name))
        assert not getattr(stored, name).flags.writeable  # pages of the file, shared
    assert stored.keys.as_json() == read.keys.as_json()
    capture = listing.Capture("x", tmp_path, "DoS_TCP", 1, "")
    assert len(pickle.dumps(job.Job(capture, tmp_path, tmp_path, tmp_path, p))) < 2_000


def test_a_selection_in_steps_is_that_at_once(tmp_path, monkeypatch):
    flow_records.kaggle(tmp_path, flow_records.real())
    read = flow_index.read(flow_source.choose(tmp_path, ["entire"], is_bot_iot=False).layouts)
    first, last = read.span_us()
    whole = read.during(first, (first + last) // 2, 1000)
    monkeypatch.setattr(flow_index, "SELECT_ROWS", 7)
    stepwise = read.during(first, (first + last) // 2, 1000)

    assert 0 < len(whole) < len(read)
    for name in ("distinct", "bounds", "start_us", "end_us", "latest_end_us", "class_number"):
        assert np.array_equal(getattr(whole, name), getattr(stepwise, name))


def test_the_folder_of_flow_records_goes_when_it_is_interrupted(tmp_path):
    p = settings.Label("flows", ["192.168.100.147"], "either", [], ["entire"], 0.0, "Normal", 0.01)
    with pytest.raises(KeyboardInterrupt):
        with many.flow_records(ROOT / "captures/tiny", tmp_path, p, False) as (_, records, folder):
            assert folder is not None and records is not None and (folder / "key").is_file()
            raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(PacketidsError, match="needs the dataset's flow records"):
        with many.flow_records(tmp_path, tmp_path / "out", p, False):
            pass
    assert list((tmp_path / "out").iterdir()) == []


def test_a_worker_imports_no_pandas():
    code = "import sys, packetids.label.job; sys.exit('pandas' in sys.modules)"

    assert quick.run(ROOT, sys.executable, "-c", code).returncode == 0
