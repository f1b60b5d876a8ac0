"""Data exfiltration and keylogging, played: nothing is logged and nothing is stolen.

A victim holds a long-lived TCP connection to a bot, as a Metasploit session does, and sends
made-up documents in chunks, or made-up keystrokes one by one, each ended by a newline; the bot
answers every eighth. ``python -m testbed.theft listen PORT`` on the bot,
``python -m testbed.theft (documents|keystrokes) BOT PORT SOURCE_PORT COUNT SEED`` on the victim.
"""

import random
import socket
import sys
import time

from testbed.services import text

REPLY_EVERY = 8
KEYS = (*"eeetttaaooiinnsshrdlucmfwypvbgk", "Space", "Space", "Return", "BackSpace", "Shift_L")


def listen(port: int) -> None:
    """Take messages, and answer every `REPLY_EVERY`-th one with a few octets."""
    with socket.create_server(("0.0.0.0", port)) as server:
        session, _ = server.accept()
        with session, session.makefile("rb") as messages:
            for number, _ in enumerate(messages, 1):
                if number % REPLY_EVERY == 0:
                    session.sendall(f"next {number}\n".encode())


def send(kind: str, bot: str, port: int, source_port: int, count: int, seed: str) -> None:
    """Send `count` chunks of documents, or keystrokes."""
    rng = random.Random(f"{seed}/theft/{kind}")
    document = text(200_000, f"{seed}/document")
    with socket.create_connection((bot, port), 5, ("0.0.0.0", source_port)) as session:
        session.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        replies = session.makefile("rb")
        for number in range(1, count + 1):
            if kind == "documents":
                octets = rng.choice((512, 1024, 1448, 1448, 4096))
                start = rng.randrange(len(document) - octets)
                session.sendall(document[start : start + octets - 1] + b"\n")
                time.sleep(rng.expovariate(1 / 0.003))
            else:
                session.sendall(f"key {rng.choice(KEYS)} down\n".encode())
                time.sleep(rng.expovariate(1 / 0.006))
            if number % REPLY_EVERY == 0:
                replies.readline()


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen(int(sys.argv[2]))
    else:
        kind, bot, port, source_port, count, seed = sys.argv[1:]
        send(kind, bot, int(port), int(source_port), int(count), seed)
