"""Capture to Parquet with both readers, alternately: packets/s, their ratio, memory, two cores.

    python -m benchmarks.readers [--bytes 2000000000] [--rounds 1] [--readers native tshark]
    python -m benchmarks.readers --page     docs/speed.md from what was measured

Every run is a process of its own, ``python -m packetids.extract``, and everything it does counts:
start, imports, reading, writing (one row tells the rate without the start, which a large capture
makes small, and one the rate by processor time, which other work on the machine changes less).
"1 core" pins the process and TShark under it to one processor.
Memory is the largest process's. The floor reads the same file and writes the same Parquet from
rows that are in memory: no parsing at all. Prints a Markdown table; every run goes to
build/bench/readers.json, where one measurement of the same readers and size replaces another.
"""

import argparse
import datetime
import json
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
from typing import Any

from benchmarks import large_capture, machine
from packetids import extract
from packetids.capture import listing
from packetids.core import atomic
from packetids.core.errors import Unsupported
from packetids.extract import tshark

FOLDER = Path("build/bench")
RESULTS = FOLDER / "readers.json"
PAGE = Path("docs/speed.md")
FILTER = "ip or ipv6 or arp"
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
    if given.page:
        if not (measured := results()):
            sys.exit(f"{RESULTS}: nothing was measured here, so {PAGE} stays. Run make bench.")
        atomic.write_text(PAGE, _page(measured))
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="readers.") as place:
        folder = Path(place)
        embedded = [c.path for c in listing.unpack(given.dataset, folder / "embedded")]
        if extract.NATIVE in given.readers:
            embedded = _natively_read(embedded, folder / "o.parquet")
        large, parts, packets = large_capture.make(
            embedded, folder, given.bytes, given.files, given.hosts
        )
        for part in parts:
            for i in range(1, given.copies):
                part.with_stem(f"{part.stem}.{i}").hardlink_to(part)
        print(f"{large.stat().st_size:,} bytes, {packets:,} packets; also in {len(parts)} files\n")
        found = _measure(given, folder, large, parts, packets)
    kept = [one for one in results() if _subject(one) != _subject(found)]
    atomic.write_json(RESULTS, [*kept, found])
    print(_table(found))


def results() -> list[dict[str, Any]]:
    """Give what was measured, a measurement of each set of readers and size."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []


def _subject(found: dict[str, Any]) -> tuple[list[str], int, int, int]:
    arguments = found["arguments"]
    return found["readers"], *(arguments[name] for name in ("octets", "hosts", "copies"))


def _page(measured: list[dict[str, Any]]) -> str:
    lines = [
        "# How fast packet fields are read",
        "",
        "Written by `python -m benchmarks.readers --page`; measured by `make bench`. Each run is "
        "a separate process, including its start and imports, and the readers alternate. Values "
        "are medians, for native of four runs per round, after warm-up runs that do not count (a "
        "run takes up to a third longer in memory that the machine must clear first). The capture "
        "repeats the embedded captures of that day, each time with other addresses "
        "(`benchmarks/large_capture.py`), so that it has as many conversations as a flood, or, "
        "where stated, with the same addresses after some repeats. A reader's memory grows with "
        "the number of conversations, not with the size of the capture.",
    ]
    for found in sorted(measured, key=_subject):
        rounds, hosts, copies = (found["arguments"][n] for n in ("rounds", "hosts", "copies"))
        lines += [
            "",
            f"## {' and '.join(found['readers'])}: {found['capture_octets'] / 1e9:.1f} GB, "
            f"{found['packets']:,} packets"
            + (f", the same hosts after {hosts} repeats" if hosts < large_capture.HOSTS else "")
            + (f"; each of the files {copies} times" if copies > 1 else ""),
            "",
            f"{found['date']}, {found['cpu']}, {found['cores']} cores, Python {found['python']}"
            + (f", TShark {found['tshark']}" if found["tshark"] else "")
            + f"; {rounds} round{'s' if rounds > 1 else ''}; load average "
            f"{found['load_before'][0]:.1f} before.",
            "",
            _table(found),
        ]
    return "\n".join(lines) + "\n"


def _natively_read(embedded: list[Path], target: Path) -> list[Path]:
    """Leave out the captures that only TShark reads, and say so: both must read all of it."""
    kept = []
    for path in embedded:
        try:
            extract.to_parquet(path, target, extract.NATIVE, FILTER)
            kept.append(path)
        except Unsupported as error:
            print(f"left out: {path.name}: {extract.reason_of(error)}")
    return kept


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.readers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bytes", type=int, default=2_000_000_000, help="of the large capture")
    parser.add_argument(
        "--hosts", type=int, default=large_capture.HOSTS,
        help="repeats with addresses of their own; then the same conversations go on",
    )  # fmt: skip
    parser.add_argument("--files", type=int, default=8, help="for one core against two")
    parser.add_argument(
        "--copies", type=int, default=1, help="of each file, for a longer run of many files"
    )
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--readers", nargs="+", default=["native", "tshark"])
    parser.add_argument("--page", action="store_true", help=f"write {PAGE}, measure nothing")
    parser.add_argument("--dataset", type=Path, default=Path("captures/testbed"))
    return parser.parse_args()


def _measure(
    given: argparse.Namespace, folder: Path, large: Path, parts: list[Path], packets: int
) -> dict:
    load_before = os.getloadavg()
    runs: dict[str, list[Run]] = {}
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    first, smallest = {}, min((folder / "embedded").rglob("*.pcap"), key=lambda p: p.stat().st_size)
    for reader in given.readers:
        with tempfile.TemporaryDirectory() as empty:
            cold = _extract(smallest, folder / "o.parquet", reader, cores[:1], cache=empty)
        warm = [_extract(smallest, folder / "o.parquet", reader, cores[:1]) for _ in range(3)]
        start = statistics.median(run.seconds for run in warm)
        first[reader] = {"start_s": start, "compile_s": cold.seconds - start}
        for jobs in (1, 2):
            few = [_extract_few(smallest, folder, reader, cores[:jobs], jobs) for _ in range(3)]
            first[reader][f"start_{jobs}_s"] = statistics.median(run.seconds for run in few)
    for _ in range(given.rounds):
        # The first reader twice before and twice after each run of the other, which is far longer.
        # A run after something else can be slower by a third, in memory that the machine must clear
        # first: so one that is not counted goes before.
        ours, *others = given.readers
        twice = [(ours, False), (ours, True), (ours, True)]
        turns = [*twice, *((other, True) for other in others), *twice]
        for reader, counts in turns:
            run = _extract(large, folder / f"{reader}.parquet", reader, cores[:1])
            if counts:
                runs.setdefault(f"{reader}, large, 1 core", []).append(run)
        for jobs in (1, 2):
            for reader, counts in turns:
                shutil.rmtree(folder / "out", ignore_errors=True)
                run = _extract(parts[0].parent, folder / "out", reader, cores[:jobs], jobs=jobs)
                if counts:
                    runs.setdefault(f"{reader}, many, {jobs} core", []).append(run)
        written = folder / f"{ours}.parquet"
        floors = [_floor(large, written, folder / "o.parquet", cores[:1]) for _ in range(2)]
        runs.setdefault("floor", []).append(floors[1])
    return {
        "arguments": {
            name: getattr(given, name) for name in ("octets", "files", "copies", "rounds", "hosts")
        },
        "capture_octets": large.stat().st_size,
        "packets": packets,
        "parquet_octets": {r: (folder / f"{r}.parquet").stat().st_size for r in given.readers},
        "date": datetime.date.today().isoformat(),
        "cpu": machine.processor(),
        "load_before": load_before,
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
    command += ["--reader", reader, "--jobs", str(jobs), "--filter", FILTER]
    return _run(command, cores, {"NUMBA_CACHE_DIR": cache} if cache else {})


def _extract_few(capture: Path, folder: Path, reader: str, cores: list[int], jobs: int) -> Run:
    """Read a folder of two captures of a few packets: what starting and ending workers costs."""
    few, target = folder / "few", folder / "out"
    few.mkdir(exist_ok=True)
    for name in ("a.pcap", "b.pcap"):
        shutil.copy(capture, few / name)
    shutil.rmtree(target, ignore_errors=True)
    return _extract(few, target, reader, cores, jobs=jobs)


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
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6, text)


def _pin(cores: list[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def _table(found: dict) -> str:
    """Say the medians in Markdown; with two readers, their ratio in the last column."""
    readers = found["readers"]

    def median(name: str, key: str = "seconds") -> float:
        return statistics.median(run[key] for run in found["runs"][name])

    copies = found["arguments"]["copies"]
    files = copies * found["arguments"]["files"]

    def rate(name: str) -> float:
        return found["packets"] * (copies if ", many, " in name else 1) / median(name)

    rows: list[tuple[str, list[float], str]] = [
        (f"packets/s, {what}", [rate(f"{r}, {name}") for r in readers], ",.0f")
        for what, name in (
            ("one file, 1 core", "large, 1 core"),
            (f"{files} files, 1 core", "many, 1 core"),
            (f"{files} files, 2 cores", "many, 2 core"),
        )
    ]
    beyond = [
        found["packets"] / (median(f"{r}, large, 1 core") - found["first"][r]["start_s"])
        for r in readers
    ]
    rows.insert(1, ("packets/s, one file, 1 core, without the start", beyond, ",.0f"))
    busy = [found["packets"] / median(f"{r}, large, 1 core", "cpu_seconds") for r in readers]
    rows.insert(2, ("packets a second of processor time, one file", busy, ",.0f"))
    ratios = [[f"{values[0] / values[1]:.1f}"] if len(values) == 2 else [] for _, values, _ in rows]
    steady = [
        (median(f"{r}, many, 1 core") - found["first"][r]["start_1_s"])
        / (median(f"{r}, many, 2 core") - found["first"][r]["start_2_s"])
        for r in readers
    ]
    rows += [
        ("2 cores / 1 core", [b / a for a, b in zip(rows[3][1], rows[4][1], strict=True)], ".2f"),
        ("2 cores / 1 core, without the start", steady, ".2f"),
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
            "Parquet, bytes a packet",
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
    if len(readers) == 2:
        ours, other = readers
        both = rate(f"{ours}, many, 2 core") / rate(f"{other}, many, 1 core")
        lines += ["", f"{ours} on both cores is {both:.1f} times as fast as {other} on one."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
