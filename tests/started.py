"""Run Python in a process that is forked from one that has imported the large libraries.

Most of a stage's time on the tiny captures goes to importing them, and tests start hundreds of
stages. The code itself, packetids included, is imported anew from the folder it runs in.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from joblib.externals import loky

LIBRARIES = [
    "hydra.compose",
    "joblib",
    "keras",
    "matplotlib.pyplot",
    "mlflow.pyfunc",
    "mlflow.store.db.utils",
    "mlflow.store.tracking.sqlalchemy_store",
    "numba",
    "pandas",
    "pyarrow.parquet",
    "skops.io",
    "sklearn.ensemble",
    "sklearn.svm",
    "statsmodels.stats.api",
    "tensorflow",
]

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}  # before it is imported
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(LIBRARIES)


def python(
    folder: Path, arguments: list[str], environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run ``python *arguments`` in `folder`; `arguments` begin with -m or -c. Output is kept."""
    with tempfile.TemporaryDirectory() as kept:
        out, err = Path(kept) / "out", Path(kept) / "err"
        what = (folder, arguments, environment, out, err)
        process = _context.Process(target=_run, args=what)
        process.start()
        process.join()
        code = process.exitcode
        assert code is not None
        return subprocess.CompletedProcess(
            ["python", *arguments], code, out.read_text(), err.read_text()
        )


def process(target: Callable[..., None], *arguments: Any) -> multiprocessing.Process:
    """Start `target` in a process that has the libraries and ends with this one."""
    child = _context.Process(target=target, args=arguments, daemon=True)
    child.start()
    return child


def run(
    folder: str, arguments: list[str], environment: dict[str, str], streams: list[int]
) -> NoReturn:
    """Run ``python *arguments`` in this process, a fork, and end it; `streams` are 0, 1 and 2."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    code: object = 1
    try:
        _execute(Path(folder), arguments, environment)
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code or 0))  # type: ignore[call-overload]


def _run(
    folder: Path, arguments: list[str], environment: dict[str, str], out: Path, err: Path
) -> None:
    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    _execute(folder, arguments, environment)


def _execute(folder: Path, arguments: list[str], environment: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    kind, code, *rest = arguments
    sys.path[:0] = ["", *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = ["-c" if kind == "-c" else code, *rest]
    try:
        if kind == "-c":
            exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
        else:
            runpy.run_module(code, run_name="__main__", alter_sys=True)
    finally:
        # A child of multiprocessing waits for its own, and idle workers stay for minutes.
        loky.get_reusable_executor().shutdown()
