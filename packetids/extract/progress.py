"""Show how far the captures are: files, packets/s and time left.

A bar on a terminal; elsewhere, such as in a log file, a line now and then.
"""

import logging
import sys
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

EVERY_S = 10.0  # a log line, where there is no terminal


class Progress:
    """Progress of `captures` captures with `octets` bytes in all, on standard error."""

    def __init__(self, captures: int, octets: int, log: logging.Logger) -> None:
        self._captures, self._octets, self._log = captures, octets, log
        self._done = self._done_octets = self._packets = 0
        self._made = self._began = self._logged = time.monotonic()
        self._stack = ExitStack()
        self._bar: tqdm | None = None
        if captures and sys.stderr.isatty():
            self._bar = tqdm(
                total=octets, bar_format="{l_bar}{bar:20}| {elapsed}, {remaining} left"
            )
            self._stack.enter_context(self._bar)
            self._stack.enter_context(logging_redirect_tqdm())

    def add(self, octets: int, packets: int, waited_s: float = 0.0) -> None:
        """Count one more capture of `octets` bytes, with `packets` packets.

        The worker that read it had first to wait for `waited_s` seconds, such as for kernels to be
        compiled. All workers begin with that at the same time, and no rate counts it.
        """
        self._began = max(self._began, self._made + waited_s)
        self._done += 1
        self._done_octets += octets
        self._packets += packets
        if self._bar is not None:
            self._bar.set_description_str(self._counts(), refresh=False)
            self._bar.update(octets)
        elif time.monotonic() - self._logged > EVERY_S:
            self._logged = time.monotonic()
            elapsed_s = self._logged - self._began
            left_s = elapsed_s * (self._octets - self._done_octets) / max(self._done_octets, 1)
            self._log.info("%s, %s left", self._counts(), tqdm.format_interval(left_s))

    def _counts(self) -> str:
        packets_per_s = self._packets / max(time.monotonic() - self._began, 1e-9)
        return f"{self._done}/{self._captures} captures, {packets_per_s:,.0f} packets/s"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
