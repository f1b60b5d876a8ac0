"""Read packet fields with TShark, the paper's way and this project's reference.

Ge et al. 2019, section IV-B, "Feature extraction". One pass over the capture (with ``-2``,
``tcp.analysis.initial_rtt`` would already appear in the SYN-ACK), every occurrence of a field,
and Wireshark's default preferences, whatever the user's own are.
"""

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from packetids.capture.recognise import printable, words
from packetids.core import fields
from packetids.core.errors import PacketidsError

REFERENCE_VERSION = "4.0"  # 4.0.17 of Debian 12; the tests and the golden captures use it
BLOCK_OCTETS = 16 << 20

HOW_TO_GET_IT = (
    "Install it (Debian, Ubuntu: apt-get install tshark; macOS: brew install wireshark; "
    "Windows: the Wireshark installer, then put its folder on PATH)"
)


def version() -> str:
    """Return the version of the installed TShark, such as ``4.0.17``.

    Raises
    ------
    PacketidsError
        If there is no TShark, or it does not say its version.
    """
    program = shutil.which("tshark")
    if program is None:
        raise PacketidsError(f"TShark is needed and not on PATH. {HOW_TO_GET_IT}.")
    output = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"TShark \(Wireshark\) (\d+\.\d+\.\d+)", output.stdout)
    if match is None:
        raise PacketidsError(
            f"{program} --version needs to print 'TShark (Wireshark) X.Y.Z' and printed "
            f"{output.stdout[:80]!r}. {HOW_TO_GET_IT}."
        )
    return match[1]


def read(capture: Path | BinaryIO, display_filter: str) -> Iterator[pa.RecordBatch]:
    """Read the 25 fields of every packet that `display_filter` lets through, in batches.

    Parameters
    ----------
    capture : Path or binary stream
        A pcap or pcapng file, also gzip-compressed. A stream needs ``read`` only, such as
        ``sys.stdin.buffer``.
    display_filter : str
        Wireshark's display filter language; empty lets everything through.

    Yields
    ------
    pyarrow.RecordBatch
        With the schema of `fields.schema()`; a field that a packet lacks is null.

    Raises
    ------
    PacketidsError
        If TShark cannot read the file to its end. Batches before the damage come first.
    """
    version()  # says how to get TShark where it is missing
    if isinstance(capture, Path):
        named, begin = printable(capture), b""
        source = (
            str(capture) if capture.is_absolute() else os.path.join(".", capture)
        )  # "-" is stdin
        empty = capture.stat().st_size == 0
    else:
        named = printable(str(getattr(capture, "name", "the stream")))
        try:
            source, begin = "-", capture.read(4)
        except OSError as error:
            raise PacketidsError(f"{named} cannot be read ({words(error)}).") from None
        empty = not begin
    if empty:  # TShark reads empty input as a capture without packets
        raise PacketidsError(
            f"{named}: TShark stopped before it: it has 0 bytes and a capture at least 24. Fetch "
            "it again, or take it out of the captures folder."
        )
    command = ["tshark", "-n", "-r", source, "-T", "fields"]
    command += ["-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,"]
    command += ["-Y", display_filter] if display_filter else []
    for name in fields.NAMES:
        command += ["-e", name]
    with ExitStack() as stack:
        profile = stack.enter_context(tempfile.TemporaryDirectory())
        complaints = stack.enter_context(tempfile.TemporaryFile())
        failed: list[OSError] = []
        stdin = (
            None
            if isinstance(capture, Path)
            else stack.enter_context(_pipe(begin, capture, failed))
        )
        process = stack.enter_context(
            subprocess.Popen(
                command, stdin=stdin, stdout=subprocess.PIPE, stderr=complaints,
                env={**os.environ, "WIRESHARK_CONFIG_DIR": profile, "LC_ALL": "C", "TZ": "UTC"},
            )
        )  # fmt: skip
        assert process.stdout is not None
        rows = 0
        try:
            for batch in _tables(process.stdout):
                rows += batch.num_rows
                yield batch
        except BaseException:  # the caller stopped reading
            process.kill()
            raise
        finally:
            process.stdout.close()
            process.wait()
        if process.returncode != 0:
            complaints.seek(0)
            raise PacketidsError(
                f"{named}: TShark stopped with status {process.returncode} after {rows} packets: "
                f"{_first_complaint(complaints.read())} The file needs to be a whole pcap or "
                "pcapng capture: fetch it again, or take it out of the captures folder."
            )
        if failed:  # TShark took what came for all
            raise PacketidsError(
                f"{named}: after {rows} packets, it cannot be read any further "
                f"({words(failed[0])}). Fetch it again, or take it out of the captures folder."
            )


def _pipe(begin: bytes, stream: BinaryIO, failed: list[OSError]) -> BinaryIO:
    """Open a pipe that a thread fills with `begin` and the rest of `stream`, till reading fails."""
    read_end, write_end = os.pipe()

    def fill() -> None:
        with suppress(BrokenPipeError), open(write_end, "wb") as pipe:  # TShark may end first
            pipe.write(begin)
            try:
                shutil.copyfileobj(stream, pipe, BLOCK_OCTETS)
            except BrokenPipeError:
                raise
            except OSError as error:
                failed.append(error)

    threading.Thread(target=fill, daemon=True).start()
    return open(read_end, "rb")


def _tables(stream: "subprocess.IO[bytes]") -> Iterator[pa.RecordBatch]:  # type: ignore[name-defined]
    try:
        reader = pa.csv.open_csv(
            stream,
            read_options=pa.csv.ReadOptions(
                column_names=list(fields.NAMES), block_size=BLOCK_OCTETS, use_threads=False
            ),
            parse_options=pa.csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(fields.NAMES, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):  # no packet passed the filter
            return
        raise
    for batch in reader:
        yield typed(batch)


def typed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Turn TShark's text into the types of `fields.schema()`."""
    columns: list[pa.Array] = []
    repeated: dict[int, list[str]] = {}
    for field in fields.FIELDS:
        column = batch.column(field.name)
        if field.type == fields.TEXT:
            columns.append(column.dictionary_encode())
            continue
        several = pc.fill_null(pc.match_substring(column, ","), False)
        if pc.any(several).as_py():
            for row in pc.indices_nonzero(several).to_pylist():
                repeated.setdefault(row, []).append(f"{field.name}={column[row].as_py()}")
            column = pc.list_element(pc.split_pattern(column, ","), 0)
        columns.append(_number(column, field))
    texts = [" ".join(repeated[row]) if row in repeated else None for row in range(len(batch))]
    columns.append(pa.array(texts, pa.string()).dictionary_encode())
    return pa.RecordBatch.from_arrays(columns, schema=fields.schema())


def _number(column: pa.Array, field: fields.Field) -> pa.Array:
    if field.hexadecimal:  # few distinct values: decode each once
        encoded = column.dictionary_encode()
        values = [int(text, 16) for text in encoded.dictionary.to_pylist()]
        return pa.array(values, field.type).take(encoded.indices)
    if field.type == fields.TIME:
        return _nanoseconds(column).cast(field.type)
    return column.cast(field.type)


def _nanoseconds(column: pa.Array) -> pa.Array:
    """Read "1526344121.188091000" without the rounding of a float."""
    parts = pc.split_pattern(column, ".")
    seconds = pc.list_element(parts, 0).cast(pa.int64())
    fraction = pc.list_element(parts, 1).cast(pa.int64())
    sign = pc.if_else(pc.starts_with(column, "-"), -1, 1)
    return pc.add(pc.multiply(seconds, 1_000_000_000), pc.multiply(sign, fraction))


def _first_complaint(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").splitlines()
    complaints = [line for line in lines if line and not line.startswith("Running as user")]
    return " ".join(complaints) if complaints else "it gave no reason."
