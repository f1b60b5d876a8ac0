"""Run ``dvc repro``, and say at its end what came out, how long it took, and what to do next.

``make repro`` calls it. It makes nothing itself: ``dvc repro`` alone leaves the same files.
Arguments go to ``dvc repro``.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

COMPARISON = Path("results/compare/comparison.csv")
PAGE = Path("results/report/index.html")
# How DVC names the stage that it runs, or looks at and skips.
MET = re.compile(r"(Running stage|Stage) '(?P<name>[^']+)'")
NEXT = {
    "make ui": "compare the runs in MLflow",
    "make study": "other protocols, simple models and seeds beside the network",
    "dvc status": "see what an edit would run again",
}


def main() -> None:
    """Run it; exit with DVC's status if that is not 0."""
    arguments = sys.argv[1:]
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},  # so that lines come when they are written
    )
    assert process.stdout is not None
    took_s: dict[str, float] = {}
    try:
        for line in watched(process.stdout, 0 if arguments else n_stages(), took_s):
            print(line, end="", flush=True)
        status = process.wait()
    except KeyboardInterrupt:  # which DVC received, too, and answers to
        process.wait()
        sys.exit(130)
    if status:
        sys.exit(status)
    print("\n".join(["", *scores(), *times(took_s), *where_next()]))


def n_stages(path: Path = Path("dvc.yaml")) -> int:
    """Count the stages of the pipeline."""
    return len(yaml.safe_load(path.read_text(encoding="utf-8"))["stages"])


def watched(lines: Iterable[str], total: int, took_s: dict[str, float]) -> Iterator[str]:
    """Yield DVC's lines, a stage's first one with its number, and fill `took_s` with seconds.

    `took_s` receives the stages that ran. Without a `total`, stages have no number.
    """
    met, running, began_s = 0, "", 0.0
    for line in lines:
        if found := MET.match(line):
            if running:
                took_s[running] = time.monotonic() - began_s
            met += 1
            running = found["name"] if line.startswith("Running") else ""
            began_s = time.monotonic()
            if running and total:
                line = f"[{met}/{total}] {line}"
        yield line
    if running:
        took_s[running] = time.monotonic() - began_s


def scores() -> list[str]:
    """Write the headline table, ours beside the paper's, if this pipeline came to one."""
    if not COMPARISON.is_file():
        return []
    import pandas as pd  # only here: a failed run need not wait for it

    from packetids.results import front

    table = front.headline(pd.read_csv(COMPARISON, dtype={"table": str, "row": str}))
    if table.empty:
        return []
    task, *columns = table.columns
    pairs = [tuple(column.split("_")) for column in columns]
    table.columns = pd.MultiIndex.from_tuples([("", task), *pairs])
    dataset = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["dataset"]
    shown = table.to_string(index=False, float_format="{:.4f}".format, na_rep="-")
    return [*shown.splitlines(), f"ours: {dataset}; paper: BoT-IoT", ""]


def times(took_s: dict[str, float]) -> list[str]:
    """Write how long the stages took that ran."""
    if not took_s:
        return ["Every output is up to date.", ""]
    stages = ", ".join(f"{name} {_minutes(seconds)}" for name, seconds in took_s.items())
    return [f"Minutes: {stages}; together {_minutes(sum(took_s.values()))}.", ""]


def where_next() -> list[str]:
    """Write where to look, and three commands that go on."""
    look = [f"Look at {PAGE}. Then:"] if PAGE.is_file() else []
    return [*look, *(f"    {command:<14}{why}" for command, why in NEXT.items())]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"


if __name__ == "__main__":
    main()
