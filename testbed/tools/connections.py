"""Open and close connections.

``python -m testbed.tools.connections TARGET PORT COUNT PAUSE_S BYTES SEED``
"""

import contextlib
import random
import socket
import sys
import time

from testbed.tools.human import text

OPEN_MAX = 60  # at a time; the oldest is closed for the next


def main(target: str, port: int, count: int, pause_s: float, size_bytes: int, seed: str) -> None:
    """Open `count` connections, send `size_bytes` bytes on each, and close it later."""
    rng = random.Random(f"{seed}/connections")
    sessions: list[socket.socket] = []
    for _ in range(count):
        session = socket.socket()
        session.setblocking(False)
        session.connect_ex((target, port))
        sessions.append(session)
        if len(sessions) > OPEN_MAX:
            sessions.pop(0).close()
        if size_bytes and len(sessions) > 10:
            with contextlib.suppress(OSError):
                sessions[-10].send(text(size_bytes, f"{rng.random()}"))
        time.sleep(rng.expovariate(1 / pause_s))
    for session in sessions:
        session.close()


if __name__ == "__main__":
    target, port, count, pause_s, size_bytes, seed = sys.argv[1:]
    main(target, int(port), int(count), float(pause_s), int(size_bytes), seed)
