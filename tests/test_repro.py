"""`make repro` runs DVC as it is, and sums up what came out."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from packetids import repro
from tests import quick
from tests.conftest import ROOT

PIPELINE = """
stages:
  first:
    cmd: python -c "open('one', 'w').write('1')"
    outs: [one]
  second:
    cmd: python -c "{second}"
    deps: [one]
    outs: [two]
"""


@pytest.fixture
def place(tmp_path) -> Path:
    """A pipeline of two stages under real DVC."""
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"],
                   cwd=tmp_path, check=True)  # fmt: skip
    write(tmp_path, "open('two', 'w').write('2')")
    return tmp_path


def write(place: Path, second: str) -> None:
    (place / "dvc.yaml").write_text(PIPELINE.format(second=second))


def started(place: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "packetids.repro", *arguments], cwd=place, text=True,
        env=quick.environment() | {"PYTHONPATH": str(ROOT)}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(place: Path, *arguments: str) -> tuple[int, str, str]:
    process = started(place, *arguments)
    out, err = process.communicate()
    return process.returncode, out, err


def test_stages_are_numbered_and_their_minutes_told(place):
    status, out, err = run(place)

    assert status == 0, err
    assert "[1/2] Running stage 'first'" in out and "[2/2] Running stage 'second'" in out
    assert "Minutes: first 0." in out and ", second 0." in out and "; together 0." in out
    assert "make ui" in out and "Look at" not in out  # there is no page here
    status, out, err = run(place)
    assert status == 0 and "Every output is up to date." in out and "[" not in out


def test_arguments_go_to_dvc(place):
    status, out, _ = run(place, "first")

    assert status == 0 and "Running stage 'first'" in out and "second" not in out


def test_dvcs_failure_is_its_own(place):
    write(place, "import sys; sys.exit('no second')")
    status, out, err = run(place)

    assert status == 255 and "no second" in err and "Minutes" not in out
    assert "ERROR: failed to reproduce 'second'" in err and "Traceback" not in err


def test_an_interrupt_ends_the_stage_too(place):
    write(place, "import time; print('asleep', flush=True); time.sleep(60)")
    process = started(place)
    assert process.stdout is not None
    for line in process.stdout:
        if "asleep" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130 and "Minutes" not in out
    assert "packetids/repro.py" not in err


def test_the_repositorys_stages_are_counted():
    done = subprocess.run([sys.executable, "-m", "dvc", "stage", "list", "--name-only"],
                          cwd=ROOT, capture_output=True, text=True, check=True)  # fmt: skip

    assert repro.n_stages(ROOT / "dvc.yaml") == len(done.stdout.split())


def test_a_skipped_stage_is_counted_and_not_timed():
    took_s: dict[str, float] = {}
    lines = ["Stage 'a' didn't change, skipping\n", "Running stage 'b':\n", "> python\n"]

    assert [*repro.watched(lines, 3, took_s)] == [lines[0], f"[2/3] {lines[1]}", lines[2]]
    assert list(took_s) == ["b"]
