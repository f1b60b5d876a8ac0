"""The whole DAG on the tiny captures, in a folder of its own: ``python -m tests.quick FOLDER``.

The folder receives the files that git tracks or would track, with the quick choices in
params.yaml, so that the working tree's own results stay as they are.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests import forked, started

ROOT = Path(__file__).resolve().parents[1]
CHOICES = {
    "dataset": "tiny",
    "captures": "captures/tiny",
    "sample": "tiny",
    "fnn": "quick",
    "svc": "quick",
    "track": "after",
    "trials": ["hidden_512", "dropout_0.2"],
    "repeats": [1],
    "peers": ["majority", "tree"],
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
        if name.startswith(("captures/testbed/", "captures/novel/")) or not (ROOT / name).is_file():
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    (folder / "dvc.lock").unlink(missing_ok=True)
    choose(folder, **CHOICES | choices)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


def choose(folder: Path, **choices: Any) -> None:
    """Change lines of params.yaml in a working copy."""
    path = folder / "params.yaml"
    chosen = yaml.safe_load(path.read_text()) | choices
    path.write_text(yaml.safe_dump(chosen, sort_keys=False))


def take_out(folder: Path, *keys: str) -> None:
    """Take the tiny captures of some subcategories out of a working copy, as a part lacks them."""
    path = folder / "captures/tiny/manifest.json"
    manifest = json.loads(path.read_text())
    for entry in manifest["captures"]:
        if entry["subcategory"] in keys:
            (path.parent / f"{entry['path']}.xz").unlink()
    manifest["captures"] = [e for e in manifest["captures"] if e["subcategory"] not in keys]
    path.write_text(json.dumps(manifest))


def environment() -> dict[str, str]:
    """Return this process's environment with this Python's programs first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path}


def run(folder: Path, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder` with this Python's programs first; output is kept."""
    chosen = environment() | options.pop("env", {})
    # A fork starts no workers of its own.
    alone = not any(word.startswith(("compute", "extract=tshark")) for word in command)
    if command[:2] == (sys.executable, "-m") and alone and not options:
        return started.python(folder, list(command[1:]), chosen)
    if command[0] == "dvc" and alone:
        chosen["PATH"] = f"{forked.folder()}{os.pathsep}{chosen['PATH']}"
    return subprocess.run(
        command, cwd=folder, env=chosen, capture_output=True, text=True, check=False, **options
    )


def stages_run(done: subprocess.CompletedProcess[str]) -> list[str]:
    """List the stages that a ``dvc repro`` ran."""
    marker = "Running stage '"
    return [
        line.split(marker)[1].split("'")[0] for line in done.stdout.splitlines() if marker in line
    ]


if __name__ == "__main__":
    made = workspace(Path(sys.argv[1]))
    sys.exit(subprocess.run(["dvc", "repro"], cwd=made, env=environment(), check=False).returncode)
