"""Read every capture below a folder with two readers and compare them cell by cell.

    python -m packetids.compare_readers FOLDER [--reader native] [--reference tshark]

Ends with status 0 only if all cells of all files agree, and both readers stop at damage in the
same files. Files that the reader says it does not support are counted apart; files that are left
out are named on standard error, and one that cannot be read makes the status 1.
"""

import argparse
import csv
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from joblib import Parallel, delayed

from packetids import extract
from packetids.capture import recognise
from packetids.core import atomic, fields
from packetids.core.errors import PacketidsError, Unsupported

PROGRAM = "python -m packetids.compare_readers"
DISPLAY_FILTER = "ip or ipv6 or arp"
EXAMPLES = 20
REPORT_COLUMNS = [
    "capture", "rows", "reference_rows", "cells", "equal_cells", "differences", "not_supported",
    "stopped", "reference_stopped",
]  # fmt: skip
REPORT_HEADER = ",".join(REPORT_COLUMNS).encode() + b"\n"

ROWS_DIFFER = "rows differ"
OURS_NULL, THEIRS_NULL, VALUES_DIFFER = "ours null", "theirs null", "values differ"
ONLY_OURS_STOPPED, ONLY_THEIRS_STOPPED = "only ours stopped", "only theirs stopped"
CRASHED = "ours crashed"
WHOLE_FILE = "(file)"


@dataclass
class Comparison:
    """What two readers made of one capture."""

    capture: Path
    rows: int = 0  # ours
    reference_rows: int = 0
    cells: int = 0
    equal_cells: int = 0
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)  # (field, cause) -> cells
    examples: list[str] = field(default_factory=list)  # the first of each field and cause
    unsupported: str = ""
    stopped: str = ""
    reference_stopped: str = ""

    def note(self, name: str, cause: str, cells: int, example: str) -> None:
        """Count `cells` that differ, and keep the first example."""
        if (name, cause) not in self.causes:
            path = recognise.printable(self.capture)
            self.examples.append(f"{path}: {name}: {cause}: {example}")
        self.causes[name, cause] += cells


class _Reading:
    """Batches of one reader, and how it ended."""

    def __init__(self, reader: str, capture: Path, display_filter: str) -> None:
        self.rows = 0
        self.error: Exception | None = None
        self._batches = extract.READERS[reader](capture, display_filter)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._batches:
                self.rows += len(batch)
                yield batch
        except Exception as error:  # a crash of one reader is a result, too
            self.error = error

    @property
    def stopped(self) -> str:
        """Explain why it stopped early; "" if it did not."""
        if self.error is None or isinstance(self.error, PacketidsError):
            return str(self.error or "")
        return f"{type(self.error).__name__}: {self.error}"


def find(folder: Path) -> tuple[list[Path], list[recognise.File]]:
    """List the captures below `folder`, and what is left out of them.

    What has the name of a capture is compared, too, whatever it holds: both readers should stop.

    Raises
    ------
    PacketidsError
        If there is none.
    """
    seen = recognise.find(folder, follow=True)
    pretenders = [file for file in seen.left_out if file.kind is recognise.Kind.PRETENDER]
    compared, left_out = [], [file for file in seen.left_out if file not in pretenders]
    for file in seen.captures + pretenders:
        if why := recognise.unread(file):
            left_out.append(replace(file, kind=recognise.Kind.UNREADABLE, why=why))
        else:
            compared.append(file.path)
    if not compared:
        raise PacketidsError(
            f"{recognise.printable(folder)}: no capture found: pcap or pcapng files are needed "
            "there. Name another folder."
        )
    return sorted(compared), left_out


def compare(
    capture: Path, reader: str, reference: str, display_filter: str = DISPLAY_FILTER
) -> Comparison:
    """Read `capture` with both readers, row by row alike, whatever their batches are."""
    found = Comparison(capture)
    ours = _Reading(reader, capture, display_filter)
    theirs = _Reading(reference, capture, display_filter)
    for batch, other in _aligned(iter(ours), iter(theirs)):
        _compare_batches(found, batch, other)
    found.rows, found.reference_rows = ours.rows, theirs.rows
    found.stopped, found.reference_stopped = ours.stopped, theirs.stopped
    if isinstance(ours.error, Unsupported):
        return Comparison(capture, unsupported=ours.error.reason, reference_stopped=theirs.stopped)
    if missing := abs(ours.rows - theirs.rows):
        cells = missing * len(fields.schema())
        found.cells += cells
        found.note(WHOLE_FILE, ROWS_DIFFER, cells, f"ours {ours.rows}, theirs {theirs.rows}")
    if ours.error is not None and not isinstance(ours.error, PacketidsError):
        found.note(WHOLE_FILE, CRASHED, 0, found.stopped)
    elif found.stopped and not found.reference_stopped:
        found.note(WHOLE_FILE, ONLY_OURS_STOPPED, 0, found.stopped)
    elif found.reference_stopped and not found.stopped:
        found.note(WHOLE_FILE, ONLY_THEIRS_STOPPED, 0, found.reference_stopped)
    return found


def _aligned(
    ours: Iterator[pa.RecordBatch], theirs: Iterator[pa.RecordBatch]
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Cut both into batches of the same rows, and read the longer one to its end."""
    batch = other = None
    while True:
        batch = batch if batch else next(ours, None)
        other = other if other else next(theirs, None)
        if batch is None or other is None:
            break
        rows = min(len(batch), len(other))
        if rows:
            yield batch.slice(0, rows), other.slice(0, rows)
        batch, other = batch.slice(rows), other.slice(rows)
    for _ in ours:
        pass
    for _ in theirs:
        pass


def _compare_batches(found: Comparison, batch: pa.RecordBatch, other: pa.RecordBatch) -> None:
    for name in fields.schema().names:
        ours, theirs = _plain(batch.column(name)), _plain(other.column(name))
        equal = pc.or_(
            pc.fill_null(pc.equal(ours, theirs), False),
            pc.and_(ours.is_null(), theirs.is_null()),
        )
        found.cells += len(equal)
        found.equal_cells += equal.true_count
        if equal.true_count == len(equal):
            continue
        both = pc.and_(ours.is_valid(), theirs.is_valid())
        for cause, differ in (
            (VALUES_DIFFER, pc.and_(both, pc.invert(equal))),
            (OURS_NULL, pc.and_(ours.is_null(), theirs.is_valid())),
            (THEIRS_NULL, pc.and_(ours.is_valid(), theirs.is_null())),
        ):
            if differ.true_count:
                at = differ.index(True).as_py()
                example = f"row {found.rows + at + 1}: ours {ours[at]}, theirs {theirs[at]}"
                found.note(name, cause, differ.true_count, example)
    found.rows += len(batch)


def _plain(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    return column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column


def summary(comparisons: list[Comparison]) -> str:
    """Describe in lines what was compared and what differs."""
    compared = [one for one in comparisons if not one.unsupported]
    cells = sum(one.cells for one in compared)
    equal = sum(one.equal_cells for one in compared)
    lines = [
        f"files: {len(comparisons)}",
        f"files compared: {len(compared)}, equal: {sum(not one.causes for one in compared)}",
        f"files both readers stopped in: {sum(_both_stopped(one) for one in compared)}",
        f"packets: {sum(one.rows for one in compared)}",
        f"cells: {cells}, equal: {equal}"
        + (f" ({100 * equal / cells:.6f} %), different: {cells - equal}" if cells else ""),
    ]
    reasons = Counter(one.unsupported for one in comparisons if one.unsupported)
    lines += [f"not supported: {count} files: {why}" for why, count in reasons.most_common()]
    causes: Counter[tuple[str, str]] = Counter()
    files: Counter[tuple[str, str]] = Counter()
    for one in compared:
        causes.update(one.causes)
        files.update(one.causes.keys())
    for (name, cause), count in causes.most_common():
        lines.append(f"{name}: {cause}: {count} cells in {files[name, cause]} files")
    examples = [example for one in compared for example in one.examples]
    return "\n".join(lines + [f"example: {example}" for example in examples[:EXAMPLES]])


def _both_stopped(one: Comparison) -> bool:
    return bool(one.stopped and one.reference_stopped)


def write_report(comparisons: list[Comparison], target: Path) -> None:
    """Write one CSV line a file."""
    rows = [
        {
            "capture": str(one.capture)
            if recognise.is_utf8(one.capture)
            else recognise.printable(one.capture),
            "rows": one.rows,
            "reference_rows": one.reference_rows,
            "cells": one.cells,
            "equal_cells": one.equal_cells,
            "differences": "; ".join(
                f"{name}: {cause}: {cells}" for (name, cause), cells in one.causes.items()
            ),
            "not_supported": one.unsupported,
            "stopped": one.stopped,
            "reference_stopped": one.reference_stopped,
        }
        for one in comparisons
    ]
    with (
        atomic.replacing(target) as part,
        part.open("w", encoding="utf-8", newline="") as stream,
    ):
        writer = csv.DictWriter(stream, REPORT_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _is_report(path: Path) -> bool:
    """Check whether `path` is there as a report, or empty; then another one may replace it."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        begin = stream.read(len(REPORT_HEADER))
    return begin in (b"", REPORT_HEADER)


def make_parser(program: str) -> argparse.ArgumentParser:
    """Return the parser of the arguments; its help calls the tool `program`."""
    parser = argparse.ArgumentParser(
        prog=program,
        description=(__doc__ or "").replace(PROGRAM, program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with captures at any depth")
    parser.add_argument(
        "--reader", default="native", metavar="NAME", help="the reader to check (%(default)s)"
    )
    parser.add_argument(
        "--reference", default="tshark", metavar="NAME",
        help="what it has to agree with (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--filter", default=DISPLAY_FILTER, metavar="TEXT",
        help="Wireshark display filter (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="files at the same time (%(default)s)"
    )
    parser.add_argument("--report", type=Path, metavar="FILE.csv", help="one line a file")
    return parser


def main(arguments: list[str], program: str = PROGRAM) -> int:
    """Compare, print, and return the exit status."""
    parser = make_parser(program)
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs needs a whole number >= 1, found {options.jobs}")
    for reader in (options.reader, options.reference):
        if reader not in extract.READERS:
            known = ", ".join(sorted(extract.READERS))
            raise PacketidsError(f"{reader} is no reader; there is {known}.")
    if options.report and os.path.lexists(options.report) and not _is_report(options.report):
        parser.error(
            f"--report {recognise.printable(options.report)} exists and is not a report of this "
            "tool. It is not replaced: name another file"
        )
    captures, left_out = find(options.folder)
    for file in left_out:
        print(f"left out: {file}", file=sys.stderr)
    comparisons = Parallel(n_jobs=options.jobs)(
        delayed(compare)(capture, options.reader, options.reference, options.filter)
        for capture in captures
    )
    print(summary(comparisons))
    if options.report:
        write_report(comparisons, options.report)
    return int(
        any(comparison.causes for comparison in comparisons)
        or any(file.is_wrong for file in left_out)
    )


def command(arguments: list[str], program: str) -> int:
    """Run the command line in a process of its own; return the exit status."""
    try:
        return main(arguments, program)
    except PacketidsError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
    except OSError as error:
        path = recognise.printable(error.filename or "a file")
        print(f"{program}: error: {path}: {recognise.words(error)}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], PROGRAM))
