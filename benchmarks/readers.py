"""Capture to Parquet with both readers, alternately: packets/s, their ratio, memory, two cores.

    python -m benchmarks.readers [--octets 200000000] [--rounds 3] [--readers native tshark]

Every run is a process of its own, ``python -m packetids.extract``, and everything it does counts:
start, imports, reading, writing. "1 core" pins the process and TShark under it to one processor.
Memory is the largest process's. The floor reads the same file and writes the same Parquet from
rows that are in memory: no parsing at all. Prints a Markdown table; every run goes to
build/bench/readers.json.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import large_capture
from packetids import atomic, tshark

FOLDER = Path("build/bench")
RESULTS = FOLDER / "readers.json"
FLOOR = """
import sys, time
import pyarrow.parquet as pq
from packetids.extract.writer import Writer
capture, parquet, target = sys.argv[1:]
began = time.perf_counter()
with open(capture, "rb", buffering=0) as stream:
    while stream.read(16 << 20):
        pass
seconds = time.perf_counter() - began
source = pq.ParquetFile(parquet)
with Writer(target, {}) as writer:
    for i in range(source.num_row_groups):
        batches = source.read_row_group(i).combine_chunks().to_batches()
        began = time.perf_counter()
        for batch in batches:
            writer.write(batch)
        seconds += time.perf_counter() - began
    began = time.perf_counter()
seconds += time.perf_counter() - began
print(seconds)
"""


@dataclass
class Run:
    """One process."""

    seconds: float
    cpu_seconds: float
    memory_mb: float  # the largest resident set of it and its children
    said: str


def main() -> None:
    """Measure and print."""
    given = _arguments()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="readers.") as place:
        folder = Path(place)
        large, parts, packets = large_capture.make(given.dataset, folder, given.octets, given.files)
        print(f"{large.stat().st_size:,} octets, {packets:,} packets; also in {len(parts)} files\n")
        found = _measure(given, folder, large, parts, packets)
    atomic.write_json(RESULTS, found)
    print(_table(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.readers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--octets", type=int, default=200_000_000, help="of the large capture")
    parser.add_argument("--files", type=int, default=8, help="for one core against two")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--readers", nargs="+", default=["native", "tshark"])
    parser.add_argument("--dataset", type=Path, default=Path("captures/testbed"))
    return parser.parse_args()


def _measure(
    given: argparse.Namespace, folder: Path, large: Path, parts: list[Path], packets: int
) -> dict:
    runs: dict[str, list[Run]] = {}
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    first, smallest = {}, min((folder / "embedded").rglob("*.pcap"), key=lambda p: p.stat().st_size)
    for reader in given.readers:
        with tempfile.TemporaryDirectory() as empty:
            cold = _extract(smallest, folder / "o.parquet", reader, cores[:1], cache=empty)
        warm = [_extract(smallest, folder / "o.parquet", reader, cores[:1]) for _ in range(3)]
        start = statistics.median(run.seconds for run in warm)
        first[reader] = {"start_s": start, "compile_s": cold.seconds - start}
    for _ in range(given.rounds):
        for reader in given.readers:
            out = folder / f"{reader}.parquet"
            runs.setdefault(f"{reader}, large, 1 core", []).append(
                _extract(large, out, reader, cores[:1])
            )
            for jobs in (1, 2):
                shutil.rmtree(folder / "out", ignore_errors=True)
                runs.setdefault(f"{reader}, many, {jobs} core", []).append(
                    _extract(parts[0].parent, folder / "out", reader, cores[:jobs], jobs=jobs)
                )
        runs.setdefault("floor", []).append(
            _floor(large, folder / f"{given.readers[0]}.parquet", folder / "o.parquet", cores[:1])
        )
    return {
        "arguments": {"octets": given.octets, "files": given.files, "rounds": given.rounds},
        "capture_octets": large.stat().st_size,
        "packets": packets,
        "parquet_octets": {r: (folder / f"{r}.parquet").stat().st_size for r in given.readers},
        "cores": len(cores),
        "python": platform.python_version(),
        "tshark": tshark.version() if "tshark" in given.readers else None,
        "readers": given.readers,
        "first": first,
        "runs": {name: [asdict(run) for run in same] for name, same in runs.items()},
    }


def _extract(
    source: Path, target: Path, reader: str, cores: list[int], *, jobs: int = 1, cache: str = ""
) -> Run:
    command = [sys.executable, "-m", "packetids.extract", str(source), str(target)]
    command += ["--reader", reader, "--jobs", str(jobs), "--filter", "ip or ipv6 or arp"]
    return _run(command, cores, {"NUMBA_CACHE_DIR": cache} if cache else {})


def _floor(capture: Path, parquet: Path, target: Path, cores: list[int]) -> Run:
    run = _run([sys.executable, "-c", FLOOR, str(capture), str(parquet), str(target)], cores, {})
    run.seconds = float(run.said)
    return run


def _run(command: list[str], cores: list[int], environment: dict[str, str]) -> Run:
    """Run `command` on `cores`; its cost as the kernel tells it, children included."""
    with tempfile.TemporaryFile("w+") as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=said, stderr=said, env=os.environ | environment,
            preexec_fn=lambda: _pin(cores),
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if process.returncode:
        sys.exit(f"{' '.join(command)}: status {process.returncode}: {text}")
    scale = 1e6 if sys.platform == "darwin" else 1e3  # octets there, kibioctets elsewhere
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale, text)


def _pin(cores: list[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def _table(found: dict) -> str:
    """Say the medians in Markdown; with two readers, their ratio in the last column."""
    readers = found["readers"]

    def median(name: str, key: str = "seconds") -> float:
        return statistics.median(run[key] for run in found["runs"][name])

    def rate(name: str) -> float:
        return found["packets"] / median(name)

    rows: list[tuple[str, list[float], str]] = [
        (f"packets/s, {what}", [rate(f"{r}, {name}") for r in readers], ",.0f")
        for what, name in (
            ("one file, 1 core", "large, 1 core"),
            (f"{found['arguments']['files']} files, 1 core", "many, 1 core"),
            (f"{found['arguments']['files']} files, 2 cores", "many, 2 core"),
        )
    ]
    ratios = [[f"{values[0] / values[1]:.1f}"] if len(values) == 2 else [] for _, values, _ in rows]
    rows += [
        ("2 cores / 1 core", [b / a for a, b in zip(rows[1][1], rows[2][1], strict=True)], ".2f"),
        (
            "peak memory, one file, MB",
            [
                max(run["memory_mb"] for run in found["runs"][f"{r}, large, 1 core"])
                for r in readers
            ],
            ",.0f",
        ),
        ("start, a few packets, s", [found["first"][r]["start_s"] for r in readers], ".2f"),
        ("first call's compilation, s", [found["first"][r]["compile_s"] for r in readers], ".1f"),
        (
            "Parquet, octets a packet",
            [found["parquet_octets"][r] / found["packets"] for r in readers],
            ".2f",
        ),
        ("packets/s of the floor", [rate("floor")] * len(readers), ",.0f"),
        (
            "share of the floor, one file",
            [rate(f"{r}, large, 1 core") / rate("floor") for r in readers],
            ".2f",
        ),
    ]
    heads = ["", *readers, *(["ratio"] if len(readers) == 2 else [])]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    for i, (what, values, form) in enumerate(rows):
        cells = [what, *(format(value, form) for value in values)]
        cells += ratios[i] if i < len(ratios) else [""] * (len(heads) - len(cells))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
