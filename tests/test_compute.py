"""Work goes over processes or a real Dask cluster, and a killed worker loses nothing."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster

from packetids import compute
from packetids.capture.listing import Capture
from packetids.core import settings
from packetids.core.errors import PacketidsError
from packetids.extract import many
from tests.conftest import ROOT, needs_tshark

LOOPBACK = {
    "host": "127.0.0.1",
    "dashboard_address": "127.0.0.1:0",
    "worker_dashboard_address": "127.0.0.1:0",
}
PROCESSES = settings.Compute(backend="processes", workers=2, scheduler="")


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Three worker processes."""
    with LocalCluster(n_workers=3, threads_per_worker=1, **LOOPBACK) as made:
        yield made


@pytest.fixture(params=["processes", "dask"])
def where(request: pytest.FixtureRequest) -> settings.Compute:
    if request.param == "processes":
        return PROCESSES
    return on(request.getfixturevalue("cluster"))


def on(cluster: LocalCluster) -> settings.Compute:
    return settings.Compute(backend="dask", workers=-1, scheduler=cluster.scheduler_address)


def half(number: int) -> float:
    if number == 13:
        raise PacketidsError("13 has no half here")
    return number / 2


def environment(_: int) -> tuple[int, str | None]:
    return os.getpid(), os.environ.get("NUMBA_NUM_THREADS")


def kill_once(path: Path) -> str:
    """Kill the worker that is at `path`, the first time."""
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def kill_always(path: Path) -> None:
    if path.name == "bad":
        os.kill(os.getpid(), signal.SIGKILL)


def test_every_item_gets_its_own_result(where):
    items = list(range(12))

    assert dict(compute.completed(half, items, where)) == {i: i / 2 for i in items}
    assert list(compute.completed(half, [], where)) == []


def test_what_the_function_raises_comes_out(where):
    with pytest.raises(PacketidsError, match="13 has no half"):
        list(compute.completed(half, [1, 13, 2], where))


def test_workers_are_other_processes_with_one_thread_each(where):
    found = [result for _, result in compute.completed(environment, range(6), where)]

    assert os.getpid() not in {pid for pid, _ in found}
    assert {threads for _, threads in found} == {"1"}


def test_few_octets_are_read_without_workers_unless_told_a_number():
    many, few = compute.FEW_OCTETS, compute.FEW_OCTETS - 1
    processes = settings.Compute(backend="processes", workers=-1, scheduler="")
    dask = settings.Compute(backend="dask", workers=-1, scheduler="tcp://127.0.0.1:8786")

    assert compute.enough(few, processes).workers == 1
    assert compute.enough(many, processes) == processes
    assert compute.enough(few, PROCESSES) == PROCESSES
    assert compute.enough(few, dask) == dask
    (found,) = compute.completed(environment, [0], compute.enough(few, processes))
    assert found[1][0] == os.getpid()


def test_a_dask_worker_killed_in_the_middle_loses_nothing(cluster, tmp_path):
    items = [tmp_path / str(i) for i in range(8)]
    for path in items[1:]:
        path.touch()

    found = dict(compute.completed(kill_once, items, on(cluster)))

    assert found == {i: str(i) for i in range(8)}


def test_an_item_that_kills_its_workers_is_named_and_does_not_hang(cluster):
    items = [Path("good"), Path("bad")]

    with pytest.raises(PacketidsError, match="^bad: 4 workers were killed"):
        list(compute.completed(kill_always, items, on(cluster)))


def test_a_killed_process_is_told():
    with pytest.raises(PacketidsError, match="worker process was killed"):
        list(compute.completed(kill_always, [Path("good"), Path("bad")], PROCESSES))


@pytest.mark.parametrize(
    "address", ["wrong://127.0.0.1:1", "127.0.0.1", "tcp://127.0.0.1:x", "tcp"]
)
def test_an_address_of_no_scheduler_is_refused_at_once(address):
    """In a process of its own: the client would hang for a minute when it ends."""
    code = (
        "from packetids import compute; from packetids.core import settings;"
        f"list(compute.completed(abs, [1], settings.Compute('dask', -1, {address!r})))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)

    assert f"no Dask scheduler answers at {address!r}" in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_cluster_that_cannot_do_the_work_is_refused(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(compute, "WAIT_S", 1.0)
    with pytest.raises(PacketidsError, match="no Dask scheduler answers at 'tcp://127.0.0.1:1'"):
        list(compute.completed(half, [1], settings.Compute("dask", -1, "tcp://127.0.0.1:1")))
    with LocalCluster(n_workers=0, **LOOPBACK) as empty:
        with pytest.raises(PacketidsError, match="has no worker after 1 s"):
            list(compute.completed(half, [1], on(empty)))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PacketidsError, match=f"runs in .* and this in {tmp_path}"):
        list(compute.completed(half, [1], on(cluster)))


@needs_tshark
def test_captures_are_all_right_after_a_worker_was_killed(cluster, tiny_pcaps, tmp_path):
    work = [
        Capture(p.stem, p, "DoS_TCP", p.stat().st_size, f"sha256:{p.stem}") for p in tiny_pcaps[:15]
    ]
    p = settings.Extract(reader="tshark", display_filter="ip or ipv6 or arp", keep_damaged=False)
    many.extract_all(work, tmp_path / "expected", p, PROCESSES)
    out = tmp_path / "out"
    victim = next(iter(cluster.workers.values())).pid

    def kill() -> None:
        while len(list(out.glob("*.parquet"))) < 3:
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    outcomes = many.extract_all(work, out, p, on(cluster))
    killer.join()

    assert [outcome.error for outcome in outcomes] == [""] * 15
    for capture in work:
        name = f"{capture.name}.parquet"
        assert (out / name).read_bytes() == (tmp_path / "expected" / name).read_bytes()
    assert victim not in {nanny.pid for nanny in cluster.workers.values()}
