"""Send datagrams of varied sizes.

``python -m testbed.tools.datagrams TARGET PORTS COUNT PAUSE_S LOW_BYTES HIGH_BYTES SEED``
"""

import random
import socket
import sys
import time

from testbed.tools.human import text

SECONDS_MAX = 7.0


def main(target: str, ports: list[int], count: int, pause_s: float, low: int, high: int,
         seed: str) -> None:  # fmt: skip
    """Send `count` datagrams of `low` to `high` bytes, from one port or a few, to `ports`."""
    rng = random.Random(f"{seed}/datagrams")
    payload = text(high + 1000, f"{seed}/payload")
    senders = [
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(rng.choice((1, 1, 8)))
    ]
    begins_s = time.monotonic()
    for number in range(count):
        late_s = begins_s + number * pause_s - time.monotonic()
        if late_s > 0:
            time.sleep(late_s)
        elif -late_s > SECONDS_MAX:
            return
        start, size = rng.randrange(1000), rng.randint(low, high)
        try:
            rng.choice(senders).sendto(payload[start : start + size], (target, rng.choice(ports)))
        except OSError:  # the answer to an earlier datagram, or a full queue
            pass


if __name__ == "__main__":
    target, ports, count, pause_s, low, high, seed = sys.argv[1:]
    main(target, [int(port) for port in ports.split(",")], int(count), float(pause_s), int(low),
         int(high), seed)  # fmt: skip
