"""The whole DAG on the tiny capture, in a folder of its own: ``python -m tests.quick FOLDER``.

The folder receives the files that git tracks or would track, with the quick choices in
params.yaml, so that the working tree's own results stay as they are.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
CHOICES = {
    "dataset": "tiny",
    "captures": "captures/tiny",
    "sample": "tiny",
    "fnn": "quick",
    "svc": "quick",
    "track": "after",
    "trials": ["hidden_512", "dropout_0.2"],
}


def workspace(folder: Path, **choices: Any) -> Path:
    """Make `folder` a working copy with the quick choices, changed by `choices`.

    Only an earlier working copy is replaced, never a folder of something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "params.yaml").is_file():
        sys.exit(f"{folder} holds no params.yaml, so it is no working copy and is not replaced.")
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if name.startswith("captures/testbed/") or not (ROOT / name).is_file():
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    shutil.copytree(compiled_kernels(), folder / "packetids/native/__pycache__")
    (folder / "dvc.lock").unlink(missing_ok=True)
    chosen = yaml.safe_load((ROOT / "params.yaml").read_text()) | CHOICES | choices
    (folder / "params.yaml").write_text(yaml.safe_dump(chosen, sort_keys=False))
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


def compiled_kernels() -> Path:
    """Give the folder of the native reader's kernels, compiled here once for all workspaces."""
    kernels = ROOT / "packetids/native/__pycache__"
    if not list(kernels.glob("dissect.run-*.nbc")):
        with tempfile.TemporaryDirectory() as scratch:
            capture, parquet = ROOT / "tests/golden/ethernet.pcap.gz", f"{scratch}/out.parquet"
            command = [sys.executable, "-m", "packetids.extract", str(capture), parquet]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return kernels


def run(folder: Path, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder` with this Python's programs first; output is kept."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path} | options.pop("env", {})
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **options
    )


def stages_run(done: subprocess.CompletedProcess[str]) -> list[str]:
    """List the stages that a ``dvc repro`` ran."""
    marker = "Running stage '"
    return [
        line.split(marker)[1].split("'")[0] for line in done.stdout.splitlines() if marker in line
    ]


if __name__ == "__main__":
    made = workspace(Path(sys.argv[1]))
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    }
    sys.exit(subprocess.run(["dvc", "repro"], cwd=made, env=environment, check=False).returncode)
