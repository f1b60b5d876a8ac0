"""One step of the pipeline in a process of its own: seconds, rows and the peak of its memory.

``python -m benchmarks.scale_steps WORKSPACE STEP [SETTING=VALUE ...]`` prints them as one line of
JSON. The step is a stage's own ``main``, with settings composed as in the pipeline, in a folder
that has the pipeline's layout (``data/``, ``models/``, ``results/``).
"""

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from packetids.core import classes, settings
from packetids.core.errors import PacketidsError
from packetids.features import preprocess
from packetids.learn import encode, task_rows

# Rows that a step works on, as files of them.
ROWS = {
    "capture": "data/extract/**/*.parquet",  # none are there yet
    "extract": "data/extract/**/*.parquet",
    "label": "data/label/**/*.parquet",
    "unify": "data/unify/packets.parquet",
    "sample": "data/unify/packets.parquet",
    "preprocess": "data/sample/packets.parquet",
    "duplicates": "data/sample/packets.parquet",
    "split": "data/preprocess/features.parquet",
    "encode": "data/preprocess/features.parquet",
    "train": "data/preprocess/features.parquet",
    "evaluate": "data/preprocess/features.parquet",
}
# The built dataset is the sample already, so everything is kept; the other settings are the
# paper's. Splitting deals all eleven tasks, training and testing do the largest.
SETTINGS = {
    "sample": ["sample.attack_packets_max=100000000", "sample.dataset_share=1"],
    "preprocess": ["preprocess=paper"],
    "split": ["split=paper"],
    "train": ["fnn=paper", "track=after", "tasks=[multiclass]"],
    "evaluate": ["tasks=[multiclass]", "trials=[]"],
}


CODED_ROWS = 32_000
WELL_KNOWN_PORTS = [20, 21, 22, 23, 25, 42, 43, 53, 80, 161, 443]


@dataclass(frozen=True)
class Cost:
    """What a step took."""

    step: str
    rows: int
    seconds: float
    cpu_s: float
    peak_bytes: int  # highest resident memory of the process, its imports included
    before_bytes: int  # the same when the work began


def measure(workspace: Path, step: str, *overrides: str) -> Cost:
    """Run `step` in a new process and give its cost.

    Raises
    ------
    PacketidsError
        If the step failed; its complaint has gone to stderr.
    """
    command = [sys.executable, "-m", __name__, str(workspace), step, *overrides]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}  # for workers of the step
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    if done.returncode:
        raise PacketidsError(f"{' '.join(command[2:])} ended with status {done.returncode}.")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def run(workspace: Path, step: str, overrides: list[str]) -> Cost:
    """Run `step` in this process."""
    prepare = _preparation(step, overrides)
    os.chdir(workspace)
    work = prepare()
    before = _peak_bytes()
    start, cpu_start = time.perf_counter(), time.process_time()
    work()
    seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu_start
    files = Path().glob(ROWS[step.removeprefix("plain.")])
    rows = sum(pq.read_metadata(path).num_rows for path in files)
    return Cost(step, rows, seconds, cpu_s, _peak_bytes(), before)


def _preparation(step: str, overrides: list[str]) -> Callable[[], Callable[[], Any]]:
    """Do what needs the repository's folder; give what is left to do before the clock starts."""
    if step.startswith("plain."):
        from benchmarks import scale_plain

        return scale_plain.STEPS[step.removeprefix("plain.")]
    if step in OWN:
        return OWN[step]
    module = importlib.import_module(f"stages.{step}")
    config = settings.load(module.Config, [*SETTINGS.get(step, []), *overrides])
    return lambda: lambda: module.main(config)


def _duplicates() -> Callable[[], Any]:
    table, _ = preprocess.read(Path(ROWS["duplicates"]), WELL_KNOWN_PORTS)
    preprocess.kept(table[:1], "by_label")  # loads the compiled kernels
    return lambda: preprocess.kept(table, "by_label")


def _encode() -> Callable[[], Any]:
    """Encode the multi-class task's training rows, and go over them once, as training does."""

    def work() -> None:
        task = task_rows.load_task(classes.MULTICLASS)
        train, _ = task.part("train")
        coded = encode.fit(train, task.well_known_ports, "min_max").code(train)
        for start in range(0, len(coded), CODED_ROWS):
            coded[start : start + CODED_ROWS]

    return work


def _peak_bytes() -> int:
    """Give the highest resident memory of the process, or of one of its workers."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(each).ru_maxrss for each in who) * 1024


OWN: dict[str, Callable[[], Callable[[], Any]]] = {"duplicates": _duplicates, "encode": _encode}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("step")
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    print(json.dumps(asdict(run(given.workspace, given.step, given.overrides))))
