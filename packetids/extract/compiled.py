"""The native reader's kernels, made ready before captures are read.

numba compiles them at their first use and keeps them if it finds a place. That time is no reading
time: it is reported apart, and no rate counts it.

This module is for processes of our own, command lines and workers: it changes how the process loads
modules and collects garbage, which a library must not do to its host.
"""

import atexit
import gc
import io
import logging
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from packetids.capture import recognise

ETHERNET = 1
FRAME = bytes(60)
PCAP = struct.pack("<IHHiIII", recognise.PCAP_NUMBERS[0], 2, 4, 0, 0, 65535, ETHERNET)
PCAP += struct.pack("<IIII", 0, 0, len(FRAME), len(FRAME)) + FRAME
PCAPNG = struct.pack("<4sIIHHqI", recognise.PCAPNG_MAGIC, 28, 0x1A2B3C4D, 1, 0, -1, 28)
PCAPNG += struct.pack("<IIHHII", 1, 20, ETHERNET, 0, 0, 20)

_spent_s: float | None = None  # None: this process does not have them yet


def ready(log: logging.Logger | None = None, *, elsewhere: bool = False) -> float:
    """Load or compile the kernels, once in a process.

    Parameters
    ----------
    log : Logger, optional
        Told that they are compiled, if they are.
    elsewhere : bool
        Only other processes will read captures. Then kernels that cannot be kept are not compiled
        here, because it would help nobody.

    Returns
    -------
    float
        The seconds it took to compile them; 0 if they were kept, or this process had them.
    """
    global _spent_s
    if _spent_s is not None:
        return 0.0
    _import_numba()
    from packetids.native import dissect, reader  # only where they are used: numba takes time

    run: Any = dissect.run
    stats = run.stats
    if log is not None and not _are_kept(stats.cache_path):
        kept = "once" if stats.cache_path else "for each process, because numba can keep none here"
        log.info("compiling the packet kernels, %s: about half a minute", kept)
    if elsewhere and not stats.cache_path:
        return 0.0
    began = time.perf_counter()
    with _no_collection():
        for capture in (PCAP, PCAPNG):
            for _ in reader.read(io.BytesIO(capture), ""):
                pass
    _spent_s = 0.0 if stats.cache_hits else time.perf_counter() - began
    return _spent_s


def spent_s() -> float:
    """Return the seconds that this process spent on compiling kernels."""
    return _spent_s or 0.0


def _import_numba() -> None:
    """Import numba without what is not needed, and end the process without a last collection.

    numba looks for scipy's BLAS, for which all of scipy.linalg is imported; no kernel here
    multiplies matrices.
    """
    hides_scipy = "scipy" not in sys.modules
    if hides_scipy:
        sys.modules["scipy"] = None  # type: ignore[assignment]  # an import of it fails
    try:
        with _no_collection():
            import numba.np.arraymath  # noqa: F401
    finally:
        if hides_scipy:
            del sys.modules["scipy"]
    atexit.register(gc.freeze)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Turn the garbage collector off: it would search many new objects again and again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _are_kept(folder: str | None) -> bool:
    """Check whether kernels lie where numba keeps them; if they fit, numba itself finds out."""
    return folder is not None and any(Path(folder).glob("dissect.run-*.nbi"))
