"""docs/scale.md: the measured costs, and what they come to for all of BoT-IoT.

Every number is computed from build/bench/scale.json and, where they are there, the results of
benchmarks.readers; nothing is typed.
"""

import statistics
from collections import Counter
from typing import Any

import pandas as pd

from benchmarks import readers
from packetids.core import parquet

FULL_CORES = 16
CLUSTER_MACHINES = 4
TRAIN_SHARE = 0.64
TABLE_STEPS = ("unify", "sample", "preprocess", "split", "encode")
TITLES = {
    "unify": "unify",
    "sample": "sample",
    "duplicates": "duplicates, of features in memory",
    "preprocess": "preprocess",
    "split": "split, eleven tasks",
    "encode": "encode, training rows of the multi-class task",
    "train": "train, multi-class",
    "evaluate": "evaluate, multi-class",
}
WAYS = {
    "numpy": "products alone, numpy",
    "tensorflow": "products alone, TensorFlow",
    "fit": "`model.fit`, defaults",
    "fit_32": "`model.fit`, 32 steps a call",
    "packetids": "`packetids.fnn.network`",
}


def page(result: dict[str, Any]) -> str:
    """Write the whole page."""
    return "\n".join(
        [
            "# The paper's scale, and an estimate for all 558.8 million packets",
            "",
            "`python -m benchmarks.scale page` writes this page from what `python -m "
            "benchmarks.scale run` measured; do not edit it.",
            "",
            measured(result),
            on_paper(result),
        ]
    )


def measured(result: dict[str, Any]) -> str:
    """Show what was measured, as Markdown."""
    lines: list[str] = []
    if "pipeline" in result:
        lines += _steps(result["pipeline"]) + _twins(result["pipeline"])
    if "network" in result:
        lines += _network(result["network"])
    if "pipeline" in result:
        lines += _growth(result["pipeline"])
    if "captures" in result:
        lines += _from_captures(result["captures"])
    return "\n".join(lines)


def on_paper(result: dict[str, Any]) -> str:
    """Carry the rates to the full dataset."""
    if not {"pipeline", "network"} <= result.keys():
        return ""
    measured_parts = result["pipeline"]
    sampled, kept, full = paper()
    largest = measured_parts["scales"][-1]
    built = sum(measured_parts["before"].values())
    octets = measured_parts["octets"]

    def step(name: str) -> tuple[float, float]:
        cost = _median(measured_parts, largest, name)
        return cost["seconds"] / cost["rows"], cost["peak_bytes"]

    extracting = _extraction()
    rows: list[tuple[str, str, float | None, float, float, float | None, str]] = []
    for reader, (seconds_a_packet, memory, cores) in extracting.items():
        per_core = seconds_a_packet * cores
        rows.append(
            (
                f"extract, {reader}",
                f"{full:,}",
                per_core * full / 2,
                per_core * full / FULL_CORES,
                per_core * full / FULL_CORES / CLUSTER_MACHINES,
                memory,
                "cores, since a capture is one worker's; then the disk or network that the "
                "captures come from",
            )
        )
    for cost in result.get("captures", {}).get("steps", []):
        if cost["step"] == "label":
            per_core = cost["seconds"] / cost["rows"] * result["captures"]["machine"]["cores"]
            rows.append(
                (
                    "label",
                    f"{full:,}",
                    per_core * full / 2,
                    per_core * full / FULL_CORES,
                    per_core * full / FULL_CORES / CLUSTER_MACHINES,
                    cost["peak_bytes"],
                    "cores, since a capture is one worker's; flow records are read before, by one",
                )
            )
    for name, packets, limit in (
        ("unify", full, "one thread that packs one file"),
        ("sample", full, "one thread that unpacks one file; it writes 2 % of what it reads"),
        ("preprocess", sampled, "memory's speed: one hash table of all rows"),
        ("split", kept, "one random order a task"),
        ("evaluate", kept, "matrix products, one process a model"),
    ):
        each, memory = step(name)
        rows.append((name, f"{packets:,}", *[each * packets] * 3, memory, limit))
    rates = [clock for clock, _ in result["network"]["rates"]["packetids"]]
    epochs = 20
    train_s = epochs * TRAIN_SHARE * kept / statistics.median(rates)
    several = 2 / 4  # fnn.SHARDS is 4: twice as many cores, at most half the time
    rows.append(
        (
            f"train, multi-class, {epochs} epochs",
            f"{round(TRAIN_SHARE * kept):,}",
            train_s,
            train_s * several,
            train_s * several,
            step("train")[1],
            "matrix products; a batch is four shards, so four cores at most. A cluster trains "
            "other tasks meanwhile, not this one faster",
        )
    )
    lines = [
        "## All of BoT-IoT, estimated",
        "",
        f"The dataset has {full:,} packets (Table I); the sample {sampled:,}, {kept:,} after "
        "duplicates (Table II). Time is the measured time a row times the rows; on "
        f"{FULL_CORES} cores and on a cluster of {CLUSTER_MACHINES} such machines it is divided by "
        "what can be dealt out, as the last column says. Computed, not measured: a real disk, "
        "network and memory may be slower. Memory is that of the "
        f"measurement above, where unify and sample hold one row group of about "
        f"{parquet.CAPTURE_GROUP_ROWS:,} rows; captures whose row groups are larger need more, in "
        "proportion. The steps after them see the sample only.",
        "",
        f"| step | rows | 2 cores | {FULL_CORES} cores | {CLUSTER_MACHINES} × {FULL_CORES} cores, "
        "Dask | peak GB | what limits it |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, packets, two, many, cluster, memory_bytes, limit in rows:
        times = " | ".join(_time(value) for value in (two, many, cluster))
        memory = "" if memory_bytes is None else f"{memory_bytes / 1e9:.2f}"
        lines.append(f"| {name} | {packets} | {times} | {memory} | {limit} |")
    if not extracting:
        lines += ["", "Extraction: run `python -m benchmarks.readers` first; it is not here yet."]
    lines += [
        "",
        "| on disk | bytes a packet | GB |",
        "|---|--:|--:|",
    ]
    an_extract = measured_parts["extract_octets_per_packet"]
    for name, each, packets in (
        ("data/extract", an_extract, full),
        ("data/label", octets["label"] / built, full),
        ("data/unify", octets["unify"] / built, full),
        ("data/sample", octets["sample"] / built, sampled),
        ("data/preprocess", octets["features"] / sum(measured_parts["after"].values()), kept),
    ):
        lines.append(f"| {name} | {each:.1f} | {each * packets / 1e9:.2f} |")
    lines += [
        "",
        "The captures themselves need disk space in addition. DVC keeps a copy of each in its "
        "cache, unless `cache.type` links them. Repeated packets "
        "compress better than real ones, so real files may be larger.",
        "",
    ]
    return "\n".join(lines)


def _again(result: dict[str, Any]) -> str:
    """Say which steps `scale.run_steps` measured since, and how often."""
    rounds = Counter(
        cost["step"] for cost in result["steps"] if cost["scale"] == result["scales"][-1]
    )
    return "".join(
        f", of {step} {rounds[step]}, again on {date}"
        for step, date in result.get("again", {}).items()
    )


def _steps(result: dict[str, Any]) -> list[str]:
    largest = result["scales"][-1]
    before, after = sum(result["before"].values()), sum(result["after"].values())
    lines = [
        f"## The pipeline on {before:,} packets",
        "",
        f"{_machine(result['machine'], result['load_after'])} Scale {largest} of Table II's "
        f"counts, made out of the embedded captures of that day "
        "(`benchmarks/scale_data.py` says how); "
        f"{after:,} rows ({after / before:.1%}) are left after duplicates, where the paper has "
        f"{paper()[1] / paper()[0]:.1%}. Medians of {result['rounds']} runs, of train and "
        f"evaluate one{_again(result)}; a run is a process of its own, and its peak holds its "
        "imports.",
        "",
        "| step | rows | seconds | rows/s | processor s | peak GB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name in (*TABLE_STEPS, "train", "evaluate"):
        cost = _median(result, largest, name)
        title = TITLES[name] + (f", {result['epochs']} epoch(s)" if name == "train" else "")
        lines.append(
            f"| {title} | {cost['rows']:,} | {cost['seconds']:.1f} | "
            f"{cost['rows'] / cost['seconds']:,.0f} | {cost['cpu_s']:.1f} | "
            f"{cost['peak_bytes'] / 1e9:.2f} |"
        )
    to_features = sum(
        _median(result, largest, name)["seconds"] for name in ("unify", "sample", "preprocess")
    )
    lines += ["", f"Unify, sample and preprocess together: {to_features:.0f} s.", ""]
    return lines


def _twins(result: dict[str, Any]) -> list[str]:
    largest = result["scales"][-1]
    lines = [
        "## Against plain pandas",
        "",
        "The same work as it is plainly written with pandas (`tests/naive.py`, `pandas_…`), in "
        "turns with ours. The results are bit-identical where the table says so.",
        "",
        "| step | ours s | pandas s | ratio | of processor time | ours GB | pandas GB | same |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    totals = [0.0] * 4
    for name in ("duplicates", *TABLE_STEPS):
        ours, plain = (_median(result, largest, f"{way}{name}") for way in ("", "plain."))
        same = [value for key, value in result["same"].items() if key.split("/")[0] == name]
        if name == "duplicates":
            same = [result["same"]["preprocess"]]
        else:
            for i, value in enumerate(
                (ours["seconds"], plain["seconds"], ours["cpu_s"], plain["cpu_s"])
            ):
                totals[i] += value
        lines.append(
            f"| {TITLES[name]} | {ours['seconds']:.1f} | {plain['seconds']:.1f} | "
            f"{plain['seconds'] / ours['seconds']:.1f} | {plain['cpu_s'] / ours['cpu_s']:.1f} | "
            f"{ours['peak_bytes'] / 1e9:.2f} | {plain['peak_bytes'] / 1e9:.2f} | "
            f"{'yes' if all(same) else 'NO'} |"
        )
    lines += [
        f"| sum of the stages | {totals[0]:.1f} | {totals[1]:.1f} | {totals[1] / totals[0]:.1f} | "
        f"{totals[3] / totals[2]:.1f} | | | |",
        "",
    ]
    return lines


def _network(result: dict[str, Any]) -> list[str]:
    clock = {way: statistics.median(r[0] for r in rates) for way, rates in result["rates"].items()}
    processor = {
        way: statistics.median(r[1] for r in rates) for way, rates in result["rates"].items()
    }
    best = max(clock["numpy"], clock["tensorflow"])
    best_processor = max(processor["numpy"], processor["tensorflow"])
    lines = [
        "## One epoch of the network",
        "",
        f"{_machine(result['machine'], result['load_after'])} Batches of 500 rows, 80 inputs, 512, "
        "512 and 4 units; the ratio is to the matrix products alone, by the faster library "
        f"(`benchmarks/scale_fnn.py`). Medians of {len(result['rates']['fit'])} repetitions in "
        f"{result['rounds']} rounds, in turns; an epoch is of {_paper_train():,} rows.",
        "",
        "| | rows/s | ratio | lowest to highest rows/s | rows a processor second | ratio | "
        "an epoch |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for way, title in WAYS.items():
        clocks = [rate[0] for rate in result["rates"][way]]
        lines.append(
            f"| {title} | {clock[way]:,.0f} | {clock[way] / best:.2f} | "
            f"{min(clocks):,.0f} to {max(clocks):,.0f} | {processor[way]:,.0f} | "
            f"{processor[way] / best_processor:.2f} | {_time(_paper_train() / clock[way])} |"
        )
    return [*lines, ""]


def _from_captures(part: dict[str, Any]) -> list[str]:
    """Show each stage from captures to features, and their sum."""
    lines = [
        "## From captures to features",
        "",
        f"{_machine(part['machine'], part['load_after'])} A synthetic download in BoT-IoT's "
        f"layout: the embedded captures of that day, each {part['copies']} times, "
        f"{part['octets'] / 1e9:.2f} GB "
        "(`benchmarks/scale_captures.py`); each stage once, with the native reader on all cores. "
        "Peak is the largest process's.",
        "",
        "| stage | packets | seconds | packets/s | peak GB |",
        "|---|--:|--:|--:|--:|",
    ]
    for cost in part["steps"]:
        rows = cost["rows"]
        rate = f"{rows / cost['seconds']:,.0f}" if rows else ""
        lines.append(
            f"| {cost['step']} | {rows:,} | {cost['seconds']:.1f} | {rate} | "
            f"{cost['peak_bytes'] / 1e9:.2f} |"
            if rows
            else f"| {cost['step']} | | {cost['seconds']:.1f} | | {cost['peak_bytes'] / 1e9:.2f} |"
        )
    total = sum(cost["seconds"] for cost in part["steps"])
    return [*lines, f"| together | | {total:.1f} | | |", ""]


def _growth(result: dict[str, Any]) -> list[str]:
    scales = result["scales"]
    lines = [
        "## Growth",
        "",
        "Seconds and peak GB for growing numbers of packets; the last column is the time a row at "
        "the "
        "largest scale over that at the smallest (1 is linear growth, less is better).",
        "",
        "| step | "
        + " | ".join(f"{_median(result, s, 'unify')['rows']:,} packets" for s in scales)
        + " | time a row |",
        "|---|" + "--:|" * (len(scales) + 1),
    ]
    for name in (*TABLE_STEPS, "train", "evaluate"):
        costs = [_median(result, scale, name) for scale in scales]
        each = [cost["seconds"] / cost["rows"] for cost in costs]
        cells = " | ".join(
            f"{cost['seconds']:.1f} s, {cost['peak_bytes'] / 1e9:.2f} GB" for cost in costs
        )
        lines.append(f"| {TITLES[name]} | {cells} | {each[-1] / each[0]:.2f} |")
    return [*lines, ""]


def _median(result: dict[str, Any], scale: str, step: str) -> dict[str, float]:
    found = [s for s in result["steps"] if s["scale"] == scale and s["step"] == step]
    names = ("rows", "seconds", "cpu_s", "peak_bytes")
    return {name: statistics.median(s[name] for s in found) for name in names}


def _extraction() -> dict[str, tuple[float, float, int]]:
    """Give each reader's seconds a packet, peak bytes and cores, from benchmarks.readers."""
    costs = {}
    for found in sorted(readers.results(), key=lambda found: found["packets"]):  # largest last
        for reader in found["readers"]:
            if runs := found["runs"].get(f"{reader}, many, {found['cores']} core", []):
                seconds = statistics.median(run["seconds"] for run in runs)
                memory = max(run["memory_mb"] for run in runs) * 1e6
                costs[reader] = (seconds / found["packets"], memory, found["cores"])
    return costs


def paper() -> tuple[int, int, int]:
    """Give the packets of the sample, those left after duplicates, and all, of the paper."""
    paper = pd.read_csv("reference/paper.csv", dtype=str)
    total = paper[paper["row"] == "Total"].set_index(["table", "column"])["value"].astype(int)
    return int(total["2", "before"]), int(total["2", "after"]), int(total["1", "packets"])


def _paper_train() -> int:
    return round(TRAIN_SHARE * paper()[1])


def _machine(machine: dict[str, Any], load_after: list[float]) -> str:
    versions = ", ".join(
        f"{name} {machine[name]}" for name in ("numpy", "pandas", "pyarrow", "numba", "tensorflow")
    )
    return (
        f"{machine['date']}, {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gb']} GB, Linux {machine['kernel']}, Python "
        f"{machine['python']}, {versions}; OPENBLAS_CORETYPE "
        f"{machine['openblas_coretype']}; load average {machine['load_before'][0]:.1f} before "
        f"and {load_after[0]:.1f} after (other programs ran on the same cores; "
        f"priority of ours {machine.get('priority', 0)}, 0 is the usual)."
    )


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
