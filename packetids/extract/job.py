"""One capture of many: what a worker process gets, does and gives back.

Apart from `many`, because a worker imports only this: what `many` needs besides would cost every
worker a tenth of a second.
"""

import errno
import time
from dataclasses import dataclass
from pathlib import Path

from packetids import extract
from packetids.capture.listing import Capture
from packetids.capture.recognise import printable, words
from packetids.core.errors import PacketidsError
from packetids.extract import compiled

KEY = "packetids.key"  # of a Parquet file's metadata: what made it, see `many`


@dataclass(frozen=True)
class Job:
    """One capture to extract."""

    capture: Capture
    target: Path
    reader: str
    display_filter: str
    key: str
    keep_damaged: bool = False

    def __str__(self) -> str:
        return printable(self.capture.path)


@dataclass(frozen=True)
class Outcome:
    """What became of one capture."""

    capture: Capture
    reading: extract.Reading | None  # None if it could not be read
    seconds: float = 0.0  # 0 if its Parquet file was there already
    error: str = ""  # why it could not be read, or not to its end (then there is a `reading`)
    compiled_s: float = 0.0  # before, for the worker's kernels; not counted in `seconds`

    @property
    def packets(self) -> int:
        """Count the packets of its Parquet file."""
        return self.reading.packets if self.reading else 0


def run(job: Job) -> Outcome:
    """Extract one capture; tell what became of it, damage included.

    Raises
    ------
    OSError
        If the disk is full: then nobody needs to try the other captures.
    """
    compiled_s = 0.0 if job.reader == extract.TSHARK else compiled.ready()
    began = time.perf_counter()
    reading, error = None, ""
    try:
        reading = extract.to_parquet(
            job.capture.path,
            job.target,
            job.reader,
            job.display_filter,
            {KEY: job.key},
            keep_damaged=job.keep_damaged,
        )
        error = reading.damage
    except PacketidsError as failed:
        error = str(failed)
    except OSError as failed:
        if failed.errno == errno.ENOSPC:
            raise
        error = f"{printable(failed.filename or job.capture.path)}: {words(failed)}"
    return Outcome(job.capture, reading, time.perf_counter() - began, error, compiled_s)
