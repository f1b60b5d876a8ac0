"""Send made-up documents in chunks.

``python -m testbed.tools.documents CARRIER TARGET PORT BYTES SEED``
"""

import random
import sys
import time

from testbed.tools.carry import BYTES_MAX, carrier
from testbed.tools.human import text

SECONDS_MAX = 7.0


def main(how: str, target: str, port: int, size_bytes: int, seed: str) -> None:
    """Send `size_bytes` bytes in chunks of a size and pace of this session's own."""
    rng = random.Random(f"{seed}/documents")
    most = rng.choice([size for size in (24, 64, 128, 256, 512, 1024, 1400, 4096)
                       if size <= BYTES_MAX[how]])  # fmt: skip
    least = max(8, most // rng.choice((1, 1, 2, 8)))
    document = text(200_000, f"{seed}/document")
    pause_s = rng.uniform(1.5, 5.5) * most / size_bytes
    ends_s = time.monotonic() + SECONDS_MAX
    with carrier(how, target, port, rng) as send:
        while size_bytes > 0 and time.monotonic() < ends_s:
            chunk = rng.randint(least, most)
            start = rng.randrange(len(document) - chunk)
            send(document[start : start + chunk - 1] + b"\n")
            size_bytes -= chunk
            time.sleep(rng.expovariate(1 / pause_s))


if __name__ == "__main__":
    how, target, port, size_bytes, seed = sys.argv[1:]
    main(how, target, int(port), int(size_bytes), seed)
