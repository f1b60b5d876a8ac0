"""TShark's packet fields of captures, as Parquet.

    python -m packetids.extract IN.pcap OUT.parquet
    python -m packetids.extract FOLDER OUT_FOLDER --jobs 4
    tcpdump -w - | python -m packetids.extract - OUT.parquet

IN is one pcap or pcapng capture, also compressed (gzip; Zstandard and LZ4 if TShark is there), a
folder of them, or - for standard input. Captures are known by their first bytes, whatever their
names are; linked folders are looked into. A folder's captures go to OUT/<path below IN>.parquet,
and those that are there already from the same capture, reader and filter are not read again. Each
file of a folder that is left out is named on standard error, with the reason. OUT replaces a
Parquet file or an empty file, and nothing else.
"""

import argparse
import gc
import logging
import os
import stat
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from packetids import extract
from packetids.capture import recognise
from packetids.capture.listing import Capture
from packetids.capture.recognise import printable
from packetids.core.errors import PacketidsError
from packetids.extract import compiled

PROGRAM = "python -m packetids.extract"
STANDARD_INPUT = "standard input"
SPOOL_OCTETS = 1 << 20
EXIT_CODES = """\
exit status:
  0  every capture was read to its end
  1  a capture could not be read, or is damaged; OUT then holds nothing of it, so that no part is
     taken for the whole, unless --keep-damaged: what comes before the damage is kept, and the
     Parquet file's metadata tell the damage under packetids.damage. In a folder the others are
     read; a file that should be a capture by its name and is none counts as one that could not
     be read, and so do dangling links
  2  wrong usage

With --reader auto (the default), a capture that the native reader does not know goes to TShark,
which must then be installed; the summary says which reader read it, and why. Columns, units and
descriptions are in the Parquet file's schema: packetids/core/fields.py.
"""

log = logging.getLogger("extract")


def command(arguments: list[str], program: str) -> int:
    """Run the command line in a process of its own; return the exit status."""
    gc.disable()  # nothing here makes cycles in number, and looking for them takes 0.1 s
    parser = make_parser(program)
    given, more = parser.parse_known_args(arguments)
    given.program = program
    if more:
        parser.error(
            f"unrecognized arguments: {' '.join(map(printable, more))}. IN is one capture or one "
            "folder, and OUT comes next: for several captures name their folder"
        )
    if given.jobs < 1:
        parser.error(f"--jobs needs a number from 1, found {given.jobs}")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    from_folder = given.source != "-" and os.path.isdir(given.source)
    if why := _unusable(given.target, given.source, from_folder):
        parser.error(f"OUT, {printable(given.target)}, {why}")
    if given.target.is_symlink():
        given.target = given.target.resolve()  # the file is replaced, not the link to it
    try:
        return _folder(given) if from_folder else _one(given)
    except PacketidsError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
    except OSError as error:
        where = printable(error.filename or given.target)
        print(f"{program}: error: {where}: {recognise.words(error)}", file=sys.stderr)
    return 1


def make_parser(program: str) -> argparse.ArgumentParser:
    """Return the parser of the arguments; its help calls the tool `program`."""
    parser = argparse.ArgumentParser(
        prog=program,
        description=(__doc__ or "").replace(PROGRAM, program),
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="IN", help="capture, folder of captures, or -")
    parser.add_argument("target", metavar="OUT", type=Path, help="Parquet file, or folder for them")
    parser.add_argument(
        "--reader", choices=[*sorted(extract.READERS), extract.AUTO], default=extract.AUTO,
        help="default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--filter", default="", metavar="TEXT",
        help="Wireshark display filter, such as 'ip or ipv6 or arp'; default: every frame",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N",
        help="captures of a folder read at the same time; default: %(default)s",
    )  # fmt: skip
    parser.add_argument("--keep-damaged", action="store_true", help="keep what comes before damage")
    return parser


def _unusable(target: Path, source: str, from_folder: bool) -> str:
    """Explain why OUT cannot or must not be written; return "" if it can."""
    if not recognise.is_utf8(target):
        return "is not UTF-8, in which Parquet's library takes names: name another"
    if os.path.islink(target) and not os.path.exists(target):
        return f"is a link to {printable(os.readlink(target))}, which is not there: name another"
    if from_folder:
        is_other = os.path.exists(target) and not os.path.isdir(target)
        return "is no folder and IN is one: name a folder" if is_other else ""
    if os.path.isdir(target):
        return "is a folder: name the Parquet file to write"
    if source != "-" and os.path.realpath(target) == os.path.realpath(source):
        return "is IN, too: name another Parquet file"
    if why := recognise.not_replaceable(target):
        return (
            f"{why}. It is not replaced: name another Parquet file. IN is one capture or one folder"
        )
    return ""


def _one(given: argparse.Namespace) -> int:
    began = time.perf_counter()
    streamed = _is_stream(given.source)
    compiled_s = 0.0
    if given.reader != extract.TSHARK and (streamed or _is_read_natively(Path(given.source))):
        compiled_s = compiled.ready(log)
    if streamed:
        with _opened(given.source) as stream:
            reading = (
                _spooled(stream, given) if given.reader == extract.AUTO else _read(stream, given)
            )
    else:
        reading = _read(Path(given.source), given)
    seconds = time.perf_counter() - began - compiled_s
    who = f"{reading.reader}: {reading.reason}" if reading.reason else reading.reader
    _tell(reading.packets, seconds, compiled_s, given.target.stat().st_size, who)
    if reading.damage:
        print(f"{given.program}: damaged, kept what came before: {reading.damage}", file=sys.stderr)
    return 1 if reading.damage else 0


def _read(source: Path | BinaryIO, given: argparse.Namespace, named: str = "") -> extract.Reading:
    return extract.to_parquet(
        source, given.target, given.reader, given.filter,
        keep_damaged=given.keep_damaged, named=named,
    )  # fmt: skip


def _is_stream(source: str) -> bool:
    """Check whether `source` can be read only once; a missing file is for its reader to report."""
    return source == "-" or (os.path.exists(source) and stat.S_ISFIFO(os.stat(source).st_mode))


def _is_read_natively(source: Path) -> bool:
    """Check whether the native reader will come to the first packet."""
    file = recognise.recognise(source)
    return file.kind is recognise.Kind.CAPTURE and not recognise.unread(file, natively=True)


def _opened(source: str) -> BinaryIO:
    if source != "-":
        return open(source, "rb")
    if sys.stdin is None:
        raise PacketidsError(f"{STANDARD_INPUT} is closed: name a capture or send one")
    return sys.stdin.buffer


def _spooled(stream: BinaryIO, given: argparse.Namespace) -> extract.Reading:
    """Read a stream through a file beside the target, because TShark may have to start over."""
    named = STANDARD_INPUT if given.source == "-" else printable(given.source)
    folder = given.target.parent
    folder.mkdir(parents=True, exist_ok=True)
    try:
        spool = tempfile.NamedTemporaryFile(dir=folder, prefix=".stdin.")
    except OSError as error:
        error.filename = str(given.target)
        raise
    with spool:
        while part := _part(stream, named):
            spool.write(part)
        spool.flush()
        return _read(Path(spool.name), given, named)


def _part(stream: BinaryIO, named: str) -> bytes:
    try:
        return stream.read(SPOOL_OCTETS)
    except OSError as error:
        raise PacketidsError(f"{named} cannot be read ({recognise.words(error)}).") from None


def _folder(given: argparse.Namespace) -> int:
    from packetids.core import settings
    from packetids.extract import many

    began = time.perf_counter()
    folder = Path(given.source)
    found, not_read = _find(folder, given.target, given.reader)
    given.target.mkdir(parents=True, exist_ok=True)
    outcomes = many.extract_all(
        found,
        given.target,
        settings.Extract(given.reader, given.filter, given.keep_damaged),
        settings.Compute(backend="processes", workers=given.jobs, scheduler=""),
    )
    for path in many.strays(found, given.target):
        log.warning(
            "%s: was made from a capture that is not read from %s any more. It stays: delete it if "
            "it should not count.", printable(path), printable(folder),
        )  # fmt: skip
    readings = [outcome.reading for outcome in outcomes if outcome.reading]
    octets = sum(
        (given.target / f"{outcome.capture.name}.parquet").stat().st_size
        for outcome in outcomes
        if outcome.reading
    )
    readers = sorted(Counter(reading.reader for reading in readings).items())
    packets = sum(outcome.packets for outcome in outcomes if outcome.seconds)
    parts = [f"{count} {reader}" for reader, count in readers]
    if before := sum(outcome.reading is not None and not outcome.seconds for outcome in outcomes):
        parts.append(f"{before} of them read before")
    not_read += sum(outcome.reading is None for outcome in outcomes)
    if not_read:
        parts.append(f"{not_read} not read")
    who = f"{len(found)} captures: {', '.join(parts)}"
    compiled_s = max([compiled.spent_s(), *(outcome.compiled_s for outcome in outcomes)])
    _tell(packets, time.perf_counter() - began - compiled_s, compiled_s, octets, who)
    return 1 if not_read or any(outcome.error for outcome in outcomes) else 0


def _find(folder: Path, target: Path, reader: str) -> tuple[list[Capture], int]:
    """List the captures below `folder`, name what is left out, and count what should be read."""
    seen = recognise.find(folder, follow=True)
    for link in seen.linked:
        real = printable(link.resolve())
        log.info("%s: a link to the folder %s, looked into", printable(link), real)
    captures = []
    for file in seen.captures:
        if why := recognise.unread(file, natively=reader == extract.NATIVE):
            seen.left_out.append(replace(file, kind=recognise.Kind.UNREADABLE, why=why))
        elif file.status is not None:
            name, status = file.path.relative_to(folder).as_posix(), file.status
            identity = f"mtime:{status.st_mtime_ns}"
            captures.append(Capture(name, file.path, "", status.st_size, identity))
    made_here = target.resolve()
    for file in seen.left_out:
        if file.path.suffix == ".parquet" and made_here in file.path.resolve().parents:
            continue  # OUT lies in IN
        log.log(logging.ERROR if file.is_wrong else logging.INFO, "left out: %s", file)
    if not captures:
        raise PacketidsError(
            f"{printable(folder)}: no capture found: pcap or pcapng files are needed there. Name "
            "another folder."
        )
    return captures, sum(file.is_wrong for file in seen.left_out)


def _tell(packets: int, seconds: float, compiled_s: float, octets: int, who: str) -> None:
    if compiled_s:
        who += f"; kernels compiled before that in {compiled_s:.1f} s"
    rate = packets / max(seconds, 1e-9)
    print(
        f"{packets:,} packets in {seconds:.2f} s, {rate:,.0f} packets/s, {octets:,} bytes of "
        f"Parquet ({who})"
    )


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], PROGRAM))
