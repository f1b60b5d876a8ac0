"""TShark's packet fields of captures, as Parquet.

    python -m packetids.extract IN.pcap OUT.parquet
    python -m packetids.extract FOLDER OUT_FOLDER --jobs 4
    tcpdump -w - | python -m packetids.extract - OUT.parquet

IN is a pcap or pcapng capture, also gzip-compressed, a folder of them, or - for standard input. A
folder's captures go to OUT/<path below IN>.parquet, and those that are there already from the same
capture, reader and filter are not read again.
"""

import argparse
import gc
import logging
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from packetids import extract
from packetids.captures import Capture
from packetids.errors import PacketidsError

PROGRAM = "python -m packetids.extract"
EXIT_CODES = """\
exit status:
  0  every capture was read to its end
  1  a capture could not be read, or is damaged; OUT then holds nothing of it, so that no part is
     taken for the whole, unless --keep-damaged: what comes before the damage is kept, and the
     Parquet file's metadata tell the damage under packetids.damage
  2  wrong usage

With --reader auto (the default), a capture that the native reader does not know goes to TShark,
which must then be installed; the summary says which reader read it, and why. Columns, units and
descriptions are in the Parquet file's schema: packetids/fields.py.
"""
NAMES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".cap.gz")
MAGICS = {
    bytes.fromhex(text)
    for text in ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "a1b2cd34", "34cdb2a1", "0a0d0d0a")
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; give the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.jobs < 1:
        parser.error(f"--jobs needs a number from 1, found {given.jobs}")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        if given.source == "-" or not Path(given.source).is_dir():
            if given.target.is_dir():
                parser.error(f"{given.target} is a folder: name the Parquet file to write")
            if given.target.resolve() == Path(given.source).resolve():
                parser.error(f"{given.target} is IN and OUT: name another Parquet file")
            return _one(given)
        if given.target.is_file():
            parser.error(f"{given.source} is a folder and {given.target} a file: name a folder")
        return _folder(given)
    except PacketidsError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"{PROGRAM}: error: {error.filename}: {error.strerror}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=__doc__,
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


def _one(given: argparse.Namespace) -> int:
    began = time.perf_counter()
    if given.source == "-" and given.reader == extract.AUTO:
        reading = _spooled(given)
    else:
        source = sys.stdin.buffer if given.source == "-" else Path(given.source)
        reading = extract.to_parquet(
            source, given.target, given.reader, given.filter, keep_damaged=given.keep_damaged
        )
    who = f"{reading.reader}: {reading.reason}" if reading.reason else reading.reader
    _tell(reading.packets, time.perf_counter() - began, given.target.stat().st_size, who)
    if reading.damage:
        print(f"{PROGRAM}: damaged, kept what came before: {reading.damage}", file=sys.stderr)
    return 1 if reading.damage else 0


def _spooled(given: argparse.Namespace) -> extract.Reading:
    """Read standard input through a file beside the target: TShark may have to begin anew."""
    given.target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=given.target.parent, prefix=".stdin.") as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool, 1 << 20)
        spool.flush()
        try:
            return extract.to_parquet(
                Path(spool.name), given.target, given.reader, given.filter,
                keep_damaged=given.keep_damaged,
            )  # fmt: skip
        except PacketidsError as error:
            raise PacketidsError(str(error).replace(spool.name, "standard input")) from None


def _folder(given: argparse.Namespace) -> int:
    from packetids import settings  # imported only where they are used: 0.1 s
    from packetids.extract import many

    began = time.perf_counter()
    found = _find(Path(given.source))
    outcomes = many.extract_all(
        found,
        given.target,
        settings.Extract(reader=given.reader, display_filter=given.filter),
        settings.Compute(backend="processes", workers=given.jobs, scheduler=""),
        keep_damaged=given.keep_damaged,
    )
    readings = [outcome.reading for outcome in outcomes if outcome.reading]
    octets = sum(
        (given.target / f"{outcome.capture.name}.parquet").stat().st_size
        for outcome in outcomes
        if outcome.reading
    )
    readers = sorted(Counter(reading.reader for reading in readings).items())
    packets = sum(outcome.packets for outcome in outcomes if outcome.seconds)
    parts = [f"{count} {reader}" for reader, count in readers]
    if before := sum(not outcome.seconds for outcome in outcomes):
        parts.append(f"{before} of them read before")
    if failed := sum(outcome.reading is None for outcome in outcomes):
        parts.append(f"{failed} not read")
    who = f"{len(found)} captures: {', '.join(parts)}"
    _tell(packets, time.perf_counter() - began, octets, who)
    return 1 if any(outcome.error for outcome in outcomes) else 0


def _find(folder: Path) -> list[Capture]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and _is_capture(path))
    if not paths:
        raise PacketidsError(
            f"{folder}: no capture found: pcap or pcapng files are needed there. Name another "
            "folder."
        )
    return [
        Capture(
            path.relative_to(folder).as_posix(),
            path,
            "",
            path.stat().st_size,
            f"mtime:{path.stat().st_mtime_ns}",
        )
        for path in paths
    ]


def _is_capture(path: Path) -> bool:
    if path.name.endswith(NAMES):
        return True
    with path.open("rb") as stream:
        return stream.read(4) in MAGICS


def _tell(packets: int, seconds: float, octets: int, who: str) -> None:
    rate = packets / max(seconds, 1e-9)
    print(
        f"{packets:,} packets in {seconds:.2f} s, {rate:,.0f} packets/s, {octets:,} octets of "
        f"Parquet ({who})"
    )


if __name__ == "__main__":
    gc.disable()  # nothing here makes cycles in number, and looking for them takes 0.1 s
    sys.exit(main())
