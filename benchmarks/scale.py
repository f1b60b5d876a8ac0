"""The paper's scale: build a dataset of its size, run the pipeline on it, and say what it costs.

    python -m benchmarks.scale build --scale 1       the dataset, below build/bench/1 (0.2 GB)
    python -m benchmarks.scale run --epochs 1        all steps, their twins, growth; scale.json
    python -m benchmarks.scale page                  docs/scale.md from scale.json

`scale_data` says how the dataset is made, `scale_steps` what a step is, `scale_plain` what plain
pandas does for it, `scale_fnn` how training is compared. Every number is of a process of its own;
two that are compared ran alternately, and medians are shown. While other programs want the same
cores, a clock shows them too: seconds of processor time stand beside it.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from benchmarks import scale_data, scale_fnn, scale_steps
from benchmarks.machine import processor
from packetids.core import atomic, settings
from packetids.core.errors import PacketidsError

FOLDER = Path("build/bench")
RESULT = FOLDER / "scale.json"
PAGE = Path("docs/scale.md")
SEED = 0

TABLE_STEPS = ("unify", "sample", "duplicates", "preprocess", "split", "encode")
FNN_ROWS = 64_000
PARTS = ["pipeline", "network", "captures"]


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="make the dataset")
    building.add_argument("--scale", default="1", help="of Table II's counts (1)")
    running = commands.add_parser("run", help="measure, and write scale.json")
    running.add_argument("--scales", nargs="+", default=["0.0625", "0.25", "1"])
    running.add_argument("--rounds", type=int, default=3, help="of what is compared (3)")
    running.add_argument("--epochs", type=int, default=1, help="of the multi-class training (1)")
    running.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    running.add_argument(
        "--steps", nargs="+", choices=TABLE_STEPS,
        help="of the pipeline, to be measured anew; the others stay as they were measured",
    )  # fmt: skip
    commands.add_parser("page", help="write docs/scale.md from scale.json")
    given = parser.parse_args()
    if given.command == "build":
        build(given.scale)
    elif given.command == "run":
        if given.steps:
            run_steps(given.steps, given.rounds)
        else:
            run(given.scales, given.rounds, given.epochs, given.parts)
    else:
        from benchmarks import scale_page

        atomic.write_text(PAGE, scale_page.page(json.loads(RESULT.read_text(encoding="utf-8"))))


def build(scale: str) -> None:
    """Make the dataset of a scale, unless it is there."""
    target = FOLDER / scale / "data/label"
    if target.exists():
        return

    sources = scale_data.embedded(FOLDER / "embedded", _label())
    packets = scale_data.build(sources, target, float(scale), SEED)
    say(f"scale {scale}: {packets} packets of {len(sources)} pseudo-captures in {target}")


def run(scales: list[str], rounds: int, epochs: int, parts: list[str]) -> None:
    """Measure, the largest scale last, write scale.json and print it as Markdown.

    A part that is not measured stays as it was in scale.json.
    """
    result: dict[str, Any] = {}
    if RESULT.exists():
        result = json.loads(RESULT.read_text(encoding="utf-8"))
    if "pipeline" in parts:
        result["pipeline"] = run_pipeline(scales, rounds, epochs)
        atomic.write_json(RESULT, result)
    if "network" in parts:
        result["network"] = run_network(rounds)
        atomic.write_json(RESULT, result)
    if "captures" in parts:
        from benchmarks import scale_captures

        result["captures"] = {"machine": machine(), **scale_captures.run(FOLDER)}
        atomic.write_json(RESULT, result)
    from benchmarks import scale_page

    print(scale_page.measured(result))


def run_pipeline(scales: list[str], rounds: int, epochs: int) -> dict[str, Any]:
    """Run the pipeline at each scale, and its plain twins at the last."""
    for scale in scales:  # elsewhere: a child's peak begins with what its parent holds
        command = [sys.executable, "-m", "benchmarks.scale", "build", "--scale", scale]
        subprocess.run(command, check=True)
    result: dict[str, Any] = {"machine": machine(), "rounds": rounds, "scales": scales, "steps": []}
    largest = scales[-1]
    for scale in scales:
        add_rounds(result, scale, rounds, TABLE_STEPS, beside_plain=scale == largest)
        if scale == largest:
            result["same"] = compare(largest)
        add(result, scale, 0, "train", f"fnn.epochs_max={epochs}")
        add(result, scale, 0, "evaluate")
    result["epochs"] = epochs
    result["train_rows"] = {scale: trained_rows(scale) for scale in scales}
    return result | sizes(largest) | {"load_after": os.getloadavg()}


def run_steps(steps: list[str], rounds: int) -> None:
    """Measure some table steps of the pipeline again, on the files that the others left."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    pipeline = result["pipeline"]
    anew = {name for step in steps for name in (step, f"plain.{step}")}
    pipeline["steps"] = [cost for cost in pipeline["steps"] if cost["step"] not in anew]
    largest = pipeline["scales"][-1]
    for scale in pipeline["scales"]:
        add_rounds(pipeline, scale, rounds, steps, beside_plain=scale == largest)
    pipeline["same"] = compare(largest)
    pipeline.setdefault("again", {}).update(dict.fromkeys(steps, machine()["date"]))
    atomic.write_json(RESULT, result)


def run_network(rounds: int) -> dict[str, Any]:
    """Train an epoch in each way, alternately, beside the matrix products alone."""
    result: dict[str, Any] = {"machine": machine(), "rounds": rounds, "rates": {}}
    for number in range(rounds):
        for way in scale_fnn.WAYS:
            command = [sys.executable, "-m", "benchmarks.scale_fnn", way, str(FNN_ROWS), "3"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise PacketidsError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
            rates = json.loads(done.stdout.splitlines()[-1])
            result["rates"].setdefault(way, []).extend(rates)
            say(f"round {number} {way}: {[round(clock) for clock, _ in rates]} rows/s")
    return result | {"load_after": os.getloadavg()}


def add_rounds(
    result: dict[str, Any], scale: str, rounds: int, steps: Sequence[str], beside_plain: bool
) -> None:
    """Measure `steps` several times, each in turns with its plain twin if that is wanted."""
    for number in range(rounds):
        for step in steps:
            add(result, scale, number, step)
            if beside_plain:
                add(result, scale, number, f"plain.{step}")


def add(result: dict[str, Any], scale: str, number: int, step: str, *overrides: str) -> None:
    """Measure a step and append it."""
    cost = scale_steps.measure(FOLDER / scale, step, *overrides)
    result["steps"].append({"scale": scale, "round": number, **vars(cost)})
    say(f"{scale} {step}: {cost.seconds:.1f} s, {cost.peak_bytes / 1e9:.2f} GB")


def compare(scale: str) -> dict[str, bool]:
    """Compare what the plain way and the stages wrote, in a process of its own."""
    program = (
        "import json; from benchmarks import scale_plain as p; "
        "print(json.dumps(p.same() | {'encode': p.same_inputs()}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=FOLDER / scale,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def sizes(scale: str) -> dict[str, Any]:
    """Give packets before and after, and the bytes of each step's files."""
    folder = FOLDER / scale
    counts = pd.read_csv(folder / "results/preprocess/counts.csv").set_index("class")
    files = {
        "label": (folder / "data/label").rglob("*.parquet"),
        "unify": [folder / "data/unify/packets.parquet"],
        "sample": [folder / "data/sample/packets.parquet"],
        "features": [folder / "data/preprocess/features.parquet"],
        "split": (folder / "data/split").glob("*.parquet"),
    }
    embedded = (
        [path.stat().st_size for path in (FOLDER / "embedded/extract").rglob("*.parquet")],
        sum(
            pq.read_metadata(path).num_rows
            for path in (FOLDER / "embedded/extract").rglob("*.parquet")
        ),
    )
    return {
        "octets": {name: sum(p.stat().st_size for p in paths) for name, paths in files.items()},
        "extract_octets_per_packet": sum(embedded[0]) / embedded[1],
        "before": counts["before"].to_dict(),
        "after": counts["after"].to_dict(),
    }


def trained_rows(scale: str) -> int:
    """Count the training rows of the multi-class task."""
    counts = pd.read_csv(FOLDER / scale / "results/split/counts.csv")
    return int(
        counts.loc[(counts["task"] == "multiclass") & (counts["fold"] == "train"), "rows"].sum()
    )


def machine() -> dict[str, Any]:
    """Say what this runs on, and when."""
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg(),
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE", "not set"),
        **{name: version(name) for name in ("numpy", "pandas", "pyarrow", "numba", "tensorflow")},
    }


def say(text: str) -> None:
    """Tell on stderr how far it is."""
    print(text, file=sys.stderr, flush=True)


def _label() -> settings.Label:
    from stages.label import Config

    return settings.load(Config, ["label=bot_address"]).label


if __name__ == "__main__":
    main()
